"""What a compression saved, now that it is done."""

from __future__ import annotations

from dataclasses import dataclass

from tersely.core.result import Compression
from tersely.payoff.predict import show_amount
from tersely.payoff.prices import Prices, load_prices
from tersely.payoff.terms import MACHINE_USD_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What is saved each time that a compressed prompt is sent instead of the prompt.

    Caches and answers are not in it: `predict_payoff` knows of these.

    Attributes:
        tokens_before: Tokens of the prompt.
        tokens_after: Tokens of what is sent.
        tokenizer: Whose.
        exact: Whether that is the target's own tokenizer.
        seconds: How long compressing took.
        usd_before: List price of the prompt; None where no model was named.
        usd_after: List price of what is sent, and the machine's for the time it took.
        prices: By which; None where no model was named.
    """

    tokens_before: int
    tokens_after: int
    tokenizer: str
    exact: bool
    seconds: float
    usd_before: float | None = None
    usd_after: float | None = None
    prices: Prices | None = None

    @property
    def saved_tokens(self) -> int:
        """How many tokens fewer are sent."""
        return self.tokens_before - self.tokens_after

    @property
    def saved_usd(self) -> float | None:
        """What is saved, below 0 where it is lost; None where no model was named."""
        if self.usd_before is None or self.usd_after is None:
            return None
        return self.usd_before - self.usd_after

    def __str__(self) -> str:
        """Return one line for people."""
        about = "" if self.exact else "about "
        line = f"{about}{self.saved_tokens} of {self.tokens_before} tokens saved ({self.tokenizer})"
        if self.saved_usd is not None and self.usd_before is not None and self.prices is not None:
            saved, whole = show_amount(self.saved_usd), show_amount(self.usd_before)
            line += f", {saved} of {whole} USD ({self.prices.model or 'given prices'})"
        return f"{line}, {1000 * self.seconds:.0f} ms spent"


def savings(
    result: Compression,
    model: str | Prices = "",
    *,
    machine_usd_per_hour: float = MACHINE_USD_PER_HOUR,
) -> Savings:
    """Return what a compression saved: tokens, money at list prices, and the time it took.

    Args:
        result: What `compress` returned.
        model: Whose prices count: a name, or `Prices.given(...)`; "" leaves money out.
        machine_usd_per_hour: Price of the machine that compressed.

    Raises:
        SettingError: No price of that model is known.
    """
    prices = (load_prices(model) if model else None) if isinstance(model, str) else model
    before = after = None
    if prices is not None:
        spent = result.seconds / 3600 * machine_usd_per_hour
        before = result.tokens_before * prices.input.at(result.tokens_before)
        after = result.tokens_after * prices.input.at(result.tokens_after) + spent
    return Savings(
        tokens_before=result.tokens_before,
        tokens_after=result.tokens_after,
        tokenizer=result.tokenizer,
        exact=result.exact,
        seconds=result.seconds,
        usd_before=before,
        usd_after=after,
        prices=prices,
    )
