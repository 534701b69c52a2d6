"""The last stage: value words (or sentences, or contexts), and keep what fits exactly.

Papers:   LLMLingua, https://arxiv.org/abs/2310.05736, and LongLLMLingua,
          https://arxiv.org/abs/2310.06839
Code:     https://github.com/microsoft/LLMLingua/blob/e0e9d99/llmlingua/prompt_compressor.py
Differs:  what was dropped coarsely is not read; words are valued by the methods `llmlingua` and
          `longllmlingua`; one fit of the written-out prompt keeps the budget.
Cost:     that of these methods, for the text that is left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens
from tersely.compat.llmlingua.contexts import Context, Piece, Sentence
from tersely.core.budget import Budget
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.select import fit
from tersely.core.units import Unit, join_units, word_units
from tersely.counting.base import TokenCounter
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.hard.llmlingua import LLMLingua
from tersely.hard.longllmlingua import LongLLMLingua, shares_before
from tersely.scorers.surprisal import token_owners

Level = Literal["word", "sentence", "context"]

PREFERRED = 1e6
CHOSEN = 1e9
"""Added to what a caller wants kept first, and to what a rate of its own has chosen. A word's own
value is a difference of nats, or a share."""

NO_LIMIT = 1e9
"""A `k` that turns the methods' own coarse stages off: what goes coarsely is decided before."""


