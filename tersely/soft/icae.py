"""ICAE: what the last layer gives for memory tokens, handed to the frozen model as word vectors.

The comparison for 500xCompressor: the same reading of the text, but of each memory token only one
vector is kept, and the frozen model reads these K vectors as if they were words.

Paper:    Ge et al. 2024, ICAE. https://arxiv.org/abs/2307.06945
Code:     https://github.com/getao/icae
Differs:  The vectors are scaled to the size of the model's word vectors; their positions are those
          of the text they stand for (EPL), unless `positions="paper"`.
Cost:     500xCompressor's, and one pass over K vectors. A slot is D numbers instead of 2 L H D_h,
          until it is read.
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
class ICAE(TrainedProducer):
    """Memory tokens kept as one vector each, which the frozen model reads as words."""

    name: ClassVar[str] = "icae"


class NetworkICAE(LowRankNetwork):
    """Texts to one vector per slot, and these to keys and values."""

    method: ClassVar[str] = "icae"
    reads_cache_only: ClassVar[bool] = False

    def encode(self, host: Host, texts: Sequence[Sequence[int]], slots: Sequence[int]) -> Slots:
        """Compress B texts; see `Network.encode`."""
        layout, read = self.read(host, texts, slots)
        at = layout.picks[..., None].expand(-1, -1, host.width)
        vectors = as_words(torch.gather(read.hidden, 1, at), host)  # (B, K, W)
        places = layout.places
        if self.shape.positions == "paper":
            places = torch.arange(places.shape[1], device=places.device).expand_as(places)
        return read_vectors(host, vectors, places, layout.present, self.after(layout))


def as_words(vectors: Tensor, host: Host) -> Tensor:
    """Give vectors (..., W) the size that the model's word vectors have on average."""
    size = host.model.get_input_embeddings().weight.float().pow(2).mean().sqrt()
    own = vectors.float().pow(2).mean(-1, keepdim=True).add(1e-12).sqrt()
    scaled: Tensor = vectors.float() * (size / own)
    return scaled.to(host.dtype)


def read_vectors(
    host: Host, vectors: Tensor, places: Tensor, present: Tensor, after: Tensor
) -> Slots:
    """Let the frozen model read vectors as words, each those up to it.

    Args:
        host: The model, unchanged.
        vectors: (B, K, W).
        places: (B, K) their positions.
        present: (B, K) bool: which are real; those of a row come first.
        after: (B,) where a reader goes on.
    """
    read = host.forward(
        embeddings=vectors,
        positions=places + len(host.prefix),
        past=host.prefix_past.repeat(len(vectors)),
        present=present,
    )
    return Slots(read.keys, read.values, places, present, after)
