"""The way back: put the dropped words of the original into an answer written without them.

The model read the compressed text, so its answer repeats runs of words that stood next to each
other only there. Where such a run occurs in the compressed text and words were dropped between
two of its words, the stretch of the original that stood between them goes into the answer; where
it begins or ends inside a name, the dropped rest of the name does (`tersely.core.names`). What
goes in is always characters of one segment; all else of the answer stays as it is.

Paper:    Jiang et al. 2024, "LongLLMLingua", section 4.4. https://arxiv.org/abs/2310.06839
Code:     https://github.com/microsoft/LLMLingua/blob/e0e9d99/llmlingua/prompt_compressor.py
Differs:  the published code finds the longest substring again from every word and looks for it
          among the token ids of the original, which need not be where the compressed text came
          from; it replaces whole runs, decoded from ids. Here the spans say where each word came
          from, only gaps are filled and names completed, no sentence is put into another, and a
          run that says too little (two stop words) is left alone.
Cost:     no model; O(answer + prompt).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tersely.core.kept_words import (
    ENOUGH,
    WORD,
    Bounds,
    KeptText,
    KeptWord,
    Original,
    folded,
    word_bounds,
)
from tersely.core.names import AnswerNames, NameEdges, is_capital
from tersely.core.prompt import Prompt, Span
from tersely.core.runs import Run, RunIndex, longest_over
from tersely.core.units import sentence_bounds
from tersely.errors import PromptError, SettingError

MOST_DROPPED_WORDS = 10
"""Dropped words between two kept ones, at most. Source: the published code's 10 tokens."""

MOST_CHARS_PER_WORD = 20
"""Of what goes into one gap, on average; so an answer can grow by a constant factor only."""

MOST_PLACES = 32
"""Places of one run that are compared."""

MOST_COMPARED = 64
"""Words of a run that are compared letter by letter at each place."""

_NOTHING = -1  # the number of a line break, and of a word that the compressed text does not have


@dataclass(frozen=True, slots=True)
class Recovered:
    """Characters [start, end) of an answer become the characters of a span.

    Attributes:
        start: First character of the answer that is replaced.
        end: One past the last; equal to `start` where nothing is replaced, only put in.
        span: The stretch of the original that takes the place.
    """

    start: int
    end: int
    span: Span


def recover_spans(
    prompt: Prompt,
    kept: Sequence[Span],
    answer: str,
    *,
    most_dropped_words: int = MOST_DROPPED_WORDS,
    complete_names: bool = True,
) -> list[Recovered]:
    """Return what of the original goes where in an answer.

    Args:
        prompt: The prompt that was compressed.
        kept: What of it the model read; a segment's spans stand together, in reading order.
        answer: What the model wrote, any text.
        most_dropped_words: A gap of more words than that is left alone.
        complete_names: Whether names that lost words at an edge are made whole.

    Returns:
        In the order of the answer; they do not overlap.

    Raises:
        PromptError: The answer is not a str.
        SettingError: `most_dropped_words` is not a whole number of at least 0.
    """
    if not isinstance(answer, str):
        raise PromptError(f"The answer is a str, not {type(answer).__name__}.")
    number = isinstance(most_dropped_words, int) and not isinstance(most_dropped_words, bool)
    if not number or most_dropped_words < 0:
        raise SettingError(
            f"most_dropped_words is a whole number, at least 0; got {most_dropped_words!r}."
        )
    dropped = sum(len(segment.text) for segment in prompt.segments)
    dropped -= sum(span.end - span.start for span in kept)
    if not dropped or not answer:
        return []
    return _Recovery(KeptText(prompt, kept), answer, most_dropped_words, complete_names).spans()


def recover(
    prompt: Prompt,
    kept: Sequence[Span],
    answer: str,
    *,
    most_dropped_words: int = MOST_DROPPED_WORDS,
    complete_names: bool = True,
) -> str:
    """Return an answer with the original wording put back; see `recover_spans`."""
    changes = recover_spans(
        prompt,
        kept,
        answer,
        most_dropped_words=most_dropped_words,
        complete_names=complete_names,
    )
    return apply_changes(prompt, answer, changes)


