"""From which length on something pays, its savings being linear in the length, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

FAR = 10**9
"""Tokens: what does not pay at that length never will."""


def break_even(saved: Callable[[float], float], edges: Iterable[int]) -> int | None:
    """Return the least whole length from which on `saved` is above 0; None if there is none.

    Between edges the line is known from its two ends, so that the answer is solved for, not
    searched.

    Args:
        saved: Linear from one edge (itself excluded) to the next (included), and after the last.
        edges: Where `saved` may jump or bend, in any order.
    """
    starts = sorted({0, *(edge for edge in edges if 0 < edge < FAR)})
    ends = [*starts[1:], FAR]
    answer: int | None = None
    for start, end in reversed(list(zip(starts, ends, strict=True))):
        if saved(end) <= 0:
            return answer
        first = start + 1
        if saved(first) <= 0:
            return _crossing(saved, first, end)
        answer = first
    return answer


def _crossing(saved: Callable[[float], float], low: int, high: int) -> int:
    """Return the least whole number at which a line is above 0, given that it is not at `low`."""
    below, above = saved(low), saved(high)
    slope = (above - below) / (high - low)
    at = min(max(low + math.ceil(-below / slope), low + 1), high)
    # The division may be off by one token; the line itself says so.
    while at - 1 > low and saved(at - 1) > 0:
        at -= 1
    while at < high and saved(at) <= 0:
        at += 1
    return at
