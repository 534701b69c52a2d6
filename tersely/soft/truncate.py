"""Truncation: keep the first tokens of a text, or the last. What every producer has to beat.

Paper:    none; what most software does when a prompt is too long.
Code:     none.
Differs:  the text is read as a whole, so that what the last tokens keep has seen those before
          them; and the raw prefix stays, whichever side is kept.
Cost:     the model reads the text once, N tokens; for the first tokens, only these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.eviction import Evictor

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")

Side = Literal["head", "tail"]


@dataclass(frozen=True, kw_only=True)
class Truncate(Evictor):
    """Keep tokens from the beginning, or from the end.

    Attributes:
        keep: Which side survives.
    """

    name: ClassVar[str] = "truncate"
    keep: Side = "tail"

    def __post_init__(self) -> None:
        if self.keep not in get_args(Side):
            raise SettingError(f"keep is one of {', '.join(get_args(Side))}; not {self.keep!r}.")

    def places(self, tokens: int, slots: int, scores: Tensor | None) -> Tensor:
        """Return the first or the last positions."""
        at = torch.arange(slots)
        return at if self.keep == "head" else at + tokens - slots
