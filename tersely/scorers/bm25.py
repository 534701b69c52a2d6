"""BM25 over words and their character 4-grams: what shares rare words with the question.

Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond",
in the form of Lucene, computed by bm25s (Lù 2024, https://arxiv.org/abs/2407.03618).
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex

from tersely.backends.base import Floats, OnTokens
from tersely.core.units import clean
from tersely.errors import SettingError

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]+"
)
_GRAM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BM25:
    """Values passages by the rare words they share with the question.

    Statistics are those of the passages of one call. Scripts written without spaces are compared
    by pairs of characters.

    Attributes:
        k1: How soon a repeated word stops to count.
        b: How much long passages are held back, in [0, 1].
        grams: Whether parts of words count beside whole ones: "compressor" and "compression"
            share four of seven. Needed where words change their endings.
    """

    k1: float = 1.5
    b: float = 0.75
    grams: bool = True

    def __post_init__(self) -> None:
        if not self.k1 >= 0:
            raise SettingError(f"k1 is at least 0; got {self.k1}.")
        if not 0 <= self.b <= 1:
            raise SettingError(f"b is in [0, 1]; got {self.b}.")

    @property
    def name(self) -> str:
        """What the scorer is called in results."""
        return "bm25"

    @property
    def measured_in(self) -> str:
        """What the values are."""
        return "bm25"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return each passage's BM25 for the question, (P,), at least 0."""
        terms = [self.terms(passage) for passage in passages]
        asked = self.terms(question)
        filled = [index for index, of_passage in enumerate(terms) if of_passage]
        values = np.zeros(len(passages))
        if not filled or not asked:
            return values
        index = _bm25s().BM25(method="lucene", k1=self.k1, b=self.b)
        index.index([terms[at] for at in filled], show_progress=False)
        values[filled] = index.get_scores(asked)
        return values

    def terms(self, text: str) -> list[str]:
        """Return what of a text is compared."""
        folded = unicodedata.normalize("NFKC", clean(text)).casefold()
        out: list[str] = []
        for match in _WORD.finditer(folded):
            at = match.start()
            for run in _UNSPACED.finditer(folded, match.start(), match.end()):
                out += self._word(folded[at : run.start()])
                out += _windows(run[0], 2)
                at = run.end()
            out += self._word(folded[at : match.end()])
        return out

    def _word(self, word: str) -> list[str]:
        if not word or not self.grams:
            return [word] if word else []
        return [word, *_windows(f"_{word}_", _GRAM)]


def _windows(text: str, size: int) -> list[str]:
    """Return every `size` neighbouring characters, or the whole of a shorter text."""
    return [text[at : at + size] for at in range(max(1, len(text) - size + 1))]


def _bm25s() -> Any:
    import bm25s  # a tenth of a second, so not before it is needed

    # It sets its level to DEBUG when it is imported, and would write to the caller's log.
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s
