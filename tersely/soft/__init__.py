"""Soft compression: a text as a few slots of keys and values that an open model reads.

Needs the extra `torch`, which is imported when a name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tersely.soft.base import Producer, load_producer
    from tersely.soft.host import Host, load_host
    from tersely.soft.memory import Fingerprint, Memory
    from tersely.soft.reader import ask, generate, generate_many, nats, regenerate, stream
    from tersely.soft.sampling import Sampling
    from tersely.soft.segments import compress
    from tersely.soft.writing import Reply

__all__ = [
    "Fingerprint",
    "Host",
    "Memory",
    "Producer",
    "Reply",
    "Sampling",
    "ask",
    "compress",
    "generate",
    "generate_many",
    "load_host",
    "load_producer",
    "nats",
    "regenerate",
    "stream",
]

_HOMES = {
    "base": ("Producer", "load_producer"),
    "host": ("Host", "load_host"),
    "memory": ("Fingerprint", "Memory"),
    "reader": ("ask", "generate", "generate_many", "nats", "regenerate", "stream"),
    "sampling": ("Sampling",),
    "segments": ("compress",),
    "writing": ("Reply",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
