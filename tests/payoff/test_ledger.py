"""What calls cost and take: the lines against a simulation of each call, token by token."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.payoff.ledger import Ledger
from tersely.payoff.prices import Price, Prices
from tersely.payoff.speed import Speed
from tersely.payoff.terms import Terms

LONGEST = 2000
SHARES = [0.0, 0.1, 0.5, 0.9, 1.0]


def kinds(tokens, hits, writes):
    """Yield what becomes of each token of a prompt: it is read from the cache, written, or not."""
    read = round(hits * tokens)
    written = round(writes * (tokens - read))
    yield from ["cache_read"] * read + ["cache_write"] * written
    yield from ["input"] * (tokens - read - written)


def simulate(tokens, left, terms, prices, speed):
    """Return (USD, seconds) of all calls with a prompt of which `left` tokens are sent."""
    whole = (tokens, terms.cache_hits, terms.output_tokens)
    short = (left, terms.cache_hits_after, terms.output_tokens * terms.inflation)
    usd = seconds = 0.0
    requests = [whole] * int(terms.calls)
    if left < tokens:
        requests = [short] * int(terms.calls) + [whole] * int(terms.calls * terms.retries)
        seconds += speed.seconds(tokens)
        usd += seconds * terms.machine_usd_per_hour / 3600
    for sent, hits, written in requests:
        for kind, count in Counter(kinds(sent, hits, terms.cache_writes)).items():
            usd += count * getattr(prices, kind).at(sent)
            seconds += count * (kind != "cache_read") / terms.prefill_tokens_per_second
        usd += written * prices.output.at(sent)
        seconds += written / terms.output_tokens_per_second
    return usd, seconds


@st.composite
def terms(draw):
    share = st.sampled_from(SHARES)
    return Terms(
        output_tokens=draw(st.integers(0, 200)),
        inflation=draw(st.sampled_from([0.5, 1.0, 1.5])),
        cache_hits=draw(share),
        cache_hits_after=draw(share),
        cache_writes=draw(share),
        calls=draw(st.integers(1, 4)),
        retries=draw(st.integers(0, 1)),
        prefill_tokens_per_second=draw(st.floats(100, 20_000)),
        output_tokens_per_second=draw(st.floats(10, 200)),
        machine_usd_per_hour=draw(st.floats(0, 3)),
    )


def price():
    tiers = st.sampled_from([(), ((500, 6.0),), ((300, 2.0), (1200, 4.0))])
    return st.builds(Price, st.floats(0.01, 10), tiers)


PRICES = st.builds(Prices, input=price(), output=price(), cache_read=price(), cache_write=price())
SPEEDS = st.builds(Speed, fixed_seconds=st.floats(0, 1), seconds_per_token=st.floats(0, 0.01))
BUDGETS = st.sampled_from([Budget(rate=r) for r in (0.1, 0.5, 1.0)] + [Budget(tokens=100)])


@given(terms(), PRICES, SPEEDS, BUDGETS, st.integers(1, 3))
@settings(max_examples=60)
def test_what_calls_cost_and_take_is_what_a_simulation_of_them_says(t, prices, speed, budget, n):
    ledger, tokens = Ledger(budget, t, prices, speed), 1000 * n
    found = [ledger.usd(tokens)[1], ledger.seconds(tokens)[1]]
    assert found == pytest.approx(simulate(tokens, budget_left(budget, tokens), t, prices, speed))
    whole = [ledger.usd(tokens)[0], ledger.seconds(tokens)[0]]
    assert whole == pytest.approx(simulate(tokens, tokens, t, prices, speed))


def budget_left(budget, tokens):
    return min(tokens, budget.limit(tokens))


@given(terms(), PRICES, SPEEDS, BUDGETS, st.sampled_from(["usd", "seconds"]))
@settings(max_examples=60)
def test_it_pays_from_the_length_after_the_last_that_loses(t, prices, speed, budget, unit):
    """The slow, obvious way: look at every length."""
    ledger = Ledger(budget, t, prices, speed)
    found = ledger.balance(unit, 1).break_even_tokens
    pays = [ledger.balance(unit, length).pays for length in range(1, LONGEST + 1, 7)]
    lengths = range(1, LONGEST + 1, 7)
    if found is None:
        assert not pays[-1] or ledger.balance(unit, 10**9).saved <= 0
        return
    assert all(pay for pay, length in zip(pays, lengths, strict=True) if length >= found)
    assert found == 1 or not ledger.balance(unit, found - 1).pays


def only_input(**given):
    prices = Prices.given(input=10.0, cache_read=1.0)
    speed = Speed(fixed_seconds=1.0, seconds_per_token=0.0)
    return Ledger(Budget(rate=0.5), Terms(machine_usd_per_hour=3.6, **given), prices, speed)


def test_a_fixed_cost_is_paid_back_by_the_tokens_it_saves():
    """One second of the machine is 0.001 USD; each token of the prompt saves half of 0.00001."""
    assert only_input().balance("usd", 1000).break_even_tokens == 201


def test_a_cache_that_compressing_misses_makes_it_lose():
    """Nine tenths at a tenth of the price cost 0.19 of the whole, and half is more than that."""
    balance = only_input(cache_hits=0.9).balance("usd", 10_000)
    assert (balance.break_even_tokens, balance.pays) == (None, False)
    assert balance.before == pytest.approx(0.19 * 0.1)


def test_more_calls_with_one_compressed_prompt_share_the_compressor():
    once, often = (only_input(calls=n).balance("usd", 1000) for n in (1, 100))
    assert often.compressor == once.compressor
    assert often.break_even_tokens == 3


def test_longer_answers_cost_what_they_save():
    prices = Prices.given(input=1.0, output=10.0)
    ledger = Ledger(Budget(rate=0.5), Terms(output_tokens=100, inflation=1.5), prices, Speed())
    assert ledger.balance("usd", 1).break_even_tokens == 1001


def test_what_is_within_the_limit_is_not_compressed():
    ledger = Ledger(Budget(tokens=500), Terms(), Prices.given(input=9.0), Speed(fixed_seconds=9))
    assert ledger.balance("usd", 500).saved == 0
    assert ledger.balance("usd", 500).compressor == 0


def test_what_no_length_changes_saves_nothing():
    """A tenth less is kept than is read from the cache at a tenth: both sides are alike."""
    prices = Prices.given(input=1.1, cache_read=0.11)
    terms = Terms(cache_hits=0.9, machine_usd_per_hour=0)
    ledger = Ledger(Budget(rate=0.19), terms, prices, Speed())
    assert ledger.balance("usd", 12_345).saved == 0
    assert ledger.balance("usd", 12_345).break_even_tokens is None
