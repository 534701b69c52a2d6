"""What stands before a text when it is read: the cache of a prefix and slots, for B texts at once.

Four habits of transformers 5 are met here and in `Host.forward`, and have tests of their own:
positions that jump are taken for several texts in one unless a mask is given; a prompt behind a
cache loses its first tokens unless the mask counts the cache in; a cache has to be repeated for
several answers to one prompt; and a cache grows when it is read, so each reading gets a fresh one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tersely._optional import need

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Keys and values that B texts are read behind. Never changed once made.

    Attributes:
        keys: (L, B, H, S, D), rotated to where they stand.
        values: (L, B, H, S, D).
        present: (B, S) bool: False where a shorter row was filled up; nothing looks there.
        next_positions: (B,) int64: where the next token of each row stands.
    """

    keys: Tensor
    values: Tensor
    present: Tensor
    next_positions: Tensor

    @property
    def length(self) -> int:
        """S."""
        return int(self.keys.shape[3])

    @property
    def rows(self) -> int:
        """B."""
        return int(self.keys.shape[1])

    def cache(self) -> DynamicCache:
        """Return a fresh cache for one reading; the reading makes it longer."""
        return transformers.DynamicCache(list(zip(self.keys, self.values, strict=True)))

    def mask(self, present: Tensor) -> Tensor:
        """Return the mask of a reading, (B, S + T): what is there of the past and of T tokens.

        Args:
            present: (B, T) bool.
        """
        whole: Tensor = torch.cat([self.present, present], dim=1).long()
        return whole

    def repeat(self, times: int) -> Past:
        """Return each row several times, one after the other: (B x times) rows."""
        if self.rows == 1:  # without copies
            return Past(
                self.keys.expand(-1, times, -1, -1, -1),
                self.values.expand(-1, times, -1, -1, -1),
                self.present.expand(times, -1),
                self.next_positions.expand(times),
            )
        return Past(
            self.keys.repeat_interleave(times, dim=1),
            self.values.repeat_interleave(times, dim=1),
            self.present.repeat_interleave(times, dim=0),
            self.next_positions.repeat_interleave(times, dim=0),
        )

    def positions(self, tokens: int) -> Tensor:
        """Return where the next T tokens stand, (B, T)."""
        steps = torch.arange(tokens, device=self.next_positions.device)
        return self.next_positions[:, None] + steps


def stack_left(rows: Sequence[Tensor], dim: int) -> tuple[Tensor, Tensor]:
    """Stack tensors of different lengths, the shorter ones filled up on the left with zeros.

    Args:
        rows: B tensors that differ in the size of one axis only.
        dim: That axis, counted from the end (negative).

    Returns:
        The tensors stacked along a new first axis, and (B, longest) bool: what is there.
    """
    longest = max(one.shape[dim] for one in rows)
    whole, present = [], []
    for one in rows:
        spare = longest - one.shape[dim]
        size = list(one.shape)
        size[dim] = spare
        whole.append(torch.cat([one.new_zeros(size), one], dim=dim) if spare else one)
        present.append(torch.arange(longest) >= spare)
    return torch.stack(whole), torch.stack(present)
