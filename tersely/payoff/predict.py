"""Say whether compressing a prompt pays, in money and in time, and from which length on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tersely.core.budget import Budget
from tersely.errors import SettingError
from tersely.hard.base import HardCompressor
from tersely.payoff.ledger import Balance, Ledger
from tersely.payoff.prices import Prices, load_prices
from tersely.payoff.speed import Speed, describe_method, find_speed
from tersely.payoff.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """What compressing a prompt will save.

    Attributes:
        tokens: Tokens of the prompt.
        tokens_after: What is left, as the budget has it.
        method: Which method compresses.
        model: Which model it runs; "" for none.
        prices: The target's prices; None where no one knows them, and money is not judged.
        speed: The compressor's.
        terms: What was assumed of the target.
        money: The USD; None where not judged.
        time: The seconds; None where not judged.
        worth_it: Whether to compress: whatever is judged, saves. Or the prompt is too long to be
            sent as it is.
        reasons: Why, one sentence each.
    """

    tokens: int
    tokens_after: int
    method: str
    model: str
    prices: Prices | None
    speed: Speed
    terms: Terms
    money: Balance | None
    time: Balance | None
    worth_it: bool
    reasons: tuple[str, ...]

    @property
    def compressor_seconds(self) -> float:
        """How long the compressor will take; 0 where there is nothing to drop."""
        return self.speed.seconds(self.tokens) if self.tokens_after < self.tokens else 0.0


def predict_payoff(
    tokens: int,
    *,
    tokens_left: int | None = None,
    rate: float | None = None,
    method: str | HardCompressor = "auto",
    model: str | None = None,
    target: str = "",
    terms: Terms | None = None,
) -> Payoff:
    """Predict from a prompt's length what compressing it will save. No model is run.

    >>> predict_payoff(4000, rate=0.5, method="hybrid", target="gpt-5").worth_it
    True

    Args:
        tokens: Tokens of the prompt.
        tokens_left: The most tokens that may be left. Give this or `rate`.
        rate: The same as a share of the prompt's tokens.
        method: A method's name, or what `tersely.load` returned.
        model: The model that a name will be loaded with; None is its default.
        target: The model that the prompt is for, if `terms` does not say whose prices count.
        terms: How the target is used; None is one call that nothing is known of but prices.

    Raises:
        BudgetError: Not one of `tokens_left` and `rate` is given.
        SettingError: Neither a price nor a speed of the target is known, or a value is wrong.
        UnknownName: No method is called that.
    """
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        raise SettingError(f"tokens is a whole number of at least 0, not {tokens!r}.")
    budget = Budget(tokens=tokens_left, rate=rate)
    terms = Terms() if terms is None else terms
    names = describe_method(method, model)
    prices = _prices(terms, target)
    speed = terms.speed or find_speed(*names)
    ledger = Ledger(budget, terms, prices, speed)
    money = ledger.balance("usd", tokens) if prices is not None else None
    timed = terms.prefill_tokens_per_second is not None
    time = ledger.balance("seconds", tokens) if timed else None
    left = min(tokens, budget.limit(tokens))
    judged = [balance for balance in (money, time) if balance is not None]
    too_long = not _fits(tokens, prices)
    saves = left < tokens and all(balance.pays for balance in judged)
    return Payoff(
        tokens=tokens,
        tokens_after=left,
        method=names[0],
        model=names[1],
        prices=prices,
        speed=speed,
        terms=terms,
        money=money,
        time=time,
        worth_it=saves or (too_long and left < tokens),
        reasons=tuple(_reasons(tokens, left, prices, money, time)),
    )


def _prices(terms: Terms, target: str) -> Prices | None:
    """Return the prices that count; None where there are none and time is judged instead.

    Raises:
        SettingError: There are none and nothing else is to be judged; or a needed one is missing.
    """
    found: Prices | None
    if isinstance(terms.prices, Prices):
        found = terms.prices
    elif terms.prices:
        found = load_prices(terms.prices)
    elif not target and terms.prefill_tokens_per_second is None:
        raise SettingError(
            "Whether it pays depends on the model that reads the prompt: name it with"
            ' tokenizer="gpt-5", Terms(prices="gpt-5") or --for gpt-5.'
        )
    else:
        try:
            found = load_prices(target) if target else None
        except SettingError:
            if terms.prefill_tokens_per_second is None:
                raise
            return None
    if found is not None and terms.output_tokens and found.output is None:
        raise SettingError("There are output_tokens, and no price for them: give output too.")
    return found


def _reasons(
    tokens: int, left: int, prices: Prices | None, money: Balance | None, time: Balance | None
) -> Iterator[str]:
    if left >= tokens:
        yield f"It has {tokens} tokens, and may have {left}: nothing is to be dropped."
        return
    if prices is not None and not _fits(tokens, prices):
        yield (
            f"It has {tokens} tokens, and {prices.model} takes {prices.window_tokens}: it cannot be"
            " sent as it is."
        )
    no_price = "no price is known (--input-price)"
    no_speed = "how fast the target reads is not known (--prefill-tokens-per-second)"
    yield f"Money is not judged: {no_price}." if money is None else _told("Money", money)
    yield f"Time is not judged: {no_speed}." if time is None else _told("Time", time)


def _told(name: str, balance: Balance) -> str:
    """Return one sentence: what is saved or lost, of what, and from which length on it pays."""
    unit = "USD" if balance.unit == "usd" else "s"
    before, after, own = map(show_amount, (balance.before, balance.after, balance.compressor))
    if balance.pays:
        change = f"saves {balance.saved / balance.before:.0%}"
    elif balance.saved == 0:
        change = "saves nothing"
    else:
        times = f"{balance.after / balance.before:.2f} times as much" if balance.before else "more"
        change = f"takes {times}"
    least = balance.break_even_tokens
    since = "never pays" if least is None else f"pays from {least} tokens on"
    since = "pays at any length" if least == 1 else since
    return (
        f"{name}: {before} -> {after} {unit}, the compressor's {own} included: {change}, {since}."
    )


def show_amount(value: float) -> str:
    """Return a number with three digits that count."""
    return np.format_float_positional(value, precision=3, unique=False, fractional=False, trim="-")


def _fits(tokens: int, prices: Prices | None) -> bool:
    return prices is None or prices.window_tokens is None or tokens <= prices.window_tokens
