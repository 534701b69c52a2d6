"""What every hard compressor promises, and what the methods share: the budget is kept here."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from tersely.core.budget import Budget
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.core.select import Count, Floats, fit
from tersely.core.structure import Structure
from tersely.core.units import Unit, word_units
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetTooSmall, PromptError

Progress = Callable[[int, int], None]
"""Called with (model tokens read, model tokens expected) as the work goes on."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ranking is for.

    Attributes:
        fixed: (U,), units that are kept whatever they are worth.
        rate: Share of the other units' tokens the budget has room for, in (0, 1).
        progress: Called as the model reads.
    """

    fixed: Bools
    rate: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Ranking:
    """What each unit of a layout is worth.

    Attributes:
        values: (U,), higher is more worth keeping; -inf is never kept.
        model_tokens: Tokens put through the model to find out.
        rates: Segments whose own rate the method decided on the way, and that rate.
        order: The order in which to write the segments, a permutation of their indices; None is
            the prompt's own.
        shares: (U,), each unit's estimated share of the answer; they sum to at most 1. None where
            the method does not say. What varying the rate from prompt to prompt needs.
    """

    values: Floats
    model_tokens: int = 0
    rates: Mapping[int, float] = field(default_factory=dict)
    order: tuple[int, ...] | None = None
    shares: Floats | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A prompt whose units are valued: all that is needed to bring it to one limit or another.

    Attributes:
        layout: U units, in the order in which they are to be written.
        fixed: (U,), units that are kept first: what is protected, what belongs to segments that
            are kept whole, and what is left of segments with rates of their own.
        own: (U,), units of segments with rates of their own, what is protected excepted. They
            do not compete with the others.
        ranking: What the units are worth.
        total_tokens: Tokens of the whole prompt.
        seconds: Wall time it took.
    """

    layout: Layout
    fixed: Bools
    own: Bools
    ranking: Ranking
    total_tokens: int
    seconds: float

    @property
    def free(self) -> Bools:
        """(U,), the units that compete for what the fixed ones leave."""
        free: Bools = ~self.fixed & ~self.own & np.isfinite(self.ranking.values)
        return free


