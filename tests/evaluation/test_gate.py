"""A gate that opens only for what is shown."""

import json
import math
import random
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import coins, made_arm
from scipy import stats

from tersely.errors import MissingDependency, SettingError
from tersely.evaluation import statistics
from tersely.evaluation.gate import LEAST_CLUSTERS, Margin, clusters_needed, judge
from tersely.evaluation.pairs import pair_arms, pair_runs
from tersely.evaluation.statistics import mean_interval


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)


def spoiled(values, share, *, seed=9):
    """Return values of which about a share has become 0."""
    draw = random.Random(seed)
    return [0.0 if draw.random() < share else value for value in values]


def versus(new, old, *, measure="f1", max_drop=1.0, confidence=0.95, **changes):
    """Judge one task, or several: by name, new and old."""
    tasks = new if isinstance(new, dict) else {"squad": (new, old)}
    pairs = [
        pair
        for task, (arm, full) in tasks.items()
        for pair in pair_arms(
            made_arm("hybrid", arm, measure=measure, task=task, **changes)
            + made_arm("full", full, measure=measure, task=task, **changes),
            arm="hybrid", against="full", measure=measure,
        )
    ]  # fmt: skip
    return judge(pairs, measure=measure, margin=Margin(max_drop=max_drop, confidence=confidence))


FULL = coins(400, 0.8)


def test_a_planted_regression_trips_the_gate_and_an_unchanged_method_does_not():
    old = made_arm("hybrid", FULL, sha="a")
    worse = made_arm("hybrid", spoiled(FULL, 0.05), sha="b")
    for new, passed in ((old, True), (worse, False)):
        pairs = pair_runs(new, old, arm="hybrid", measure="f1")
        assert judge(pairs, measure="f1").passed == passed


def test_a_large_drop_is_called_worse():
    found = versus(spoiled(FULL, 0.1), FULL)
    assert (found.passed, found.worse, found.overall.verdict) == (False, ("squad",), "worse")
    assert found.overall.reason == (
        f"the drop is at least {-found.overall.difference.high:.2f} points"
    )
    assert found.overall.needed is None


def test_a_small_drop_is_shown_if_more_is_allowed():
    found = versus(spoiled(FULL, 0.01), FULL, max_drop=4)
    assert found.passed
    assert -4 < found.overall.difference.low < found.overall.difference.value < 0


def test_an_improvement_is_shown_with_no_drop_allowed():
    assert versus(FULL, spoiled(FULL, 0.1), max_drop=0).passed


def test_means_and_points_are_of_the_measure():
    found = versus([0.5] * 30, [0.75] * 30).overall
    assert (found.arm, found.reference, found.difference.value) == (0.5, 0.75, -25.0)
    found = versus([1.5] * 30, [1.25] * 30, measure="nats").overall
    assert (found.arm, found.reference, found.difference.value) == (1.5, 1.25, -25.0)


def test_no_difference_in_few_examples_shows_nothing():
    found = versus([1.0] * 100, [1.0] * 100)
    assert (found.passed, found.overall.verdict) == (False, "not shown")
    assert found.overall.difference.low == pytest.approx(-3, abs=0.05)
    assert versus([1.0] * 320, [1.0] * 320).passed


def test_texts_that_are_the_same_need_no_bound():
    found = versus([1.0] * LEAST_CLUSTERS, [1.0] * LEAST_CLUSTERS, sha="a")
    assert found.passed
    assert found.overall.same
    assert found.overall.difference.low == 0


def test_too_few_clusters_show_nothing():
    few = LEAST_CLUSTERS - 1
    found = versus([1.0] * few, [1.0] * few, sha="a")
    assert (found.passed, found.overall.verdict) == (False, "too few")
    assert "19 clusters of examples are too few, 20 the least" in found.overall.reason
    assert math.isnan(found.overall.difference.low)
    assert versus([1.0] * 50, [1.0] * 50, cluster="one").overall.verdict == "too few"


def test_failures_of_the_arm_trip_the_gate():
    found = versus(["gone"] * 40 + FULL[40:], FULL)
    assert (found.passed, found.overall.failed) == (False, 40)
    assert found.overall.difference.value == pytest.approx(-100 * sum(FULL[:40]) / 400)


def test_a_reference_that_failed_altogether_shows_nothing():
    found = versus(FULL, ["gone"] * 400)
    assert (found.passed, found.overall.verdict) == (False, "not shown")
    assert found.overall.reason == "every record of the reference failed"


def test_what_could_not_be_scored_is_counted():
    found = versus([None, *FULL[1:]], FULL).overall
    assert (found.difference.count, found.difference.unscored) == (399, 1)


