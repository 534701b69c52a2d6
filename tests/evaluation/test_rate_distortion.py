"""D*(R) by hulls and one sort, against a linear-programming solver and its own promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from tersely.errors import SettingError
from tersely.evaluation.rate_distortion import (
    Candidates,
    Group,
    agnostic_groups,
    aware_groups,
    corpus_rate_curve,
    distortion_rate,
    fixed_rate_curve,
    gap_closed,
    lower_hull,
    mean_point,
)

# On a coarse grid equal rates, equal points and edges of one slope are common.
coarse = st.integers(0, 6).map(lambda n: n / 6)
fine = st.floats(0, 3).map(lambda x: round(x, 4))  # closer rates are one rate
points = st.lists(st.tuples(st.one_of(coarse, fine), st.one_of(coarse, fine)), min_size=1)
groups = st.lists(
    st.builds(lambda own, weight: Group.of(own, weight=weight), points, st.floats(0.1, 10)),
    min_size=1,
    max_size=6,
)
rates = st.floats(0, 3)


def solved(groups, rate):
    """The least distortion by scipy; infinite where nothing has so low a rate."""
    total = sum(group.weight for group in groups)
    cost = np.concatenate([group.weight / total * group.distortions for group in groups])
    paid = np.concatenate([group.weight / total * group.rates for group in groups])
    of = np.repeat(np.arange(len(groups)), [len(group.rates) for group in groups])
    one_each = (of == np.arange(len(groups))[:, None]).astype(float)
    found = linprog(cost, A_ub=paid[None], b_ub=[rate], A_eq=one_each, b_eq=np.ones(len(groups)))
    return found.fun if found.success else math.inf


def instance(seed):
    """Groups and a rate between the least and a little above the most useful one."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(random.integers(1, 6)):
        size = random.integers(1, 9)
        table = random.random((size, 2))
        if random.random() < 0.5:
            table = np.round(table * 4) / 4
        made.append(Group(float(random.integers(1, 5)), table[:, 0], table[:, 1]))
    curve = distortion_rate(made)
    low, high = curve.rates[0], curve.rates[-1]
    rate = float(random.choice([low + 1e-9, high, random.uniform(low, high), high + 0.1]))
    return made, curve, rate


def spent(groups, policy, column):
    """The mean rate or distortion of a policy."""
    total = sum(group.weight for group in groups)
    means = []
    for group, choice in zip(groups, policy, strict=True):
        values = getattr(group, column)
        other = 0.0 if choice.other is None else values[choice.other]
        mean = choice.share * values[choice.candidate] + (1 - choice.share) * other
        means.append(group.weight / total * mean)
    return sum(means)


def test_t1_the_curve_is_the_optimum_of_the_linear_program():
    for seed in range(1000):
        made, curve, rate = instance(seed)
        assert curve.at(rate) == pytest.approx(solved(made, rate), abs=1e-7), seed


@given(groups)
def test_t2_the_curve_is_convex_and_never_rises(given_groups):
    curve = distortion_rate(given_groups)
    assert (np.diff(curve.rates) >= 0).all()
    assert (np.diff(curve.distortions) <= 0).all()
    least, most = curve.rates[0], curve.rates[-1]
    middle = curve.at((least + most) / 2)
    assert middle <= (curve.at(least) + curve.at(most)) / 2 + 1e-9


