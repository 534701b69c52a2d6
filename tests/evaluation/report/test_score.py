"""Ratios and their quadratic mean."""

import math

import pytest

from tersely.evaluation.report.score import quadratic_mean, ratio, share_of_cost


def test_the_mean_of_squares_leaves_blanks_out():
    assert quadratic_mean([0.6, 0.8, math.nan]) == pytest.approx(math.sqrt(0.5))
    assert quadratic_mean([1.0, 1.0]) == 1.0
    assert math.isnan(quadratic_mean([math.nan]))


def test_better_than_the_original_is_above_one_whichever_way_it_goes():
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(2.0, 3.0, lower_is_better=True) == 1.5
    assert math.isnan(ratio(1.0, 0.0))


def test_a_cost_as_high_as_the_original_halves_the_share():
    assert [share_of_cost(2.0, extra) for extra in (0.0, 2.0, 6.0)] == [1.0, 0.5, 0.25]