def apply_changes(prompt: Prompt, answer: str, changes: Sequence[Recovered]) -> str:
    """Return an answer with what `recover_spans` found for it put in."""
    out: list[str] = []
    at = 0
    for change in changes:
        out += answer[at : change.start], prompt.read(change.span)
        at = change.end
    return "".join([*out, answer[at:]])


class _Recovery:
    """One answer, beside the compressed text it was written from."""

    def __init__(
        self, source: KeptText, answer: str, most_dropped_words: int, complete_names: bool
    ) -> None:
        self._source = source
        self._answer = answer
        self._most_words = most_dropped_words
        self._most_chars = MOST_CHARS_PER_WORD * (most_dropped_words + 1)
        self._bounds = _answer_bounds(answer)
        self._texts = [answer[start:end] for start, end in self._bounds]
        self._ids = [source.id_of.get(folded(text), _NOTHING) for text in self._texts]
        worths = [0 if number < 0 else source.worth[number] for number in self._ids]
        self._worth_before = [0]
        for worth in worths:
            self._worth_before.append(self._worth_before[-1] + worth)
        self._index = RunIndex(source.ids)
        self._places: dict[Run, int | None] = {}
        self._stretches: dict[int, Span | None] = {}
        self._names = NameEdges(source) if complete_names else None
        self._said = AnswerNames(source, answer, self._bounds)

    def spans(self) -> list[Recovered]:
        """Return what goes where, in order."""
        runs = self._index.longest(self._ids)
        size = len(self._ids)
        alone = longest_over(runs, size, width=1)
        beside = longest_over(runs, size, width=2)
        out: list[Recovered] = []
        filled = False  # whether the gap before this word is
        for at, run in enumerate(alone):
            gap = self._gap(at, beside[at])
            ends = self._ends(at, run, filled, gap is not None)
            if run and (not at or beside[at - 1] is None):
                out += self._name(run, -1, whole=bool(ends))
            out += ends
            if run and beside[at] is None:
                out += self._name(run, 1, whole=bool(ends))
            out += [gap] if gap else []
            filled = gap is not None
        return _joined(out)

    def _gap(self, at: int, run: Run | None) -> Recovered | None:
        """Return what goes between a word of the answer and the next, if anything does."""
        if run is None or (place := self._place(run)) is None:
            return None
        span = self._stretch(place + at - run.start)
        return Recovered(self._bounds[at][1], self._bounds[at + 1][0], span) if span else None

    def _stretch(self, nth: int) -> Span | None:
        """Return what was dropped after a word of the compressed text, if it is to be put back."""
        if nth not in self._stretches:
            left, right = self._source.words[nth : nth + 2]
            segment = self._source.originals[left.segment]
            fits = right.start - left.end <= self._most_chars
            wanted = fits and self._is_wanted(segment, left, right)
            span = Span(left.segment, left.end, right.start) if wanted else None
            self._stretches[nth] = span
        return self._stretches[nth]

    def _is_wanted(self, segment: Original, left: KeptWord, right: KeptWord) -> bool:
        """Return whether a word was dropped between two, and not too much."""
        if not WORD.search(segment.text, left.end, right.start):
            return False
        first = bisect_left(segment.starts, left.end)
        last = bisect_right(segment.ends, right.start)
        words = sum(bool(WORD.match(segment.text, at)) for at in segment.starts[first:last])
        return words <= self._most_words and not _crosses_sentence(segment, first, left, right)

    def _ends(self, at: int, run: Run | None, before: bool, after: bool) -> list[Recovered]:
        """Return what makes half a word whole, where the gaps beside it do not do so already."""
        if run is None or (place := self._place(run)) is None:
            return []
        word = self._source.words[place + at - run.start]
        start, end = word.whole
        dropped = end - start - len(word.text)
        if not 0 < dropped <= self._most_chars or word.text != self._texts[at]:
            return []
        alone = at in (run.start, run.end - 1)
        if word.text in self._source.known or (
            alone and self._source.worth[self._ids[at]] < ENOUGH
        ):
            return []
        left, right = self._bounds[at]
        out = [
            Recovered(left, left, Span(word.segment, start, word.start)),
            Recovered(left, right, Span(word.segment, word.start, word.end)),
            Recovered(right, right, Span(word.segment, word.end, end)),
        ]
        wanted = [
            not before and start < word.start,
            word.end - word.start > len(word.text),
            not after and word.end < end,
        ]
        return [change for change, is_wanted in zip(out, wanted, strict=True) if is_wanted]

    def _name(self, run: Run, side: int, *, whole: bool) -> list[Recovered]:
        """Return what completes a name beyond the edge of a run.

        Args:
            run: A run that goes no further on this side.
            side: -1 before it, 1 after it.
            whole: Whether its last word there is whole, even if only half of it was kept.
        """
        edge = run.start if side < 0 else run.end - 1
        if not self._names or not is_capital(self._texts[edge]) or self._said.goes_on(run, side):
            return []
        found = self._index.places(run, most=MOST_PLACES + 1)
        places = [place + edge - run.start for place in found if self._is_same(run, place)]
        if not places or len(found) > MOST_PLACES:
            return []
        enough = self._worth_before[run.end] - self._worth_before[run.start] >= ENOUGH
        if not enough and not self._names.is_name(places[0]):
            return []
        halved = any(self._names.is_halved(place) for place in places)
        span = None if halved and not whole else self._names.common(places, side)
        if span is None or self._said.has(run, side, self._names.words(span)):
            return []
        at = self._bounds[edge][side > 0]
        return [Recovered(at, at, span)]

    def _is_same(self, run: Run, place: int) -> bool:
        """Return whether a run has the letters of a place, in the same case."""
        words = self._source.words
        compared = self._texts[run.start : min(run.end, run.start + MOST_COMPARED)]
        return all(text == words[place + nth].text for nth, text in enumerate(compared))

    def _place(self, run: Run) -> int | None:
        """Return where in the compressed text a run stood; None if it says too little.

        Of several places, one with the same letters, then the shortest stretch of the original,
        then the first.
        """
        if run not in self._places:
            self._places[run] = self._choose(run)
        return self._places[run]

    def _choose(self, run: Run) -> int | None:
        if self._worth_before[run.end] - self._worth_before[run.start] < ENOUGH:
            return None
        words = self._source.words

        def distance(place: int) -> tuple[bool, int]:
            last = words[place + len(run) - 1]
            return not self._is_same(run, place), last.whole[1] - words[place].whole[0]

        return min(self._index.places(run, most=MOST_PLACES), key=distance)


