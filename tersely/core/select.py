"""Choose the units that fit a limit, exactly, under a counter whose counts do not add up.

The tokens of a text are not the sum of the tokens of its pieces: pieces merge at the seams. So
the text itself is counted, about log2(U) times to find the cut, then a few times to use what
is left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tersely.core.layout import Bools, Layout

Count = Callable[[str], int]
Floats = npt.NDArray[np.float64]

MOST_SKELETONS = 32
"""How many segments of which not even the skeleton fits are passed over before the search ends."""

MOST_MISSES = 48
"""How many units in a row may fail to fit before the rest of the limit is given up."""


def fit(
    layout: Layout, values: Floats, limit: int, count: Count, *, fixed: Bools, fill: bool = True
) -> Bools:
    """Keep the best units whose text has at most `limit` tokens.

    Args:
        layout: U units.
        values: (U,), higher is more worth keeping; equal values are taken in reading order. A
            unit worth -inf is never taken.
        limit: The most tokens of the written-out text.
        count: Counts the tokens of a text.
        fixed: (U,), units that are kept whatever they are worth. Their text alone must fit.
        fill: Whether to spend what is left of the limit on units further down the ranking.

    Returns:
        (U,), whether each unit is kept.
    """
    order = np.lexsort((np.arange(len(values)), -values))
    order = order[~fixed[order] & np.isfinite(values[order])]

    def with_best(taken: int) -> Bools:
        kept = fixed.copy()
        kept[order[:taken]] = True
        return kept

    def most() -> int:
        low, high = 0, len(order)  # invariant: `low` fits
        if high and fits(high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def fits(taken: int) -> bool:
        return count(layout.text(with_best(taken))) <= limit

    low = most()
    for _ in range(MOST_SKELETONS):
        kept = with_best(low)
        if low == len(order) or not _begins_segment(layout, kept, order[low]):
            break
        # What must stay of its segment does not fit: the rest of that segment is out, too.
        order = order[layout.owners[order] != layout.owners[order[low]]]
        low = most()
    kept = with_best(low)
    return _fill(layout, kept, order[low:], limit, count) if fill else kept


def _begins_segment(layout: Layout, kept: Bools, index: int) -> bool:
    """Return whether a unit would be the first of its segment and bring a skeleton with it."""
    inside = layout.owners == layout.owners[index]
    return bool((layout.skeleton & inside).any() and not (kept & inside).any())


def _fill(
    layout: Layout, kept: Bools, rest: npt.NDArray[np.intp], limit: int, count: Count
) -> Bools:
    """Add the units of `rest`, best first, that still fit."""
    spare = limit - count(layout.text(kept))
    misses = 0
    for index in rest.tolist():
        if spare <= 0 or misses >= MOST_MISSES:
            break
        # Joining its neighbours can save a unit a token or so, hardly more: most are ruled out
        # without writing the text out again.
        if count(layout.text_of(layout.units[index])) > spare + 1:
            continue
        kept[index] = True
        left = limit - count(layout.text(kept))
        if left >= 0:
            spare, misses = left, 0
        else:
            kept[index] = False
            misses += 1
    return kept
