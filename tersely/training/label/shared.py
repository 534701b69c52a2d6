"""The teacher for answers in other words: what a passage and its answer have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from tersely.backends.base import Floats, OnTokens
from tersely.training.label.questions import Question, common_words
from tersely.training.label.rows import word_bounds

_PARTS = regex.compile(r"[\p{L}\p{M}\p{N}]+")


@dataclass(frozen=True, slots=True)
class SharedTeacher:
    """Values the words that an answer shares with its passage, common English ones aside.

    For conclusions, summaries and answers in one's own words, which stand nowhere as they are.
    Where nothing is shared, all words are worth the same, and the question is left out.
    """

    name: str = "shared"
    needs_answers: bool = True

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return 1 for words that an answer has, too, else 0, (Q, W).

        A word with several parts ("well-known") has to share all that are not common.
        """
        words = [_telling_parts(text[start:end]) for start, end in word_bounds(text)]
        values = np.zeros((len(questions), len(words)))
        for row, question in zip(values, questions, strict=True):
            said = set().union(*map(_telling_parts, question.answers))
            row[:] = [bool(parts) and parts <= said for parts in words]
        return values


def _telling_parts(text: str) -> set[str]:
    return {part for part in _PARTS.findall(text.casefold()) if part not in common_words()}
