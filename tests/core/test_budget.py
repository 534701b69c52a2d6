"""A budget says how many tokens may be left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.errors import BudgetError


@pytest.mark.parametrize(
    ("rate", "total", "limit"), [(0.29, 100, 29), (0.7, 10, 7), (0.5, 3, 1), (1, 7, 7), (0.2, 4, 0)]
)
def test_a_rate_is_rounded_down_and_never_by_floating_point(rate, total, limit):
    assert Budget(rate=rate).limit(total) == limit


def test_tokens_are_the_limit_whatever_the_total():
    assert [Budget(tokens=5).limit(total) for total in (0, 5, 500)] == [5, 5, 5]


@given(st.floats(0, 1, exclude_min=True), st.integers(0, 10**9))
def test_a_limit_by_rate_is_never_above_the_share(rate, total):
    assert Budget(rate=rate).limit(total) <= rate * total + 1e-6


@pytest.mark.parametrize(
    "bad",
    [
        {}, {"tokens": 1, "rate": 0.5}, {"rate": 0}, {"rate": -0.1}, {"rate": 1.01},
        {"rate": float("nan")}, {"rate": float("inf")}, {"rate": "0.5"}, {"rate": True},
        {"tokens": 0}, {"tokens": -1}, {"tokens": 1.0}, {"tokens": True}, {"tokens": "5"},
    ],
)  # fmt: skip
def test_what_is_no_budget_is_refused(bad):
    with pytest.raises(BudgetError):
        Budget(**bad)
