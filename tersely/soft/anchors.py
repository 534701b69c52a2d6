"""Uniform anchors: keep every r-th token of a text, each from the middle of its part.

Paper:    Liu et al. 2025, SAC, whose slots these are before any training.
          https://arxiv.org/abs/2510.08907
Code:     https://github.com/lx-Meteors/SAC
Differs:  nothing is trained: no anchor has a vector of its own, no token sees those behind it. The
          raw prefix stays in front, without which the model does worse than without any text.
Cost:     the model reads the text once, N tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.soft.base import check_count
from tersely.soft.eviction import Evictor, check_room
from tersely.soft.slots import slot_places

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class Anchors(Evictor):
    """Keep tokens at equal distances.

    Attributes:
        sink: How many tokens from the beginning are kept as well; 0 relies on the prefix.
    """

    name: ClassVar[str] = "anchors"
    sink: int = 0

    def __post_init__(self) -> None:
        check_count("sink", self.sink)

    def check(self, slots: int) -> None:
        """Refuse fewer slots than the beginning and one anchor need."""
        check_room(slots, self.sink + 1, f"a sink of {self.sink} and an anchor")

    def places(self, tokens: int, slots: int, scores: Tensor | None) -> Tensor:
        """Return the first positions, and the middles of equal parts of what is behind them."""
        spread = self.sink + slot_places(tokens - self.sink, slots - self.sink)
        return torch.cat([torch.arange(self.sink), torch.from_numpy(spread)])
