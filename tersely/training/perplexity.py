"""Perplexity on held-out text, with an interval over the conversations it was measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tersely._optional import need
from tersely.backends.base import Floats

RESAMPLES = 2_000
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Perplexity:
    """What a model made of the responses of each of N conversations.

    Attributes:
        groups: Names of the conversations.
        nats: (N,), the sum of its surprisals.
        tokens: (N,), how many tokens they are of.
    """

    groups: tuple[str, ...]
    nats: Floats
    tokens: Floats

    @classmethod
    def of(cls, sums: Mapping[str, Sequence[float]]) -> Perplexity:
        """Make it of {conversation: (nats, tokens)}."""
        nats, tokens = np.array(list(sums.values()), dtype=float).reshape(-1, 2).T
        return cls(tuple(sums), nats, tokens)

    @property
    def sums(self) -> dict[str, tuple[float, int]]:
        """What `of` makes it from again."""
        pairs = zip(self.nats.tolist(), self.tokens.tolist(), strict=True)
        return {group: (n, int(t)) for group, (n, t) in zip(self.groups, pairs, strict=True)}

    @property
    def value(self) -> float:
        """The exponential of the mean nats per token."""
        return math.exp(self.nats.sum() / self.tokens.sum())

    def to_json(self) -> dict[str, Any]:
        """Return it, and its interval, as it stands in a card."""
        return {
            "value": round(self.value, 4),
            "interval": [round(bound, 4) for bound in self.interval()],
        }

    def interval(self, seed: int = 0) -> Interval:
        """Return the 95 % interval of the perplexity; NaNs of fewer than two conversations."""
        low, high = _bootstrapped((self.nats, self.tokens), seed)
        return math.exp(low), math.exp(high)

    def change_from(self, before: Perplexity, seed: int = 0) -> tuple[float, Interval]:
        """Return this perplexity as a share of another one on the same conversations.

        Returns:
            The share, and its 95 % interval; conversations are drawn for both at once.
        """
        assert self.groups == before.groups, "of the same conversations"
        low, high = _bootstrapped((self.nats - before.nats, self.tokens), seed)
        return self.value / before.value, (math.exp(low), math.exp(high))

    def change_json(self, before: Perplexity) -> dict[str, Any]:
        """Return how much more or less it is than another, as it stands in a card."""
        share, interval = self.change_from(before)
        return {
            "value": round(share - 1, 5),
            "interval": [round(bound - 1, 5) for bound in interval],
        }


def _bootstrapped(sums: tuple[Floats, Floats], seed: int) -> Interval:
    """Return the 95 % interval of a ratio of sums, drawing its terms in pairs."""
    if len(sums[0]) < 2:
        return math.nan, math.nan
    stats = need("scipy.stats", extra="train")
    found = stats.bootstrap(
        sums,
        lambda top, bottom, axis: top.sum(axis) / bottom.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