def asked(table):
    """Candidates of two prompts of three questions each from a table of distortions."""
    rates = np.array([0.0, 0.5, 1.0])
    return [
        Candidates(number // 3, number % 3, rates, np.array(row))
        for number, row in enumerate(table)
    ]


tables = st.lists(st.tuples(coarse, coarse, coarse), min_size=6, max_size=6)


@given(tables, st.floats(0, 1))
def test_t2_knowing_the_question_never_hurts(table, rate):
    aware = distortion_rate(aware_groups(asked(table)))
    agnostic = distortion_rate(agnostic_groups(asked(table)))
    assert aware.at(rate) <= agnostic.at(rate) + 1e-12


@given(tables, st.floats(0, 1))
def test_t2_with_one_question_for_each_prompt_knowing_it_is_no_help(table, rate):
    single = [item for item in asked(table) if item.question == 0]
    aware, agnostic = aware_groups(single), agnostic_groups(single)
    assert distortion_rate(aware).at(rate) == distortion_rate(agnostic).at(rate)


@given(groups, st.data())
def test_t4_no_method_lies_below_the_bound_over_its_own_outputs(given_groups, data):
    weights = [group.weight for group in given_groups]
    picks = [data.draw(st.integers(0, len(group.rates) - 1)) for group in given_groups]
    at = list(zip(given_groups, picks, strict=True))
    rate = np.average([group.rates[pick] for group, pick in at], weights=weights)
    cost = np.average([group.distortions[pick] for group, pick in at], weights=weights)
    assert distortion_rate(given_groups).at(rate) <= cost + 1e-9


def test_t5_one_threshold_for_all_prompts_beats_one_rate_for_each():
    """Ten units a prompt; a calibrated value is what keeping the unit saves."""
    random = np.random.default_rng(5)
    values = -np.sort(-random.random((20, 10)) * random.random((20, 1)), axis=1)
    left = values.sum(1, keepdims=True) - np.c_[np.zeros(20), values.cumsum(1)]
    paths = [Group(1.0, np.arange(11) / 10, row) for row in left]
    fixed, corpus = fixed_rate_curve(paths), corpus_rate_curve(paths)
    for threshold in (0.05, 0.2, 0.5):
        kept = (values >= threshold).sum(1)
        rate, cost = kept.mean() / 10, left[np.arange(20), kept].mean()
        assert cost == pytest.approx(corpus.at(rate))
        assert cost < fixed.at(rate) - 0.02


@given(groups, rates)
def test_t5_sharing_one_mean_rate_is_never_worse_than_the_same_rate_for_all(given_groups, rate):
    fixed = fixed_rate_curve(given_groups)
    paid, cost = rate, fixed.at(rate)
    assert corpus_rate_curve(given_groups).at(paid) <= cost + 1e-9


@given(groups, points, rates)
def test_t6_more_candidates_never_raise_the_curve(given_groups, more, rate):
    first, *rest = given_groups
    table = [*zip(first.rates.tolist(), first.distortions.tolist(), strict=True), *more]
    larger = [Group.of(table, weight=first.weight), *rest]
    before, after = distortion_rate(given_groups).at(rate), distortion_rate(larger).at(rate)
    assert after <= before + 1e-9


@given(groups, st.floats(0, 1))
def test_the_policy_pays_the_rate_and_gets_the_distortion(given_groups, share):
    curve = distortion_rate(given_groups)
    rate = float(curve.rates[0] + share * (curve.rates[-1] - curve.rates[0]))
    policy = curve.policy(rate)
    assert sum(choice.other is not None for choice in policy) <= 1
    assert all(0 < choice.share <= 1 for choice in policy)
    assert spent(given_groups, policy, "rates") <= rate + 1e-9
    assert spent(given_groups, policy, "distortions") == pytest.approx(curve.at(rate), abs=1e-9)


@given(groups, st.floats(0, 1))
def test_the_staircase_lies_on_or_above_the_curve_and_meets_it_at_its_corners(given_groups, share):
    curve = distortion_rate(given_groups)
    rate = float(curve.rates[0] + share * (curve.rates[-1] - curve.rates[0]))
    assert curve.staircase_at(rate) >= curve.at(rate) - 1e-12
    for at, distortion in curve.points:
        assert curve.staircase_at(at) <= distortion


def slow_hull(points):
    """Corners of the lower-left hull: no mixture of two others is as good at the same rate."""
    kept = set()
    for rate, cost in points:
        others = [p for p in points if p != (rate, cost)]
        if any(r <= rate and d <= cost for r, d in others):
            continue
        mixed = [
            d0 + (d1 - d0) * (rate - r0) / (r1 - r0)
            for r0, d0 in others
            for r1, d1 in others
            if r0 < rate < r1
        ]
        if all(cost < mix for mix in mixed):
            kept.add((rate, cost))
    return sorted(kept)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_hull_has_the_corners_that_no_mixture_beats(pairs):
    table = np.array(pairs, dtype=float)
    found = lower_hull(table[:, 0], table[:, 1])
    assert [pairs[at] for at in found] == slow_hull(pairs)
    assert all(pairs.index(pairs[at]) == at for at in found), "of equal points the first"


def test_a_small_curve_by_hand():
    one = Group.of([(0.0, 4.0), (0.5, 1.0), (1.0, 0.0), (0.4, 3.9)], name="x")
    two = Group.of([(0.2, 2.0), (0.6, 2.0), (1.0, 1.0)], weight=3.0)
    curve = distortion_rate([one, two])
    assert curve.rates.tolist() == pytest.approx([0.15, 0.275, 0.4, 1.0])
    assert curve.distortions.tolist() == pytest.approx([2.5, 1.75, 1.5, 0.75])
    assert curve.slopes == pytest.approx([6.0, 2.0, 1.25])
    assert (curve.at(0.1), curve.at(9.0)) == (math.inf, 0.75)
    assert [(c.candidate, c.other) for c in curve.policy(0.3)] == [(1, 2), (0, None)]
    assert curve.policy(0.3)[0].share == pytest.approx(0.8)
    assert curve.staircase_at(0.3) == pytest.approx(1.75)


def test_a_rate_that_rounding_made_a_little_less_still_pays_for_its_corner():
    curve = distortion_rate([Group.of([(0.1, 3.0), (0.3, 1.0)]), Group.of([(0.1, 2.0)])])
    (least, _), (corner, distortion) = curve.points
    assert curve.staircase_at(corner - 1e-15) == distortion
    assert [choice.other for choice in curve.policy(corner - 1e-15)] == [None, None]
    assert math.isfinite(curve.at(least - 1e-15))


def test_a_curve_that_falls_to_zero_gets_there():
    made = [Group.of([(0.1, 0.1 * n), (0.3, 0.0)]) for n in range(1, 40)]
    assert distortion_rate(made).at(1.0) == 0.0


def test_only_the_proportions_of_weights_count():
    made = [Group.of([(0.0, 1.0), (1.0, 0.0)], weight=w * 8e307) for w in (1, 2)]
    small = [Group.of([(0.0, 1.0), (1.0, 0.0)], weight=w * 1e-300) for w in (1, 2)]
    assert distortion_rate(made).points == distortion_rate(small).points


def test_what_cannot_be_a_group_is_refused():
    for weight in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(SettingError, match="weight is a number above 0"):
            Group.of([(0.0, 1.0)], weight=weight)
    for bad, said in (
        ([], "has no candidates"),
        ([(-0.1, 1.0)], "rate is a number of at least 0"),
        ([(math.nan, 1.0)], "rate is a number of at least 0"),
        ([(0.1, math.nan)], "Leave out the candidates that could not be scored"),
    ):
        with pytest.raises(SettingError, match=said):
            Group.of(bad, name="x")
    with pytest.raises(SettingError, match="as many rates as distortions"):
        Group(1.0, np.zeros(2), np.zeros(3))


def test_what_has_no_curve_is_refused():
    for build in (distortion_rate, fixed_rate_curve):
        with pytest.raises(SettingError, match="at least one group"):
            build([])
    curve = distortion_rate([Group.of([(0.5, 1.0)])])
    with pytest.raises(SettingError, match=r"the least is 0\.5"):
        curve.policy(0.4)
    with pytest.raises(SettingError, match="not NaN"):
        curve.at(math.nan)
    assert curve.staircase_at(0.4) == math.inf


def test_questions_of_a_prompt_need_the_same_candidates():
    one, two = (Candidates("x", n, np.array([0.1 * n, 1.0]), np.zeros(2)) for n in (1, 2))
    with pytest.raises(SettingError, match="All that is asked of 'x'"):
        agnostic_groups([one, two])
    assert len(aware_groups([one, two])) == 2


def test_distortions_of_a_prompt_are_averaged_by_weight():
    both = np.array([0.5, 1.0])
    items = [Candidates("x", n, both, np.array([c, 0.0]), w) for n, c, w in ((1, 4, 1), (2, 0, 3))]
    (group,) = agnostic_groups(items)
    assert (group.weight, group.distortions.tolist()) == (4.0, [1.0, 0.0])


def test_at_a_fixed_rate_each_prompt_moves_between_its_own_points():
    made = [Group.of([(0.2, 2.0), (0.6, 0.0)]), Group.of([(0.4, 1.0), (0.4, 3.0)])]
    curve = fixed_rate_curve(made)
    assert np.array(curve.points) == pytest.approx(np.array([(0.4, 1.0), (0.5, 0.5)]))
    assert curve.label == "fixed rate"


def test_the_gap_is_closed_on_the_bound_and_open_at_the_baseline():
    assert gap_closed(3.0, 1.0, 1.0) == 1.0
    assert gap_closed(3.0, 3.0, 1.0) == 0.0
    assert gap_closed(3.0, 4.0, 1.0) == -0.5
    assert math.isnan(gap_closed(1.0, 1.0, 1.0))
    assert math.isnan(gap_closed(math.nan, 1.0, 1.0))
    assert math.isnan(gap_closed(math.inf, 1.0, 1.0))


def test_a_methods_point_is_the_mean_of_its_outputs():
    assert mean_point([(0.5, 1.0), (0.25, 2.0)]) == (0.375, 1.5)
