"""What a shortened text still has of what must not get lost: numbers, negations, names, ...

An occurrence in the original is kept if it has a counterpart in what is left; each counterpart
counts once. So this measures what a reader can still find, not whether it still says it of the
same thing.

Numbers, negations, URLs and quotes are sought in what is left as they are in the original, with the
patterns that `protect=` has: a number that lost its unit, or that ran into another one, is not
kept. Dates and names are told by what stands around them, which may be gone, so they are sought as
strings; a name is a single word, so half of "Marie Curie" can be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from tersely.core.kept_words import UPPER, Original
from tersely.core.patterns import pattern_spans
from tersely.core.prompt import Prompt
from tersely.core.units import is_word_char

KEPT_CLASSES = ("numbers", "negations", "names", "urls", "quotes", "dates")
"""What `kept_shares` looks at."""


def kept_shares(before: str, after: str) -> dict[str, float | None]:
    """Return, by class, the share of its occurrences in a text that is still there.

    Args:
        before: The original.
        after: What is left of it.

    Returns:
        Shares in [0, 1], in the order of `KEPT_CLASSES`; None where the original has none.

    Raises:
        PromptError: A pattern takes too long. Each text takes some 3 s per million characters.
    """
    return {name: _share(name, before, after) for name in KEPT_CLASSES}


def names(text: str) -> list[str]:
    """Return the words that are names, in order: with a capital, which they have not from a place.

    Such a word stands behind another one or a comma somewhere, or is all capitals; it has two
    letters at least, and the text does not also have it in small letters. (As in
    `tersely.core.kept_words`; in German these are all nouns.) Scripts without capitals have none.
    """
    original = Original(text)
    words = original.words()
    known = frozenset(words)
    found = {
        word
        for nth, word in enumerate(words)
        if len(word) > 1
        and UPPER.match(word)
        and word.lower() not in known
        and (word.isupper() or original.follows_word(nth))
    }
    return [word for word in words if word in found]


def _share(name: str, before: str, after: str) -> float | None:
    wanted = _wanted(name, before)
    if not wanted:
        return None
    left = Counter(Original(after).words() if name == "names" else _matches(name, after))
    if name == "dates":
        left |= _occurrences(wanted, " ".join(after.split()))
    return (wanted & left).total() / wanted.total()


@lru_cache(maxsize=4 * len(KEPT_CLASSES))
def _wanted(name: str, text: str) -> Counter[str]:
    """Count a class in an original, of which there are many shorter texts."""
    return Counter(names(text) if name == "names" else _matches(name, text))


def _matches(name: str, text: str) -> list[str]:
    """Return what a class of patterns finds, with single blanks."""
    spans = pattern_spans(Prompt.of([text]), [name])
    return [" ".join(text[span.start : span.end].split()) for span in spans]


def _occurrences(wanted: Iterable[str], text: str) -> Counter[str]:
    """Count strings in a text where no word goes on, longer ones first, no character twice."""
    taken = bytearray(len(text))
    counts: Counter[str] = Counter()
    for string in sorted(wanted, key=len, reverse=True):
        start = text.find(string)
        while start >= 0:
            end = start + len(string)
            if not any(taken[start:end]) and _apart(text, start) and _apart(text, end):
                taken[start:end] = b"\1" * len(string)
                counts[string] += 1
            start = text.find(string, start + 1)
    return counts


def _apart(text: str, place: int) -> bool:
    """Return whether two words, or none, meet at a place of a text."""
    inside = 0 < place < len(text)
    return not (inside and is_word_char(text[place - 1]) and is_word_char(text[place]))
