from itertools import product

import numpy as np
import pytest
import reference
from fakes import WordCounter
from hypothesis import given
from hypothesis import strategies as st
from texts import texts

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.select import MOST_MISSES, fit
from tersely.core.units import word_units
from tersely.counting import load_counter

count = WordCounter().count
count_o200k = load_counter("o200k_base").count


def layout_of(text):
    return Layout(Prompt.of(text), word_units(text))


def chosen(text, values, limit, *, fixed=(), **more):
    layout = layout_of(text)
    fixed = np.isin(np.arange(len(layout)), fixed)
    return layout.text(fit(layout, np.array(values, float), limit, count, fixed=fixed, **more))


@given(
    st.lists(st.sampled_from(["cat", "dog", "a b", "\n"]), max_size=12).map(" ".join),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_it_is_what_taking_one_after_the_other_gives(text, limit, random):
    layout = layout_of(text)
    values = np.array([random.choice([0, 1, 1, 2, -np.inf]) for _ in layout.units], float)
    fixed = np.array([random.random() < 0.1 for _ in layout.units], bool)
    if count(layout.text(fixed)) <= limit:
        kept = fit(layout, values, limit, count, fixed=fixed)
        expected = reference.keep_best(layout, values, limit, count, fixed)
        assert layout.text(kept).split() == layout.text(expected).split()


@given(text=texts, limit=st.integers(0, 30), seed=st.integers(0, 9))
def test_it_never_goes_over_however_counts_add_up(text, limit, seed):
    layout = layout_of(text)
    values = np.random.default_rng(seed).random(len(layout))
    kept = fit(layout, values, limit, count_o200k, fixed=np.zeros(len(layout), bool))
    assert count_o200k(layout.text(kept)) <= limit


def test_the_best_are_kept_and_equals_in_reading_order():
    assert chosen("a b c d", [1, 3, 2, 3], 2) == "b d"
    assert chosen("a b c d", [1, 1, 1, 1], 3) == "a b c"


def test_what_is_fixed_is_kept_whatever_it_is_worth():
    assert chosen("a b c", [-np.inf, 5, 9], 2, fixed=[0]) == "a c"


def test_what_is_worth_nothing_at_all_is_never_taken():
    assert chosen("a b c", [-np.inf, 1, -np.inf], 3) == "b"


@pytest.mark.parametrize(("limit", "left"), [(0, ""), (3, "a b c"), (9, "a b c")])
def test_no_room_and_room_for_all(limit, left):
    assert chosen("a b c", [1, 2, 3], limit) == left


def count_letters(text):
    return len(text.replace(" ", ""))


@pytest.mark.parametrize(("fill", "left"), [(True, "aaaa b"), (False, "aaaa")])
def test_what_is_left_of_the_limit_goes_to_what_still_fits(fill, left):
    layout = layout_of("aaaa cccc b")
    values, fixed = np.array([3.0, 2, 1]), np.zeros(3, bool)
    assert layout.text(fit(layout, values, 5, count_letters, fixed=fixed, fill=fill)) == left


def test_filling_gives_up_after_many_misses():
    """Each 'bb' would fit by its own count and one letter, but not in its place."""
    calls = []
    layout = layout_of("aaaa " + "bb " * 100 + "c")
    values, fixed = -np.arange(len(layout), dtype=float), np.zeros(len(layout), bool)
    fit(layout, values, 5, lambda t: (calls.append(t), count_letters(t))[1], fixed=fixed)
    assert len(calls) <= 2 * MOST_MISSES + 16


@given(st.permutations(range(6)), st.integers(0, 24))
def test_nothing_left_out_would_fit(values, limit):
    layout, none = layout_of("one two three four five six"), np.zeros(6, bool)
    kept = fit(layout, np.array(values, float), limit, count_letters, fixed=none)
    for index in np.flatnonzero(~kept):
        more = kept.copy()
        more[index] = True
        assert count_letters(layout.text(more)) > limit


@given(st.permutations(range(6)), st.integers(0, 6))
def test_at_equal_cost_no_choice_is_better(values, limit):
    layout, none = layout_of("one two three four five six"), np.zeros(6, bool)
    kept = fit(layout, np.array(values, float), limit, count, fixed=none)
    choices = [choice for choice in product([0, 1], repeat=6) if sum(choice) <= limit]
    assert np.dot(kept, values) == max(np.dot(choice, values) for choice in choices)


def test_a_unit_that_costs_less_beside_its_neighbour_is_tried():
    def joined(text):
        return len(text) * 2 + 9 * text.count("鳥") - text.count("猫犬")

    layout = layout_of("猫犬鳥")
    kept = fit(layout, np.array([3.0, 1, 2]), 3, joined, fixed=np.zeros(3, bool))
    assert layout.text(kept) == "猫犬"
