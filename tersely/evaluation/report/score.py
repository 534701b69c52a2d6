"""One number per arm and track: ratios to the original, combined by their quadratic mean.

Source:   LLMCBench reports compressed/original for each metric and one overall metric per track,
          https://arxiv.org/abs/2410.21352. The original has 1.0 in every track.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

FORMULA = (
    "Score: the square root of the mean of the squares of the columns before it, blanks left out."
    " The full prompt has 1.000 in each."
)


def quadratic_mean(values: Iterable[float]) -> float:
    """Return the root of the mean square of the values that are numbers; NaN without any."""
    squares = [value * value for value in values if math.isfinite(value)]
    return math.sqrt(math.fsum(squares) / len(squares)) if squares else math.nan


def ratio(compressed: float, original: float, *, lower_is_better: bool = False) -> float:
    """Return what a metric came to, as a share of the original's; above 1.0 is better than it.

    Args:
        compressed: The metric with compression, at least 0.
        original: The metric without.
        lower_is_better: Then it is original / compressed.

    Returns:
        NaN where what is divided by is not above 0: there is nothing to have a share of.
    """
    above, below = (original, compressed) if lower_is_better else (compressed, original)
    return above / below if below > 0 else math.nan


def share_of_cost(original: float, extra: float) -> float:
    """Return original / (original + extra): 1.0 for no extra cost, 0.5 if the cost doubles."""
    return ratio(original, original + extra)
