"""The verdict on a prompt, and why."""

import pytest

from tersely.errors import BudgetError, SettingError
from tersely.payoff import Prices, Speed, Terms, predict_payoff
from tersely.payoff.predict import show_amount
from tersely.payoff.prices import Price

CHEAP = Prices.given(input=1.0)
FAST = Speed(seconds_per_token=1e-6)


def predict(tokens=1000, *, rate=0.5, method="truncate", **given):
    terms = Terms(**({"prices": CHEAP, "speed": FAST} | given))
    return predict_payoff(tokens, rate=rate, method=method, terms=terms)


def test_half_of_a_prompt_saves_half_of_its_price():
    found = predict(machine_usd_per_hour=0)
    assert (found.worth_it, found.tokens_after, found.time) == (True, 500, None)
    assert found.money.saved == pytest.approx(0.0005)
    assert found.compressor_seconds == pytest.approx(0.001)


def test_reasons_say_the_numbers_and_what_is_not_judged():
    money, time = predict(machine_usd_per_hour=0).reasons
    assert money.startswith("Money: 0.001 -> 0.0005 USD, the compressor's 0 included: saves 50%")
    assert time.startswith("Time is not judged: how fast the target reads is not known")


def test_both_money_and_time_must_be_saved_where_both_are_judged():
    slow = Speed(seconds_per_token=0.01)
    found = predict(speed=slow, prefill_tokens_per_second=1000)
    assert (found.money.pays, found.time.pays, found.worth_it) == (True, False, False)
    assert found.time.break_even_tokens is None
    assert "takes 10.50 times as much, never pays" in found.reasons[1]


def test_time_alone_is_judged_where_no_price_is_known():
    terms = Terms(prefill_tokens_per_second=100, speed=FAST)
    found = predict_payoff(1000, rate=0.5, method="truncate", target="llama3", terms=terms)
    assert (found.money, found.worth_it) == (None, True)
    assert found.reasons[0].startswith("Money is not judged")


def test_nothing_to_drop_is_not_worth_it():
    found = predict_payoff(80, tokens_left=100, method="truncate", terms=Terms(prices=CHEAP))
    assert (found.worth_it, found.tokens_after, found.compressor_seconds) == (False, 80, 0.0)
    assert found.reasons == ("It has 80 tokens, and may have 80: nothing is to be dropped.",)


def test_a_prompt_longer_than_the_target_takes_is_compressed_whatever_it_costs():
    short = Prices(input=Price(1), output=None, cache_read=Price(0), cache_write=Price(1))
    short = Prices(
        **{name: getattr(short, name) for name in short.__slots__} | {"window_tokens": 900}
    )
    found = predict(1000, prices=short, cache_hits=1.0)
    assert (found.money.pays, found.worth_it) == (False, True)
    assert "cannot be sent as it is" in found.reasons[0]


def test_the_price_is_the_targets_unless_the_terms_name_one():
    own = predict_payoff(10, rate=0.5, target="gpt-5", terms=Terms(prices="gpt-4o"))
    assert predict_payoff(10, rate=0.5, target="gpt-5").prices.model == "gpt-5"
    assert own.prices.model == "gpt-4o"


def test_what_was_measured_here_counts(monkeypatch):
    measured = Speed(fixed_seconds=7.0, source="measured")
    monkeypatch.setattr("tersely.payoff.predict.find_speed", lambda *names: measured)
    found = predict_payoff(10, rate=0.5, terms=Terms(prices=CHEAP))
    assert (found.speed, found.compressor_seconds) == (measured, 7.0)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, BudgetError, "exactly one"),
        ({"rate": 0.5, "tokens_left": 3}, BudgetError, "exactly one"),
        ({"rate": 0.5}, SettingError, "name it"),
        ({"rate": 0.5, "target": "o200k_base"}, SettingError, "No price is known"),
        ({"rate": 0.5, "terms": Terms(prices="no-such")}, SettingError, "No price is known"),
        ({"rate": 0.5, "terms": Terms(prices=CHEAP, output_tokens=5)}, SettingError, "give output"),
    ],
)
def test_what_is_missing_is_said(given, error, message):
    with pytest.raises(error, match=message):
        predict_payoff(100, **given)


@pytest.mark.parametrize("tokens", [-1, 2.5, True, "9"])
def test_what_is_no_number_of_tokens_is_refused(tokens):
    with pytest.raises(SettingError, match="tokens is a whole number"):
        predict_payoff(tokens, rate=0.5)


def test_amounts_have_three_digits_that_count():
    amounts = (0, 0.000001234, 0.5, 12.3456, -0.00271828, 1234.5)
    assert [*map(show_amount, amounts)] == ["0", "0.00000123", "0.5", "12.3", "-0.00272", "1230"]
