"""Random dropping: a seeded coin. The baseline that shows what any method's choice is worth.

Paper:    the "random" rows of most compression papers.
Code:     none.
Differs:  drops whole words, to the exact budget.
Cost:     no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tersely.core.layout import Layout
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor


@dataclass(frozen=True, kw_only=True)
class RandomDrop(RankingCompressor):
    """Keep words at random.

    Attributes:
        seed: The same seed and prompt keep the same words.
    """

    name: ClassVar[str] = "random_drop"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.seed, int) or self.seed < 0:
            raise SettingError(f"seed is a whole number, at least 0; got {self.seed!r}.")

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return independent uniform values."""
        return Ranking(np.random.default_rng(self.seed).random(len(layout)))
