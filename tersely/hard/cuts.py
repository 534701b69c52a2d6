"""Where a ranked prompt can be cut, and what it keeps there: tokens, and share of the answer.

Going down the ranking, units that have their share in common (the words of a sentence) go
together, and units without a share (a header, say) go with those before them. The concave hull of
share over tokens holds the cuts that one price of a token can choose for all prompts.

Source: one slope for all prompts is optimal, and the hull is where it can stop: Nagle et al. 2024,
    "Fundamental Limits of Prompt Compression", https://arxiv.org/abs/2407.15504.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tersely.core.budget import Budget
from tersely.core.layout import Bools
from tersely.core.prompt import Prompt
from tersely.core.result import Compression
from tersely.core.select import Floats
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetError, SettingError
from tersely.hard.base import Progress, Ranked, RankingCompressor

Ints = npt.NDArray[np.int64]
_SAME = 1e-12  # shares and slopes that differ by less, or by that part, are one


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most of a prompt that may be kept, whatever a rule says.

    Attributes:
        least_rate: As a share of its tokens, in [0, 1].
        most_rate: As a share of its tokens, in (0, 1], at least `least_rate`.

    Raises:
        BudgetError: They are out of range.
    """

    least_rate: float = 0.0
    most_rate: float = 1.0

    def __post_init__(self) -> None:
        for name, rate in (("min_rate", self.least_rate), ("max_rate", self.most_rate)):
            if isinstance(rate, bool) or not isinstance(rate, int | float):
                raise BudgetError(f"{name} is a number in [0, 1], not {rate!r}.")
        if not 0 <= self.least_rate <= self.most_rate <= 1 or not self.most_rate:
            raise BudgetError(
                "0 <= min_rate <= max_rate <= 1, and max_rate is not 0; got min_rate"
                f" {self.least_rate} and max_rate {self.most_rate}."
            )

    def limits(self, total_tokens: int) -> tuple[int, int]:
        """Return the least and the most tokens of a prompt."""
        least = Budget(rate=self.least_rate).limit(total_tokens) if self.least_rate else 0
        return least, Budget(rate=self.most_rate).limit(total_tokens)


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """A ranked prompt, and the C + 1 places at which its ranking can be cut.

    Attributes:
        method: What ranked it.
        ranked: The prompt.
        counter: Counts its tokens.
        least: The fewest tokens to keep, where there are so many.
        most: The most tokens to keep.
        order: (N,), the free units, best first.
        ends: (C + 1,), how many of them each cut keeps; the first keeps none, the last all.
        tokens: (C + 1,), about how many tokens that makes.
        shares: (C + 1,), the share of the answer that is kept, never falling.
    """

    method: RankingCompressor
    ranked: Ranked
    counter: TokenCounter
    least: int
    most: int
    order: Ints
    ends: Ints
    tokens: Floats
    shares: Floats
    _made: dict[int, Compression] = field(default_factory=dict, init=False, repr=False)

    @property
    def hull(self) -> list[tuple[int, float]]:
        """Cuts and slopes: what a token more buys on the way to each, in shares; falling.

        The first cut that keeps something stands at its head, whatever its slope.
        """
        if len(self.ends) < 2:
            return []
        found = [1]
        for cut in range(2, len(self.ends)):
            while len(found) > 1 and self._slope(found[-1], cut) >= self._slope(*found[-2:]):
                found.pop()
            found.append(cut)
        return [(1, self._slope(0, 1)), *((b, self._slope(a, b)) for a, b in pairwise(found))]

    def at_threshold(self, slope: float) -> int:
        """Return the cut up to which a token buys at least that share; the first at least."""
        cuts = [cut for cut, bought in self.hull[1:] if bought >= slope * (1 - _SAME)]
        return cuts[-1] if cuts else min(1, len(self.ends) - 1)

    def at_share(self, share: float) -> int:
        """Return the first cut that keeps a share; the last if none does."""
        enough = np.flatnonzero(self.shares[1:] >= share - _SAME)
        return 1 + int(enough[0]) if len(enough) else len(self.ends) - 1

    def compress(self, cut: int) -> Compression:
        """Return what a cut leaves of the prompt, within `least` and `most` tokens."""
        if cut not in self._made:
            made = self.compress_to(self.most, cut)
            if made.tokens_after < self.least:
                made = self.compress_to(self.least)
            self._made[cut] = made
        return self._made[cut]

    def compress_to(self, limit: int, cut: int | None = None) -> Compression:
        """Return what a limit leaves of the prompt, and a cut if one is given."""
        among = None
        if cut is not None:
            among = np.zeros(len(self.ranked.fixed), dtype=np.bool_)
            among[self.order[: self.ends[cut]]] = True
        made = self.method.finish(self.ranked, limit, counter=self.counter, among=among)
        return replace(made, limit_tokens=self.most)  # what was allowed, not what was chosen

    def _slope(self, first: int, second: int) -> float:
        bought = self.shares[second] - self.shares[first]
        return float(bought / max(1.0, self.tokens[second] - self.tokens[first]))


