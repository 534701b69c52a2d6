"""The least distortion that any compressor can reach at an average rate, computed exactly.

Each prompt has candidates: shorter versions of it, each with a rate (the share of the prompt that
is left) and a distortion (how much worse the answer gets). A compressor picks one candidate for
each prompt, perhaps by chance. D*(R) is the least mean distortion at a mean rate of at most R.

This is a linear program, and a simple one: the multiple-choice knapsack with fractions allowed. Of
each prompt's candidates only the corners of their lower-left convex hull matter; the edges of all
hulls, steepest first, are the optimal way to spend more rate. So a sort replaces the solver.

Paper:    Nagle et al. 2024, "Fundamental Limits of Prompt Compression: A Rate-Distortion Framework
          for Black-Box Language Models". https://arxiv.org/abs/2407.15504
Differs:  the paper maximises the dual over its breakpoints; here the edges are merged, which also
          gives the policy: which candidate each prompt uses.
Cost:     a sort of each prompt's candidates and one of all edges; no model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tersely.errors import SettingError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Label = Literal["exact", "best found", "fixed rate", "corpus rate"]

SLACK = 1e-12
"""Rates that are this close are the same: means of rates are not exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What one source symbol can be compressed to: a prompt, or a prompt with its question.

    Attributes:
        weight: How often it occurs, compared with the others; above 0.
        rates: (M,), share of the prompt that each candidate keeps, at least 0.
        distortions: (M,), what each costs, in any unit; lower is better.
        name: What it is, for reports.
    """

    weight: float
    rates: Floats
    distortions: Floats
    name: Hashable = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise SettingError(f"A group's weight is a number above 0, not {self.weight}.")
        if self.rates.ndim != 1 or self.rates.shape != self.distortions.shape:
            raise SettingError(
                "A group has as many rates as distortions, one for each candidate; got shapes"
                f" {self.rates.shape} and {self.distortions.shape}."
            )
        if not len(self.rates):
            raise SettingError(f"The group {self.name!r} has no candidates.")
        if not (np.isfinite(self.rates).all() and self.rates.min() >= 0):
            raise SettingError(f"A rate is a number of at least 0; {self.name!r} has another.")
        if not np.isfinite(self.distortions).all():
            raise SettingError(
                f"A distortion is a finite number; {self.name!r} has another. Leave out the"
                " candidates that could not be scored."
            )

    @classmethod
    def of(
        cls, points: Iterable[tuple[float, float]], *, weight: float = 1.0, name: Hashable = None
    ) -> Group:
        """Return the group of (rate, distortion) pairs."""
        table = np.array([*points], dtype=np.float64).reshape(-1, 2)
        return cls(weight, table[:, 0], table[:, 1], name)


@dataclass(frozen=True, slots=True)
class Choice:
    """What one group is compressed to.

    Attributes:
        candidate: Its number.
        share: How often it is taken, in (0, 1].
        other: The candidate that is taken otherwise; None where `share` is 1.
    """

    candidate: int
    share: float = 1.0
    other: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Mean distortion as a function of the mean rate: straight between its points, then flat.

    Attributes:
        rates: (K,), ascending.
        distortions: (K,), at these rates.
        label: What the curve is. "exact": no compressor onto these candidates does better, and
            they are all there are. "best found": the candidates are some of many, so a better
            compressor may exist. "fixed rate", "corpus rate": what one method does.
    """

    rates: Floats
    distortions: Floats
    label: Label = "exact"

    def at(self, rate: float) -> float:
        """Return the distortion at a mean rate; infinite below the least that is attainable.

        Raises:
            SettingError: The rate is not a number.
        """
        if math.isnan(rate):
            raise SettingError("A rate is a number, not NaN.")
        if rate < self.rates[0] - SLACK:
            return math.inf
        return float(np.interp(rate, self.rates, self.distortions))

    @property
    def points(self) -> list[tuple[float, float]]:
        """Its corners, as (rate, distortion)."""
        return list(zip(self.rates.tolist(), self.distortions.tolist(), strict=True))

    @property
    def slopes(self) -> Floats:
        """How much distortion one more unit of rate saves on each piece, (K - 1,)."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a run too short to change a sum
            return np.nan_to_num(-np.diff(self.distortions) / np.diff(self.rates))


@dataclass(frozen=True, slots=True, eq=False)
class Bound(Curve):
    """D*(R): convex, and lower with more rate.

    Attributes:
        groups: What it was computed from.
        hulls: For each group, the candidates at the corners of its hull, by ascending rate.
        owners: (K - 1,), the group that each piece of the curve belongs to.
    """

    groups: tuple[Group, ...] = ()
    hulls: tuple[Ints, ...] = ()
    owners: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def staircase_at(self, rate: float) -> float:
        """Return the distortion of the same policy where no group may be split between two.

        It is the last corner at or below the rate. A deterministic compressor can reach it, so the
        best one lies between this and `at`.
        """
        whole = self._whole_pieces(rate)
        return math.inf if whole is None else float(self.distortions[whole])

    def policy(self, rate: float) -> list[Choice]:
        """Return which candidate each group is compressed to; at most one is split between two.

        Raises:
            SettingError: The rate is below the least attainable one.
        """
        whole = self._whole_pieces(rate)
        if whole is None:
            raise SettingError(
                f"No policy has a mean rate of {rate}; the least is {self.rates[0]:.6g}."
            )
        taken = np.bincount(self.owners[:whole], minlength=len(self.groups))
        chosen = [
            Choice(int(hull[at])) for hull, at in zip(self.hulls, taken.tolist(), strict=True)
        ]
        left = rate - float(self.rates[whole])
        if whole < len(self.owners) and left > SLACK:
            owner = int(self.owners[whole])
            share = left / float(self.rates[whole + 1] - self.rates[whole])
            hull, at = self.hulls[owner], int(taken[owner])
            chosen[owner] = Choice(int(hull[at]), 1.0 - share, int(hull[at + 1]))
        return chosen

    def _whole_pieces(self, rate: float) -> int | None:
        """Return how many pieces a rate pays for in full; None below the least rate."""
        if not rate >= self.rates[0] - SLACK:
            return None
        return max(0, int(np.searchsorted(self.rates, rate + SLACK, side="right")) - 1)


def lower_hull(rates: Floats, distortions: Floats) -> Ints:
    """Return the corners of the decreasing part of the points' lower-left convex hull.

    Args:
        rates: (M,), in any order, M at least 1.
        distortions: (M,).

    Returns:
        Numbers of the points, by ascending rate. From each to the next the distortion falls, and
        falls less and less steeply. Of equal points it is the first one.
    """
    order = np.lexsort((distortions, rates))
    ordered = distortions[order]
    lowest = np.minimum.accumulate(ordered)
    useful = order[np.concatenate([[True], ordered[1:] < lowest[:-1]])]  # more rate, less loss
    corners: list[tuple[float, float]] = []
    numbers: list[int] = []
    slopes: list[float] = []  # of the edge that ends in each corner but the first
    for number in useful.tolist():
        here = float(rates[number]), float(distortions[number])
        while corners:
            slope = _fall(corners[-1], here)
            if not slopes or slope < slopes[-1]:
                slopes.append(slope)
                break
            # The edge before is no steeper than this one: its end lies on or above the hull.
            # Slopes are compared as they are sorted later, so rounding cannot swap two edges.
            corners.pop(), numbers.pop(), slopes.pop()
        corners.append(here)
        numbers.append(number)
    return np.array(numbers, dtype=np.int64)


def _fall(left: tuple[float, float], right: tuple[float, float]) -> float:
    """Return how much distortion a unit of rate saves between two points; the rate ascends."""
    return (left[1] - right[1]) / (right[0] - left[0])


def distortion_rate(groups: Iterable[Group], *, label: Label = "exact") -> Bound:
    """Return D*(R) over the candidates of all groups.

    Groups count in proportion to their weights. It is the optimum of: minimise the mean distortion
    over the probabilities of each group's candidates, subject to a mean rate of at most R.

    Raises:
        SettingError: There is no group.
    """
    given = tuple(groups)
    if not given:
        raise SettingError("A distortion-rate curve needs at least one group.")
    shares = np.array([group.weight for group in given], dtype=np.float64)
    shares /= shares.max()  # so that no sum of weights overflows
    shares /= shares.sum()
    hulls = tuple(lower_hull(group.rates, group.distortions) for group in given)
    corners = [(g.rates[h], g.distortions[h]) for g, h in zip(given, hulls, strict=True)]
    owners = np.repeat(np.arange(len(given)), [len(hull) - 1 for hull in hulls])
    runs = np.concatenate([np.diff(rates) for rates, _ in corners])
    drops = np.concatenate([-np.diff(distortions) for _, distortions in corners])
    # Stable, so that pieces of one slope come group by group and each group's own in order.
    order = np.argsort(-(drops / runs), kind="stable")
    owners = owners[order]
    least = shares @ [float(points[0][0]) for points in corners]
    lowest = shares @ [float(points[1][-1]) for points in corners]
    rates = np.cumsum(np.concatenate([[least], shares[owners] * runs[order]]))
    # From the end, so that a curve that falls to 0 gets there, and no digits cancel on the way.
    drops = np.concatenate([[lowest], (shares[owners] * drops[order])[::-1]])
    distortions = np.cumsum(drops)[::-1]
    return Bound(rates, distortions, label, given, hulls, owners)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What the candidates of one prompt cost when one question is asked.

    Attributes:
        prompt: Which prompt it is.
        question: Which question.
        rates: (M,), share of the prompt that each candidate keeps.
        distortions: (M,), of the answer to this question.
        weight: How often the pair occurs, compared with the others.
    """

    prompt: Hashable
    question: Hashable
    rates: Floats
    distortions: Floats
    weight: float = 1.0


