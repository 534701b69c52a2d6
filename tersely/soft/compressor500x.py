"""500xCompressor: memory tokens behind a text, and their keys and values of every layer.

A frozen model reads the text with low-rank changes on, then K memory tokens; what it keeps of
these in each layer is the memory. The same model, unchanged, goes on from it: a start token makes
it write the text again, a question makes it answer. With slots="anchors", tokens of the text
itself are kept instead (SAC), which before any training are the model's own keys and values.

Paper:    Li, Su and Collier 2024, 500xCompressor. https://arxiv.org/abs/2408.03094
          Zhao et al. 2024, EPL (positions). https://arxiv.org/abs/2409.14364
          Liu et al. 2025, SAC (anchors). https://arxiv.org/abs/2510.08907
Code:     https://github.com/ZongqianLi/500xCompressor
Differs:  A memory token has the position of the middle of its part of the text, so that the reader
          goes on after it; in the paper's code memory lies hundreds of positions ahead of the
          reader (`positions="paper"`). Padding is masked, and no loss is taken on it. Memory starts
          at the words where it stands, not at noise of ten times their size (`start="paper"`). One
          adapter serves several numbers of slots. Everything stands behind a raw prefix.
Cost:     One pass of the model over the text and its slots; then K tokens instead of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.soft.trained import LowRankNetwork, Slots, TrainedProducer

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class Compressor500x(TrainedProducer):
    """Memory tokens, or anchors, kept as keys and values of every layer."""

    name: ClassVar[str] = "compressor500x"


class Network500x(LowRankNetwork):
    """Texts to the keys and values of their slots."""

    method: ClassVar[str] = "compressor500x"
    reads_cache_only: ClassVar[bool] = True

    def encode(self, host: Host, texts: Sequence[Sequence[int]], slots: Sequence[int]) -> Slots:
        """Compress B texts; see `Network.encode`."""
        layout, read = self.read(host, texts, slots)
        keys, values = picked(read.keys, layout.picks), picked(read.values, layout.picks)
        return Slots(keys, values, layout.places, layout.present, self.after(layout))


def picked(rows: Tensor, picks: Tensor) -> Tensor:
    """Return some of the tokens of each text: (L, B, H, T, D) and (B, K) → (L, B, H, K, D)."""
    layers, _, heads, _, width = rows.shape
    chosen: Tensor = rows.gather(
        3, picks[None, :, None, :, None].expand(layers, -1, heads, -1, width)
    )
    return chosen
