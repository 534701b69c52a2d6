"""Surprisal: what a small causal model could not have guessed is worth keeping.

Source: self-information in Li et al. 2023, https://arxiv.org/abs/2310.06201, and perplexity in
Jiang et al. 2023 (LLMLingua), https://arxiv.org/abs/2310.05736.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens, Tokens
from tersely.core.units import Unit

Alignment = Literal["paper", "reference"]


@dataclass(frozen=True, slots=True)
class TokenScores:
    """One text, cut into T tokens, with the surprisal of each.

    Attributes:
        tokens: The tokens; they tile the text.
        nats: (T,), -ln p of each token given those before it.
    """

    tokens: Tokens
    nats: Floats


def score_texts(
    backend: CausalBackend, texts: Sequence[str], *, on_tokens: OnTokens | None = None
) -> list[TokenScores]:
    """Return the surprisal of each token of each text, each text on its own."""
    tokens = [backend.encode(text) for text in texts]
    nats = backend.score([t.ids for t in tokens], on_tokens=on_tokens)
    return [TokenScores(t, n) for t, n in zip(tokens, nats, strict=True)]


def align(nats: Floats, alignment: Alignment) -> Floats:
    """Return what each token is worth, (T,).

    "paper": its own surprisal. "reference": that of the token after it, which is what the
    published code does (it masks token i by the loss in row i, and row i predicts token i + 1);
    the last token of a stretch, which that code always keeps, is then worth infinitely much.
    """
    if alignment == "paper" or len(nats) == 0:
        return nats
    return np.concatenate([nats[1:], [np.inf]])


def unit_values(values: Floats, tokens: Tokens, units: Sequence[Unit]) -> Floats:
    """Return the mean value of the tokens that each unit's core is made of.

    Args:
        values: (T,), one per token.
        tokens: T tokens that tile the units' text.
        units: U units of one text, in order.

    Returns:
        (U,). A token that two units share counts for both; whitespace alone is worth -inf.
    """
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    endless = np.concatenate([[0], np.cumsum(~finite)])
    first, last = unit_tokens(tokens, units)
    count = np.maximum(last - first, 1)
    means: Floats = (sums[last] - sums[np.minimum(first, last)]) / count
    means[endless[last] > endless[np.minimum(first, last)]] = np.inf
    blank = np.array([unit.core >= unit.end for unit in units], dtype=np.bool_)
    means[blank | (last <= first)] = -np.inf
    return means


def unit_tokens(tokens: Tokens, units: Sequence[Unit]) -> tuple[Ints, Ints]:
    """Return the tokens that each unit's core is made of: the first, and one past the last, (U,).

    A token that two units share is in both. There is none where one past the last is not higher.
    """
    cores = np.array([unit.core for unit in units], dtype=np.int64)
    ends = np.array([unit.end for unit in units], dtype=np.int64)
    # The first that ends in the core or, being an empty part of a character, stands in it.
    first = np.minimum(
        np.searchsorted(tokens.ends, cores, side="right"), np.searchsorted(tokens.starts, cores)
    )
    last = np.searchsorted(tokens.starts, ends, side="left")
    return first.astype(np.int64), last.astype(np.int64)


def token_owners(tokens: Tokens, units: Sequence[Unit]) -> Ints:
    """Return which unit each token belongs to: the one its last character is in, (T,)."""
    ends = np.array([unit.end for unit in units], dtype=np.int64)
    last_char = np.where(tokens.ends > tokens.starts, tokens.ends - 1, tokens.starts)
    return np.searchsorted(ends, last_char, side="right").astype(np.int64)