class HardCompressor(ABC):
    """Text in, shorter text out. Instances hold settings and models, never a prompt."""

    name: ClassVar[str]
    needs_question: ClassVar[bool] = False
    """Whether a prompt must say what its contexts are for."""

    @abstractmethod
    def compress(
        self,
        prompt: Prompt,
        budget: Budget,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Compression:
        """Drop text until the prompt fits the budget.

        Args:
            prompt: What to shorten.
            budget: An upper limit on the tokens of the text that is left.
            counter: Whose tokens the budget is in.
            progress: Called with (model tokens read, expected) as the work goes on.

        Raises:
            BudgetTooSmall: The protected text alone exceeds the budget.
        """


class RankingCompressor(HardCompressor):
    """Base class of the methods that say what each unit is worth and keep the best.

    A subclass cuts the prompt into units and values them. The budget is kept here, once, for all
    of them: protected text first, then segments with a rate of their own, then the best units
    whose text, written out and counted, fits.
    """

    fills: ClassVar[bool] = True
    """Whether units further down the ranking may use up what is left of the budget."""
    compares_kinds: ClassVar[bool] = True
    """Whether the value of a whole log line and that of a word of prose are of one scale. If not,
    each segment that is not prose keeps the same share as the prose does."""

    @property
    def model_name(self) -> str:
        """Name of the model that values the units; "" where none does."""
        return ""

    @abstractmethod
    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Say what each unit is worth."""

    def lay_out(self, prompt: Prompt) -> Layout:
        """Cut a prompt into units: words, unless a method says otherwise."""
        return Layout(prompt, segment_units(prompt, word_units))

    def segment_rate(self, segment: Segment) -> float | None:
        """Return the share of a segment to keep; None if it competes for the common budget."""
        if segment.rate is not None:
            return segment.rate
        return 1.0 if segment.role in ("instruction", "question") else None

    def compress(
        self,
        prompt: Prompt,
        budget: Budget,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Compression:
        """Drop the units worth least until the prompt fits the budget."""
        started = time.perf_counter()
        check_question(self, prompt)
        total = counter.count(prompt.text)
        limit = budget.limit(total)
        # A limit of the whole is met by the whole, unless a segment asks to be cut all the same.
        whole = all(self.segment_rate(segment) in (None, 1.0) for segment in prompt.segments)
        if limit >= total and whole:
            return Compression(
                prompt=prompt,
                kept=whole_spans(prompt),
                tokens_before=total,
                tokens_after=total,
                limit_tokens=limit,
                tokenizer=counter.name,
                exact=counter.exact,
                method=self.name,
                model=self.model_name,
                model_tokens=0,
                seconds=time.perf_counter() - started,
                reason=f"It has {total} tokens, and may have {limit}.",
            )
        ranked = self.ranked(prompt, limit, counter=counter, progress=progress)
        return self.finish(ranked, limit, counter=counter)

    def ranked(
        self,
        prompt: Prompt,
        limit: int,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Ranked:
        """Value a prompt's units, once for any limits that `finish` is given.

        Args:
            prompt: What to shorten.
            limit: The most tokens that will be asked for; methods may work towards it.
            counter: Whose tokens the limit is in.
            progress: Called with (model tokens read, expected) as the work goes on.

        Raises:
            BudgetTooSmall: The protected text alone exceeds the limit.
            PromptError: The method needs a question, and there is none.
        """
        started = time.perf_counter()
        check_question(self, prompt)
        count = counter.count
        layout = self.lay_out(prompt)
        own = {i: self.segment_rate(s) for i, s in enumerate(prompt.segments)}
        fixed = layout.protected | np.isin(layout.owners, [i for i, r in own.items() if r == 1.0])
        fixed = _with_only_skeleton(layout, fixed)
        fixed_tokens = count(layout.text(fixed))
        if fixed_tokens > limit:
            raise _too_small(layout, fixed, limit, fixed_tokens)
        total = count(prompt.text)
        rate = min(1.0, (limit - fixed_tokens) / max(1, total - fixed_tokens))
        ranking = self.rank(layout, Goal(fixed, rate, progress or _silent))
        ranking = replace(ranking, values=_adjusted(layout, ranking.values))
        layout = layout.reordered(ranking.order)
        if not self.compares_kinds:
            own |= dict.fromkeys(_apart(layout, own), max(rate, 1e-6))
        shares = {i: ranking.rates.get(i, r) for i, r in own.items() if r is not None and r < 1.0}
        own_rate = np.isin(layout.owners, list(shares)) & ~fixed
        for index, share in shares.items():
            fixed = fixed | _fit_segment(layout, ranking.values, index, share, count, fixed)
        seconds = time.perf_counter() - started
        return Ranked(layout, fixed, own_rate, ranking, total, seconds)

    def finish(
        self, ranked: Ranked, limit: int, *, counter: TokenCounter, among: Bools | None = None
    ) -> Compression:
        """Keep the best units of a ranked prompt that fit a limit.

        Args:
            ranked: What `ranked` returned.
            limit: The most tokens of the text that is left.
            counter: Whose tokens the limit is in; the one the prompt was ranked with.
            among: (U,), the units that may be kept beside the fixed ones; None is all of them.

        Raises:
            BudgetTooSmall: The protected text alone exceeds the limit.
        """
        started = time.perf_counter()
        count, layout, fixed = counter.count, ranked.layout, ranked.fixed
        worth = ranked.ranking.values
        values = np.where(ranked.own, -np.inf, worth)
        if count(layout.text(fixed)) > limit:  # segments with their own rates are too much together
            values = np.where(ranked.own & fixed, worth, -np.inf)
            fixed = fixed & ~ranked.own
            if count(layout.text(fixed)) > limit:  # in the new order it can need a token more
                layout = layout.reordered(None)
                needed = count(layout.text(fixed))
                if needed > limit:
                    raise _too_small(layout, fixed, limit, needed)
        elif among is not None:
            values = np.where(among, values, -np.inf)
        chosen = fit(layout, values, limit, count, fixed=fixed, fill=self.fills)
        return Compression(
            prompt=layout.prompt,
            kept=layout.spans(chosen),
            tokens_before=ranked.total_tokens,
            tokens_after=count(layout.text(chosen)),
            limit_tokens=limit,
            tokenizer=counter.name,
            exact=counter.exact,
            method=self.name,
            model=self.model_name,
            model_tokens=ranked.ranking.model_tokens,
            seconds=ranked.seconds + time.perf_counter() - started,
            order=layout.order,
        )


def check_question(compressor: HardCompressor, prompt: Prompt) -> None:
    """Refuse a prompt without a question where the method needs one.

    Raises:
        PromptError: There is none.
    """
    if compressor.needs_question and not prompt.question:
        raise PromptError(
            f"{compressor.name} keeps what a question asks for, and there is no question. Give"
            " question=... (--question), or use a method that needs none, such as llmlingua."
        )


def segment_units(prompt: Prompt, cut: Callable[..., list[Unit]]) -> list[Unit]:
    """Return the units of every segment in reading order; a piece without words is one."""
    return [
        unit
        for index, segment in enumerate(prompt.segments)
        for unit in (
            cut(segment.text, segment=index)
            if segment.structure is None
            else _piece_units(segment.text, segment.structure, index, cut)
        )
    ]


def _piece_units(
    text: str, structure: Structure, index: int, cut: Callable[..., list[Unit]]
) -> Iterator[Unit]:
    for piece in structure.pieces:
        at = piece.start
        if piece.kind != "words":
            yield Unit(index, at, at, piece.end)
            continue
        for unit in cut(text[at : piece.end], segment=index):
            yield Unit(index, at + unit.start, at + unit.core, at + unit.end, unit.protected)


def whole_spans(prompt: Prompt) -> tuple[Span, ...]:
    """Return the spans that keep everything."""
    return tuple(
        Span(index, 0, len(segment.text))
        for index, segment in enumerate(prompt.segments)
        if segment.text
    )


def _with_only_skeleton(layout: Layout, fixed: Bools) -> Bools:
    """Return what is fixed, with the skeleton of the only segment that may lose something."""
    free = np.unique(layout.owners[~fixed])
    return fixed | layout.skeleton if len(free) == 1 else fixed


def _adjusted(layout: Layout, values: Floats) -> Floats:
    """Return the values with what the structure of segments, and preferences, add to them."""
    out = _of_groups(layout, values.astype(np.float64, copy=True))
    for index in np.unique(layout.owners[layout.bonus != 0]):
        inside = (layout.owners == index) & np.isfinite(out)
        spread = float(np.std(out[inside])) if inside.any() else 0.0
        finite = inside & np.isfinite(layout.bonus)
        out[finite] += layout.bonus[finite] * (spread or 1.0)
    first = layout.preferred | np.isposinf(layout.bonus)
    finite = np.isfinite(out)
    if first.any() and finite.any():
        out[first & finite] += np.ptp(out[finite]) + 1
    out[layout.blank | layout.skeleton] = -np.inf  # blanks go; skeletons come with the rest
    return out


def _of_groups(layout: Layout, values: Floats) -> Floats:
    """Return the values, that of a group's first unit being the mean over its characters."""
    followers = np.flatnonzero(layout.leader != np.arange(len(layout)))
    if not len(followers):
        return values
    sizes = np.array([unit.end - unit.start for unit in layout.units], dtype=np.float64)
    total = np.bincount(layout.leader, weights=sizes, minlength=len(values))
    worth = np.where(np.isfinite(values), values, 0.0)
    sums = np.bincount(layout.leader, weights=worth * sizes, minlength=len(values))
    leaders = np.unique(layout.leader[followers])
    values[leaders] = sums[leaders] / total[leaders]
    values[followers] = -np.inf  # they come with the first
    return values


def _apart(layout: Layout, own: Mapping[int, float | None]) -> list[int]:
    """Return the segments that are not prose and would compete with prose."""
    shared = [i for i, rate in own.items() if rate is None and layout.prompt.segments[i].text]
    apart = [i for i in shared if layout.prompt.segments[i].structure is not None]
    return apart if len(apart) < len(shared) else []


def _too_small(layout: Layout, fixed: Bools, limit: int, needed: int) -> BudgetTooSmall:
    segments = [s for s in layout.prompt.segments if s.structure is not None]
    part = (layout.skeleton & fixed).any()
    contents = sorted({s.structure.content for s in segments if s.structure}) if part else []
    return BudgetTooSmall(limit_tokens=limit, protected_tokens=needed, contents=contents)


def _fit_segment(
    layout: Layout, values: Floats, index: int, share: float, count: Count, fixed: Bools
) -> Bools:
    """Return which units of one segment survive its own rate."""
    inside: Bools = layout.owners == index
    limit = Budget(rate=share).limit(count(layout.prompt.segments[index].text))
    return fit(layout, np.where(inside, values, -np.inf), limit, count, fixed=fixed & inside)


def _silent(done: int, expected: int) -> None:
    """Report to nobody."""
