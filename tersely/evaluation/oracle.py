"""What no method can know: keep what the answer needs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tersely.core.layout import Layout
from tersely.hard.base import Goal, Ranking, RankingCompressor


@dataclass(frozen=True, kw_only=True)
class Oracle(RankingCompressor):
    """Keep the words of given stretches of the contexts, from the first on.

    Attributes:
        gold: Strings; each is looked for in the contexts where the one before ended.
    """

    name: ClassVar[str] = "oracle"
    fills: ClassVar[bool] = False  # what is not gold stays out, whatever room there is
    gold: Sequence[str]

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value gold words by their place, and others as never to be kept."""
        values = np.full(len(layout), -np.inf)
        bounds = self._bounds(layout)
        for at, unit in enumerate(layout.units):
            if any(s == unit.segment and a < unit.end and unit.core < b for s, a, b in bounds):
                values[at] = -float(at)
        return Ranking(values, 0)

    def _bounds(self, layout: Layout) -> list[tuple[int, int, int]]:
        """Return where the stretches are: segment, start, end."""
        found = []
        for text in self.gold:
            for index, segment in enumerate(layout.prompt.segments):
                loose = self.segment_rate(segment) != 1.0
                if loose and (start := segment.text.find(text)) >= 0:
                    found.append((index, start, start + len(text)))
                    break
        return found
