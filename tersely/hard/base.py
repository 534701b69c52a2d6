"""What every hard compressor promises, and what the methods share: the budget is kept here."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tersely.core.budget import Budget
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.core.select import Count, Floats, fit
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
            kept, order, after, model_tokens = whole_spans(prompt), None, total, 0
        else:
            layout, chosen, model_tokens = self._choose(
                self.lay_out(prompt), limit, counter.count, progress or _silent
            )
            kept, order = layout.spans(chosen), layout.order
            after = counter.count(layout.text(chosen))
        return Compression(
            prompt=prompt,
            kept=kept,
            tokens_before=total,
            tokens_after=after,
            limit_tokens=limit,
            tokenizer=counter.name,
            exact=counter.exact,
            method=self.name,
            model=self.model_name,
            model_tokens=model_tokens,
            seconds=time.perf_counter() - started,
            order=order,
        )

    def _choose(
        self, layout: Layout, limit: int, count: Count, progress: Progress
    ) -> tuple[Layout, Bools, int]:
        """Return what is written in which order, and the tokens the model read to decide it."""
        own = {i: self.segment_rate(s) for i, s in enumerate(layout.prompt.segments)}
        segment_of = np.array([unit.segment for unit in layout.units], dtype=np.int64)
        fixed = layout.protected | np.isin(segment_of, [i for i, r in own.items() if r == 1.0])
        fixed_tokens = count(layout.text(fixed))
        if fixed_tokens > limit:
            raise BudgetTooSmall(limit_tokens=limit, protected_tokens=fixed_tokens)
        free_tokens = count(layout.prompt.text) - fixed_tokens
        rate = min(1.0, (limit - fixed_tokens) / max(1, free_tokens))
        ranking = self.rank(layout, Goal(fixed, rate, progress))
        layout = layout.reordered(ranking.order)
        shares = {i: ranking.rates.get(i, r) for i, r in own.items() if r is not None and r < 1.0}
        own_rate = np.isin(segment_of, list(shares)) & ~fixed
        for index, share in shares.items():
            fixed = fixed | _fit_segment(layout, ranking.values, index, share, count, fixed)
        values = np.where(own_rate, -np.inf, ranking.values)
        if count(layout.text(fixed)) > limit:  # segments with their own rates are too much together
            values = np.where(own_rate & fixed, ranking.values, -np.inf)
            fixed = fixed & ~own_rate
            if count(layout.text(fixed)) > limit:  # in the new order it can need a token more
                layout = layout.reordered(None)
        chosen = fit(layout, values, limit, count, fixed=fixed, fill=self.fills)
        return layout, chosen, ranking.model_tokens


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
    """Return the units of every segment, in reading order."""
    return [
        unit
        for index, segment in enumerate(prompt.segments)
        for unit in cut(segment.text, segment=index)
    ]


def whole_spans(prompt: Prompt) -> tuple[Span, ...]:
    """Return the spans that keep everything."""
    return tuple(
        Span(index, 0, len(segment.text))
        for index, segment in enumerate(prompt.segments)
        if segment.text
    )


def _fit_segment(
    layout: Layout, values: Floats, index: int, share: float, count: Count, fixed: Bools
) -> Bools:
    """Return which units of one segment survive its own rate."""
    inside = np.array([unit.segment == index for unit in layout.units], dtype=np.bool_)
    if share == 1.0:
        return inside
    limit = Budget(rate=share).limit(count(layout.prompt.segments[index].text))
    return fit(layout, np.where(inside, values, -np.inf), limit, count, fixed=fixed & inside)


def _silent(done: int, expected: int) -> None:
    """Report to nobody."""
