"""Under which terms compressing has to pay: prices, speeds, caches, answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tersely.errors import SettingError
from tersely.payoff.prices import Prices
from tersely.payoff.speed import Speed

MACHINE_USD_PER_HOUR = 0.09
"""About what a cloud machine with two virtual processors costs on demand.

Source: m7g.large in us-east-1, 0.0816 USD an hour in June 2026.
    https://main.d1m6t5n8e4tvia.amplifyapp.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026/
"""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What has to be known of the target, and of how it is used, beside the prompt.

    Money is judged where a price is known, time where `prefill_tokens_per_second` is.

    Attributes:
        prices: The target's: a model's name, or `Prices.given(...)`. "" is the model that the
            tokens are counted for.
        output_tokens: Tokens of an answer; None where only the prompt is looked at.
        inflation: Output tokens with the compressed prompt / output tokens with the prompt. Models
            may write more when told less.
        cache_hits: Share of the prompt's tokens, as it is, that the provider reads from its cache.
        cache_hits_after: The same for the compressed prompt. A prompt that is compressed for its
            question has another beginning each time, so 0.
        cache_writes: Share of the tokens not read from the cache that are written to it, before
            and after.
        calls: How often one compressed prompt is sent.
        retries: How often, on average, a call is made again with the whole prompt because the
            answer to the compressed one would not do.
        prefill_tokens_per_second: How fast the target reads; None where nobody knows.
        output_tokens_per_second: How fast it writes.
        machine_usd_per_hour: Price of the machine that compresses; 0 if it is there anyway.
        speed: The compressor's. None is what was measured here before (`tersely payoff
            --measure`), else what `tersely.payoff.speed` assumes.

    Raises:
        SettingError: A value is out of range, or one is missing that another needs.
    """

    prices: str | Prices = ""
    output_tokens: float | None = None
    inflation: float = 1.0
    cache_hits: float = 0.0
    cache_hits_after: float = 0.0
    cache_writes: float = 0.0
    calls: float = 1.0
    retries: float = 0.0
    prefill_tokens_per_second: float | None = None
    output_tokens_per_second: float | None = None
    machine_usd_per_hour: float = MACHINE_USD_PER_HOUR
    speed: Speed | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.prices, str | Prices):
            raise SettingError(f"prices is a model's name or Prices, not {self.prices!r}.")
        if not isinstance(self.speed, Speed | None):
            raise SettingError(f"speed is a Speed, not {self.speed!r}.")
        for name in ("cache_hits", "cache_hits_after", "cache_writes"):
            _check(name, getattr(self, name), "in [0, 1]", most=1.0)
        for name in ("inflation", "retries", "machine_usd_per_hour"):
            _check(name, getattr(self, name), "at least 0")
        _check("calls", self.calls, "above 0", above=True)
        if self.output_tokens is not None:
            _check("output_tokens", self.output_tokens, "at least 0")
        for name in ("prefill_tokens_per_second", "output_tokens_per_second"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), "above 0", above=True)
        self._check_together()

    def _check_together(self) -> None:
        if not self.judges_output:
            return
        if self.output_tokens is None:
            raise SettingError(
                "inflation and retries change what is written: give output_tokens"
                " (--output-tokens), the tokens of an answer."
            )
        reads, writes = self.prefill_tokens_per_second, self.output_tokens_per_second
        if self.output_tokens and reads is not None and writes is None:
            raise SettingError(
                "inflation and retries change how long the target writes: give"
                " output_tokens_per_second (--output-tokens-per-second) too."
            )

    @property
    def judges_output(self) -> bool:
        """Whether the tokens of the answers are not the same before and after."""
        return self.inflation != 1 or self.retries > 0


def _check(
    name: str, value: object, wanted: str, *, most: float = math.inf, above: bool = False
) -> None:
    """Refuse what is not a finite number in [0, most], or above 0.

    Raises:
        SettingError: It is not.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= float(value) <= most or math.isinf(float(value)):  # type: ignore[arg-type]
        raise SettingError(f"{name} is a number {wanted}; not {value!r}.")
    if above and not value:
        raise SettingError(f"{name} is a number {wanted}; not {value!r}.")
