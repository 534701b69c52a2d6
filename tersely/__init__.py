"""tersely sends fewer tokens and keeps the answer: prompt compression under exact budgets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tersely.api import acompress, calibrate, compress, compress_many
    from tersely.chat.compress import compress_chat
    from tersely.chat.policy import ChatPolicy
    from tersely.chat.session import ChatSession
    from tersely.core.budget import Budget
    from tersely.core.prompt import Prompt, Segment, Span
    from tersely.core.result import Compression
    from tersely.counting import load_counter
    from tersely.errors import BudgetTooSmall, Error
    from tersely.hard.calibration import Calibration
    from tersely.loading import load

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "BudgetTooSmall",
    "Calibration",
    "ChatPolicy",
    "ChatSession",
    "Compression",
    "Error",
    "Prompt",
    "Segment",
    "Span",
    "__version__",
    "acompress",
    "calibrate",
    "compress",
    "compress_chat",
    "compress_many",
    "load",
    "load_counter",
]

_HOMES = {
    "api": ("acompress", "calibrate", "compress", "compress_many"),
    "chat.compress": ("compress_chat",),
    "chat.policy": ("ChatPolicy",),
    "chat.session": ("ChatSession",),
    "core.budget": ("Budget",),
    "core.prompt": ("Prompt", "Segment", "Span"),
    "core.result": ("Compression",),
    "counting": ("load_counter",),
    "errors": ("BudgetTooSmall", "Error"),
    "hard.calibration": ("Calibration",),
    "loading": ("load",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
