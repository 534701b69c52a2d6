"""What a perfect choice among recorded outputs would reach, and how far each arm is from it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.evaluation.bound import best_found, bound_of_records, distortion
from tersely.evaluation.records import Record


def record(example, arm, rate, nats, *, kept=None, **changes):
    """A prompt of 10 tokens and a context of 100, of which `kept` are left."""
    whole = {
        "task": "t", "task_version": 1, "family": "question answering", "example": example,
        "cluster": example, "group": "", "arm": arm, "rate": rate, "reader": "r",
        "limit_tokens": 60, "whole_tokens": 110, "context_tokens": 100,
        "tokens": 10 + round(100 * (rate if kept is None else kept)), "scores": {"nats": nats},
    }  # fmt: skip
    return Record(**(whole | changes))


def ends(example, full, none):
    return [record(example, "full", 1.0, full), record(example, "none", 0.0, none)]


TWO = [
    *ends("a", 1.0, 3.0),
    *ends("b", 0.0, 4.0),
    record("a", "x", 0.5, 1.0),
    record("b", "x", 0.5, 4.0),
    record("a", "y", 0.5, 3.0, kept=0.4),
    record("b", "y", 0.5, 2.0, kept=0.4),
]


def test_the_curve_chooses_the_best_output_of_each_example():
    curve = best_found(TWO)
    assert curve.label == "best found"
    assert curve.points[0] == (0.0, 3.5)
    assert curve.at(0.2) == pytest.approx(2.5)  # b by y: 2 nats for 0.4 of it
    assert curve.at(0.45) == pytest.approx(1.5)  # and a by x
    assert curve.at(1.0) == pytest.approx(0.5)


def test_each_arm_is_placed_beside_the_bound():
    found = bound_of_records(TWO)
    x = next(arm for arm in found.arms if arm.arm == "x")
    assert (x.asked_rate, x.rate, x.distortion, x.examples) == (0.5, 0.5, 2.5, 2)
    assert x.bound == pytest.approx(best_found(TWO).at(0.5))
    assert x.gap == pytest.approx(2.5 - x.bound)
    assert x.gap_closed(3.5) == pytest.approx(1.0 / (3.5 - x.bound))
    assert [arm.arm for arm in found.arms] == ["full", "none", "x", "y"]


def test_failures_and_what_was_not_scored_are_no_candidates_and_are_counted():
    failed = record("a", "z", 0.5, 0.0, error="BudgetTooSmall: no")
    unscored = record("b", "z", 0.5, None)
    found = bound_of_records([*TWO, failed, unscored])
    assert (found.left_out, found.examples) == (2, 2)
    assert found.curve.points == best_found(TWO).points
    z = found.arms[-1]
    assert (z.examples, z.unscored) == (0, 2)
    assert math.isnan(z.rate)
    assert math.isnan(z.gap)


def test_an_arm_that_failed_on_hard_examples_is_compared_on_the_others():
    easy = [*ends("a", 0.0, 0.1), *ends("b", 5.0, 9.0), record("a", "x", 0.5, 0.05)]
    found = bound_of_records([*easy, record("b", "x", 0.5, None)])
    x = next(arm for arm in found.arms if arm.arm == "x")
    assert (x.examples, x.unscored) == (1, 1)
    assert x.bound == pytest.approx(0.05)
    assert found.curve.at(0.5) > 2


def test_an_example_without_any_score_is_left_out():
    found = bound_of_records([*TWO, record("c", "x", 0.5, None)])
    assert found.examples == 2


def test_scores_where_more_is_better_are_turned_round():
    made = [
        record("a", "full", 1.0, None, scores={"f1": 0.75}),
        record("a", "none", 0.0, None, scores={"f1": 0.25}),
    ]
    assert best_found(made, "f1").points == [(0.0, 0.75), (1.0, 0.25)]
    assert distortion(made[0], "f1") == 0.25
    assert best_found(made) is None


def test_without_records_there_is_no_curve():
    assert best_found([]) is None
    found = bound_of_records([])
    assert (found.curve, found.examples, found.arms) == (None, 0, ())


def test_records_of_two_tasks_or_readers_are_refused():
    for changes in ({"task": "u"}, {"reader": "s"}):
        mixed = [*TWO, record("c", "x", 0.5, 1.0, **changes)]
        for call in (best_found, bound_of_records):
            with pytest.raises(SettingError, match="one task and one reader"):
                call(mixed)


outputs = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 3), st.integers(0, 100),
        st.one_of(st.none(), st.floats(0, 9)),
    ),
    unique_by=lambda row: row[:2],
    min_size=1,
)  # fmt: skip


@given(outputs)
def test_t4_no_arm_lies_below_the_bound_whatever_failed(rows):
    made = [record(str(e), str(a), 0.5, nats, kept=kept / 100) for e, a, kept, nats in rows]
    for arm in bound_of_records(made).arms:
        assert not arm.gap < -1e-9
        assert arm.examples + arm.unscored == sum(str(a) == arm.arm for _, a, _, _ in rows)


@given(outputs, outputs)
def test_t6_another_arm_never_raises_the_curve(rows, more):
    made = [record(str(e), str(a), 0.5, nats, kept=k / 100) for e, a, k, nats in rows]
    known = {one.example for one in made if one.scores["nats"] is not None}
    new = [record(str(e), f"new {a}", 0.5, n, kept=k / 100) for e, a, k, n in more]
    before = best_found(made)
    after = best_found([*made, *(one for one in new if one.example in known)])
    for rate in np.linspace(0, 1, 7) if before else ():
        assert after.at(rate) <= before.at(rate) + 1e-9
