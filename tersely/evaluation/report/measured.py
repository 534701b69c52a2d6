"""What a report says about quality: means, gains, retention, each worked out once.

The statistics are those of `tersely.evaluation.statistics` and `retention`; here is only which
records they are given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tersely.evaluation.arms import ENDS, FULL, NONE
from tersely.evaluation.records import Record
from tersely.evaluation.report.corpus import (
    NATS,
    OPTION,
    SHARED,
    SURVIVED,
    Case,
    Corpus,
    Point,
    in_group,
    role_of,
)
from tersely.evaluation.report.score import quadratic_mean, ratio
from tersely.evaluation.retention import Retention, retention_of
from tersely.evaluation.statistics import (
    LOWER_IS_BETTER,
    Estimate,
    mean_interval,
    outcome,
    paired_difference,
)

ANSWER = "answer"
"""What the answer is worth: the main measure of a case, where that is none of the shared ones."""

KINDS = (SURVIVED, NATS, OPTION, ANSWER)
WHOLE: Point = (FULL, ENDS[FULL])


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method beside the best baseline of one case and one rate.

    Attributes:
        case: The task and its reader.
        point: The method and its rate.
        measure: By what.
        baseline: The baseline with the best mean in this very case.
        gain: By how much the method is better, over the examples both have; below 0 is worse.
    """

    case: Case
    point: Point
    measure: str
    baseline: str
    gain: Estimate

    @property
    def word(self) -> str:
        """Return "better" or "worse" if the interval leaves no doubt, else "not told apart"."""
        if self.gain.low > 0:
            return "better"
        return "worse" if self.gain.high < 0 else "not told apart"