def test_all_tasks_count_the_same():
    found = versus({"a": ([0.5] * 30, [0.75] * 30), "b": ([0.5] * 300, [0.5] * 300)}, None)
    assert found.overall.difference.value == pytest.approx(-12.5)
    assert found.overall.arm == 0.5
    assert (found.overall.clusters, found.overall.difference.count) == (30, 330)


def test_more_tasks_make_the_mean_surer():
    one = versus(spoiled(FULL, 0.02), FULL).overall.difference
    tasks = {name: (spoiled(FULL, 0.02, seed=i), FULL) for i, name in enumerate("abcdefgh")}
    eight = versus(tasks, None).overall.difference
    assert eight.high - eight.low < 0.5 * (one.high - one.low)


def test_a_drop_of_one_task_trips_the_gate_though_the_mean_does_not():
    tasks = dict.fromkeys("abcdefg", (FULL, FULL)) | {"h": (spoiled(FULL, 0.1), FULL)}
    found = versus(tasks, None, max_drop=3)
    assert (found.overall.verdict, found.worse, found.passed) == ("shown", ("h",), False)


def test_a_task_of_too_few_shows_nothing_of_all():
    found = versus({"a": (FULL, FULL), "b": ([1.0] * 5, [1.0] * 5)}, None)
    assert found.overall.verdict == "too few"
    assert found.overall.reason.startswith("b: 5 clusters of examples are too few")


def test_a_task_that_changed_is_not_the_same_for_another_that_did_not():
    pairs = [
        pair
        for task, sha in (("a", "same"), ("b", "other"))
        for pair in pair_runs(
            made_arm("hybrid", [1.0] * 30, task=task, sha="same"),
            made_arm("hybrid", [1.0] * 30, task=task, sha=sha),
            arm="hybrid", measure="f1",
        )
    ]  # fmt: skip
    found = judge(pairs, measure="f1")
    assert [one.same for one in (*found.tasks, found.overall)] == [True, False, False]
    assert not found.passed


def test_the_mean_is_as_unsure_as_its_smallest_task_makes_it():
    found = versus({"a": ([1.0] * 40, [1.0] * 40), "b": ([1.0] * 400, [1.0] * 400)}, None)
    small, large = (finding.difference.low for finding in found.tasks)
    assert small == pytest.approx(-7.3, abs=0.1)
    assert large == pytest.approx(-0.75, abs=0.01)
    assert found.overall.difference.low == pytest.approx(small / 2)


def test_of_nats_the_worst_that_was_seen_is_seen_once_more():
    new, old = [2.0] + [1.1] * 39, [1.0] * 40
    found = versus(new, old, measure="nats").overall.difference
    assert found.value == pytest.approx(-12.25)
    plain = mean_interval(np.subtract(old, new), confidence=0.9)
    again = mean_interval(np.append(np.subtract(old, new), -1.0), confidence=0.9)
    assert found.low == pytest.approx(100 * again.low) != pytest.approx(100 * plain.low)


@settings(max_examples=15)
@given(st.integers(0, 12), st.sampled_from([100, 300, 1000]))
def test_rare_losses_are_bounded_about_as_exactly_known(losses, count):
    found = versus([0.0] * losses + [1.0] * (count - losses), [1.0] * count).overall
    exact = stats.binomtest(losses, count).proportion_ci(0.9, method="exact").high  # 95 % one-sided
    assert -found.difference.low * count / 100 == pytest.approx(exact * count, rel=0.1, abs=1)


