"""LLMLingua-2: keep the words that a trained token classifier would keep; no question is needed.

Paper:    Pan et al. 2024, "LLMLingua-2: Data Distillation for Efficient and Faithful Task-Agnostic
          Prompt Compression". https://arxiv.org/abs/2403.12968
Code:     https://github.com/microsoft/LLMLingua/tree/e0e9d99
Differs:  words are cut from the text by their characters, so that spaces, line breaks, numbers and
          contractions stay as they are, and in scripts without spaces a unit is a character, not a
          clause; one budget, kept to the token in the target's tokenizer, over all windows and
          contexts, not a percentile of each; windows overlap, and are not filled up to 512; the
          special tokens are the model's own; contexts and words are chosen in one reading, and the
          rate is the one asked for. Force tokens and digits are `protect=`.
Cost:     the classifier reads each segment once, what windows share (64 tokens of 512) twice: about
          1.1 N tokens of an encoder; with windows of 256, as of keep-l6, 1.3 N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
import regex

from tersely.backends.base import ClassifierBackend
from tersely.core.budget import Budget
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt
from tersely.core.result import Compression
from tersely.core.select import Floats
from tersely.counting.base import TokenCounter
from tersely.errors import SettingError
from tersely.hard.base import Goal, Progress, Ranked, Ranking, RankingCompressor
from tersely.scorers.token_classifier import (
    OVERLAP_TOKENS,
    WORD_VALUES,
    TokenClassifier,
    WordValue,
    word_values,
)

DROPPED_COARSELY = -2.0
"""Added to the value of the words of contexts that were dropped: they come after all others."""

_REFILLS = 4
"""How often what repeated marks had taken of the budget is spent on other words."""

_NOT_A_MARK = regex.compile(r"[\p{L}\p{M}\p{N}]")


@dataclass(frozen=True, kw_only=True)
class LLMLingua2(RankingCompressor):
    """Keep the words most likely kept.

    Attributes:
        classifier: The model that says how likely.
        word: What a word is worth: the "mean" of its tokens, the "first" (as in the classifier's
            training, where the published code also has it as a choice), or their "max".
        threshold: Keep no word that is less likely kept than that, in [0, 1], whatever the budget
            has room for; None keeps the best that fit.
        context_filter: Whether, of several contexts, those worth least are dropped first: the best
            that make up (1 + rate) / 2 of the tokens share the budget (the paper's coarse step).
        use_question: Whether the classifier reads the question before each window. Only for one
            that was trained so.
        drop_consecutive: Whether of equal punctuation marks that would stand next to each other
            only the first is kept. What is protected stays.
        window_tokens: The most tokens read at once; None is what the classifier was trained on.
        overlap_tokens: How many tokens neighbouring windows share at least.
    """

    name: ClassVar[str] = "llmlingua2"
    compares_kinds: ClassVar[bool] = False
    classifier: ClassifierBackend
    word: WordValue = "mean"
    threshold: float | None = None
    context_filter: bool = False
    use_question: bool = False
    drop_consecutive: bool = False
    window_tokens: int | None = None
    overlap_tokens: int = OVERLAP_TOKENS

    def __post_init__(self) -> None:
        """Refuse what is out of range, naming the setting."""
        if self.word not in WORD_VALUES:
            raise SettingError(f"word is one of {', '.join(WORD_VALUES)}; not {self.word!r}.")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise SettingError(f"threshold is a probability, in [0, 1]; got {self.threshold}.")
        for setting in ("context_filter", "use_question", "drop_consecutive"):
            if not isinstance(getattr(self, setting), bool):
                raise SettingError(f"{setting} is True or False, not {getattr(self, setting)!r}.")
        assert self._scorer is not None, "built now, so that a wrong window is refused now"

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.classifier.name

    @cached_property
    def _scorer(self) -> TokenClassifier:
        return TokenClassifier(
            backend=self.classifier,
            window_tokens=self.window_tokens,
            overlap_tokens=self.overlap_tokens,
        )

    def compress(
        self,
        prompt: Prompt,
        budget: Budget,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Compression:
        """Drop the words worth least until the prompt fits the budget, and those below `threshold`.

        With a threshold, words are dropped even where the budget has room for everything.

        Raises:
            BudgetTooSmall: The protected text alone exceeds the budget.
            PromptError: The question is read with the text, and too long for that.
        """
        limit = budget.limit(counter.count(prompt.text))
        if self.threshold is None or not prompt.text:
            return super().compress(prompt, budget, counter=counter, progress=progress)
        ranked = self.ranked(prompt, limit, counter=counter, progress=progress)
        found = self.finish(ranked, limit, counter=counter)
        if found.kept:
            return found
        return replace(found, reason=f"no word is as likely kept as the threshold {self.threshold}")

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return how likely each word is kept; every segment is read on its own, all at once."""
        segments = layout.prompt.segments
        members = layout.by_segment()
        free = [i for i, places in enumerate(members) if not goal.fixed[places].all()]
        texts = [segments[i].text for i in free]
        question = layout.prompt.question if self.use_question else ""
        expected = self._scorer.expected_tokens(texts, question=question)
        read = 0

        def advance(more: int) -> None:
            nonlocal read
            read += more
            goal.progress(read, max(read, expected))

        found = self._scorer.value_tokens(texts, question=question, on_tokens=advance)
        values = np.zeros(len(layout))
        costs = np.zeros(len(segments))
        for i, scored in zip(free, found, strict=True):
            units = [layout.units[place] for place in members[i].tolist()]
            values[members[i]] = word_values(scored.values, scored.tokens, units, self.word)
            costs[i] = len(scored.tokens)
        if self.context_filter:
            shared = [i for i in free if self.segment_rate(segments[i]) is None]
            for i in _dropped(shared, values, members, costs, goal.rate):
                values[members[i]] += DROPPED_COARSELY
        return Ranking(values, read)

    def finish(
        self, ranked: Ranked, limit: int, *, counter: TokenCounter, among: Bools | None = None
    ) -> Compression:
        """Keep the best words of a ranked prompt that fit a limit; see the base class."""
        if self.threshold is not None:
            likely: Bools = ranked.ranking.values >= self.threshold
            among = likely if among is None else among & likely
        made = super().finish(ranked, limit, counter=counter, among=among)
        if not self.drop_consecutive:
            return made
        allowed = ranked.free if among is None else ranked.free & among
        refills = _REFILLS
        while (repeated := allowed & _repeats(ranked.layout, made)).any():
            allowed = allowed & ~repeated
            if refills <= 0:
                allowed = allowed & _kept(ranked.layout, made)
            refills -= 1
            made = super().finish(ranked, limit, counter=counter, among=allowed)
        return made


def _dropped(
    contexts: Sequence[int],
    values: Floats,
    members: Sequence[np.ndarray],
    costs: Floats,
    rate: float,
) -> list[int]:
    """Return which of several contexts are dropped: all but the best, with (1 + rate) / 2 of them.

    Args:
        contexts: Indices of the segments that share the budget.
        values: (U,), of each word.
        members: The words of each segment.
        costs: (S,), tokens of each segment.
        rate: Share of their tokens that the budget has room for.
    """
    worth = {}
    for i in contexts:
        own = values[members[i]]
        own = own[np.isfinite(own)]
        worth[i] = float(own.mean()) if len(own) else -np.inf
    coarse = (1 + rate) / 2 * costs[list(contexts)].sum()
    used = 0.0
    dropped = []
    for i in sorted(contexts, key=lambda i: (-worth[i], i)):
        if used >= coarse:
            dropped.append(i)
        used += costs[i]
    return dropped


def _kept(layout: Layout, made: Compression) -> Bools:
    """Return which units are written, (U,): those whose first character is."""
    starts: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for span in sorted(made.kept):
        starts.setdefault(span.segment, []).append(span.start)
        ends.setdefault(span.segment, []).append(span.end)
    out = np.zeros(len(layout), dtype=np.bool_)
    for index, places in enumerate(layout.by_segment()):
        if index in starts and len(places):
            cores = np.array([layout.units[place].core for place in places.tolist()])
            at = np.searchsorted(starts[index], cores, side="right") - 1
            out[places] = (at >= 0) & (cores < np.array(ends[index])[at])
    return out


def _repeats(layout: Layout, made: Compression) -> Bools:
    """Return which units are a mark that stands where the same mark was written before, (U,)."""
    out = np.zeros(len(layout), dtype=np.bool_)
    kept = np.flatnonzero(_kept(layout, made))
    for left, right in pairwise(kept.tolist()):
        if layout.owners[left] != layout.owners[right]:
            continue
        one, other = (layout.text_of(layout.units[place]).strip() for place in (left, right))
        out[right] = bool(one) and one == other and not _NOT_A_MARK.search(one)
    return out
