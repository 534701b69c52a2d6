"""What compressing, reading and training cost, by formula: multiply-adds count as two.

Products of matrices only; norms, rotations and activations are left out. `tests/soft/test_flops.py`
compares the numbers with those that torch counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tersely.soft.lora import Place

if TYPE_CHECKING:
    from tersely.soft.host import Host


@dataclass(frozen=True, slots=True)
class Cost:
    """The sizes of a Llama-like model, and what passes over it cost.

    Attributes:
        layers: L.
        width: W.
        inner: Width of the feed-forward part.
        query_width: Of all query heads together.
        cache_width: Of all key heads together, which is that of the value heads.
        vocabulary: V.
        prefix: Tokens of the prefix.
    """

    layers: int
    width: int
    inner: int
    query_width: int
    cache_width: int
    vocabulary: int
    prefix: int

    @classmethod
    def of(cls, host: Host) -> Cost:
        """Take the sizes of a host."""
        config = host.model.config.get_text_config()
        return cls(
            layers=host.layers,
            width=host.width,
            inner=int(config.intermediate_size),
            query_width=host.heads * host.head_width,
            cache_width=host.kv_heads * host.head_width,
            vocabulary=int(config.vocab_size),
            prefix=len(host.prefix),
        )

    @property
    def token(self) -> int:
        """What one token costs in the blocks' layers, whatever it sees."""
        attention = 2 * self.query_width + 2 * self.cache_width
        return 2 * self.layers * self.width * (attention + 3 * self.inner)

    def read(self, tokens: int, seen: int) -> int:
        """Return what reading costs, without the head.

        Args:
            tokens: How many are read.
            seen: How many places each of them is compared with, hidden ones included.
        """
        return tokens * (self.token + 4 * self.layers * self.query_width * seen)

    def encode(self, tokens: int, slots: int, places: Sequence[Place], rank: int) -> int:
        """Return what compressing a text with memory tokens costs; anchors are 0 slots of these.

        Args:
            tokens: Of the text.
            slots: Memory tokens behind it.
            places: The layers that are changed.
            rank: Of the changes.
        """
        rows = tokens + slots
        changes = 2 * sum(place.parameters(rank) for place in places)
        return self.read(rows, self.prefix + rows) + rows * changes

    def decode(self, tokens: int, slots: int, scored: int) -> int:
        """Return what reading tokens behind slots costs, with the head where it is scored."""
        whole = self.read(tokens, self.prefix + slots + tokens)
        return whole + 2 * scored * self.width * self.vocabulary

    def saved(self, tokens: int, slots: int, read: int) -> float:
        """Return the share of a reader's cost that slots save in place of a text's own tokens.

        Args:
            tokens: Of the text, which would be read first.
            slots: In their place, made beforehand.
            read: Tokens of the question and the answer.
        """
        full = self.read(tokens, self.prefix + tokens) + self.decode(read, tokens, read)
        return 1 - self.decode(read, slots, read) / full