@pytest.mark.parametrize(("losses", "gains"), [(0.03, 0.0), (0.05, 0.02), (0.13, 0.10)])
def test_a_drop_just_as_large_as_allowed_is_seldom_called_smaller(losses, gains, monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    draw, passed = np.random.default_rng(7), 0
    (pairs,) = pair_arms(
        made_arm("hybrid", [0.5] * 150) + made_arm("full", [0.5] * 150),
        arm="hybrid", against="full", measure="f1",
    )  # fmt: skip
    for _ in range(100):
        change = draw.choice([-0.5, 0.0, 0.5], 150, p=[losses, 1 - losses - gains, gains])
        one = replace(pairs, arm=pairs.reference + change)
        passed += judge([one], measure="f1", margin=Margin(max_drop=1.5)).passed
    assert passed <= 12  # 5 are promised; of the binomial law 12 is the 99.8th percentile


def test_readers_of_one_example_are_no_more_examples():
    one = versus(spoiled(FULL, 0.05), FULL).overall.difference
    pairs = [
        record
        for reader in "abc"
        for record in made_arm("hybrid", spoiled(FULL, 0.05), reader=reader)
        + made_arm("full", FULL, reader=reader)
    ]
    many = judge(pair_arms(pairs, arm="hybrid", against="full", measure="f1"), measure="f1")
    assert many.overall.difference.low == pytest.approx(one.low)
    assert (many.overall.clusters, many.overall.difference.count) == (400, 1200)


def test_the_examples_that_are_needed_do():
    few = versus(spoiled(FULL, 0.02)[:80], FULL[:80], max_drop=4).overall
    assert few.needed is not None
    assert f"about {few.needed} examples would probably show it" in few.reason
    assert few.needed > 80
    assert versus([1.0] * 350, [1.0] * 350).passed
    assert 300 <= versus([1.0] * 100, [1.0] * 100).overall.needed <= 400


def test_four_tasks_need_a_quarter_of_the_examples_each():
    small = ([0.0, *FULL[1:80]], [1.0, *FULL[1:80]])
    one = versus(*small, max_drop=2.5).overall.needed
    four = versus(dict.fromkeys("abcd", small), None, max_drop=2.5).overall
    assert one > 320
    assert four.needed == pytest.approx(one / 4, rel=0.05)
    assert f"about {four.needed} examples per task would" in four.reason


@pytest.mark.parametrize(("readers", "clusters", "times"), [("abc", 80, 1), ("a", 40, 2)])
def test_examples_that_are_needed_are_not_pairs_or_clusters(readers, clusters, times):
    values, full = [0.0] + [1.0] * (clusters - 1), [1.0] * clusters
    records = [
        replace(record, reader=reader, example=f"{record.example}-{again}", cluster=record.example)
        for reader in readers
        for again in range(times)
        for record in made_arm("hybrid", values) + made_arm("full", full)
    ]
    pairs = pair_arms(records, arm="hybrid", against="full", measure="f1")
    found = judge(pairs, measure="f1", margin=Margin(max_drop=3.5)).overall.needed
    assert found == pytest.approx(
        times * versus(values, full, max_drop=3.5).overall.needed, rel=0.1
    )


@settings(max_examples=30)
@given(st.floats(0.5, 5), st.floats(1, 40))
def test_many_clusters_need_what_the_normal_law_says(room, deviation):
    found = clusters_needed(room, variance=deviation**2, worst=0.0, confidence=0.95)
    slow = next(n for n in range(20, 10**6) if room >= 2.4865 * deviation / math.sqrt(n))
    assert found == pytest.approx(slow, abs=2, rel=0.001)


@pytest.mark.parametrize("room", [-1.0, 0.0, 1e-9])
def test_without_room_no_number_of_examples_is_enough(room):
    assert clusters_needed(room, variance=1.0, worst=100.0, confidence=0.95) is None


def test_a_drop_that_looks_too_large_is_not_promised_to_vanish():
    found = versus(spoiled(FULL, 0.02)[:60], FULL[:60]).overall
    assert (found.verdict, found.needed) == ("not shown", None)
    assert found.reason.endswith("more examples would not show it to be smaller")


def test_all_numbers_are_json():
    found = versus({"a": (FULL, FULL), "b": ([1.0] * 5, [1.0] * 5)}, None)
    numbers = json.loads(json.dumps(found.numbers(), allow_nan=False))
    assert (numbers["passed"], numbers["max_drop"], len(numbers["tasks"])) == (False, 1.0, 2)
    assert numbers["tasks"][1]["difference"]["low"] is None
    assert numbers["overall"]["arm"] == pytest.approx((sum(FULL) / 400 + 1) / 2)


@pytest.mark.parametrize("max_drop", [-1, math.nan, math.inf])
def test_a_drop_is_a_number_of_points(max_drop):
    with pytest.raises(SettingError, match="in points, 0 or more; got"):
        Margin(max_drop=max_drop)


@pytest.mark.parametrize("confidence", [95, 1, 0.3, math.nan])
def test_a_confidence_is_below_one(confidence):
    with pytest.raises(SettingError, match=r"below 1, as in 0\.95; got"):
        Margin(confidence=confidence)


def test_nothing_cannot_be_judged():
    with pytest.raises(SettingError, match="nothing to compare"):
        judge([], measure="f1")


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingDependency, match=r"tersely\[eval\]"):
        versus(FULL, FULL)


@pytest.mark.parametrize("gone", ["record", "score"])
def test_what_an_arm_did_not_do_does_not_pass(gone):
    new, old = [made_arm(arm, [1.0] * 60) for arm in ("hybrid", "full")]
    new[7:9] = [replace(r, scores={"f1": None}) for r in new[7:9]] if gone == "score" else []
    found = judge(pair_arms([*new, *old], arm="hybrid", against="full", measure="f1"), measure="f1")
    assert not found.passed
    assert "2 examples that the reference has a score of" in found.overall.reason
