"""What a compression saved."""

from dataclasses import replace

import pytest

import tersely
from tersely.errors import SettingError
from tersely.payoff import Price, Prices, savings

DONE = replace(
    tersely.compress("One two three. Four five six.", tokens=4, method="truncate"),
    tokens_before=2000,
    tokens_after=500,
    seconds=0.25,
)


def test_tokens_money_and_time_are_reported():
    found = DONE.report("gpt-5")
    assert (found.saved_tokens, found.seconds, found.prices.model) == (1500, 0.25, "gpt-5")
    assert found.usd_before == pytest.approx(2000 * 1.25e-6)
    assert found.saved_usd == pytest.approx(1500 * 1.25e-6 - 0.25 * 0.09 / 3600)


def test_without_a_model_money_is_left_out():
    found = DONE.report()
    assert (found.saved_tokens, found.saved_usd) == (1500, None)
    assert str(found) == "1500 of 2000 tokens saved (o200k_base), 250 ms spent"


def test_people_get_one_line():
    line = str(savings(DONE, Prices.given(input=1.0), machine_usd_per_hour=0))
    assert "0.0015 of 0.002 USD (given prices), 250 ms spent" in line


def test_a_stand_in_says_so():
    assert str(replace(DONE, exact=False).report()).startswith("about 1500 of 2000")


def test_a_shorter_prompt_may_fall_into_a_cheaper_tier():
    tiered = replace(Prices.given(input=1.0), input=Price(1.0, ((1000, 2.0),)))
    found = savings(DONE, tiered, machine_usd_per_hour=0)
    assert found.saved_usd == pytest.approx(2000 * 2e-6 - 500 * 1e-6)


def test_a_model_without_a_price_is_refused():
    with pytest.raises(SettingError, match="No price is known"):
        DONE.report("no-such-model")
