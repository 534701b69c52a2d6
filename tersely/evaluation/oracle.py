"""What no method can know: keep what the answer needs, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from tersely.core.layout import Layout
from tersely.hard.base import Goal, Ranking, RankingCompressor


class _Stretch(NamedTuple):
    segment: int
    start: int
    end: int
    answers: tuple[tuple[int, int], ...]
    """Where answers stand in it: [start, end) in the segment."""


@dataclass(frozen=True, kw_only=True)
class Oracle(RankingCompressor):
    """Keep the words of given stretches of the contexts; where room is short, the answer first.

    Where the stretches do not fit as a whole, words go by how near they are to an answer in their
    stretch, and stretches without one go from their end, the last stretch first.

    Attributes:
        gold: Strings, each of which stands in a context.
        answers: Strings that the answer may be.
    """

    name: ClassVar[str] = "oracle"
    fills: ClassVar[bool] = False  # what is not gold stays out, whatever room there is
    gold: Sequence[str]
    answers: Sequence[str] = ()

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value gold words by what they are to the answer, and others as never to be kept."""
        values = np.full(len(layout), -np.inf)
        stretches = self._stretches(layout)
        longest = max((len(s.text) for s in layout.prompt.segments), default=0)
        for at, unit in enumerate(layout.units):
            for one in stretches:
                if one.segment != unit.segment or unit.end <= one.start or one.end <= unit.core:
                    continue
                gaps = [max(unit.core - end, start - unit.end, 0) for start, end in one.answers]
                values[at] = max(values[at], -float(min(gaps, default=longest + at)))
        return Ranking(values, 0)

    def _stretches(self, layout: Layout) -> list[_Stretch]:
        found = []
        for text in self.gold:
            for index, segment in enumerate(layout.prompt.segments):
                loose = self.segment_rate(segment) != 1.0
                if loose and (start := segment.text.find(text)) >= 0:
                    end = start + len(text)
                    found.append(
                        _Stretch(index, start, end, self._places(segment.text, start, end))
                    )
                    break
        return found

    def _places(self, text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
        patterns = [re.compile(re.escape(one), re.IGNORECASE) for one in self.answers if one]
        return tuple(m.span() for p in patterns for m in p.finditer(text, start, end))
