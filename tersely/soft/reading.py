"""What comes of reading: of several texts behind a past, or of one text behind the prefix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tersely._optional import need

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache

    from tersely.soft.rotation import Rotation

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, eq=False)
class Pass:
    """What came of one reading of B texts of T tokens behind a past of S; gradients pass.

    Attributes:
        hidden: (B, T, W), ready for the head.
        cache: Keys (rotated) and values of S + T, in that order; it may have grown since.
        start: S.
        positions: (B, T): where each token stood.
        rotation: How the model turns its keys.
        seen: (B, Q, T, D) of each layer, rotated; none if queries were not asked for.
    """

    hidden: Tensor
    cache: DynamicCache
    start: int
    positions: Tensor
    rotation: Rotation
    seen: list[Tensor]

    @property
    def _own(self) -> slice:
        return slice(self.start, self.start + self.hidden.shape[1])

    @cached_property
    def keys(self) -> Tensor:
        """Keys of what was read, un-rotated, (L, B, H, T, D)."""
        keys = torch.stack([layer.keys[:, :, self._own] for layer in self.cache.layers])
        return self.rotation.unrotate(keys, self.positions[:, None])

    @cached_property
    def values(self) -> Tensor:
        """Values of what was read, (L, B, H, T, D)."""
        values: Tensor = torch.stack([layer.values[:, :, self._own] for layer in self.cache.layers])
        return values

    @cached_property
    def queries(self) -> Tensor | None:
        """Queries of what was read, un-rotated, (L, B, Q, T, D), if they were asked for."""
        if not self.seen:
            return None
        return self.rotation.unrotate(torch.stack(self.seen), self.positions[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One text of T tokens, read behind the prefix.

    Attributes:
        keys: (L, H, T, D), un-rotated.
        values: (L, H, T, D).
        positions: (T,) int64, from the first token of the text: 0 .. T - 1.
        hidden: (T, W).
        queries: (L, Q, T, D), un-rotated, if they were asked for.
    """

    keys: Tensor
    values: Tensor
    positions: Tensor
    hidden: Tensor
    queries: Tensor | None = None
