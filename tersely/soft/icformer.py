"""IC-Former: learnt digest tokens look at the word vectors of a text, without running the model.

A cheap encoder: a few layers of cross-attention from K digest tokens to the words, so its cost
grows with the text by two products a word and layer, not by a pass of the model. What comes out is
read by the frozen model as words.

Paper:    Wang et al. 2024, In-Context Former. https://arxiv.org/abs/2406.13618
Differs:  Digest tokens begin as the words where they stand, and their positions are those of the
          text (EPL); they look at what all words are, without a position of their own in it beyond
          a rotation by the distance.
Cost:     4 T D^2 FLOPs a layer for T words, and one pass of the model over K vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.icae import as_words, read_vectors
from tersely.soft.layout import lay_out
from tersely.soft.presets import Shape
from tersely.soft.trained import Network, Slots, TrainedProducer

if TYPE_CHECKING:
    from tersely.soft.host import Host

torch: Any = need("torch", extra="torch")

_INNER = 2
"""Width of the feed-forward part, in D."""


class Digest(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """One layer: each digest token looks at the words and itself, then thinks about it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_own, self.norm_words = torch.nn.RMSNorm(width), torch.nn.RMSNorm(width)
        self.norm_inner = torch.nn.RMSNorm(width)
        linear = torch.nn.Linear
        self.query, self.key = linear(width, width, bias=False), linear(width, width, bias=False)
        self.value, self.out = linear(width, width, bias=False), linear(width, width, bias=False)
        self.inner = linear(width, _INNER * width, bias=False)
        self.outer = linear(_INNER * width, width, bias=False)
        for last in (self.out, self.outer):  # a layer begins by changing nothing
            torch.nn.init.zeros_(last.weight)

    def forward(self, own: Any, words: Any, seen: Any, turn: Any) -> Any:
        """Digest.

        Args:
            own: (B, K, D) the digest tokens.
            words: (B, T, D) the word vectors.
            seen: (B, T) bool: which words are real.
            turn: Rotates (B, H, _, D / H): (queries, keys) to their positions.

        Returns:
            (B, K, D).
        """
        both = self.norm_words(torch.cat([words, own], dim=1))  # (B, T + K, D)
        query, key = turn(self._heads(self.query(self.norm_own(own))), self._heads(self.key(both)))
        length = own.shape[1]
        self_seen = torch.eye(length, dtype=torch.bool, device=own.device)
        mask = torch.cat(
            [
                seen[:, None].expand(-1, length, -1),
                self_seen.expand(len(own), length, length),
            ],
            dim=2,
        )[:, None]
        looked = torch.nn.functional.scaled_dot_product_attention(
            query, key, self._heads(self.value(both)), attn_mask=mask
        )
        own = own + self.out(looked.transpose(1, 2).flatten(2))
        return own + self.outer(torch.nn.functional.silu(self.inner(self.norm_inner(own))))

    def _heads(self, rows: Any) -> Any:
        return rows.unflatten(2, (self.heads, -1)).transpose(1, 2)


@dataclass(frozen=True, kw_only=True)
class ICFormer(TrainedProducer):
    """Digest tokens that look at word vectors, read by the frozen model as words."""

    name: ClassVar[str] = "icformer"


class NetworkICFormer(Network):
    """Word vectors to one vector per slot, and these to keys and values."""

    method: ClassVar[str] = "icformer"

    def __init__(self, host: Host, shape: Shape) -> None:
        """Stand beside a frozen model.

        Raises:
            SettingError: The settings are for a method that reads with the model itself, or the
                model's width is no multiple of its heads'.
        """
        if host.width % host.head_width:
            raise SettingError(
                f"icformer has heads as wide as the model's, {host.head_width} numbers, and the"
                f" model's width, {host.width}, is no multiple of that."
            )
        if shape.slots != "memory" or shape.positions != "aligned":
            raise SettingError("icformer is for slots='memory' and positions='aligned'.")
        super().__init__(host, shape)
        heads = host.width // host.head_width
        layers = [Digest(host.width, heads) for _ in range(shape.digest_layers)]
        self.layers = torch.nn.ModuleList(layers).to(host.device)

    def encode(self, host: Host, texts: Sequence[Sequence[int]], slots: Sequence[int]) -> Slots:
        """Compress B texts; see `Network.encode`."""
        layout = lay_out(texts, slots, self.shape, self.table, host.device)
        vectors = host.embed(layout.words).float()  # (B, N, D)
        marks = torch.nn.functional.embedding(layout.rows.clamp(min=0), self.table.rows)
        at = layout.picks[..., None].expand(-1, -1, vectors.shape[2])
        own = torch.gather(marks, 1, at)
        if self.shape.start == "words":
            own = own + torch.gather(vectors, 1, at)
        is_word = layout.real & ~layout.appended

        def turn(query: Any, key: Any) -> tuple[Any, Any]:
            both = torch.cat([layout.positions, layout.places], dim=1)
            rotate = host.rotation.rotate
            return rotate(query, layout.places[:, None]), rotate(key, both[:, None])

        for layer in self.layers:
            own = layer(own, vectors, is_word, turn)
        return read_vectors(host, as_words(own, host), layout.places, layout.present, layout.tokens)
