"""Chain: any coarse method, then any fine one, under one budget.

Paper:    the coarse-to-fine scheme of Jiang et al. 2023, "LLMLingua", with its stages exchanged.
          https://arxiv.org/abs/2310.05736
Code:     none.
Differs:  the stages are whole methods, each with its own units. Every stage but the last leaves
          `k` times what the next one does; the last has the budget itself, so the result is within
          it to the token. The spans are composed: they are spans of the prompt that went in.
Cost:     the sum of the stages'; every stage after the first reads only what was left to it.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import ClassVar

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression, bounds_of
from tersely.core.structure import weave
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetTooSmall, SettingError
from tersely.hard.base import HardCompressor, Progress, check_question


@dataclass(frozen=True, kw_only=True)
class Chain(HardCompressor):
    """Put a prompt through one method after another.

    Its `name` is theirs, joined by "+", and it needs a question if one of them does.

    Attributes:
        stages: Two or more methods, the coarsest first.
        k: How many times the tokens of the next stage each earlier one leaves, at least 1.
    """

    name: ClassVar[str] = "chain"
    stages: tuple[HardCompressor, ...]
    k: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what is no chain."""
        if isinstance(self.stages, str | bytes) or not isinstance(self.stages, list | tuple):
            raise SettingError(f"stages is a list of methods, not {self.stages!r}.")
        if len(self.stages) < 2:
            raise SettingError(f"A chain has two stages or more; got {len(self.stages)}.")
        for stage in self.stages:
            if not isinstance(stage, HardCompressor):
                raise SettingError(
                    f"A stage is what tersely.load returns, not {stage!r}."
                    ' By name: tersely.load("first+second").'
                )
        if isinstance(self.k, bool) or not isinstance(self.k, int | float):
            raise SettingError(f"k is a number, not {self.k!r}.")
        if not 1 <= self.k < math.inf:
            raise SettingError(f"k is at least 1, and finite; got {self.k}.")
        # What the class says of all its instances, this one says of itself.
        object.__setattr__(self, "stages", tuple(self.stages))
        object.__setattr__(self, "name", "+".join(stage.name for stage in self.stages))
        needs = any(stage.needs_question for stage in self.stages)
        object.__setattr__(self, "needs_question", needs)

    def compress(
        self,
        prompt: Prompt,
        budget: Budget,
        *,
        counter: TokenCounter,
        progress: Progress | None = None,
    ) -> Compression:
        """Shorten a prompt stage by stage until it fits the budget."""
        started = time.perf_counter()
        check_question(self, prompt)
        total = counter.count(prompt.text)
        limit = budget.limit(total)
        left = _shared_rates(prompt, len(self.stages))
        done: list[Compression] = []
        for stage, tokens in zip(self.stages, self.limits(total, limit), strict=True):
            read = sum(result.model_tokens for result in done)
            # A limit of no token can only come from a rate, and the rate of less is none either.
            share = Budget(tokens=tokens) if tokens else budget
            try:
                result = stage.compress(
                    left, share, counter=counter, progress=_after(read, progress)
                )
            except BudgetTooSmall as error:
                raise BudgetTooSmall(
                    limit_tokens=limit,
                    protected_tokens=error.protected_tokens,
                    contents=error.contents,
                ) from error
            done.append(result)
            left = kept_prompt(result)
        kept, order = compose(done)
        return replace(
            done[-1],
            prompt=prompt,
            kept=kept,
            order=order,
            tokens_before=total,
            limit_tokens=limit,
            method=self.name,
            model="+".join(dict.fromkeys(result.model for result in done if result.model)),
            model_tokens=sum(result.model_tokens for result in done),
            seconds=time.perf_counter() - started,
        )

    def limits(self, total: int, limit: int) -> list[int]:
        """Return the most tokens that each stage may leave of `total`, the last one `limit`.

        They fall geometrically, by a factor of k, or of less where k times as much is more than
        there is.
        """
        steps = len(self.stages) - 1
        try:
            first = min(float(total), self.k**steps * limit)
        except OverflowError:
            first = float(total)
        first = max(first, limit)
        falling = [
            math.floor(first * (limit / first) ** (at / steps)) if first else 0
            for at in range(steps)
        ]
        return [*(max(limit, tokens) for tokens in falling), limit]


