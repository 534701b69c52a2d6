"""Non-inferiority: show that a method loses no more than so much, or say that it is not shown.

A drop is what the arm is worse than its reference, in points: hundredths of a share, and for
"nats" hundredths of a nat per token of the answer, which is one per cent of its perplexity. It is
shown to be small where the lower bound of (arm - reference) is above -max_drop. No difference
found is not enough: a test with few examples finds none.

The bound is a one-sided percentile of the bootstrap over clusters, with one cluster added that
went as badly as it can (for "nats": as the worst that was seen). Without it, 50 pairs of which
none differs would show anything, though a loss on every twentieth prompt shows in none of 50 as
often as not. With it the bound is near the exact one for rare losses (-3 / clusters where there is
none), and over many clusters it makes no difference. Where on both sides the same texts were sent
and came to the same, nothing has changed, and no bound is needed.

Source: the added cluster follows Gaffke 2005, "Three test statistics for a nonparametric one-sided
hypothesis on the mean of a nonnegative variable", who adds the worst value to the data before he
weighs it at random; that the bound is near the exact one is tested, not proven.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tersely._optional import need
from tersely.errors import SettingError
from tersely.evaluation.pairs import Pairs
from tersely.evaluation.statistics import Estimate, Floats, bounds, cluster_sums, mean_of

Verdict = Literal["shown", "not shown", "worse", "too few"]

LEAST_CLUSTERS = 20
"""Fewer are too few for any interval to be believed."""

POWER = 0.8
"""How likely a next run with as many examples as are said to be needed would show it."""

ALL = "all tasks"
POINTS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What has to be shown.

    Attributes:
        max_drop: The most that may be lost, in points.
        confidence: Of each bound, on its side alone.
    """

    max_drop: float = 1.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what is no margin."""
        if not (math.isfinite(self.max_drop) and self.max_drop >= 0):
            raise SettingError(f"The drop is in points, 0 or more; got {self.max_drop}.")
        if not 0.5 <= self.confidence < 1:
            raise SettingError(
                f"A confidence is at least 0.5 and below 1, as in 0.95; got {self.confidence}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one task, or of all.

    Attributes:
        task: Its name, or "all tasks".
        verdict: "shown" (the drop is smaller), "worse" (it is larger, and that is shown), "not
            shown" (either may be), "too few" (clusters to say anything).
        arm: Mean of the arm, on the measure's scale.
        reference: Mean of the reference.
        difference: Arm - reference, better is above zero, in points. Each end of the interval
            is at the confidence on its side alone.
        clusters: How many clusters the pairs are of; of all tasks, of the one with the fewest.
        failed: How many pairs have a failed record of the arm.
        reference_failed: How many have one of the reference.
        unpaired: How many records have no partner on the other side.
        same: Whether the same texts were sent on both sides, and came to the same.
        needed: Examples per task that would probably show it, if things are as they look; None
            where more would not help, or are not needed.
        reason: Why it is not shown; "" where it is.
    """

    task: str
    verdict: Verdict
    arm: float
    reference: float
    difference: Estimate
    clusters: int
    failed: int = 0
    reference_failed: int = 0
    unpaired: int = 0
    same: bool = False
    needed: int | None = None
    reason: str = ""

    def numbers(self) -> dict[str, Any]:
        """Return it for JSON."""
        whole = {name: getattr(self, name) for name in self.__slots__}
        plain = {k: None if v != v else v for k, v in whole.items()}  # NaN is no number in JSON
        return plain | {"difference": self.difference.numbers()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a gate found.

    Attributes:
        measure: What was compared.
        margin: What was to be shown.
        tasks: Each task.
        overall: The mean of the tasks, each of which counts the same.
    """

    measure: str
    margin: Margin
    tasks: tuple[Finding, ...]
    overall: Finding

    @property
    def passed(self) -> bool:
        """Whether it is shown over all tasks, and for none of them the contrary is."""
        return self.overall.verdict == "shown" and not self.worse

    @property
    def worse(self) -> tuple[str, ...]:
        """The tasks for which a larger drop is shown."""
        return tuple(finding.task for finding in self.tasks if finding.verdict == "worse")

    def numbers(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "passed": self.passed,
            "measure": self.measure,
            "max_drop": self.margin.max_drop,
            "confidence": self.margin.confidence,
            "overall": self.overall.numbers(),
            "tasks": [finding.numbers() for finding in self.tasks],
        }


def judge(pairs: Iterable[Pairs], *, measure: str, margin: Margin | None = None) -> Judgement:
    """Say whether an arm is shown to lose no more than the margin allows.

    Args:
        pairs: Of each task, the records of the arm and of the reference.
        measure: What they are compared by.
        margin: What has to be shown.

    Raises:
        SettingError: There is no task.
        MissingDependency: SciPy is not installed.
    """
    given, margin = list(pairs), margin or Margin()
    if not given:
        raise SettingError("There is nothing to compare.")
    found = [_judge_task(one, margin) for one in given]
    findings = tuple(finding for finding, _ in found)
    if len(findings) == 1:
        overall = replace(findings[0], task=ALL)
    else:
        overall = _judge_all(findings, [stratum for _, stratum in found], margin)
    return Judgement(measure=measure, margin=margin, tasks=findings, overall=overall)


@dataclass(frozen=True, slots=True)
class _Stratum:
    """Of one task (C, 2): sum of differences in points and count, and the worst there can be."""

    table: Floats
    worst: float
    examples: int

    @property
    def mean(self) -> float:
        return float(mean_of([self.table.sum(axis=0)]))

    @property
    def variance(self) -> float:
        """Of one cluster's share in the mean, times clusters: of the linearised ratio."""
        sums, counts = self.table.T
        return float(np.var((sums - self.mean * counts) / counts.mean(), ddof=1))

    def with_end(self, sign: int) -> Floats:
        """Return the table with a cluster added that went as well or as badly as it can."""
        count = self.table[:, 1].mean()
        return np.vstack([self.table, [sign * self.worst * count, count]])


def _judge_task(pairs: Pairs, margin: Margin) -> tuple[Finding, _Stratum]:
    differences = POINTS * (pairs.arm - pairs.reference)
    table = cluster_sums(differences[:, None], pairs.clusters)
    worst = POINTS if pairs.bounded else float(np.max(np.abs(differences), initial=0.0))
    stratum = _Stratum(table, worst, pairs.examples)
    blank = Finding(
        task=pairs.task,
        verdict="too few",
        arm=pairs.sign * _mean(pairs.arm),
        reference=pairs.sign * _mean(pairs.reference),
        difference=Estimate(math.nan, math.nan, math.nan, len(differences), pairs.unscored),
        clusters=len(table),
        failed=pairs.failed,
        reference_failed=pairs.reference_failed,
        unpaired=pairs.unpaired,
        same=pairs.same,
    )
    if reason := pairs.empty_side or _incomplete(pairs.lost):
        return replace(blank, verdict="not shown", reason=reason), stratum
    if len(table) < LEAST_CLUSTERS:
        return replace(blank, reason=_too_few(len(table))), stratum
    finding = _decide(blank, [stratum], margin)
    return _with_needed(finding, [stratum], margin), stratum


def _judge_all(findings: Sequence[Finding], strata: Sequence[_Stratum], margin: Margin) -> Finding:
    def total(name: str) -> Any:
        return sum(getattr(finding, name) for finding in findings)

    blank = Finding(
        task=ALL,
        verdict="too few",
        arm=total("arm") / len(findings),
        reference=total("reference") / len(findings),
        difference=Estimate(
            math.nan,
            math.nan,
            math.nan,
            sum(finding.difference.count for finding in findings),
            sum(finding.difference.unscored for finding in findings),
        ),
        clusters=min(finding.clusters for finding in findings),
        failed=total("failed"),
        reference_failed=total("reference_failed"),
        unpaired=total("unpaired"),
        same=all(finding.same for finding in findings),
    )
    for finding in findings:
        if math.isnan(finding.difference.low):
            return replace(
                blank, verdict=finding.verdict, reason=f"{finding.task}: {finding.reason}"
            )
    finding = _decide(blank, strata, margin)
    return _with_needed(finding, strata, margin)


def _decide(blank: Finding, strata: Sequence[_Stratum], margin: Margin) -> Finding:
    value = float(np.mean([stratum.mean for stratum in strata]))
    low = high = value
    if not blank.same:
        low, high = _bound(strata, -1, margin), _bound(strata, +1, margin)
    verdict: Verdict = "not shown"
    if blank.same or low > -margin.max_drop:
        verdict = "shown"
    elif high < -margin.max_drop:
        verdict = "worse"
    estimate = replace(blank.difference, value=value, low=low, high=high)
    reason = {
        "worse": f"the drop is at least {-high:.2f} points",
        "not shown": f"the drop may be {-low:.2f} points",
    }.get(verdict, "")
    return replace(blank, verdict=verdict, difference=estimate, reason=reason)


def _bound(strata: Sequence[_Stratum], sign: int, margin: Margin) -> float:
    """Return a one-sided bound of the mean of means; a cluster is added where it weighs most."""
    smallest = min(range(len(strata)), key=lambda at: len(strata[at].table))
    tables = [s.with_end(sign) if at == smallest else s.table for at, s in enumerate(strata)]

    def mean_of_means(sums: list[Floats]) -> Floats:
        mean: Floats = np.mean([mean_of([one]) for one in sums], axis=0)
        return mean

    low, high = bounds(
        tables,
        mean_of_means,
        confidence=margin.confidence,
        side="greater" if sign < 0 else "less",
    )
    return low if sign < 0 else high


def _with_needed(finding: Finding, strata: Sequence[_Stratum], margin: Margin) -> Finding:
    """Say how many examples would probably do, if the difference is as it looks."""
    if finding.verdict != "not shown":
        return finding
    clusters = clusters_needed(
        finding.difference.value + margin.max_drop,
        variance=float(np.mean([stratum.variance for stratum in strata])) / len(strata),
        worst=max(stratum.worst for stratum in strata) / len(strata),
        confidence=margin.confidence,
    )
    if clusters is None:
        more = "as it looks, more examples would not show it to be smaller"
        return replace(finding, reason=f"{finding.reason}; {more}")
    each = sum(stratum.examples for stratum in strata) / sum(len(s.table) for s in strata)
    needed = max(_rounded_up(clusters * each), 1 + min(stratum.examples for stratum in strata))
    more = f"about {needed} examples{' per task' if len(strata) > 1 else ''} would probably show it"
    return replace(finding, needed=needed, reason=f"{finding.reason}; {more}")


def clusters_needed(room: float, *, variance: float, worst: float, confidence: float) -> int | None:
    """Return how many clusters would show a margin with a power of 0.8, by the normal law.

    Args:
        room: Difference + margin, in points: how far the truth is from the margin, if the
            difference is as it looks.
        variance: Of one cluster's difference.
        worst: What one cluster can lose; one such is added before the bound is taken.
        confidence: Of the bound.

    Returns:
        The number, at least 20; None where there is no room, or it would be above a million.
    """
    stats = need("scipy.stats", extra="eval")
    quantiles = float(stats.norm.ppf(confidence) + stats.norm.ppf(POWER))

    def spare(count: float) -> float:
        return room - worst / count - quantiles * math.sqrt((variance + worst**2 / count) / count)

    most = 1e6
    if spare(most) <= 0:
        return None
    if spare(LEAST_CLUSTERS) >= 0:
        return LEAST_CLUSTERS
    root = float(need("scipy.optimize", extra="eval").brentq(spare, LEAST_CLUSTERS, most))
    return math.ceil(root)


def _rounded_up(number: float) -> int:
    """Return a number of two digits and noughts: it is an estimate."""
    step = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return int(math.ceil(number / step) * step)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _incomplete(lost: int) -> str:
    """What an arm did not do may be what it cannot do: it does not pass for that."""
    if not lost:
        return ""
    return f"{lost} examples that the reference has a score of have none of the arm: finish the run"


def _too_few(clusters: int) -> str:
    return f"{clusters} clusters of examples are too few, {LEAST_CLUSTERS} the least"