def agnostic_groups(items: Iterable[Candidates]) -> list[Group]:
    """Return one group for each prompt: its candidates serve all its questions alike.

    Raises:
        SettingError: The questions of a prompt do not have the same candidates.
    """
    return _merged(items, lambda item: item.prompt)


def aware_groups(items: Iterable[Candidates]) -> list[Group]:
    """Return one group for each prompt and question: the compressor knows what will be asked.

    Raises:
        SettingError: What is given of the same prompt and question has other candidates.
    """
    return _merged(items, lambda item: (item.prompt, item.question))


def _merged(items: Iterable[Candidates], key: Callable[[Candidates], Hashable]) -> list[Group]:
    """Average the distortions of all items that one choice of a candidate has to serve."""
    together: dict[Hashable, list[Candidates]] = {}
    for item in items:
        together.setdefault(key(item), []).append(item)
    groups = []
    for name, same in together.items():
        if not all(np.array_equal(item.rates, same[0].rates) for item in same):
            raise SettingError(
                f"All that is asked of {name!r} needs the same candidates, in the same order."
            )
        weights = np.array([item.weight for item in same])
        costs = np.stack([item.distortions for item in same])  # (questions, M)
        total = float(weights.sum())
        groups.append(Group(total, same[0].rates, weights @ costs / total, name))
    return groups


