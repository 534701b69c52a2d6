"""The terms: what is out of range, or does not go together, is refused with what to do."""

import pytest

from tersely.errors import SettingError
from tersely.payoff.terms import Terms

WRONG = [
    ({"cache_hits": 1.1}, r"cache_hits is a number in \[0, 1\]; not 1.1"),
    ({"cache_hits_after": -0.1}, "cache_hits_after"),
    ({"cache_writes": float("nan")}, "cache_writes"),
    ({"inflation": -1}, "inflation is a number at least 0"),
    ({"inflation": True}, "inflation"),
    ({"retries": float("inf")}, "retries"),
    ({"calls": 0}, "calls is a number above 0"),
    ({"calls": "3"}, "calls"),
    ({"output_tokens": -1}, "output_tokens"),
    ({"prefill_tokens_per_second": 0}, "prefill_tokens_per_second is a number above 0"),
    ({"output_tokens_per_second": -5}, "output_tokens_per_second"),
    ({"machine_usd_per_hour": -1}, "machine_usd_per_hour"),
    ({"prices": 3}, "prices is a model's name or Prices"),
    ({"speed": 3}, "speed is a Speed"),
    ({"inflation": 1.2}, "give output_tokens"),
    ({"retries": 0.1}, "give output_tokens"),
    (
        {"retries": 0.1, "output_tokens": 9, "prefill_tokens_per_second": 100},
        "give output_tokens_per_second",
    ),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_wrong_is_refused(given, message):
    with pytest.raises(SettingError, match=message):
        Terms(**given)


def test_an_answer_of_no_tokens_may_be_made_again():
    assert Terms(retries=0.5, output_tokens=0, prefill_tokens_per_second=100).judges_output
