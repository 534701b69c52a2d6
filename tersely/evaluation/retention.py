"""Share of capability retained: what of the contexts' help to the reader is still there.

(M - M_none) / (M_full - M_none), M the mean of a measure over examples that all three have: the
method, the whole prompt ("full"), and the prompt without its contexts ("none"). It is 1 for a
method that changes nothing and 0 for one that drops everything; above 1 the reader does better
without what was dropped, below 0 worse than with nothing. It says nothing where the contexts do
not help the reader, and is not defined there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tersely.errors import SettingError
from tersely.evaluation.arms import ENDS, FULL, NONE
from tersely.evaluation.records import Record
from tersely.evaluation.statistics import (
    LOWER_IS_BETTER,
    Clusters,
    Estimate,
    Values,
    gain,
    outcome,
    paired_difference,
    ratio_interval,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a method retains of what the contexts are worth to a reader.

    Attributes:
        estimate: The share and its interval; None where it is not defined.
        gained: By how much the whole prompt is better than none of the contexts, in the measure's
            own unit; above zero is better, whichever way the measure goes.
        reason: Why it is not defined; "" where it is.
    """

    estimate: Estimate | None
    gained: Estimate
    reason: str = ""


def retention(
    arm: Values,
    full: Values,
    none: Values,
    *,
    measure: str,
    clusters: Clusters = None,
    confidence: float = 0.95,
) -> Retention:
    """Return the share of (full - none) that (arm - none) is, over examples.

    Args:
        arm: (N,), what the method's prompts came to; NaN for what could not be scored.
        full: (N,), the whole prompts, of the same examples in the same order.
        none: (N,), the prompts without contexts.
        measure: Of which measure: less "nats" are better.
        clusters: (N,), what each example is about; None is a cluster each.
        confidence: Of the intervals; that of `gained` must be clear of zero.

    Raises:
        SettingError: The lengths differ, or the confidence is not in (0, 1).
    """
    kept = gain(arm, none, measure=measure)
    whole = gain(full, none, measure=measure)
    lacking = np.isnan(kept + whole)  # (N,), one of the three could not be scored
    better, worse = (none, full) if measure in LOWER_IS_BETTER else (full, none)
    gained = paired_difference(np.where(lacking, np.nan, better), worse, clusters, confidence)
    if gained.count == 0:
        return _undefined(gained, "no example is scored with the method, full and none")
    if not gained.low > 0:
        if np.isnan(gained.low):
            return _undefined(gained, "one cluster of examples is too few to tell")
        return _undefined(gained, f"full does not beat none: {gained.text(signed=True)}")
    return Retention(estimate=ratio_interval(kept, whole, clusters, confidence), gained=gained)


def retention_of(
    records: Iterable[Record], *, arm: str, rate: float, measure: str, confidence: float = 0.95
) -> Retention:
    """Return what an arm retains at a rate, from the records of one task and one reader.

    Every example with a record of the arm counts; where "full" or "none" has no record of it, it
    is counted as unscored. Failures count as `outcome` says.

    Raises:
        SettingError: The records are of several tasks or readers, or none is of the arm and rate.
    """
    found = sorted(records, key=lambda record: record.key)
    if len({(record.task, record.reader) for record in found}) > 1:
        raise SettingError("Retention is of one task and one reader; select the records first.")
    by_arm = {
        name: {r.example: r for r in found if r.arm == name and r.rate == at}
        for name, at in {**ENDS, arm: ENDS.get(arm, rate)}.items()
    }
    mine = by_arm[arm]
    if not mine:
        raise SettingError(f"There is no record of {arm!r} at rate {rate:g}.")
    columns = [
        [outcome(by_arm[name][key], measure) if key in by_arm[name] else np.nan for key in mine]
        for name in (arm, FULL, NONE)
    ]
    clusters = [record.cluster or record.example for record in mine.values()]
    return retention(*columns, measure=measure, clusters=clusters, confidence=confidence)


def _undefined(gained: Estimate, reason: str) -> Retention:
    return Retention(estimate=None, gained=gained, reason=reason)
