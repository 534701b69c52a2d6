"""What is needed for an answer: the sentences that it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tersely.core.units import sentence_bounds


def sentences(text: str) -> list[str]:
    """Cut a text into sentences, without the blanks around them."""
    ends = sentence_bounds(text)
    cut = (text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False))
    return [sentence for sentence in cut if sentence]


def gold_sentences(passage: str, answers: Sequence[str]) -> tuple[str, ...]:
    """Return the stretches of whole sentences of a passage in which an answer stands, in order.

    Case and the length of blanks do not matter. An answer that goes over the end of a sentence
    takes the next one with it. Where no answer stands there, the whole passage is returned.
    """
    spans = [span for answer in answers for span in _places(passage, answer)]
    ends = sentence_bounds(passage)
    starts = [0, *ends[:-1]]
    bounds = sorted(
        (
            max(start for start in starts if start <= left),
            min(end for end in ends if end >= right),
        )
        for left, right in spans
    )
    merged: list[tuple[int, int]] = []
    for left, right in bounds:
        if merged and left < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    found = tuple(text for left, right in merged if (text := passage[left:right].strip()))
    return found or whole(passage)


def whole(passage: str) -> tuple[str, ...]:
    """Return a passage without the blanks around it; nothing, if it is blank."""
    return (passage.strip(),) if passage.strip() else ()


def needed_sentences(passage: str, answers: Sequence[str], links: Iterable[str]) -> tuple[str, ...]:
    """Return the sentences of one of several passages that an answer is put together from.

    They are the ones in which an answer or a link to another passage stands; where there are
    none, the first sentence, which says what the passage is about.

    Args:
        passage: Needed for the answer.
        answers: Right answers.
        links: Titles of the other passages that are needed.
    """
    known = [*answers, *links]
    if any(_places(passage, one) for one in known):
        return gold_sentences(passage, known)
    return tuple(sentences(passage)[:1])


def around(text: str, start: int, end: int, *, reach: int = 80) -> str:
    """Return characters [start, end) of a text with their surroundings, cut at blanks.

    For texts without sentences: the line, if it is short, else `reach` characters either way.
    """
    left = text.rfind("\n", 0, start) + 1
    right = text.find("\n", end)
    right = len(text) if right < 0 else right
    if start - left > reach:
        blank = text.find(" ", start - reach, start)
        left = blank + 1 if blank >= 0 else start - reach
    if right - end > reach:
        blank = text.rfind(" ", end, end + reach)
        right = blank if blank >= 0 else end + reach
    return text[left:right].strip()


def _places(passage: str, answer: str) -> list[tuple[int, int]]:
    words = answer.split()
    if not words:
        return []
    pattern = r"\s+".join(map(re.escape, words))
    left = r"(?<!\w)" if words[0][0].isascii() and words[0][0].isalnum() else ""
    right = r"(?!\w)" if words[-1][-1].isascii() and words[-1][-1].isalnum() else ""
    return [m.span() for m in re.finditer(f"{left}{pattern}{right}", passage, re.IGNORECASE)]
