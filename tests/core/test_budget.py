import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.errors import BudgetError


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "got neither"),
        ({"tokens": 5, "rate": 0.5}, "got both"),
        ({"tokens": 0}, "tokens is at least 1; got 0"),
        ({"tokens": -3}, "tokens is at least 1; got -3"),
        ({"tokens": 2.0}, "tokens is a whole number, not 2.0"),
        ({"tokens": True}, "tokens is a whole number, not True"),
        ({"tokens": "9"}, "tokens is a whole number, not '9'"),
        ({"rate": 0}, r"in \(0, 1\]; got 0"),
        ({"rate": -0.1}, r"in \(0, 1\]; got -0.1"),
        ({"rate": 1.0001}, r"in \(0, 1\]; got 1.0001"),
        ({"rate": float("nan")}, r"in \(0, 1\]; got nan"),
        ({"rate": float("inf")}, r"in \(0, 1\]; got inf"),
        ({"rate": "0.5"}, "not '0.5'"),
        ({"rate": True}, "not True"),
    ],
)
def test_what_is_no_budget_is_refused(given, says):
    with pytest.raises(BudgetError, match=says) as caught:
        Budget(**given)
    assert "\n" not in str(caught.value)


def test_tokens_are_the_limit_whatever_there_is():
    assert Budget(tokens=7).limit(100) == Budget(tokens=7).limit(3) == 7


@pytest.mark.parametrize(
    ("rate", "total", "limit"),
    [
        *[(0.5, 9, 4), (0.5, 10, 5), (1, 12, 12), (1.0, 0, 0), (0.001, 999, 0)],
        *[(0.29, 100, 29), (0.7, 10, 7), (0.57, 100, 57), (1 / 3, 9, 3), (0.999, 1000, 999)],
    ],
)
def test_a_rate_is_rounded_down_but_not_by_floating_point(rate, total, limit):
    assert Budget(rate=rate).limit(total) == limit


@given(st.floats(0, 1, exclude_min=True), st.integers(0, 10**9))
def test_a_limit_by_rate_is_never_above_the_share(rate, total):
    assert Budget(rate=rate).limit(total) <= rate * total + 1e-6
