"""What is retained of the contexts' help, and where nothing can be said."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import coins, made_arm, made_record

from tersely.errors import SettingError
from tersely.evaluation import statistics
from tersely.evaluation.retention import retention, retention_of

share = st.floats(0, 1)
helped = st.lists(
    st.tuples(st.floats(0.6, 1), st.floats(0, 0.5), share), min_size=4, max_size=12
).map(lambda rows: tuple(map(list, zip(*rows, strict=True))))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 500)


def run(arm, *, full=(1.0,) * 20, none=(0.0,) * 20, measure="f1", **changes):
    """Make the records of three arms."""
    return [
        *made_arm("full", full, measure=measure, **changes),
        *made_arm("none", none, measure=measure, **changes),
        *made_arm("hybrid", arm, measure=measure, **changes),
    ]


def of(records, *, arm="hybrid", measure="f1"):
    return retention_of(records, arm=arm, rate=0.5, measure=measure)


@settings(max_examples=40)
@given(helped)
def test_changing_nothing_retains_all_and_dropping_everything_nothing(values):
    full, none, _ = values
    whole = retention(full, full, none, measure="f1").estimate
    empty = retention(none, full, none, measure="f1").estimate
    assert (whole.value, whole.low, whole.high) == (1.0, 1.0, 1.0)
    assert (empty.value, empty.low, empty.high) == (0.0, 0.0, 0.0)


@settings(max_examples=40)
@given(helped)
def test_it_is_the_ratio_of_mean_gains(values):
    full, none, arm = values
    found = retention(arm, full, none, measure="f1").estimate
    mean = [sum(one) / len(one) for one in (arm, full, none)]
    assert found.value == pytest.approx((mean[0] - mean[2]) / (mean[1] - mean[2]))
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9


@settings(max_examples=20)
@given(helped)
def test_of_nats_less_is_better(values):
    full, none, arm = values
    nats = [[2 - value for value in one] for one in (arm, full, none)]
    found = retention(*nats, measure="nats")
    assert found.estimate.value == pytest.approx(
        retention(arm, full, none, measure="f1").estimate.value
    )
    assert found.gained.value > 0


def test_full_and_none_are_their_own_ends():
    records = run([0.5] * 20)
    assert of(records, arm="full").estimate.value == 1.0
    assert of(records, arm="none").estimate.value == 0.0
    assert of(records).estimate.value == 0.5


def test_it_is_not_defined_where_the_contexts_do_not_help():
    records = run(coins(50, 0.4), full=coins(50, 0.16, seed=1), none=coins(50, 0.36, seed=2))
    found = of(records)
    assert found.estimate is None
    assert found.reason == f"full does not beat none: {found.gained.text(signed=True)}"
    assert found.gained.value < 0


def test_a_gain_that_may_be_chance_is_not_enough():
    full = [1.0] * 3 + [0.0] * 37
    found = of(run([1.0] * 40, full=full, none=[0.0] * 40))
    assert found.gained.value > 0
    assert found.estimate is not None
    found = of(run([1.0] * 40, full=[*full[1:], 0.0], none=[0.0, 0.0, 0.0, 1.0] + [0.0] * 36))
    assert found.estimate is None
    assert found.reason.startswith("full does not beat none: +0.03 [-")


def test_two_examples_show_nothing_whatever_they_show():
    assert of(run([1.0] * 2, full=[1.0] * 2, none=[0.0] * 2)).estimate is None


def test_a_failure_counts_as_nothing_retained():
    found = of(run(["BackendError: gone"] * 5 + [1.0] * 15)).estimate
    assert (found.value, found.count, found.unscored) == (0.75, 20, 0)


def test_a_failure_without_a_worst_is_counted_as_unscored():
    records = run(["gone"] * 5 + [1.0] * 15, full=[0.9] * 20, none=[2.0] * 20, measure="nats")
    found = of(records, measure="nats").estimate
    assert (found.count, found.unscored) == (15, 5)


def test_all_three_must_be_scored():
    full, none = [1.0, None, *[1.0] * 18], [0.0, 0.0, None, *[0.0] * 17]
    found = of(run([None, *[0.5] * 19], full=full, none=none)).estimate
    assert (found.value, found.count, found.unscored) == (0.5, 17, 3)


def test_an_example_without_its_ends_is_unscored():
    found = of(run([0.5] * 20, full=[1.0] * 18)).estimate
    assert (found.count, found.unscored) == (18, 2)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (run([None] * 20), "no example is scored with the method, full and none"),
        (run([0.5] * 20, cluster="one"), "one cluster of examples is too few to tell"),
    ],
)
def test_the_reason_says_what_is_missing(records, reason):
    found = of(records)
    assert (found.estimate, found.reason) == (None, reason)


def test_the_order_of_records_does_not_matter():
    records = run([0.1 * (index % 7) for index in range(20)])
    assert of(records) == of(records[::-1])


def test_examples_of_one_cluster_count_once():
    values = [0.1 * (index % 7) for index in range(20)]
    records = run(values)
    again = [
        made_record(arm=r.arm, rate=r.rate, scores=r.scores, example=f"{r.example}-{i}",
                    cluster=r.example)
        for i in range(3) for r in records
    ]  # fmt: skip
    one, other = of(records).estimate, of(again).estimate
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.05)
    assert not math.isnan(one.low)


def test_records_of_two_tasks_or_readers_are_refused():
    for other in ({"task": "nq"}, {"reader": "other"}):
        with pytest.raises(SettingError, match="one task and one reader"):
            of([*run([1.0] * 20), made_record(**other)])


def test_an_arm_that_did_not_run_is_refused():
    with pytest.raises(SettingError, match=r"no record of 'bm25' at rate 0\.5"):
        of(run([1.0] * 20), arm="bm25")


def test_unlike_lengths_are_refused():
    with pytest.raises(SettingError, match="as many values"):
        retention([1.0], [1.0, 0.0], [1.0], measure="f1")
