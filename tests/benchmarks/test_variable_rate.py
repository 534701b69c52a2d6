"""The rules of the variable-rate benchmark, on a workload small enough to see."""

import numpy as np
import pytest
from fakes import Percents, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.question.prompts import Case
from benchmarks.question.variable_rate import at_price, at_share, chosen, record_of, reliability

SHARES = st.lists(st.integers(1, 99), min_size=2, max_size=9, unique=True)


def record(*numbers, answer="90"):
    text = " ".join(map(str, numbers))
    case = Case(str(numbers), str(numbers), "en", "why?", (text,), (answer,))
    return record_of(case, Percents(), WordCounter())


def test_a_record_says_what_each_cut_costs_holds_and_keeps():
    found = record(3, 90, 7)
    assert found["cuts"] == [[2, 0, False], [3, 0.9, True], [4, 0.97, True], [5, 1.0, True]]
    assert (found["set"], found["total"]) == ("xquad", 5)
    assert found["fixed"]["0.2"] == [2, False]


def test_a_share_is_reached_by_the_first_cut_that_has_it():
    found = record(3, 90, 7)
    assert [at_share(found, share) for share in (0.1, 0.9, 0.91, 0.99)] == [1, 1, 2, 3]


@given(SHARES, st.floats(0, 20), st.floats(0, 20))
def test_a_higher_setting_never_keeps_less(numbers, one, other):
    found = record(*numbers)
    low, high = sorted((one, other))
    assert 1 <= at_price(found, low) <= at_price(found, high)
    assert 1 <= at_share(found, low / 20) <= at_share(found, high / 20)


@pytest.mark.parametrize("rule", ["one rate", "one threshold", "top-p"])
@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_the_mean_rate_is_not_exceeded(rule, rate):
    numbers = np.random.default_rng(0).permutation(98) + 1
    records = [record(*row.tolist()) for row in numbers.reshape(7, 14)]
    kept = sum(chosen(rule, records, rate).tokens.values())
    asked = 2 * len(records)  # the questions, which are kept at any rate
    least = asked + len(records) if rule != "one rate" else asked  # one word each
    assert kept <= max(rate * 16 * len(records), least)


def test_a_floor_is_kept_where_the_answer_is():
    cells = reliability([record(3, 90, 7), record(5, 20, 75, answer="20")])
    assert [row[3].split()[0] for row in cells] == ["50.0", "50.0", "100.0", "100.0", "100.0"]
