"""Evaluator heads: keep what the question looks at, in a few heads of a small model.

Paper:    Fei et al. 2025, "Efficient Prompt Compression with Evaluator Heads for Long-Context
          Transformer Inference" (EHPC). https://arxiv.org/abs/2501.12959. Sentences and one pass
          without a language-modelling head: Zhang et al. 2025, "Sentinel".
          https://arxiv.org/abs/2505.23277
Code:     none was used; written from the papers.
Differs:  the heads may be of several layers; the rows asked are the question's own tokens, not
          the last few of the prompt; long texts are read in windows with the question after each;
          whole sentences are kept by default, tokens only as pooled words. No classifier is
          trained: the heads are found from generated texts.
Cost:     the model reads the contexts once, the question once per window, and only its layers up
          to the last head's (19 of 30 for smollm2-135m): N tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal, get_args

import numpy as np

from tersely.backends.attention import AttentionBackend
from tersely.backends.base import Floats, Ints, Tokens
from tersely.core.layout import Layout
from tersely.core.units import Unit, join_units, sentence_groups
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.scorers.head_file import HeadSource, load_heads
from tersely.scorers.heads import PRIOR_TOKENS, HeadScorer
from tersely.scorers.surprisal import token_owners, unit_values

Size = Literal["sentence", "word"]


@dataclass(frozen=True, kw_only=True)
class EvaluatorHeads(RankingCompressor):
    """Keep the sentences, or words, that the question pays most attention to.

    Attributes:
        backend: The model that reads.
        heads: Which of its heads are asked: None for the file that is shipped for the model, the
            path of a file that `tersely train heads` wrote, or (layer, head) pairs.
        unit: "sentence" keeps the best sentences, and of the last one its beginning; "word" keeps
            stretches of words around what is looked at.
        pool_tokens: Over how many tokens attention is averaged before single words are valued;
            more makes longer stretches. Sentences need none.
        window_tokens: The most tokens the model reads at once, the question included.
    """

    name: ClassVar[str] = "evaluator_heads"
    needs_question: ClassVar[bool] = True
    backend: AttentionBackend
    heads: HeadSource = None
    unit: Size = "sentence"
    pool_tokens: int = 48
    window_tokens: int = 1024

    def __post_init__(self) -> None:
        if self.unit not in get_args(Size):
            raise SettingError(f"unit is one of {', '.join(get_args(Size))}; not {self.unit!r}.")
        if self.pool_tokens < 1:
            raise SettingError(f"pool_tokens is at least 1; got {self.pool_tokens}.")
        assert self._scorer is not None, "built now, so that wrong heads are refused now"

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.backend.name

    @cached_property
    def _scorer(self) -> HeadScorer:
        heads = load_heads(self.heads, self.backend)
        return HeadScorer(backend=self.backend, heads=heads, window_tokens=self.window_tokens)

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value each unit by the attention of the question; all segments are read together."""
        question = layout.prompt.question
        text, units = _free_text(layout, goal)
        expected = self._scorer.expected_tokens(question, text)
        read = 0

        def advance(more: int) -> None:
            nonlocal read
            read += more
            goal.progress(read, max(read, expected))

        (found,) = self._scorer.value_tokens(question, [text], on_tokens=advance)
        tokens, attention = found.tokens, found.values
        values, shares = np.zeros(len(layout)), np.zeros(len(layout))
        places = np.array(list(units), dtype=np.int64)
        if self.unit == "word":
            pooled = pool(attention, self.pool_tokens)
            values[places] = unit_values(pooled, tokens, list(units.values()))
            return Ranking(values, read)
        groups = _sentences(layout, places)
        values[places] = _sentence_values(attention, tokens, list(units.values()), groups)
        shares[places] = _shares(values[places], groups)
        return Ranking(values, read, shares=shares)


def pool(values: Floats, width: int) -> Floats:
    """Return the mean of each value's neighbourhood of `width` values, of fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first = np.maximum(places - (width - 1) // 2, 0)
    last = np.minimum(places + width // 2 + 1, len(values))
    means: Floats = (sums[last] - sums[first]) / (last - first)
    return means


def _free_text(layout: Layout, goal: Goal) -> tuple[str, dict[int, Unit]]:
    """Return the text of the segments that may lose something, and their units in it by index.

    Between segments stands what stands there in the prompt.
    """
    prompt = layout.prompt
    text = ""
    units: dict[int, Unit] = {}
    for index, places in enumerate(layout.by_segment()):
        if len(places) == 0 or goal.fixed[places].all():
            continue
        text += prompt.separators[index - 1] if text else ""
        for place in places.tolist():
            unit = layout.units[place]
            units[place] = replace(
                unit,
                segment=0,
                start=unit.start + len(text),
                core=unit.core + len(text),
                end=unit.end + len(text),
            )
        text += prompt.segments[index].text
    return text, units


def _sentences(layout: Layout, places: Ints) -> Ints:
    """Return which sentence each unit is in, (U',), counted through all segments."""
    groups: list[int] = []
    before = 0
    for index, members in enumerate(layout.by_segment()):
        members = members[np.isin(members, places)]
        text = layout.prompt.segments[index].text
        own = sentence_groups([layout.units[place] for place in members.tolist()], text)
        groups += [before + group for group in own]
        before += own[-1] + 1 if own else 0
    return np.unique(np.array(groups, dtype=np.int64), return_inverse=True)[1]


def _sentence_values(attention: Floats, tokens: Tokens, units: list[Unit], groups: Ints) -> Floats:
    """Return for each unit what its whole sentence is worth, (U',)."""
    if not units:
        return np.zeros(0)
    sentences = join_units(units, groups.tolist())
    sizes = np.bincount(token_owners(tokens, sentences), minlength=len(sentences))
    means = unit_values(attention, tokens, sentences)
    # Equal values are taken in reading order, so the last sentence that fits is cut at its end.
    return (means * sizes / (sizes + PRIOR_TOKENS))[groups]


def _shares(values: Floats, groups: Ints) -> Floats:
    """Return each unit's estimated share of the answer, (U',): its sentence's, spread evenly.

    Attention spreads wider than answers do; squared, its shares fit where the answers are.
    """
    weights = np.where(np.isfinite(values), values, 0.0) ** 2
    weights /= np.maximum(np.bincount(groups, minlength=1)[groups] if len(groups) else 1, 1)
    total = weights.sum()
    return weights / total if total > 0 else weights
