"""Truncation: keep the beginning, the end, or both. The baseline every method has to beat.

Paper:    none; what most software does when a prompt is too long.
Code:     none.
Differs:  cuts at words, never inside one, and to the exact budget.
Cost:     no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from tersely.core.layout import Layout
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor

Side = Literal["head", "tail", "both"]


@dataclass(frozen=True, kw_only=True)
class Truncate(RankingCompressor):
    """Keep words from the beginning, the end, or alternately from both ends.

    Attributes:
        keep: Which side survives.
    """

    name: ClassVar[str] = "truncate"
    fills: ClassVar[bool] = False  # a gap filled further in would not be truncation
    keep: Side = "head"

    def __post_init__(self) -> None:
        if self.keep not in get_args(Side):
            raise SettingError(f"keep is one of {', '.join(get_args(Side))}; not {self.keep!r}.")

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return values that fall with the distance from the side that is kept."""
        place = np.arange(len(layout), dtype=np.float64)
        if self.keep == "head":
            return Ranking(-place)
        if self.keep == "tail":
            return Ranking(place)
        return Ranking(np.abs(place - (len(layout) - 1) / 2))
