"""The words of a compressed text, where each came from, and what each says about that.

The compressed text is cut as the original is, so that a word knows the characters it came from
even where it is half a word, or two halves that became one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import regex

from tersely.core.prompt import Prompt, Span
from tersely.core.units import clean, is_word_char, word_units

ENOUGH = 4
"""What the words of a run must be worth together before it is believed. Two ordinary words are,
four characters of a script written without spaces are; one name or one ordinary word beside any
number of frequent short words is not."""

_NAME, _LONG, _SHORT = 3, 2, 1

WORD = regex.compile(r"[\p{L}\p{N}_]")
UPPER = regex.compile(r"[\p{Lu}\p{Lt}]")
# Of a unit without its whitespace: punctuation one character at a time, what is between as one.
_TOKEN = regex.compile(r"(?s)(?=[\p{L}\p{N}_])\X(?:.*(?=[\p{L}\p{N}_])\X)?|\X")
_BORDER = -2  # the id of the place between two segments

Bounds = list[tuple[int, int]]


class Original:
    """One segment of the prompt, cut as the compressed text is.

    Attributes:
        text: Its characters.
        starts: Where each of its words and punctuation marks begins.
        ends: Where each ends.
    """

    def __init__(self, text: str) -> None:
        """Cut a text."""
        bounds = word_bounds(text)
        self.text = text
        self.starts = [start for start, _ in bounds]
        self.ends = [end for _, end in bounds]

    def words(self) -> list[str]:
        """Return its words."""
        return [self.text[a:b] for a, b in zip(self.starts, self.ends, strict=True)]

    def word(self, nth: int) -> str:
        """Return one of its words."""
        return self.text[self.starts[nth] : self.ends[nth]]

    def follows_word(self, nth: int) -> bool:
        """Return whether a word stands in a line behind another or a comma: it begins nothing."""
        if nth < 1:
            return False
        before = self.word(nth - 1)
        follows = bool(WORD.match(before)) or before == ","
        return follows and "\n" not in self.text[self.ends[nth - 1] : self.starts[nth]]

    def whole(self, start: int, end: int) -> tuple[int, int]:
        """Return [start, end) grown to the words it begins and ends in."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_left(self.ends, end)
        if first >= 0 and self.ends[first] > start:
            start = self.starts[first]
        if last < len(self.ends) and self.starts[last] < end:
            end = self.ends[last]
        return start, end


@dataclass(frozen=True, slots=True)
class KeptWord:
    """A word of the compressed text.

    Attributes:
        text: Its characters as the model saw them.
        segment: Where it came from; -1 for a border between segments.
        start: First character it came from.
        end: One past the last.
        whole: The same, grown to the words of the original that it is a part of.
    """

    text: str
    segment: int
    start: int
    end: int
    whole: tuple[int, int]


class KeptText:
    """The compressed text as a sequence of words.

    Attributes:
        originals: The segments of the prompt.
        words: The words, segment after segment, with a border after each.
        ids: A number for each word, the same for the same letters in any case.
        id_of: The number of folded letters.
        worth: What each number is worth; see `ENOUGH`.
        known: The words of the original.
    """

    def __init__(self, prompt: Prompt, kept: Sequence[Span]) -> None:
        """Cut what is kept of a prompt; a segment's spans stand together, in reading order."""
        self.originals = [Original(segment.text) for segment in prompt.segments]
        originally = [word for original in self.originals for word in original.words()]
        self.known = frozenset(originally)
        self.words: list[KeptWord] = []
        for index, spans in groupby(kept, lambda span: span.segment):
            self.words += _kept_words(self.originals[index], index, list(spans))
            self.words.append(KeptWord("", -1, 0, 0, (0, 0)))
        self.id_of: dict[str, int] = {}
        self.ids = [self._number(word) for word in self.words]
        counts = Counter(map(folded, originally))
        self.worth = [_worth(word, counts[word], len(originally)) for word in self.id_of]
        for word, number in zip(self.words, self.ids, strict=True):
            if number >= 0 and self.worth[number] < ENOUGH:
                self.worth[number] = self._worth_here(word, self.worth[number])

    def _number(self, word: KeptWord) -> int:
        return (
            _BORDER
            if word.segment < 0
            else self.id_of.setdefault(folded(word.text), len(self.id_of))
        )

    def _worth_here(self, word: KeptWord, worth: int) -> int:
        """Return what a word is worth where it stands."""
        if worth < _NAME and self._is_name(word):
            worth = _NAME
        return ENOUGH if worth >= _LONG and self._is_piece(word) else worth

    def _is_name(self, word: KeptWord) -> bool:
        """Return whether a word is written with a capital though it begins no sentence.

        A word that also occurs in small letters is no name, whatever the capital is for.
        """
        if not UPPER.match(word.text) or word.text.lower() in self.known:
            return False
        if len(word.text) > 1 and word.text.isupper():
            return True
        original = self.originals[word.segment]
        return original.follows_word(bisect_right(original.starts, word.start) - 1)

    def _is_piece(self, word: KeptWord) -> bool:
        """Return whether a word can only be a part of one that was halved.

        "to" of "together" is a word too, and "1" of "1969" may be the number of a paragraph.
        """
        halved = word.whole[1] - word.whole[0] > len(word.text)
        return halved and len(word.text) >= 3 and word.text not in self.known


def _kept_words(original: Original, index: int, spans: Sequence[Span]) -> list[KeptWord]:
    """Cut what is kept of one segment into words, and find where each came from."""
    text = "".join(original.text[span.start : span.end] for span in spans)
    origin = [at for span in spans for at in range(span.start, span.end)]
    bounds = word_bounds(text)
    raw = [(origin[start], origin[end - 1] + 1) for start, end in bounds]
    words: list[KeptWord] = []
    for nth, (start, end) in enumerate(raw):
        whole = original.whole(start, end)
        # Two pieces of one word that stand apart are left as they are.
        apart = (nth > 0 and whole[0] < raw[nth - 1][1]) or (
            nth + 1 < len(raw) and whole[1] > raw[nth + 1][0]
        )
        seen = text[bounds[nth][0] : bounds[nth][1]]
        words.append(KeptWord(seen, index, start, end, (start, end) if apart else whole))
    return words


def word_bounds(text: str) -> Bounds:
    """Return the bounds of each word and of each punctuation mark; they hold all but blanks."""
    readable = clean(text)
    return [
        match.span()
        for unit in word_units(text)
        for match in _TOKEN.finditer(readable, unit.core, unit.end)
    ]


def folded(text: str) -> str:
    """Return what two words have in common that differ in case or kind of apostrophe."""
    return text.casefold().replace("’", "'")


def _worth(word: str, count: int, total: int) -> int:
    """Return what a folded word says about where it was taken from; see `ENOUGH`.

    In every language the most frequent words are short, so both are held against a word.
    """
    if not WORD.match(word):
        return 0
    if any(char.isdigit() for char in word):
        return _NAME
    if not is_word_char(clean(word[0])):
        return _SHORT
    letters = len(word) if word.upper() != word else 2 * len(word)  # no case: Arabic, Korean, ...
    if letters >= 5 and (count <= 3 or count * 100 <= total):
        return _LONG
    return _SHORT if letters >= 4 and (count <= 1 or count * 300 <= total) else 0
