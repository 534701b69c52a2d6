"""Variable rate: each prompt keeps as much as it needs, by one rule for all of them.

Paper:    one slope for all prompts is the optimum of Nagle et al. 2024, "Fundamental Limits of
          Prompt Compression", https://arxiv.org/abs/2407.15504; the share to reach is the top-P of
          AttnComp (Luo et al. 2025), https://arxiv.org/abs/2509.17486.
Code:     none.
Differs:  the papers threshold a token classifier and choose documents. Here any method whose
          ranking says shares decides, sentence by sentence, and the budget stays an upper limit.
Cost:     that of the method: each prompt is ranked once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.core.result import Compression
from tersely.core.select import MOST_MISSES
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetTooSmall, SettingError
from tersely.hard.base import HardCompressor, Progress, RankingCompressor
from tersely.hard.cuts import NO_BOUNDS, Bounds, Cuts, cuts_of


@dataclass(frozen=True, kw_only=True)
class VariableRate(HardCompressor):
    """Keep of each prompt what a method's shares ask for, at most the budget.

    It is the method that ranks, so `name`, and with it `Compression.method`, is the method's own.
    Exactly one of `quality_floor` and `threshold` is given.

    Attributes:
        method: Ranks the units, and says each one's share of the answer.
        quality_floor: Keep the best until their shares add up to this, in (0, 1): the fewest
            tokens with which the method holds the answer to be there with that probability.
        threshold: Keep on while a token more buys at least this share of the answer, above 0.
        bounds: The least and the most of a prompt to keep; the least gives way to the budget.
    """

    name: ClassVar[str] = "variable_rate"
    method: HardCompressor
    quality_floor: float | None = None
    threshold: float | None = None
    bounds: Bounds = NO_BOUNDS

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        ranking = ranking_method(self.method)
        if (self.quality_floor is None) == (self.threshold is None):
            raise SettingError("Give quality_floor or threshold, exactly one of the two.")
        if self.quality_floor is not None:
            check_quality_floor(self.quality_floor)
        if self.threshold is not None and not (
            _is_number(self.threshold) and 0 < self.threshold < math.inf
        ):
            raise SettingError(f"threshold is a number above 0, and finite; got {self.threshold}.")
        # What the class says of all its instances, this one says of itself.
        object.__setattr__(self, "name", ranking.name)
        object.__setattr__(self, "needs_question", ranking.needs_question)

    def compress(
        self,
        prompt: Prompt,
        budget: Budget,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Compression:
        """Keep what the rule asks for, and no more than the budget.

        Raises:
            BudgetTooSmall: The protected text alone exceeds the budget, or what `bounds` allow.
            SettingError: The method does not say shares.
        """
        cuts = cuts_of(
            ranking_method(self.method),
            prompt,
            counter=counter,
            bounds=self.bounds,
            budget=budget,
            progress=progress,
        )
        return cuts.compress(self.choose(cuts))

    def choose(self, cuts: Cuts) -> int:
        """Return the cut that the rule asks for; it keeps something in any case."""
        if self.quality_floor is not None:
            return cuts.at_share(self.quality_floor)
        assert self.threshold is not None
        return cuts.at_threshold(self.threshold)


def ranking_method(method: HardCompressor) -> RankingCompressor:
    """Return the method itself.

    Raises:
        SettingError: It does not rank, so that its rate cannot vary.
    """
    if isinstance(method, RankingCompressor):
        return method
    name = getattr(method, "name", repr(method))
    raise SettingError(
        f"The rate of {name} cannot vary from prompt to prompt: it does not say how likely each"
        " part holds the answer. Use hybrid, or evaluator_heads with unit='sentence'."
    )


def check_quality_floor(floor: Any) -> None:
    """Refuse what is no share to reach.

    Raises:
        SettingError: It is not a number in (0, 1).
    """
    if not _is_number(floor) or not 0 < floor < 1:
        raise SettingError(f"quality_floor is a number in (0, 1), both excluded; got {floor!r}.")


def compress_together(cuts: Sequence[Cuts], limit: int) -> list[Compression]:
    """Compress ranked prompts so that all together have at most `limit` tokens.

    All are cut at one slope; what is left then goes to the next cuts in line, the last of which
    is ended where the limit is. That is the optimum of the relaxed problem, as shares see it.

    Args:
        cuts: The prompts.
        limit: The most tokens of all results together. Prompts keep their first cut before any
            gets more; where not even these fit, some keep nothing but what is protected.

    Raises:
        BudgetTooSmall: What is protected in them is more than the limit.
    """
    steps = [
        (at > 0, -slope, index, cut)
        for index, one in enumerate(cuts)
        for at, (cut, slope) in enumerate(one.hull)
    ]
    steps.sort()

    def made(taken: int) -> list[Compression]:
        chosen = [0] * len(cuts)
        for _, _, index, cut in steps[:taken]:
            chosen[index] = cut
        return [one.compress(cut) for one, cut in zip(cuts, chosen, strict=True)]

    def spare(taken: int) -> int:
        return limit - sum(result.tokens_after for result in made(taken))

    if spare(0) < 0:
        raise BudgetTooSmall(limit_tokens=limit, protected_tokens=limit - spare(0))
    low, high = 0, len(steps) + 1  # invariant: `low` fits
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if spare(middle) >= 0 else (low, middle)
    return _spent(cuts, made(low), [(index, cut) for *_, index, cut in steps[low:]], spare(low))


def _spent(
    cuts: Sequence[Cuts], results: list[Compression], steps: Sequence[tuple[int, int]], spare: int
) -> list[Compression]:
    """Spend spare tokens on further cuts, ended early where they are too long."""
    misses = 0
    for index, cut in steps:
        if spare <= 0 or misses >= MOST_MISSES:
            break
        one, before = cuts[index], results[index].tokens_after
        if before >= one.most:
            continue
        made = one.compress_to(min(one.most, before + spare), cut)
        more = made.tokens_after - before
        if more > 0:
            results[index], spare, misses = made, spare - more, 0
        else:
            misses += 1
    return results


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
