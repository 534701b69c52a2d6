"""Intervals and tests against slow, obvious ones, and against what they promise."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import made_record
from scipy import stats

from tersely.errors import MissingDependency, SettingError
from tersely.evaluation import statistics
from tersely.evaluation.statistics import (
    Estimate,
    bounds,
    gain,
    mean_interval,
    outcome,
    paired_difference,
    paired_test,
    ratio_interval,
)

NAN = math.nan
some = st.floats(-10, 10).map(lambda x: round(x, 3)) | st.just(NAN)
labelled = st.lists(st.tuples(some, st.sampled_from("abcdef")), max_size=20)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 500)


def slowly(values, labels, of):
    """Draw clusters one by one, put their values in a list, and take the statistic of that."""
    groups = {}
    for value, label in zip(values, labels, strict=True):
        groups.setdefault(label, []).append(value)
    groups = list(groups.values())
    drawn = np.random.default_rng(0).integers(0, len(groups), (500, len(groups)))
    found = [of([value for at in row for value in groups[at]]) for row in drawn]
    return np.percentile(found, [2.5, 97.5])


@settings(max_examples=30)
@given(labelled)
def test_a_mean_is_that_of_whole_clusters_drawn_one_by_one(rows):
    rows = [(value, label) for value, label in rows if not math.isnan(value)]
    values, labels = [v for v, _ in rows], [c for _, c in rows]
    found = mean_interval(values, labels)
    if len(set(labels)) > 1 and not set(values) <= {0.0, 1.0}:
        assert [found.low, found.high] == pytest.approx(slowly(values, labels, np.mean))
        assert found.value == pytest.approx(np.mean(values))


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(-1, 2), st.floats(0.1, 2), st.sampled_from("abc")), min_size=4))
def test_a_ratio_is_that_of_sums_over_whole_clusters(rows):
    pairs, labels = [row[:2] for row in rows], [row[2] for row in rows]
    found = ratio_interval(*zip(*pairs, strict=True), labels)
    slow = slowly(pairs, labels, lambda drawn: np.divide(*np.sum(drawn, axis=0)))
    assert found.value == pytest.approx(np.divide(*np.sum(pairs, axis=0)))
    if len(set(labels)) > 1:
        assert [found.low, found.high] == pytest.approx(slow)


@settings(max_examples=50)
@given(labelled)
def test_what_cannot_be_scored_is_left_out_and_counted(rows):
    values, labels = [v for v, _ in rows], [c for _, c in rows]
    scored = [(v, c) for v, c in rows if not math.isnan(v)]
    bare = mean_interval([v for v, _ in scored], [c for _, c in scored])
    found = mean_interval(values, labels)
    assert (found.count, found.unscored) == (len(scored), len(rows) - len(scored))
    assert found.text() == bare.text()


@settings(max_examples=30)
@given(st.lists(some.filter(lambda x: x == x), min_size=2, max_size=20))
def test_an_interval_moves_and_grows_with_its_values(values):
    values = [value + 2.5 for value in values]  # no 0/1 outcomes
    one, other = mean_interval(values), mean_interval([3 * value - 1 for value in values])
    moved = [3 * end - 1 for end in (one.value, one.low, one.high)]
    assert [other.value, other.low, other.high] == pytest.approx(moved)
    assert one.low <= one.value + 1e-9
    assert one.value - 1e-9 <= one.high


def test_saying_everything_twice_makes_nothing_surer():
    values, labels = [0.1, 0.5, 0.2, 0.9, 0.4], [1, 2, 3, 4, 5]
    once, twice = mean_interval(values, labels), mean_interval(values * 2, labels * 2)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert mean_interval(values * 2).high < once.high


def test_the_same_call_gives_the_same_numbers():
    assert mean_interval([0.1, 0.5, 0.2]) == mean_interval([0.1, 0.5, 0.2])


@pytest.mark.parametrize("batch", [10, 1000])
def test_many_clusters_are_drawn_in_batches(monkeypatch, batch):
    values = np.random.default_rng(1).random(50)
    whole = mean_interval(values)
    monkeypatch.setattr(statistics, "AT_ONCE", batch)
    assert mean_interval(values).text(digits=9) == whole.text(digits=9)


@pytest.mark.parametrize("values", [[], [NAN, NAN]])
def test_of_nothing_nothing_is_known(values):
    found = mean_interval(values)
    assert (found.count, found.unscored) == (0, len(values))
    assert all(map(math.isnan, (found.value, found.low, found.high)))
    assert found.numbers()["value"] is None


def test_one_cluster_has_a_mean_and_no_interval():
    found = mean_interval([0.2, 0.4], ["a", "a"])
    assert found.value == pytest.approx(0.3)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25, 0.25, 0.25]) == Estimate(0.25, 0.25, 0.25, 3, 0)


@pytest.mark.parametrize("outcome", [0, 1])
def test_outcomes_that_are_all_the_same_have_the_exact_interval(outcome):
    exact = stats.binomtest(30 * outcome, 30).proportion_ci(0.95, method="exact")
    found = mean_interval([outcome] * 30)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    by_cluster = mean_interval([outcome] * 60, [*range(30)] * 2)
    assert (by_cluster.low, by_cluster.high) == pytest.approx((exact.low, exact.high))


def test_outcomes_that_never_differ_may_differ_elsewhere():
    found = paired_difference([1, 0] * 15, [1, 0] * 15)
    share = stats.binomtest(0, 30).proportion_ci(0.95, method="exact").high
    assert (found.value, found.low, found.high) == pytest.approx((0, -share, share))
    always = paired_difference([1] * 30, [0] * 30)
    assert (always.value, always.low, always.high) == pytest.approx((1, 1 - 2 * share, 1))


def test_a_pair_needs_both_sides():
    found = paired_difference([0.5, NAN, 0.25, 0.75], [0.25, 0.5, NAN, 0.5])
    assert (found.value, found.count, found.unscored) == (0.25, 2, 2)


def test_less_is_better_for_nats_alone():
    assert list(gain([3, 1], [1, 1], measure="nats")) == [-2, 0]
    assert list(gain([3, 1], [1, 1], measure="f1")) == [2, 0]


def test_a_failure_is_the_worst_there_is_or_is_not_scored():
    failed = made_record(error="BudgetTooSmall: 3", scores={})
    assert outcome(failed, "f1") == 0.0
    assert math.isnan(outcome(failed, "nats"))
    assert outcome(made_record(scores={"f1": 0.5}), "f1") == 0.5
    assert math.isnan(outcome(made_record(scores={"f1": None}), "f1"))


def test_a_ratio_of_itself_is_one_and_of_nothing_zero():
    whole = [0.5, -0.25, 1.0, 0.125]
    assert ratio_interval(whole, whole).value == 1.0
    assert str(ratio_interval([-0.0] * 4, whole).value) == "0.0"
    assert math.isnan(ratio_interval([1, 2], [1, -1]).value)
    assert math.isnan(ratio_interval([], []).value)
    assert ratio_interval([1, 2, NAN], [1, 3, 1]).unscored == 1


def test_outcomes_are_tested_by_the_discordant_pairs():
    a, b = [1] * 9 + [0] * 2 + [1] * 5, [0] * 9 + [1] * 2 + [1] * 5
    found = paired_test([*a, NAN], [*b, 1])
    assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue)
    assert (found.name, found.count, found.unscored) == ("mcnemar", 16, 1)


def test_other_values_are_tested_by_signed_ranks():
    draw = np.random.default_rng(0)
    a, b = draw.random(40), draw.random(40) + 0.1
    found = paired_test(a, b)
    assert (found.name, found.p) == ("wilcoxon", pytest.approx(stats.wilcoxon(a, b).pvalue))


@pytest.mark.parametrize("value", [1.0, 0.5])
def test_pairs_that_do_not_differ_have_a_p_of_one(value):
    assert paired_test([value] * 5, [value] * 5).p == 1.0


@pytest.mark.parametrize("values", [[], [NAN]])
def test_without_a_pair_there_is_no_p(values):
    assert math.isnan(paired_test(values, values).p)


def test_an_interval_of_95_percent_holds_the_mean_about_that_often():
    draw, held = np.random.default_rng(60), 0
    for _ in range(800):  # 2,000 sets of 50 gave 0.937, of 20 0.930; with 800 that is +- 0.009
        values = np.where(draw.random(60) < 0.4, 0.0, draw.random(60))  # the mean is 0.3
        found = mean_interval(values)
        held += found.low <= 0.3 <= found.high
    assert 0.90 <= held / 800 <= 0.99


def test_clusters_that_are_ignored_make_an_interval_too_sure():
    draw, held = np.random.default_rng(5), np.zeros(2)
    for _ in range(150):
        labels = np.repeat(np.arange(30), 6)
        values = draw.normal(size=30)[labels] + 0.3 * draw.normal(size=180)
        for at, clusters in enumerate((labels.tolist(), None)):
            found = mean_interval(values, clusters)
            held[at] += found.low <= 0 <= found.high
    assert held[0] / 150 >= 0.90
    assert held[1] / 150 <= 0.75


def test_strata_are_drawn_apart():
    tables = [np.array([[value, 1.0]] * 5) for value in (1.0, 3.0)]
    assert bounds(tables, lambda sums: sums[1][..., 0] / 5, confidence=0.9) == (3.0, 3.0)


def test_one_side_has_no_other_end():
    table = np.column_stack([np.arange(30.0), np.ones(30)])
    low, high = bounds([table], statistics.mean_of, confidence=0.95, side="greater")
    both = bounds([table], statistics.mean_of, confidence=0.90)
    assert (low, high) == (pytest.approx(both[0]), math.inf)


def test_an_estimate_is_written_with_its_interval():
    found = Estimate(-0.02, -0.09, 0.05, 40, 2)
    assert found.text() == "-0.02 [-0.09, 0.05]"
    assert found.text(digits=1, signed=True) == "-0.0 [-0.1, +0.1]"
    assert found.numbers() == {
        "value": -0.02, "low": -0.09, "high": 0.05, "count": 40, "unscored": 2
    }  # fmt: skip


@pytest.mark.parametrize("confidence", [0, 1, 95, NAN])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(SettingError, match=r"between 0 and 1, as in 0\.95; got"):
        mean_interval([1, 2], confidence=confidence)


@pytest.mark.parametrize("of", [paired_difference, paired_test, ratio_interval])
def test_pairs_of_unlike_length_are_refused(of):
    with pytest.raises(SettingError, match="as many values on both sides; got 2 and 1"):
        of([1, 2], [1])


def test_every_value_has_a_cluster():
    with pytest.raises(SettingError, match="1 clusters are given for 2 values"):
        mean_interval([1, 2], ["a"])
    with pytest.raises(SettingError, match="3 clusters are given for 2 values"):
        ratio_interval([1, 2], [1, 2], ["a", "b", "c"])


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingDependency, match=r"tersely\[eval\]"):
        mean_interval([1, 2, 4])