def cuts_of(
    method: RankingCompressor,
    prompt: Prompt,
    *,
    counter: TokenCounter,
    bounds: Bounds = NO_BOUNDS,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Cuts:
    """Rank a prompt, and find where it can be cut.

    Args:
        method: Says what the units are worth, and their shares of the answer.
        prompt: What to shorten.
        counter: Counts tokens.
        bounds: The least and the most to keep.
        budget: A further upper limit.
        progress: Called with (model tokens read, expected).

    Raises:
        BudgetTooSmall: The protected text alone is more than the most.
        SettingError: The method does not say shares.
    """
    total = counter.count(prompt.text)
    least, most = bounds.limits(total)
    if budget is not None:
        most = min(most, budget.limit(total))
    ranked = method.ranked(prompt, most, counter=counter, progress=progress)
    ranking = ranked.ranking
    if ranking.shares is None:
        raise SettingError(
            f"{method.name}, as it is set, does not say how likely each part holds the answer, so"
            " its rate cannot vary from prompt to prompt. Use hybrid, or evaluator_heads with"
            " unit='sentence'."
        )
    order = np.lexsort((np.arange(len(ranking.values)), -ranking.values))
    order = order[ranked.free[order]]
    ends = _ends(order, ranking.shares, ranked.free)
    groups = np.split(order, ends[1:-1]) if len(ends) > 1 else []
    layout = ranked.layout
    costs = [
        counter.count("".join(layout.text_of(layout.units[at]) for at in sorted(group.tolist())))
        for group in groups
    ]
    fixed = ~ranked.free & ranked.fixed
    gains = [ranking.shares[group].sum() for group in groups]
    return Cuts(
        method=method,
        ranked=ranked,
        counter=counter,
        least=min(least, most),
        most=most,
        order=order,
        ends=ends,
        tokens=np.cumsum([counter.count(layout.text(fixed)), *costs], dtype=np.float64),
        shares=np.cumsum([ranking.shares[fixed].sum(), *gains]),
    )


def _ends(order: Ints, shares: Floats, free: Bools) -> Ints:
    """Return where each stretch of the ranking ends, 0 first, (C + 1,).

    Args:
        order: (N,), free units, best first.
        shares: (U,).
        free: (U,).
    """
    if not len(order):
        return np.zeros(1, dtype=np.int64)
    place = (np.cumsum(free) - 1)[order]  # among the free units: what is fixed does not part them
    own = shares[order]
    goes_on = (np.diff(place) == 1) & (np.abs(np.diff(own)) <= _SAME * own[1:])
    starts = 1 + np.flatnonzero(~goes_on & (own[1:] > 0))
    return np.array([0, *starts.tolist(), len(order)], dtype=np.int64)
