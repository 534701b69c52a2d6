"""Records that belong together: one example under two arms, or one arm in two runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.arms import ENDS
from tersely.evaluation.records import Record
from tersely.evaluation.statistics import LOWER_IS_BETTER, Floats, outcome

Match = tuple[Record, Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Of one task, P pairs that could be scored, each under an arm and under its reference.

    Attributes:
        task: Its name.
        arm: (P,), higher is better: what the measure came to, or its negative.
        reference: (P,), the same of the reference.
        sign: 1, or -1 where the measure's negative is taken.
        bounded: Whether the measure is a share; else it has no worst value.
        clusters: (P,), what each pair is about.
        examples: How many examples the pairs are of; several rates and readers share one.
        unscored: How many pairs are left out because one of the two could not be scored.
        failed: How many pairs have a failed record of the arm, which counts as the worst outcome
            or, without one, as the worst that was seen.
        reference_failed: How many have one of the reference, which counts the same.
        unpaired: How many records have no partner.
        same: Whether in every pair the same text was sent, or both failed, to the same end.
        empty_side: Why nothing can be said, though there are pairs: all records of a side failed.
        lost: How many scored records of the reference have no score of the arm beside them.
    """

    task: str
    arm: Floats
    reference: Floats
    sign: int
    bounded: bool
    clusters: tuple[str, ...]
    examples: int
    unscored: int
    failed: int
    reference_failed: int
    unpaired: int
    same: bool
    empty_side: str = ""
    lost: int = 0


def pair_arms(records: Iterable[Record], *, arm: str, against: str, measure: str) -> list[Pairs]:
    """Pair two arms of one run, for each task that both ran on and that has the measure.

    Arms are paired at the same rate; "full" and "none" have one of their own, and go with any.

    Raises:
        UnknownName: There is no such arm or measure.
        SettingError: The two are the same, there are several rates, or there is no pair.
    """
    if arm == against:
        raise SettingError(f"{arm!r} is compared with itself. Name another arm, or another run.")
    found = list(records)
    news, olds = _of_arm(found, arm), _of_arm(found, against)
    rates = sorted({r.rate for r in (*news, *olds) if r.arm not in ENDS})
    if len(rates) > 1:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        raise SettingError(f"{arm} and {against} ran at rates {listed}: choose one (--rate).")
    tasks = {record.task for record in news} & {record.task for record in olds}
    return _paired(news, olds, _without_rate, measure, tasks)


def pair_runs(
    new: Iterable[Record], old: Iterable[Record], *, arm: str, measure: str
) -> list[Pairs]:
    """Pair an arm of one run with itself in an older one, for each task that has the measure.

    Tasks of the older run are all there, with no pair if need be; those that only the new one has
    are left out.

    Raises:
        UnknownName: There is no such arm or measure.
        SettingError: There is no pair, or the runs are not of the same examples, task versions and
            reader.
    """
    news, olds = _of_arm(new, arm), _of_arm(old, arm)
    tasks = {record.task for record in olds}
    return _paired(news, olds, lambda record: record.key, measure, tasks)


def narrow(
    records: Iterable[Record],
    *,
    tasks: Sequence[str] = (),
    rate: float | None = None,
    reader: str | None = None,
) -> list[Record]:
    """Return the records of some tasks, a rate and a reader; "full" and "none" are of any rate.

    Raises:
        UnknownName: There is no such task or reader.
        SettingError: Nothing ran at that rate.
    """
    found = list(records)
    for name in tasks:
        _known("task", name, {record.task for record in found})
    if reader is not None:
        _known("reader", reader, {record.reader for record in found})
    rates = sorted({record.rate for record in found if record.arm not in ENDS})
    if rate is not None and rate not in rates:
        listed = ", ".join(f"{one:g}" for one in rates)
        raise SettingError(f"Nothing ran at rate {rate:g}; there are: {listed}.")
    return [
        record
        for record in found
        if (not tasks or record.task in tasks)
        and (reader is None or record.reader == reader)
        and (rate is None or record.rate == rate or record.arm in ENDS)
    ]


def _without_rate(record: Record) -> object:
    return record.task, record.example, record.reader


def _of_arm(records: Iterable[Record], arm: str) -> list[Record]:
    found = list(records)
    _known("arm", arm, {record.arm for record in found})
    return sorted((r for r in found if r.arm == arm), key=lambda record: record.key)


