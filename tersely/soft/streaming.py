"""StreamingLLM: keep the first tokens of a text, which much attention rests on, and the last.

Paper:    Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks".
          https://arxiv.org/abs/2309.17453
Code:     https://github.com/mit-han-lab/streaming-llm
Differs:  slots keep their places in the text, where the paper counts places within the cache. The
          text is read as a whole, so that its last tokens have seen all others. The raw prefix is
          a sink already; the text's own first tokens are kept beside it.
Cost:     the model reads the text once, N tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.soft.base import check_count
from tersely.soft.eviction import Evictor, check_room

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class Streaming(Evictor):
    """Keep some tokens from the beginning, and for the rest the end.

    Attributes:
        sink: How many tokens from the beginning; fewer than there are slots.
    """

    name: ClassVar[str] = "streaming"
    sink: int = 4

    def __post_init__(self) -> None:
        check_count("sink", self.sink)

    def check(self, slots: int) -> None:
        """Refuse fewer slots than the beginning and one recent token need."""
        check_room(slots, self.sink + 1, f"a sink of {self.sink} and a recent token")

    def places(self, tokens: int, slots: int, scores: Tensor | None) -> Tensor:
        """Return the first positions and the last."""
        at = torch.arange(slots)
        return torch.where(at < self.sink, at, at + tokens - slots)