@dataclass(frozen=True, slots=True)
class ByContext:
    """A scorer that knows the rank of each context already.

    Attributes:
        texts: The contexts' texts, in the order in which they are read.
        ranks: The rank of each, 0 for the best.
    """

    texts: tuple[str, ...]
    ranks: tuple[int, ...]
    name: str = "by_context"
    measured_in: str = "rank"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return minus the rank of the context that each passage is cut from, (P,).

        Passages come as `cut_passages` makes them: in reading order, and all of each context but
        for blanks. So one begins a context where the one before it has ended another.
        """
        nth, at = -1, 0
        ranks = []
        for passage in passages:
            rest = self.texts[nth][at:] if nth >= 0 else ""
            if not (rest.strip() if passage else rest) and nth + 1 < len(self.texts):
                nth, at = nth + 1, 0
            text = self.texts[nth]
            at = max(at, text.find(passage, at) + len(passage))
            if not passage and not text[at:].strip():  # the blanks at its end
                at = len(text)
            ranks.append(self.ranks[nth])
        return -np.array(ranks, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Stage(RankingCompressor):
    """One call's last stage. It is made for one prompt, and is not registered as a method.

    Attributes:
        backend: The small causal model.
        counter: Whose tokens rates of pieces are in.
        contexts: The contexts, in the order in which they are written.
        first: Which segment of the prompt is the first context.
        ranks: (C,), the rank of each context, 0 for the best.
        gone: (C,), whether a context has been dropped.
        forced: (C,), whether it is to be kept before all others.
        sentences: Those that were looked at; none where no sentence matters.
        worth: (S,), what each sentence is worth.
        lost: (S,), whether a sentence has been dropped.
        preferred: (S,), whether a sentence is to be kept before all others.
        level: What is dropped as one.
        prefix: Read before the contexts, which are valued given it; "" for nothing.
        contrast: Whether a word is worth what the prefix takes from its surprisal.
        delta: How much more of the best context is kept, as a share.
        segment_tokens: Tokens of one stretch of the reading.
    """

    name: ClassVar[str] = "llmlingua"
    backend: CausalBackend
    counter: TokenCounter
    contexts: tuple[Context, ...]
    first: int
    ranks: Ints
    gone: Bools
    forced: Bools
    sentences: tuple[Sentence, ...]
    worth: Floats
    lost: Bools
    preferred: Bools
    level: Level
    prefix: str
    contrast: bool
    delta: float
    segment_tokens: int

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.backend.name

    def lay_out(self, prompt: Prompt) -> Layout:
        """Cut a prompt into words, where a piece ends too; or into what is dropped as one."""
        units: list[Unit] = []
        for index, segment in enumerate(prompt.segments):
            of_segment = word_units(segment.text, segment=index)
            place = index - self.first
            if 0 <= place < len(self.contexts):
                of_segment = _cut_at(of_segment, self.contexts[place])
                of_segment = self._joined(of_segment, place)
            units += of_segment
        return Layout(prompt, units)

    def protected_spans(self) -> list[Span]:
        """Return what must stay of the contexts that are left."""
        out = []
        for place, context in enumerate(self.contexts):
            at = 0
            for piece in context.pieces:
                if self._stays(piece) and not self.gone[place]:
                    out.append(Span(self.first + place, at, at + len(piece.text)))
                at += len(piece.text)
        return out

    def _stays(self, piece: Piece) -> bool:
        """Return whether a piece is kept by itself; a frame goes where its context goes whole."""
        return piece.rate == 1 if self.level == "context" else piece.stays

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value each unit; what has been dropped before is worth -inf, so it never comes back."""
        dropped = self._dropped(layout) & ~goal.fixed
        if self.level == "context":
            values, read = -self._of_contexts(layout, self.ranks.astype(np.float64)), 0
        elif self.level == "sentence":
            values, read = self._of_sentences(layout, self.worth), 0
        else:
            values, read = self._word_values(layout, goal, ~dropped)
        first = self._of_sentences(layout, self.preferred.astype(np.float64)) > 0
        if self.level == "context":
            first = self._of_contexts(layout, self.forced.astype(np.float64)) > 0
        values = values + PREFERRED * first
        values[dropped] = -np.inf
        if self.level == "word":
            values = self._with_own_rates(layout, values, goal.fixed)
        return Ranking(values, read)

    def _joined(self, units: list[Unit], place: int) -> list[Unit]:
        """Join the words of a context into what is dropped as one."""
        if self.level == "word":
            return units
        context = self.contexts[place]
        groups: list[int] = []
        before: tuple[int, int] | None = None
        for unit in units:
            at = min(unit.core, unit.end - 1)
            kept_whole = self._stays(context.pieces[context.piece_at(at)])
            now = self._sentence_at(place, at), context.piece_at(at) if kept_whole else -1
            groups.append(len(groups) if now != before else groups[-1])
            before = now
        return join_units(units, groups)

    def _sentence_at(self, place: int, character: int) -> int:
        """Return which sentence a character of a context is in; -1 where none was looked at."""
        return -1 if self.level == "context" else bisect_right(self._starts, (place, character)) - 1

    @property
    def _starts(self) -> list[tuple[int, int]]:
        """Where each sentence begins: context, character."""
        return [(sentence.context, sentence.start) for sentence in self.sentences]

    def _places(self, layout: Layout) -> Ints:
        """Return which context each unit is in, (U,); -1 for instruction and question."""
        place = np.array([unit.segment for unit in layout.units], dtype=np.int64) - self.first
        return np.where((place >= 0) & (place < len(self.contexts)), place, -1)

    def _of_contexts(self, layout: Layout, values: Floats) -> Floats:
        """Return the value of each unit's context, (U,); 0 where there is none."""
        return np.append(values, 0.0)[self._places(layout)]

    def _of_sentences(self, layout: Layout, values: Floats) -> Floats:
        """Return the value of each unit's sentence, (U,); 0 where there is none."""
        out = np.zeros(len(layout))
        if not self.sentences:
            return out
        starts = self._starts
        for at, unit in enumerate(layout.units):
            place = unit.segment - self.first
            nearest = bisect_right(starts, (place, min(unit.core, unit.end - 1))) - 1
            if nearest >= 0 and starts[nearest][0] == place:
                out[at] = values[nearest]
        return out

    def _dropped(self, layout: Layout) -> Bools:
        """Return which units went with their context or their sentence, (U,)."""
        gone = self._of_contexts(layout, self.gone.astype(np.float64)) > 0
        return gone | (self._of_sentences(layout, self.lost.astype(np.float64)) > 0)

    def _word_values(self, layout: Layout, goal: Goal, there: Bools) -> tuple[Floats, int]:
        """Return what each word is worth, (U,), and how many tokens were read to find out."""
        places = self._places(layout)
        there = there & (places >= 0)
        order = [p for p in range(len(self.contexts)) if there[places == p].any()]
        values = np.zeros(len(layout))
        if not order:
            return values, 0
        units: list[Unit] = []
        texts: list[str] = []
        for nth, place in enumerate(order, start=0 if self.contrast else bool(self.prefix)):
            text, mine = _written(layout, np.flatnonzero(there & (places == place)), nth)
            texts.append(text)
            units += mine
        inner, fixed = self._inner(texts, units, goal.fixed[there])
        method = self._method(
            order, texts, {inner.units[at].segment for at in np.flatnonzero(~fixed)}
        )
        ranking = method.rank(inner, Goal(fixed, goal.rate, goal.progress))
        segment_of = np.array([unit.segment for unit in inner.units])
        is_context = np.array([s.role == "context" for s in inner.prompt.segments])[segment_of]
        values[there] = ranking.values[is_context]
        if self.delta and not self.contrast and len(order) > 1:
            for place in order:
                own = np.flatnonzero(there & (places == place))
                values[own] = self._bonus(place, order) - self._shares(layout, own, values[own])
        return values, ranking.model_tokens

    def _method(
        self, order: Sequence[int], texts: Sequence[str], read: Collection[int]
    ) -> RankingCompressor:
        """Return the method that values words, its own coarse stages off.

        Args:
            order: The contexts that are left.
            texts: What is left of each.
            read: Which of them, by their place among these, are to lose something.
        """
        size = max(1, min(self.segment_tokens, self.backend.window_tokens // 4))
        if not self.contrast:
            return LLMLingua(backend=self.backend, k=NO_LIMIT, segment_tokens=size)
        mine = sorted(read)
        ranks = tuple(int(self.ranks[order[nth]]) for nth in mine)
        return LongLLMLingua(
            backend=self.backend,
            ranker=ByContext(tuple(texts[nth] for nth in mine), ranks),
            k=NO_LIMIT,
            delta=self.delta if len(order) > 1 else 0.0,
        )

    def _inner(self, texts: list[str], units: list[Unit], fixed: Bools) -> tuple[Layout, Bools]:
        """Return what the method reads: what is left of the contexts, and the prefix."""
        segments = [Segment(text) for text in texts]
        if self.contrast:
            segments.append(Segment(self.prefix, "question"))
            asked = word_units(self.prefix, segment=len(segments) - 1)
            layout = Layout(Prompt.joined(segments), [*units, *asked])
            return layout, np.concatenate([fixed, np.ones(len(asked), dtype=np.bool_)])
        asked = word_units(self.prefix) if self.prefix else []
        before = [Segment(self.prefix, "instruction")] if self.prefix else []
        layout = Layout(Prompt.joined([*before, *segments]), [*asked, *units])
        return layout, np.concatenate([np.ones(len(asked), dtype=np.bool_), fixed])

    def _bonus(self, place: int, order: Sequence[int]) -> float:
        """Return how much more of a context is kept, as a share of it, in [-delta, delta]."""
        nth = sorted(self.ranks[p] for p in order).index(self.ranks[place])
        return self.delta * (1 - 2 * nth / (len(order) - 1))

    def _shares(self, layout: Layout, places: Ints, values: Floats) -> Floats:
        """Return the share of a context's tokens that its better units take, in [0, 1]."""
        text, units = _written(layout, places, 0)
        tokens = self.backend.encode(text)
        costs = np.bincount(token_owners(tokens, units), minlength=len(units))
        return shares_before(values, costs)

    def _with_own_rates(self, layout: Layout, values: Floats, fixed: Bools) -> Floats:
        """Choose within the pieces that have a rate of their own; the rest of them never stays."""
        pools = self._pools()
        for at, unit in enumerate(layout.units):
            place = unit.segment - self.first
            if 0 <= place < len(self.contexts) and not fixed[at]:
                nth = self.contexts[place].piece_at(min(unit.core, unit.end - 1))
                if (place, nth) in pools:
                    pools[place, nth].members.append(at)
        values = values.copy()
        for pool in {id(pool): pool for pool in pools.values()}.values():
            inside = np.full(len(layout), -np.inf)
            inside[pool.members] = values[pool.members]
            limit = Budget(rate=pool.rate).limit(self.counter.count("\n\n".join(pool.texts)))
            none = np.zeros(len(layout), dtype=np.bool_)
            chosen = fit(layout, inside, limit, self.counter.count, fixed=none)[pool.members]
            values[pool.members] = np.where(chosen, values[pool.members] + CHOSEN, -np.inf)
        return values

    def _pools(self) -> dict[tuple[int, int], _Pool]:
        """Return what has a rate of its own, by context and piece; pieces may share one."""
        shared: dict[Hashable, _Pool] = {}
        pools = {}
        for place, context in enumerate(self.contexts):
            for nth, piece in enumerate(context.pieces):
                if piece.rate is None or piece.rate == 1:
                    continue
                pool = _Pool(piece.rate)
                if piece.pool is not None:
                    pool = shared.setdefault(piece.pool, pool)
                pool.texts.append(piece.text)
                pools[place, nth] = pool
        return pools


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """Pieces that share the tokens of one rate.

    Attributes:
        rate: Share of their tokens to keep.
        texts: What they are.
        members: Their units.
    """

    rate: float
    texts: list[str] = field(default_factory=list)
    members: list[int] = field(default_factory=list)


def _cut_at(units: list[Unit], context: Context) -> list[Unit]:
    """Cut the units of a context where a piece ends: inside a word, or beside what must stay."""
    stay = [piece.stays for piece in context.pieces]
    edges = list(zip(context.ends, stay, stay[1:], strict=False))
    out: list[Unit] = []
    nth = 0
    for whole in units:
        unit = whole
        while nth < len(edges) and edges[nth][0] < unit.end:
            edge, left, right = edges[nth]
            nth += 1
            if edge > unit.start and (edge > unit.core or left or right):
                out.append(replace(unit, core=min(unit.core, edge), end=edge))
                unit = replace(unit, start=edge, core=max(unit.core, edge))
        out.append(unit)
    return out


def _written(layout: Layout, places: Ints, segment: int) -> tuple[str, list[Unit]]:
    """Return the text that some units of one segment make, and the units in it."""
    texts: list[str] = []
    units: list[Unit] = []
    at = 0
    for place in places.tolist():
        unit = layout.units[place]
        texts.append(layout.text_of(unit))
        size = unit.end - unit.start
        units.append(Unit(segment, at, at + unit.core - unit.start, at + size))
        at += size
    return "".join(texts), units