def _known(kind: str, name: str, known: set[str]) -> None:
    if name not in known:
        raise UnknownName(kind, name, known)


def _paired(
    news: Sequence[Record],
    olds: Sequence[Record],
    key: Callable[[Record], object],
    measure: str,
    among: set[str],
) -> list[Pairs]:
    both = [record for record in (*news, *olds) if record.task in among]
    tasks = [
        task
        for task in sorted(among)
        if _has_measure([record for record in both if record.task == task], measure)
    ]
    if both and not tasks:
        raise UnknownName("measure", measure, {name for record in both for name in record.scores})
    partners = {key(record): record for record in olds}
    matches = [(new, partners[key(new)]) for new in news if key(new) in partners]
    if not any(new.task in tasks for new, _ in matches):
        raise SettingError("No example is on both sides: there is nothing to compare.")
    for match in matches:
        _refuse_unlike(*match)
    made = {key(new) for new in news}
    alone = [old for old in olds if key(old) not in made]
    found = []
    for task in tasks:
        pairs = _pairs_of(task, [match for match in matches if match[0].task == task], measure)
        lost = sum(old.task == task and not math.isnan(outcome(old, measure)) for old in alone)
        records = sum(record.task == task for record in both)
        unpaired = records - 2 * sum(new.task == task for new, _ in matches)
        found.append(replace(pairs, unpaired=unpaired, lost=pairs.lost + lost))
    return found


def _has_measure(records: Sequence[Record], measure: str) -> bool:
    """Return whether a task has it; of one whose records all failed nobody knows, and it counts."""
    read = [record for record in records if not record.error]
    return not read or any(measure in record.scores for record in read)


def _refuse_unlike(new: Record, old: Record) -> None:
    what = f"{new.example!r} of {new.task}"
    if new.task_version != old.task_version:
        raise SettingError(
            f"{new.task} has version {new.task_version} on one side and {old.task_version} on the"
            " other. Make both with the same one."
        )
    if new.whole_tokens != old.whole_tokens:
        raise SettingError(
            f"{what} has {new.whole_tokens} tokens on one side and {old.whole_tokens} on the other:"
            " the data or the tokenizer is not the same."
        )
    for name in new.models.keys() & old.models.keys():
        if new.models[name] != old.models[name]:
            raise SettingError(f"{what} was read by two models that are both called {name!r}.")


def _pairs_of(task: str, matches: Sequence[Match], measure: str) -> Pairs:
    bounded = measure not in LOWER_IS_BETTER
    sign = 1 if bounded else -1
    values = np.array(
        [[outcome(new, measure), outcome(old, measure)] for new, old in matches]
    ).reshape(-1, 2)  # (P, 2)
    if bounded and np.any((values < 0) | (values > 1)):
        raise SettingError(f"{measure} of {task} is not a share: it has values beyond 0 and 1.")
    errors = np.array([[bool(new.error), bool(old.error)] for new, old in matches]).reshape(-1, 2)
    if not bounded and not np.isnan(values).all():
        values[errors] = np.nanmax(values)  # nothing worse is known
    scored = ~np.isnan(values).any(axis=1)  # (P,)
    kept = [match for match, is_scored in zip(matches, scored, strict=True) if is_scored]
    arm, reference = sign * values[scored].T
    failed, reference_failed = errors.sum(axis=0)
    alike = all(_is_same(*match) for match in kept)
    return Pairs(
        task=task,
        arm=arm,
        reference=reference,
        sign=sign,
        bounded=bounded,
        clusters=tuple(new.cluster or new.example for new, _ in kept),
        examples=len({new.example for new, _ in kept}),
        unscored=int((~scored).sum()),
        failed=int(failed),
        reference_failed=int(reference_failed),
        unpaired=0,
        same=alike and bool(np.all(arm == reference)),
        empty_side=_empty_side(errors),
        lost=int((np.isnan(values[:, 0]) & ~np.isnan(values[:, 1])).sum()),
    )


def _is_same(new: Record, old: Record) -> bool:
    if new.error or old.error:
        return bool(new.error and old.error)
    return bool(new.sha) and new.sha == old.sha


def _empty_side(errors: np.typing.NDArray[np.bool_]) -> str:
    for side, failed in zip(("arm", "reference"), errors.T, strict=True):
        if len(failed) and failed.all():
            return f"every record of the {side} failed"
    return ""
