"""Where the slots of a memory stand in a text, and the vectors that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tersely._optional import need
from tersely.errors import SettingError

torch: Any = need("torch", extra="torch")

At = Literal["centre", "end"]


def slot_places(tokens: int, slots: int, at: At = "centre") -> npt.NDArray[np.int64]:
    """Return where each slot stands: the text is cut into `slots` spans, as equal as can be.

    Args:
        tokens: L, of the text.
        slots: K, at most L.
        at: The middle token of each span, or its last one.

    Returns:
        (K,) positions in [0, L), rising; floor((j + 1/2) L / K) or ceil((j + 1) L / K) - 1.
    """
    number = np.arange(slots, dtype=np.int64)
    if at == "end":
        return -(-(number + 1) * tokens // slots) - 1
    return (2 * number + 1) * tokens // (2 * slots)


class SlotTable(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """The learnt vectors of the slots, for one or more numbers of slots.

    A number of slots takes its vectors from the smallest table that has enough: from its own, or,
    nested, the first K of the only one.
    """

    def __init__(self, budgets: Sequence[int], width: int, *, each: bool, nested: bool) -> None:
        """Make tables of zeros.

        Args:
            budgets: Numbers of slots.
            width: D.
            each: Whether each slot has a vector; else all slots of a table share one.
            nested: Whether there is one table, of the largest budget, or one for each budget.
        """
        super().__init__()
        sizes = sorted(set(budgets))
        self.sizes = tuple(sizes[-1:] if nested else sizes)
        self.each = each
        rows = sum(self.sizes) if each else len(self.sizes)
        self.rows = torch.nn.Parameter(torch.zeros(rows, width))

    @property
    def most(self) -> int:
        """The most slots of one text."""
        return self.sizes[-1]

    def numbers(self, slots: int) -> npt.NDArray[np.int64]:
        """Return the rows of `slots` slots, (K,).

        Raises:
            SettingError: There are not so many.
        """
        if slots > self.most:
            raise SettingError(
                f"The adapter makes at most {self.most} slots of one segment; got {slots}."
                " Cut the text into shorter segments: segment_tokens= (--segment-tokens)."
            )
        table = next(n for n, size in enumerate(self.sizes) if size >= slots)
        if not self.each:
            return np.full(slots, table, dtype=np.int64)
        return sum(self.sizes[:table]) + np.arange(slots, dtype=np.int64)
