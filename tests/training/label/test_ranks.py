"""Places instead of values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tersely.training.label.ranks import join_ranks, rank_values, telling

VALUES = arrays(np.float64, st.integers(2, 30), elements=st.floats(-9, 9, width=16))


def slow_rank(values):
    """Half a place for each equal one, itself excepted, and a whole one for each lower one."""
    last = len(values) - 1
    return [(sum(o < v for o in values) + (sum(o == v for o in values) - 1) / 2) / last
            for v in values]  # fmt: skip


@given(VALUES)
def test_places_are_those_of_the_slow_way(values):
    assert rank_values(values) == pytest.approx(slow_rank(values.tolist()))


@given(VALUES)
def test_their_mean_is_a_half_whatever_the_values(values):
    assert rank_values(values).mean() == pytest.approx(0.5)


def test_only_the_order_counts():
    assert rank_values(np.array([0.1, 7.0, 0.2])).tolist() == [0.0, 1.0, 0.5]
    assert rank_values(np.array([-5.0, 9e9, 0.0])).tolist() == [0.0, 1.0, 0.5]


def test_one_word_alone_is_in_the_middle():
    assert rank_values(np.array([3.0])).tolist() == [0.5]


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [1.0, np.nan], [1.0, np.inf]])
def test_values_that_do_not_differ_or_are_no_numbers_tell_nothing(values):
    assert not telling(np.array(values))


@given(st.integers(1, 5), st.integers(2, 9), st.sampled_from([0.5, 1.0, 8.0]))
def test_one_question_alone_is_not_changed_by_any_power(questions, words, power):
    ranks = np.tile(rank_values(np.arange(words) % 3.0), (questions, 1))
    assert join_ranks(ranks, power) == pytest.approx(ranks[0])


def test_a_high_power_prefers_the_best_word_of_one_question_to_the_middling_of_all():
    ranks = np.array([[1.0, 0.7, 0.0], [0.0, 0.7, 0.5]])
    assert join_ranks(ranks, 1.0).argmax() == 1
    assert join_ranks(ranks, 8.0).argmax() == 0