def corpus_rate_curve(groups: Iterable[Group]) -> Bound:
    """Return what a method does when only the mean rate is fixed and prompts share it well.

    Args:
        groups: For each prompt, the points that the method reached on it at several rates.
    """
    return distortion_rate(groups, label="corpus rate")


def fixed_rate_curve(groups: Iterable[Group]) -> Curve:
    """Return what a method does when it gives every prompt the same rate.

    Between two of its points a prompt takes one or the other by chance; above its last point it
    stays there. So this is one of the policies that `corpus_rate_curve` chooses from.

    Args:
        groups: For each prompt, the points that the method reached on it at several rates.

    Raises:
        SettingError: There is no group, or there is no rate that all of them reach.
    """
    given = [*groups]
    if not given:
        raise SettingError("A fixed-rate curve needs at least one group.")
    least = max(float(group.rates.min()) for group in given)
    marks = np.unique(np.concatenate([group.rates for group in given]))
    marks = marks[marks >= least]
    shares = np.array([group.weight for group in given]) / sum(group.weight for group in given)
    rates, total = np.zeros(len(marks)), np.zeros(len(marks))
    for share, group in zip(shares.tolist(), given, strict=True):
        order = np.lexsort((-group.distortions, group.rates))
        own, first = np.unique(group.rates[order][::-1], return_index=True)
        total += share * np.interp(marks, own, group.distortions[order][::-1][first])
        rates += share * np.minimum(marks, own[-1])
    return Curve(rates, total, "fixed rate")


def gap_closed(base: float, reached: float, best: float) -> float:
    """Return how much of the way from a baseline to the bound a method has come.

    Args:
        base: Distortion of the baseline.
        reached: Distortion of the method, at the same rate.
        best: The bound at that rate.

    Returns:
        (base - reached) / (base - best): 1.0 on the bound, 0.0 as good as the baseline, below 0
        worse than it. NaN where the baseline is on the bound already, or one is not finite.
    """
    way = base - best
    return (base - reached) / way if way > SLACK and math.isfinite(way) else math.nan


def mean_point(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the mean rate and the mean distortion of a method's outputs, one for each prompt."""
    return (
        math.fsum(rate for rate, _ in points) / len(points),
        math.fsum(cost for _, cost in points) / len(points),
    )