@dataclass(frozen=True)
class Measured:
    """Works out what a corpus came to, and remembers it.

    Attributes:
        corpus: The records.
        confidence: Of all intervals.
    """

    corpus: Corpus
    confidence: float = 0.95
    _known: dict[tuple[object, ...], object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def mean(
        self, case: Case, point: Point, measure: str, group: str | None = None
    ) -> Estimate | None:
        """Return the mean of a measure with its interval; None where nothing is scored."""
        key = "mean", case, point, measure, group
        if key not in self._known:
            records = in_group(self.corpus.at(case, *point), group)
            values = [outcome(record, measure) for record in records]
            there = measure in self.corpus.measures(case) and bool(np.isfinite(values).any())
            clusters = [record.cluster for record in records]
            self._known[key] = mean_interval(values, clusters, self.confidence) if there else None
        return self._known[key]  # type: ignore[return-value]

    def gain(self, case: Case, ours: Point, theirs: Point, measure: str) -> Estimate | None:
        """Return by how much one arm is better than another, over the examples both have."""
        pairs = pairs_of(self.corpus.at(case, *ours), self.corpus.at(case, *theirs))
        if not pairs or measure not in self.corpus.measures(case):
            return None
        mine, other = ([outcome(p[side], measure) for p in pairs] for side in (0, 1))
        better, worse = (other, mine) if measure in LOWER_IS_BETTER else (mine, other)
        found = paired_difference(better, worse, [p[0].cluster for p in pairs], self.confidence)
        return found if found.count else None

    def retained(self, case: Case, point: Point, measure: str) -> Retention:
        """Return what an arm retains of the contexts' help, or why that is not defined."""
        key = "retained", case, point, measure
        if key not in self._known:
            arm, rate = point
            self._known[key] = retention_of(
                self.corpus.of_case(case),
                arm=arm,
                rate=rate,
                measure=measure,
                confidence=self.confidence,
            )
        return self._known[key]  # type: ignore[return-value]

    def basis(self, case: Case) -> str:
        """Return the measure that a case's retention is of; "" where no context helps.

        It is the first of the main measure, the option, and nats, by which the whole prompt is
        clearly better than none of its contexts.
        """
        key = "basis", case
        if key not in self._known:
            measures = [m for m in self.judges(case) if self._helps(case, m)]
            self._known[key] = measures[0] if measures else ""
        return str(self._known[key])

    def judged_by(self, case: Case) -> str:
        """Return the measure that arms are compared by: what retention is of, else the main one.

        Where a reader cannot use the whole prompt by its main measure, that tells arms not apart.
        """
        return self.basis(case) or self.corpus.main_measure(case)

    def judges(self, case: Case) -> list[str]:
        """Return the measures that retention can be of, in order of preference."""
        found = self.corpus.measures(case)
        wanted = [self.corpus.main_measure(case), OPTION, NATS]
        return [m for m in dict.fromkeys(wanted) if m in found and m != SURVIVED]

    def _helps(self, case: Case, measure: str) -> bool:
        if not self.corpus.at(case, *WHOLE):
            return False
        return self.retained(case, WHOLE, measure).estimate is not None

    def _useless(self, case: Case, measure: str) -> bool:
        """Return whether the prompt without its contexts was run, and is not shown to be worse.

        A share of such an answer is noise over noise: 1 right of 8 beside 2 right of 8 is 2.0.
        """
        return bool(self.corpus.at(case, NONE, ENDS[NONE])) and not self._helps(case, measure)

    def best_baseline(self, case: Case, rate: float, measure: str) -> str:
        """Return the baseline with the best mean at a rate; "" if there is none."""
        found = {}
        for arm in self.corpus.arms:
            if role_of(arm) == "baseline":
                value = plain_mean(self.corpus.at(case, arm, rate), measure)
                if math.isfinite(value):
                    found[arm] = -value if measure in LOWER_IS_BETTER else value
        return max(found, key=lambda arm: found[arm], default="")

    def compared(self, case: Case, point: Point) -> Comparison | None:
        """Return how an arm compares with the best baseline of a case."""
        arm, rate = point
        measure = self.judged_by(case)
        if not measure or role_of(arm) == "reference":
            return None
        key = "compared", case, point
        if key not in self._known:
            best = self.best_baseline(case, rate, measure)
            found = self.gain(case, point, (best, rate), measure) if best not in ("", arm) else None
            self._known[key] = found and Comparison(case, point, measure, best, found)
        return self._known[key]  # type: ignore[return-value]

    def share(self, case: Case, point: Point, kind: str, group: str | None = None) -> float:
        """Return a mean as a share of the full prompt's, over the examples both have.

        Args:
            case: The task and its reader.
            point: The arm and its rate.
            kind: "survived", "nats", "option", or "answer" for the main measure.
            group: Only its examples; None is all.

        Returns:
            Above 1.0 is better than the full prompt, of nats too. NaN where there is no share, and
            of options and written answers where the contexts are not shown to help with these.
        """
        key = "share", case, point, kind, group
        if key not in self._known:
            self._known[key] = self._share(case, point, kind, group)
        return self._known[key]  # type: ignore[return-value]

    def _share(self, case: Case, point: Point, kind: str, group: str | None) -> float:
        measure = self.corpus.main_measure(case) if kind == ANSWER else kind
        if measure not in self.corpus.measures(case) or (kind == ANSWER and measure in SHARED):
            return math.nan
        if kind in (OPTION, ANSWER) and self._useless(case, measure):
            return math.nan
        pairs = [
            (outcome(mine, measure), outcome(whole, measure))
            for mine, whole in pairs_of(
                in_group(self.corpus.at(case, *point), group), self.corpus.at(case, *WHOLE)
            )
        ]
        scored = [(a, b) for a, b in pairs if math.isfinite(a + b)]
        if not scored:
            return math.nan
        ours, whole = (math.fsum(pair[side] for pair in scored) / len(scored) for side in (0, 1))
        return ratio(ours, whole, lower_is_better=measure in LOWER_IS_BETTER)

    def quality(
        self,
        point: Point,
        *,
        tasks: Sequence[str] | None = None,
        readers: Sequence[str] | None = None,
        group: str | None = None,
    ) -> dict[str, float]:
        """Return the quadratic mean over cases of each kind's share, where there is any.

        Args:
            point: The arm and its rate.
            tasks: Only these; None is all.
            readers: Only these.
            group: Only examples of this group.
        """
        cases = [
            case
            for case, _ in self.corpus.over_cases(point)
            if (tasks is None or case.task in tasks) and (readers is None or case.reader in readers)
        ]
        found = {
            kind: quadratic_mean(
                self.share(case, point, kind, group) for case in _once(cases, kind)
            )
            for kind in KINDS
        }
        return {kind: value for kind, value in found.items() if math.isfinite(value)}

    def score(self, point: Point) -> float:
        """Return the quality score of an arm at a rate."""
        return quadratic_mean(self.quality(point).values())

    def retention(self, point: Point) -> float:
        """Return the mean of what an arm retains over all cases where that is defined."""
        found = []
        for case, _ in self.corpus.over_cases(point):
            if basis := self.basis(case):
                kept = self.retained(case, point, basis).estimate
                found.append(kept.value if kept else math.nan)
        finite = [value for value in found if math.isfinite(value)]
        return math.fsum(finite) / len(finite) if finite else math.nan


def _once(cases: Sequence[Case], kind: str) -> list[Case]:
    """Leave out further readers of a task where it does not matter who reads."""
    if kind != SURVIVED:
        return [*cases]
    return [*{case.task: case for case in reversed(cases)}.values()]


def pairs_of(ours: Sequence[Record], theirs: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Return the records of the examples that both have."""
    by_example = {record.example: record for record in theirs}
    return [(mine, by_example[mine.example]) for mine in ours if mine.example in by_example]


def plain_mean(records: Sequence[Record], measure: str) -> float:
    """Return the mean of what records came to; NaN without any."""
    values = [outcome(record, measure) for record in records]
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
