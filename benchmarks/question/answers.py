"""Whether an answer is still there: plain functions of two texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from tersely.core.units import sentence_bounds

_ACCENT = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; vowel signs of others stay
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_BLANK_BESIDE = re.compile(rf"(?<={_UNSPACED}) | (?={_UNSPACED})")


def normalised(text: str) -> str:
    """Return a text as answers are compared: case, accents, punctuation and articles gone.

    Blanks are collapsed; beside a character of a script without spaces they go too. The order of
    steps is the one of the usual scorer.

    Source: https://github.com/nelson-liu/lost-in-the-middle/blob/main/src/lost_in_the_middle/metrics.py
    """
    folded = _ACCENT.sub("", unicodedata.normalize("NFKD", text).casefold())
    folded = unicodedata.normalize("NFKC", folded)
    bare = "".join(char for char in folded if unicodedata.category(char)[0] not in "PS")
    return _BLANK_BESIDE.sub("", " ".join(_ARTICLE.sub(" ", bare).split()))


def survives(answers: Iterable[str], text: str) -> bool:
    """Return whether one of the answers occurs in the text, both normalised."""
    plain = normalised(text)
    wanted = [normalised(answer) for answer in answers]
    return any(answer in plain for answer in wanted if answer)


def paragraphs_kept(paragraphs: Iterable[str], text: str) -> list[bool]:
    """Return, for each paragraph, whether at least one whole sentence of it stands in the text."""
    return [any(sentence in text for sentence in sentences(p)) for p in paragraphs]


def sentences(text: str) -> list[str]:
    """Cut a text into sentences without the whitespace around them."""
    ends = sentence_bounds(text)
    cut = [text[a:b].strip() for a, b in zip([0, *ends], ends, strict=False)]
    return [sentence for sentence in cut if sentence]


def broken_characters(before: str, after: str) -> int:
    """Return how many replacement characters (U+FFFD) there are that were not there before."""
    return max(0, after.count("\ufffd") - before.count("\ufffd"))
