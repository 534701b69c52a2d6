"""Baselines for prompts with a question: whole sentences or documents, the best by one scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from tersely.backends.base import Floats, Ints, OnTokens
from tersely.core.layout import Layout
from tersely.core.units import sentence_groups
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.scorers.base import Scorer

ByUnit = Literal["sentence", "document"]


@dataclass(frozen=True)
class Shuffled:
    """A scorer that knows nothing: each passage's value is a coin.

    Attributes:
        seed: Of the coin.
    """

    seed: int
    name: str = "random"
    measured_in: str = "chance"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return independent uniform values, (P,)."""
        return np.random.default_rng(self.seed).random(len(passages))


@dataclass(frozen=True, kw_only=True)
class ByScorer(RankingCompressor):
    """Keep whole sentences or documents, best first, and cut the last one where the limit is.

    Attributes:
        scorer: Says what each is worth to the question.
        unit: What is ranked; within it words are kept from its beginning.
    """

    name: ClassVar[str] = "by_scorer"
    scorer: Scorer
    unit: ByUnit = "sentence"

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return values that fall with the passage's rank, and within it with the position."""
        passages, owners = self._passages(layout)
        read: list[int] = []
        scores = self.scorer.score(layout.prompt.question, passages, on_tokens=read.append)
        ranks = np.empty(len(passages))
        ranks[np.argsort(-scores, kind="stable")] = np.arange(len(passages))
        place = np.arange(len(layout)) / len(layout)  # in [0, 1): never another passage's value
        values = np.where(owners >= 0, -ranks[owners] - place, 0.0) if passages else -place
        return Ranking(values, sum(read))

    def _passages(self, layout: Layout) -> tuple[list[str], Ints]:
        """Return the passages, and for each unit the index of its own; -1 in what is kept."""
        passages: list[str] = []
        owners = np.full(len(layout), -1, dtype=np.int64)
        for segment, places in zip(layout.prompt.segments, layout.by_segment(), strict=True):
            if self.segment_rate(segment) == 1.0 or not len(places):
                continue
            units = [layout.units[i] for i in places.tolist()]
            document = self.unit == "document"
            groups = np.array(
                [0] * len(units) if document else sentence_groups(units, segment.text)
            )
            _, groups = np.unique(groups, return_inverse=True)
            owners[places] = len(passages) + groups
            for group in range(int(groups[-1]) + 1):
                members = np.flatnonzero(groups == group)
                start, end = units[members[0]].core, units[members[-1]].end
                passages.append(segment.text[start:end])
        return passages, owners
