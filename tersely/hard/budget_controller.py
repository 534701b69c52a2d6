"""The coarse half of LLMLingua: drop whole demonstrations, then sentences, by perplexity.

Paper:    Jiang et al. 2023, LLMLingua, section 4.1 and algorithm 1. https://arxiv.org/abs/2310.05736
Differs:  the paper lets the last demonstration overshoot k times the budget; here sentences of
          what was chosen are dropped down to exactly that, so the cost of the fine half is
          bounded. Both levels use the same one reading of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.base import Floats, Ints
from tersely.core.layout import Bools, Layout
from tersely.core.units import sentence_groups
from tersely.scorers.surprisal import TokenScores, token_owners

LONGEST_SENTENCE = 100
"""Tokens after which a sentence is cut, so that text without sentences can be dropped in parts."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What the coarse stages leave for the fine one.

    Attributes:
        kept: (U,), units that go on.
        values: (U,), mean surprisal of the sentence (or demonstration) a dropped unit went with;
            0 for the rest.
    """

    kept: Bools
    values: Floats


@dataclass(frozen=True, slots=True)
class _Block:
    """Units of one segment that stand or fall together; all arrays are (units,).

    Attributes:
        segment: Index of the segment.
        units: Indices of the units.
        tokens: Tokens of each that may go.
        nats: Summed surprisal of each.
        all: Tokens of each.
    """

    segment: int
    units: Ints
    tokens: Ints
    nats: Floats
    all: Ints

    @property
    def value(self) -> float:
        """Mean surprisal of the tokens: the logarithm of the perplexity."""
        return float(self.nats.sum() / max(1, self.all.sum()))


def choose_pool(
    layout: Layout, scores: dict[int, TokenScores], free: Bools, most_tokens: float
) -> Pool:
    """Keep the demonstrations, then the sentences, with the highest perplexity.

    Args:
        layout: U units.
        scores: What the model said of each segment that may lose something, read on its own.
        free: (U,), units that may be dropped.
        most_tokens: How many of the model's tokens may go on.
    """
    members = layout.by_segment()
    whole = [
        _Block(i, members[i], *_measure(layout, members[i], scores[i], free))
        for i in sorted(scores)
    ]
    pool = Pool(np.ones(len(layout), dtype=np.bool_), np.zeros(len(layout)))
    if len(whole) > 1:
        whole = _best(whole, most_tokens, pool, free, overshoot=True)
    sentences = [
        sentence
        for block in sorted(whole, key=lambda b: b.segment)
        for sentence in _sentences(layout, block, scores[block.segment], free)
    ]
    if sum(int(block.tokens.sum()) for block in sentences) > most_tokens:
        _best(sentences, most_tokens, pool, free, overshoot=False)
    return pool


def _best(
    blocks: Sequence[_Block], most_tokens: float, pool: Pool, free: Bools, *, overshoot: bool
) -> list[_Block]:
    """Keep the blocks worth most, take the others out of the pool, and return the kept ones.

    With `overshoot`, the block that passes the limit is still taken, as algorithm 1 does;
    otherwise blocks that do not fit are passed over. The best one is always taken.
    """
    kept: list[_Block] = []
    used, full = 0, False
    for block in sorted(blocks, key=lambda b: -b.value):
        tokens = int(block.tokens.sum())
        fits = used + tokens <= most_tokens
        if not kept or (not full and (fits or overshoot)):
            kept.append(block)
            used += tokens
            full = overshoot and not fits
        else:
            places = block.units[free[block.units]]
            pool.kept[places] = False
            pool.values[places] = block.value
    return kept


def _sentences(layout: Layout, block: _Block, scores: TokenScores, free: Bools) -> list[_Block]:
    """Cut one segment's units into sentences, long ones into several."""
    units = [layout.units[place] for place in block.units.tolist()]
    text = layout.prompt.segments[block.segment].text
    groups = np.array(sentence_groups(units, text))
    before = np.cumsum(block.all) - block.all  # tokens before each unit
    before -= before[np.searchsorted(groups, groups)]  # ... of the same sentence
    cuts = np.flatnonzero(np.diff(groups) | np.diff(before // LONGEST_SENTENCE)) + 1
    parts = (
        np.split(values, cuts) for values in (block.units, block.tokens, block.nats, block.all)
    )
    return [_Block(block.segment, *part) for part in zip(*parts, strict=True)]


def _measure(
    layout: Layout, places: Ints, scores: TokenScores, free: Bools
) -> tuple[Ints, Floats, Ints]:
    """Return, for each unit of one segment, tokens that may go, nats, and tokens; all (U_i,)."""
    units = [layout.units[place] for place in places.tolist()]
    owners = token_owners(scores.tokens, units)
    every = np.bincount(owners, minlength=len(units)).astype(np.int64)
    nats = np.bincount(owners, weights=scores.nats, minlength=len(units)).astype(np.float64)
    return np.where(free[places], every, 0), nats, every
