"""Hybrid: keep the sentences that share rare words and meaning with the question, in their order.

Paper:    none of its own. Selecting sentences beats dropping tokens in Jha et al. 2024,
          https://arxiv.org/abs/2407.08892; `diversity` is the marginal relevance of Carbonell and
          Goldstein 1998, https://doi.org/10.1145/290941.291025.
Code:     none.
Differs:  BM25 and a sentence encoder are added up, over sentences under their document's title;
          a kept sentence pulls in the header and the sentence it leans on; the last sentence is
          cut at its end, so that the budget is used up.
Cost:     the encoder reads the text once, in sentences: a fraction of what one reading by the
          small causal model costs. Without an encoder, milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tersely.backends.base import EncoderBackend, Floats
from tersely.core.layout import Layout
from tersely.core.passages import Ints, Passages, read_passages
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.hard.dependencies import dependencies
from tersely.scorers.relevance import Relevance, SentenceRelevance

_ENOUGH = 1.5
"""How many times the sentences the budget has room for are compared with each other."""


@dataclass(frozen=True, kw_only=True)
class Hybrid(RankingCompressor):
    """Keep sentences by BM25 and a sentence encoder.

    Attributes:
        encoder: Gives the vectors; None leaves BM25 alone.
        repair: Whether a kept sentence pulls in the sentences it leans on.
        diversity: How much a sentence loses for being like one that is already kept: standard
            deviations of a signal per unit of cosine, at least 0. Equal sentences are kept once
            in any case, as long as there are others.
    """

    name: ClassVar[str] = "hybrid"
    needs_question: ClassVar[bool] = True
    fills: ClassVar[bool] = False  # the last sentence is cut at its end, not riddled
    encoder: EncoderBackend | None
    repair: bool = True
    diversity: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not isinstance(self.repair, bool):
            raise SettingError(f"repair is True or False, not {self.repair!r}.")
        if not 0 <= self.diversity < np.inf:
            raise SettingError(f"diversity is at least 0, and finite; got {self.diversity}.")

    @property
    def model_name(self) -> str:
        """Name of the encoder."""
        return self.encoder.name if self.encoder else ""

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value words by the place of their sentence, and by their own in the sentence."""
        segments = layout.prompt.segments
        loose = [i for i, s in enumerate(segments) if s.text and self.segment_rate(s) != 1.0]
        passages = read_passages(layout, loose)
        expected = sum(len(text) for text in passages.texts) // 4
        read = 0

        def on_tokens(tokens: int) -> None:
            nonlocal read
            read += tokens
            goal.progress(read, max(read, expected))

        relevance = SentenceRelevance(encoder=self.encoder).score(
            layout.prompt.question, passages, on_tokens=on_tokens
        )
        order = self._order(passages, relevance, goal)
        shares = spread(relevance.shares, passages.owner)
        return Ranking(word_values(order, passages.owner), read, shares=shares)

    def _order(self, passages: Passages, relevance: Relevance, goal: Goal) -> list[int]:
        """Return the sentences, best first, each followed by those it leans on."""
        if self.diversity and relevance.vectors.size:
            most = round(_ENOUGH * goal.rate * len(passages)) + 1
            best = _diverse(relevance, self.diversity, most)
        else:
            best = np.argsort(-relevance.logits, kind="stable").tolist()
        needs = dependencies(passages) if self.repair else [()] * len(passages)
        order: dict[int, None] = {}
        said: set[str] = set()
        again: list[int] = []
        for at in best:
            if passages.texts[at] in said or not np.isfinite(relevance.logits[at]):
                again.append(at)
                continue
            for other in (at, *needs[at]):
                order.setdefault(other)
                said.add(passages.texts[other])
        for at in again:
            order.setdefault(at)
        return list(order)


def word_values(order: list[int], owner: Ints) -> Floats:
    """Return a value for each unit such that whole sentences go in order, the last from its end.

    Args:
        order: All S sentences, best first.
        owner: (U,), the sentence of each unit; -1 for units that are not asked about.

    Returns:
        (U,), 0 for units without a sentence, else negative.
    """
    place = np.zeros(len(order) + 1)
    place[order] = np.arange(1, len(order) + 1)
    starts = np.flatnonzero(np.diff(owner, prepend=-2))
    lengths = np.diff([*starts, len(owner)])
    inside = np.arange(len(owner)) - np.repeat(starts, lengths)
    values = -(place[owner] + inside / (1 + np.repeat(lengths, lengths)))
    return np.where(owner >= 0, values, 0.0)


def spread(shares: Floats, owner: Ints) -> Floats:
    """Spread what each sentence is worth evenly over its units, (U,)."""
    if not len(shares):
        return np.zeros(len(owner))
    units = np.bincount(owner[owner >= 0], minlength=len(shares))
    return np.where(owner >= 0, (shares / np.maximum(units, 1))[owner], 0.0)


def _diverse(relevance: Relevance, diversity: float, most: int) -> list[int]:
    """Return all sentences, the first `most` of them by worth less likeness to those before."""
    left = relevance.logits.copy()
    likeness = np.zeros(len(left))
    order: list[int] = []
    for _ in range(min(most, len(left))):
        at = int(np.argmax(left - diversity * likeness))
        if not np.isfinite(left[at]):
            break
        order.append(at)
        left[at] = -np.inf
        likeness = np.maximum(likeness, relevance.vectors @ relevance.vectors[at])
    chosen = set(order)
    by_worth = np.argsort(-relevance.logits, kind="stable").tolist()
    return order + [at for at in by_worth if at not in chosen]