def _answer_bounds(answer: str) -> Bounds:
    """Return the bounds of the answer's words, and an empty one at each line break.

    A line break is what the writer put there, so no run goes across it.
    """
    out: Bounds = []
    at = 0
    for start, end in word_bounds(answer):
        if "\n" in answer[at:start]:
            out.append((start, start))
        out.append((start, end))
        at = end
    return out


def _crosses_sentence(segment: Original, first: int, left: KeptWord, right: KeptWord) -> bool:
    """Return whether a sentence ends between two words of a segment.

    Args:
        segment: The segment.
        first: The first of its words that begins after the left one.
        left: A word.
        right: The next kept one.
    """
    begin = segment.starts[max(0, first - 5)]  # a few words before, to know "Dr." from an end
    bounds = sentence_bounds(segment.text[begin : right.whole[1]])
    return any(left.start < begin + bound <= right.start for bound in bounds)


def _joined(changes: Sequence[Recovered]) -> list[Recovered]:
    """Join changes that touch and take what touches in the original."""
    out: list[Recovered] = []
    for change in changes:
        last = out[-1] if out else None
        if (
            last
            and last.end == change.start
            and last.span.segment == change.span.segment
            and last.span.end == change.span.start
        ):
            span = Span(last.span.segment, last.span.start, change.span.end)
            out[-1] = Recovered(last.start, change.end, span)
        else:
            out.append(change)
    return out
