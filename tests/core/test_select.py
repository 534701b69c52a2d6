"""Choosing the units that fit, against trying every choice."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.select import fit
from tersely.core.units import word_units

WORDS = ["one", "two", "three", "four", "five", "six"]


def layout_of(text):
    return Layout(Prompt.of(text), word_units(text))


def letters(text):
    return len(text.replace(" ", ""))


@given(st.permutations(range(6)), st.integers(0, 24))
def test_what_is_kept_fits_and_nothing_left_out_would(values, limit):
    layout, none = layout_of(" ".join(WORDS)), np.zeros(6, dtype=bool)
    kept = fit(layout, np.array(values, float), limit, letters, fixed=none)
    assert letters(layout.text(kept)) <= limit
    for index in np.flatnonzero(~kept):
        more = kept.copy()
        more[index] = True
        assert letters(layout.text(more)) > limit


@given(st.permutations(range(6)), st.integers(0, 6))
def test_at_equal_cost_the_best_are_kept(values, limit):
    layout, none = layout_of(" ".join(WORDS)), np.zeros(6, dtype=bool)
    kept = fit(layout, np.array(values, float), limit, lambda t: len(t.split()), fixed=none)
    best = max(
        (c for c in product([0, 1], repeat=6) if sum(c) <= limit), key=lambda c: np.dot(c, values)
    )
    assert np.dot(kept, values) == np.dot(best, values)


def test_fixed_units_stay_and_endlessly_worthless_ones_never_come():
    layout = layout_of("one two three")
    fixed = np.array([False, True, False])
    kept = fit(layout, np.array([-np.inf, 0, 1]), 99, letters, fixed=fixed)
    assert kept.tolist() == [False, True, True]


def test_without_filling_the_ranking_is_cut_at_one_place():
    layout, none = layout_of("a bbbbbb c"), np.zeros(3, dtype=bool)
    values = np.array([3.0, 2.0, 1.0])
    assert fit(layout, values, 2, letters, fixed=none).tolist() == [True, False, True]
    alone = fit(layout, values, 2, letters, fixed=none, fill=False)
    assert alone.tolist() == [True, False, False]


def test_equal_values_are_taken_in_reading_order():
    layout, none = layout_of("aa bb cc"), np.zeros(3, dtype=bool)
    assert fit(layout, np.zeros(3), 4, letters, fixed=none).tolist() == [True, True, False]
