"""The bound beside the measured methods: what a perfect choice among their outputs would reach.

The candidates of an example are the outputs of every arm at every rate, the whole prompt and the
prompt without its contexts. The curve over them is labelled "best found". It lies above D*: outputs
that nobody tried may be better. And it knows the answers, so no method can be blamed for not
reaching it. See `tersely.evaluation.search` for the exact bound of short prompts.

It is question-aware. A question-agnostic one needs candidates that were made without the question
and read once for each question of a prompt; records have neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tersely.errors import SettingError
from tersely.evaluation.rate_distortion import Bound, Curve, Group, distortion_rate, gap_closed
from tersely.evaluation.records import Record

NATS = "nats"
"""The measure where less is better; all others are in [0, 1], and more is better."""


@dataclass(frozen=True, slots=True)
class ArmPoint:
    """How one arm at one rate compares with the bound.

    Attributes:
        arm: Which.
        asked_rate: The rate it was asked for.
        rate: The mean share of the contexts that it kept.
        distortion: The mean over its examples.
        bound: The least distortion found for these examples at that mean rate.
        examples: How many there are: those it was scored on.
        unscored: On how many it failed or could not be scored.
    """

    arm: str
    asked_rate: float
    rate: float
    distortion: float
    bound: float
    examples: int
    unscored: int

    @property
    def gap(self) -> float:
        """How much distortion a perfect choice would save."""
        return self.distortion - self.bound

    def gap_closed(self, base: float) -> float:
        """Return the share of the way from a baseline's distortion to the bound; NaN if none."""
        return gap_closed(base, self.distortion, self.bound)


@dataclass(frozen=True, slots=True)
class RecordBound:
    """The best found curve of one task and one reader.

    Attributes:
        measure: By what the answers are judged.
        curve: Distortion against the mean share of the contexts; None if nothing was scored.
        examples: How many examples it is over.
        left_out: How many records are no candidates, since they failed or have no such score.
        arms: Each arm at each rate, in the order of the records.
    """

    measure: str
    curve: Bound | None
    examples: int
    left_out: int
    arms: tuple[ArmPoint, ...]


def best_found(records: Sequence[Record], measure: str = NATS) -> Curve | None:
    """Return the least distortion that any choice among the arms' outputs reaches, by mean rate.

    Args:
        records: Of one task and one reader. An example counts once, however many records it has.
        measure: Name of a score. The distortion is "nats" as it is, and 1 - score of all others.

    Returns:
        The curve, labelled "best found"; its rates are shares of the contexts. None where no
        record has the score.

    Raises:
        SettingError: The records are of more than one task or reader.
    """
    groups = _groups(_scored(records, measure), measure)
    return distortion_rate(groups, label="best found") if groups else None


def bound_of_records(records: Sequence[Record], measure: str = NATS) -> RecordBound:
    """Return the best found curve and where each arm lies beside it.

    An arm is compared with the bound over the examples that it was scored on, so it never lies
    below it.

    Args:
        records: Of one task and one reader.
        measure: Name of a score, as for `best_found`.

    Raises:
        SettingError: The records are of more than one task or reader.
    """
    scored = _scored(records, measure)
    by_example = _by_example(scored)
    curves: dict[frozenset[str], Bound] = {}
    arms = []
    for (arm, asked), own in _by_arm(records).items():
        good = [record for record in own if math.isfinite(distortion(record, measure))]
        names = frozenset(record.example for record in good)
        if not good:
            arms.append(ArmPoint(arm, asked, math.nan, math.nan, math.nan, 0, len(own)))
            continue
        if names not in curves:
            those = [record for name in by_example if name in names for record in by_example[name]]
            curves[names] = distortion_rate(_groups(those, measure), label="best found")
        rate = math.fsum(record.realised_rate for record in good) / len(good)
        cost = math.fsum(distortion(record, measure) for record in good) / len(good)
        least = curves[names].at(rate)
        arms.append(ArmPoint(arm, asked, rate, cost, least, len(good), len(own) - len(good)))
    groups = _groups(scored, measure)
    curve = distortion_rate(groups, label="best found") if groups else None
    return RecordBound(measure, curve, len(groups), len(records) - len(scored), tuple(arms))


def distortion(record: Record, measure: str = NATS) -> float:
    """Return how bad the answer of a record is; NaN where it failed or was not scored."""
    if record.error:
        return math.nan
    score = record.score(measure)
    return score if measure == NATS else 1.0 - score


def _scored(records: Sequence[Record], measure: str) -> list[Record]:
    kinds = sorted({(record.task, record.reader) for record in records})
    if len(kinds) > 1:
        raise SettingError(
            "A bound is of one task and one reader; the records are of"
            f" {', '.join(f'{task} read by {reader}' for task, reader in kinds)}."
            " Select with tersely.evaluation.records.select."
        )
    return [record for record in records if math.isfinite(distortion(record, measure))]


def _by_example(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.example, []).append(record)
    return found


def _by_arm(records: Iterable[Record]) -> dict[tuple[str, float], list[Record]]:
    found: dict[tuple[str, float], list[Record]] = {}
    for record in records:
        found.setdefault((record.arm, record.rate), []).append(record)
    return found


def _groups(records: Iterable[Record], measure: str) -> list[Group]:
    return [
        Group.of([(one.realised_rate, distortion(one, measure)) for one in same], name=example)
        for example, same in _by_example(records).items()
    ]
