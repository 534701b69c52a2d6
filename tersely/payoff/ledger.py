"""What calls with a prompt cost and take, without and with compression, as lines over its length.

For a prompt of n tokens of which m are left (docs/payoff.md):

    a call costs   n (h read + (1 - h) (w write + (1 - w) input)) + o output
    and takes      (1 - h) n / prefill + o / speed of writing

h is the share that is read from the provider's cache, w what is written to it of the rest, o the
output tokens. Compressed, m, `cache_hits_after` and `inflation` times o stand for n, h and o,
`retries` whole calls come on top, and the compressor's own time once for all calls.

Source: Kummer et al. 2026, "Prompt Compression in the Wild", for the time: the compressor's own
    against the target's. https://arxiv.org/abs/2604.02985
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tersely.core.budget import Budget
from tersely.payoff.break_even import break_even
from tersely.payoff.prices import Prices
from tersely.payoff.speed import Speed
from tersely.payoff.terms import Terms

NOISE = 1e-12
"""Share of a sum below which a difference is nothing but rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What all calls with a prompt take without and with compression, in USD or in seconds.

    Attributes:
        unit: "usd" or "seconds".
        before: Without compression.
        after: With it, the compressor's own part included.
        compressor: That part.
        break_even_tokens: The least prompt length from which on it pays; None is never.
    """

    unit: Literal["usd", "seconds"]
    before: float
    after: float
    compressor: float
    break_even_tokens: int | None

    @property
    def saved(self) -> float:
        """How much less it takes; below 0 where it takes more."""
        return _difference(self.before, self.after)

    @property
    def pays(self) -> bool:
        """Whether anything is saved."""
        return self.saved > 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """What prompts of any length cost and take, before and after.

    Attributes:
        budget: What is left of a prompt.
        terms: How the target is used.
        prices: What it costs; None where only time is asked for.
        speed: The compressor's.
    """

    budget: Budget
    terms: Terms
    prices: Prices | None
    speed: Speed

    def balance(self, unit: Literal["usd", "seconds"], tokens: int) -> Balance:
        """Return what a prompt takes and from which length on compressing pays."""
        sides = self.usd if unit == "usd" else self.seconds

        def saved(length: float) -> float:
            before, after, _ = sides(length)
            return _difference(before, after)

        before, after, own = sides(tokens)
        return Balance(
            unit=unit,
            before=before,
            after=after,
            compressor=own,
            break_even_tokens=break_even(saved, self.edges()),
        )

    def left(self, tokens: float) -> float:
        """Return how many tokens are left of a prompt, without rounding, so that it is a line."""
        if self.budget.rate is not None:
            return tokens * self.budget.rate
        assert self.budget.tokens is not None
        return min(tokens, self.budget.tokens)

    def edges(self) -> Iterator[int]:
        """Yield the lengths at which the lines may jump or bend."""
        if self.budget.tokens is not None:
            yield self.budget.tokens
        for start in self.prices.tiers if self.prices else ():
            yield start
            if self.budget.rate is not None:
                yield int(round(start / self.budget.rate, 6))

    def usd(self, tokens: float) -> tuple[float, float, float]:
        """Return what all calls cost before, after, and the compressor's part of the latter."""
        terms, left = self.terms, self.left(tokens)
        before = self._call_usd(tokens, terms.cache_hits, 1.0)
        if left >= tokens:
            return terms.calls * before, terms.calls * before, 0.0
        after = self._call_usd(left, terms.cache_hits_after, terms.inflation)
        own = self.speed.seconds(tokens) / 3600 * terms.machine_usd_per_hour
        calls = terms.calls
        return calls * before, calls * (after + terms.retries * before) + own, own

    def seconds(self, tokens: float) -> tuple[float, float, float]:
        """Return how long all calls take before, after, and the compressor's part of the latter."""
        terms, left = self.terms, self.left(tokens)
        before = self._call_seconds(tokens, terms.cache_hits, 1.0)
        if left >= tokens:
            return terms.calls * before, terms.calls * before, 0.0
        after = self._call_seconds(left, terms.cache_hits_after, terms.inflation)
        own, calls = self.speed.seconds(tokens), terms.calls
        return calls * before, calls * (after + terms.retries * before) + own, own

    def _call_usd(self, tokens: float, hits: float, inflation: float) -> float:
        prices, writes = self.prices, self.terms.cache_writes
        assert prices is not None
        fresh = writes * prices.cache_write.at(tokens) + (1 - writes) * prices.input.at(tokens)
        usd = tokens * (hits * prices.cache_read.at(tokens) + (1 - hits) * fresh)
        if self.terms.output_tokens and prices.output is not None:
            usd += inflation * self.terms.output_tokens * prices.output.at(tokens)
        return usd

    def _call_seconds(self, tokens: float, hits: float, inflation: float) -> float:
        terms = self.terms
        assert terms.prefill_tokens_per_second is not None
        seconds = (1 - hits) * tokens / terms.prefill_tokens_per_second
        if terms.output_tokens and terms.output_tokens_per_second is not None:
            seconds += inflation * terms.output_tokens / terms.output_tokens_per_second
        return seconds


def _difference(before: float, after: float) -> float:
    saved = before - after
    return 0.0 if abs(saved) <= NOISE * max(before, after) else saved