def kept_prompt(result: Compression) -> Prompt:
    """Return what is left of a prompt as a prompt, its segments in the order they are written in.

    Separators, roles and rates are those of the prompt; what it protects is still protected.
    """
    prompt, places = result.prompt, _order(result)
    bounds = bounds_of(prompt, result.kept)
    segments = tuple(_left_of(prompt.segments[index], bounds[index]) for index in places)
    place_of = {index: place for place, index in enumerate(places)}
    pieces = _Pieces(result.kept)

    def moved(spans: Iterable[Span]) -> tuple[Span, ...]:
        return tuple(
            Span(place_of[span.segment], start, end)
            for span in spans
            for start, end in pieces.inside(span)
        )

    return Prompt(segments, prompt.separators, moved(prompt.protected), moved(prompt.preferred))


def compose(results: list[Compression]) -> tuple[tuple[Span, ...], tuple[int, ...] | None]:
    """Return what is kept, in spans of the first prompt, and the order of its segments.

    Args:
        results: Each made of `kept_prompt` of the one before.

    Returns:
        Spans in output order, of which no two touch; and the order, None for the prompt's own.
    """
    first, *later = results
    kept, order = first.kept, _order(first)
    for result in later:
        kept = _mapped(kept, (replace(span, segment=order[span.segment]) for span in result.kept))
        order = tuple(order[place] for place in _order(result))
    return kept, None if order == tuple(range(len(order))) else order


def _left_of(segment: Segment, kept: list[tuple[int, int]]) -> Segment:
    """Return what is left of a segment; the notes on what is not are left to the last stage."""
    structure = segment.structure
    if structure is not None:
        structure = structure.left_of(kept)
    return replace(segment, text=weave(segment.text, kept, None), structure=structure)


class _Pieces:
    """What the kept text of each segment is made of."""

    def __init__(self, kept: tuple[Span, ...]) -> None:
        self._spans: dict[int, list[Span]] = {}
        self._at: dict[int, list[int]] = {}  # where each begins in the kept text
        for index, spans in groupby(kept, lambda span: span.segment):
            self._spans[index] = list(spans)
            lengths = (span.end - span.start for span in self._spans[index])
            self._at[index] = list(accumulate(lengths, initial=0))

    def inside(self, span: Span) -> Iterator[tuple[int, int]]:
        """Yield the stretches of the kept text that a span of the original is now."""
        spans, at = self._spans.get(span.segment, []), self._at.get(span.segment, [])
        for nth in range(bisect_right(spans, span.start, key=lambda s: s.end), len(spans)):
            start, end = max(span.start, spans[nth].start), min(span.end, spans[nth].end)
            if start >= end:
                return
            offset = at[nth] - spans[nth].start
            yield start + offset, end + offset

    def originals(self, span: Span) -> Iterator[Span]:
        """Yield the spans of the original that a span of the kept text came from."""
        spans, at = self._spans[span.segment], self._at[span.segment]
        nth = bisect_right(at, span.start) - 1
        start = span.start
        while start < span.end:
            end = min(span.end, at[nth + 1])
            offset = spans[nth].start - at[nth]
            yield Span(span.segment, start + offset, end + offset)
            start, nth = end, nth + 1


def _mapped(kept: tuple[Span, ...], spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the characters that spans of a kept text came from; those that touch are one."""
    pieces = _Pieces(kept)
    out: list[Span] = []
    for piece in (piece for span in spans for piece in pieces.originals(span)):
        if out and (out[-1].segment, out[-1].end) == (piece.segment, piece.start):
            out[-1] = replace(out[-1], end=piece.end)
        else:
            out.append(piece)
    return tuple(out)


def _order(result: Compression) -> tuple[int, ...]:
    return tuple(range(len(result.prompt.segments))) if result.order is None else result.order


def _shared_rates(prompt: Prompt, stages: int) -> Prompt:
    """Return the prompt with each segment's own rate shared out: applied n times, it is itself."""
    segments: list[Segment] = [
        segment if segment.rate is None else replace(segment, rate=segment.rate ** (1 / stages))
        for segment in prompt.segments
    ]
    return replace(prompt, segments=tuple(segments))


def _after(read: int, progress: Progress | None) -> Progress | None:
    """Return a progress callback that goes on from what earlier stages have read."""
    if progress is None:
        return None
    return lambda done, expected: progress(read + done, read + expected)
