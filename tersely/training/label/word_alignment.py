"""Which words of a text survive in a shortened version that somebody else wrote.

Source: algorithm 1 of Pan et al. 2024 (LLMLingua-2), https://arxiv.org/abs/2403.12968: each word
of the short text is looked for around the place where the one before it was found, in both
directions, in a window of words, with words that differ in ending or case taken as the same.
Written from the paper; two words that are equal are preferred to two that only share a stem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tersely.training.label.rows import word_bounds

WINDOW_WORDS = 150
"""How many words to either side are searched."""

_ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ied", "ely", "ed", "es", "ly", "s", "e", "y")
_LEAST_STEM = 3


@dataclass(frozen=True, slots=True)
class Alignment:
    """What a shortened text has kept of W words.

    Attributes:
        kept: For each word, whether it was found in the short text.
        variation: Share of the short text's words that stand nowhere in the original, in [0, 1].
        gap: Words of the short text that stand in the original, minus words found there, as a
            share of W, in [-1, 1]: how much of what could be aligned was not.
    """

    kept: tuple[bool, ...]
    variation: float
    gap: float


def align_words(text: str, short: str, *, window: int = WINDOW_WORDS) -> Alignment:
    """Find the words of a shortened text in the original.

    Args:
        text: The original, with at least one word.
        short: What is left of it.
        window: How many words to either side are searched.
    """
    words = [text[start:end].casefold() for start, end in word_bounds(text)]
    left = [short[start:end].casefold() for start, end in word_bounds(short)]
    stems = [stem(word) for word in words]
    kept = [False] * len(words)
    at = -1
    for word in left:
        found = _nearest(words, stems, kept, word, at, window)
        if found is not None:
            kept[found] = True
            at = found
    known, known_stems = set(words), set(stems)
    hits = sum(word in known or stem(word) in known_stems for word in left)
    return Alignment(
        kept=tuple(kept),
        variation=1 - hits / len(left) if left else 1.0,
        gap=(hits - sum(kept)) / len(words),
    )


def stem(word: str) -> str:
    """Return a word without a common English ending; what is left has at least three letters."""
    word = word.removesuffix("'s").removesuffix("\u2019s")
    if not word.isalpha():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word.removesuffix(ending)
    return word


def _nearest(
    words: Sequence[str],
    stems: Sequence[str],
    kept: Sequence[bool],
    word: str,
    at: int,
    window: int,
) -> int | None:
    """Return the nearest word that is not taken yet, one ahead rather than one behind."""
    short = stem(word)
    alike = None
    for place in _around(at, window, len(words)):
        if kept[place]:
            continue
        if words[place] == word:
            return place
        if alike is None and stems[place] == short:
            alike = place
    return alike


def _around(at: int, window: int, total: int) -> Iterator[int]:
    """Yield the places after `at` and before it, the nearest first."""
    for far in range(1, window + 1):
        if at + far < total:
            yield at + far
        if at - far >= 0:
            yield at - far
