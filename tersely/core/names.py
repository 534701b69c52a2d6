"""Names of the original that lost words at an edge: "Levine" of "Adam Levine".

A model that read only the one word can say only the one, and no gap shows that another is missing.
But the original does: a name goes on as long as words with a capital, or numbers beside them,
stand side by side in one line of one sentence, a few small words between them included ("van",
"of the"). So this is for scripts with capitals; in others nothing is a name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise, takewhile

import regex

from tersely.core.kept_words import (
    UPPER,
    WORD,
    Bounds,
    KeptText,
    Original,
    folded,
    word_bounds,
)
from tersely.core.prompt import Span
from tersely.core.runs import Run
from tersely.core.units import sentence_bounds

MOST_NAME_WORDS = 4
"""Words beyond one edge of a run, at most. What is longer is a headline or a list."""

_MOST_LINKS = 2  # small words side by side inside a name: "van der", "of the"
_LINKS = frozenset(
    {"al", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el"}
    | {"ibn", "la", "le", "van", "von"}
)
# Only behind a name: "Prince of Wales" is a prince, but "President of France" is not France.
_LINKS_BEHIND = _LINKS | {"of", "the"}
_WINDOW = 5  # words of the answer beside a run that may say already what would be put in
_BLANKS = regex.compile(r"[^\S\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_POSSESSIVE = regex.compile(r"['’]s?\Z")


class NameEdges:
    """What stands beside the words of a compressed text, of the names they are a part of."""

    def __init__(self, source: KeptText) -> None:
        """Look at a compressed text; each word is looked up when it is asked for, once."""
        self._source = source
        self._found: dict[tuple[int, int], Bounds] = {}

    def common(self, places: Sequence[int], side: int) -> Span | None:
        """Return what to put beside a run that occurs at several places.

        Args:
            places: Where in the compressed text the word at the edge stands.
            side: -1 before it, 1 after it.

        Returns:
            What all the places have in common and one of them lost; None if that is nothing.
        """
        chains = [self._chain(place, side) for place in places]
        texts = [self._texts(place, chain) for place, chain in zip(places, chains, strict=True)]
        same = sum(1 for _ in takewhile(lambda row: len(set(row)) == 1, zip(*texts, strict=False)))
        for place, chain in zip(places, chains, strict=True):
            if span := self._lost(place, chain[:same], side):
                return span
        return None

    def is_name(self, nth: int) -> bool:
        """Return whether a word of the compressed text is a name, also if it stands alone."""
        text = self._source.words[nth].text
        return len(text) > 1 and bool(UPPER.match(text)) and text.lower() not in self._source.known

    def is_halved(self, nth: int) -> bool:
        """Return whether a word of the compressed text is a part of one of the original."""
        word = self._source.words[nth]
        return word.whole != (word.start, word.end)

    def words(self, span: Span) -> list[str]:
        """Return the words of a stretch of the original, without punctuation."""
        text = self._source.originals[span.segment].text[span.start : span.end]
        words = [text[start:end] for start, end in word_bounds(text)]
        return [word for word in words if WORD.match(word)]

    def _texts(self, place: int, chain: Bounds) -> list[str]:
        text = self._source.originals[self._source.words[place].segment].text
        return [text[start:end] for start, end in chain]

    def _lost(self, place: int, chain: Bounds, side: int) -> Span | None:
        """Return the stretch beside a word that was dropped, as far as its name goes."""
        word, beside = self._source.words[place], self._source.words[place + side :][:1]
        segment = self._source.originals[word.segment]
        start, end = word.whole
        low, high = 0, len(segment.text)
        if place + side >= 0 and beside and beside[0].segment == word.segment:
            low, high = (beside[0].whole[1], high) if side < 0 else (low, beside[0].whole[0])
        lost = [bounds for bounds in chain if low <= bounds[0] and bounds[1] <= high]
        while lost and not is_capital(segment.text[slice(*lost[-1])]):
            lost.pop()
        if not lost:
            return None
        return (
            Span(word.segment, lost[-1][0], start)
            if side < 0
            else Span(word.segment, end, lost[-1][1])
        )

    def _chain(self, place: int, side: int) -> Bounds:
        """Return the words beside a word that belong to its name, outwards."""
        key = place, side
        if key not in self._found:
            self._found[key] = self._look(place, side)
        return self._found[key]

    def _look(self, place: int, side: int) -> Bounds:
        word = self._source.words[place]
        original = self._source.originals[word.segment]
        at = bisect_left(original.starts, word.whole[0])
        known = self._source.known
        if side > 0 and not _may_begin(original, at, known):
            return []
        out: list[int] = []
        while len(out) <= MOST_NAME_WORDS:
            step = _step(original, out[-1] if out else at, side, known)
            if not step:
                break
            out += step
        if len(out) > MOST_NAME_WORDS:
            return []
        bounds = [(original.starts[nth], original.ends[nth]) for nth in out]
        if side > 0 and bounds and (tail := _POSSESSIVE.search(original.word(out[-1]))):
            bounds[-1] = bounds[-1][0], bounds[-1][0] + tail.start()
        return bounds


def _step(original: Original, at: int, side: int, known: frozenset[str]) -> list[int]:
    """Return the next words of a name: one, or one behind small words; [] where it ends."""
    links = _LINKS if side < 0 else _LINKS_BEHIND
    out: list[int] = []
    inner = at
    while len(out) <= _MOST_LINKS:
        nth = _beside(original, inner, side)
        if nth is None:
            break
        out.append(nth)
        if is_capital(original.word(nth)):
            names = all(UPPER.match(original.word(end)) for end in (at, nth))
            fits = (names or len(out) == 1) and _belongs(original, nth, inner, side, known)
            return out if fits else []
        if original.word(nth) not in links:
            break
        inner = nth
    return []


def _belongs(original: Original, nth: int, at: int, side: int, known: frozenset[str]) -> bool:
    """Return whether two words side by side are of one name; `at` is the inner one."""
    left, right = (nth, at) if side < 0 else (at, nth)
    if _POSSESSIVE.search(original.word(left)):
        return False
    if not (UPPER.match(original.word(left)) or UPPER.match(original.word(right))):
        return False
    return side > 0 or _may_begin(original, nth, known)


def _may_begin(original: Original, nth: int, known: frozenset[str]) -> bool:
    """Return whether a word can be the first of a name, not only of a sentence.

    What begins a sentence has a capital anyway; it is taken for a name where another one follows
    and the prompt has no such word in small letters.
    """
    if original.follows_word(nth):
        return True
    after = _beside(original, nth, 1)
    word = original.word(nth)
    return (
        after is not None
        and bool(UPPER.match(word) and UPPER.match(original.word(after)))
        and word.lower() not in known
    )


def _beside(original: Original, nth: int, side: int) -> int | None:
    """Return the word beside a word: only blanks between, or the point of an abbreviation."""
    other = nth + side
    if not 0 <= other < len(original.starts):
        return None
    left, right = min(nth, other), max(nth, other)
    if side < 0 and original.word(left) == ".":
        left, other = left - 1, other - 1
    elif side > 0 and original.word(right) == ".":
        right, other = right + 1, other + 1
    if left < 0 or right >= len(original.starts) or not WORD.match(original.word(other)):
        return None
    begin = original.ends[left]
    if right - left == 2:
        if original.starts[left + 1] != begin or not _is_abbreviation(original, left, right):
            return None
        begin += 1
    return other if _BLANKS.fullmatch(original.text, begin, original.starts[right]) else None


def _is_abbreviation(original: Original, left: int, right: int) -> bool:
    """Return whether the point between two words ends no sentence: "M. Night", "Dr. No"."""
    if not (UPPER.match(original.word(left)) and UPPER.match(original.word(right))):
        return False
    begin = original.starts[max(0, left - 5)]
    start = original.starts[right]
    bounds = sentence_bounds(original.text[begin : original.ends[right]])
    return not any(original.ends[left] < begin + bound <= start for bound in bounds)


def is_capital(word: str) -> bool:
    """Return whether a word begins with a capital or a digit."""
    return bool(UPPER.match(word)) or word[:1].isdecimal()


class AnswerNames:
    """What an answer says, so that it is not said twice.

    What stands beside a run may be a name of the answer's own ("Eva Levine") or what was dropped.
    """

    def __init__(self, source: KeptText, answer: str, bounds: Bounds) -> None:
        """Look at the words of an answer."""
        self._known = source.known
        self._answer = answer
        self._bounds = bounds
        self._texts = [answer[start:end] for start, end in bounds]
        self._folded = [folded(text) for text in self._texts]
        self._pairs = frozenset(pairwise(self._folded))

    def goes_on(self, run: Run, side: int) -> bool:
        """Return whether a run cannot lack anything on a side, by what stands beside it."""
        sides = [-1, 1] if len(run) == 1 else [side]
        return any(self._goes_on(run.start - 1 if way < 0 else run.end, way) for way in sides)

    def has(self, run: Run, side: int, words: Sequence[str]) -> bool:
        """Return whether the answer has what would be put beside a run."""
        wanted = [folded(word) for word in words if is_capital(word)]
        beside = {
            *self._folded[max(0, run.start - _WINDOW) : run.start],
            *self._folded[run.end : run.end + _WINDOW],
        }
        if not beside.isdisjoint(wanted):
            return True
        if side < 0:
            return (folded(words[-1]), self._folded[run.start]) in self._pairs
        return (self._folded[run.end - 1], folded(words[0])) in self._pairs

    def _goes_on(self, nth: int, way: int) -> bool:
        """Return whether the word beside a run is of the same name, as the answer has it."""
        inner = nth - way
        while 0 <= nth < len(self._texts) and self._texts[nth] == "." and way < 0:
            nth -= 1  # an initial
        if not 0 <= nth < len(self._texts) or not is_capital(self._texts[nth]):
            return False
        left, right = min(nth, inner), max(nth, inner)
        between = self._answer[self._bounds[left][1] : self._bounds[right][0]]
        if not between or between.strip(" \t.-"):
            return False
        # "In York": the first word of the answer's sentence has its capital from there.
        begins = way < 0 and (nth == 0 or not WORD.match(self._texts[nth - 1]))
        plain = self._texts[nth].lower() in self._known and not self._texts[nth][0].isdecimal()
        return not (begins and plain)
