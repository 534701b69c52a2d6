"""The cheapest teacher: the answer, and the sentence it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.base import Floats, OnTokens
from tersely.core.units import sentence_bounds
from tersely.training.label.questions import Question, answer_spans
from tersely.training.label.rows import word_bounds

ANSWER, SENTENCE, ELSEWHERE = 1.0, 0.5, 0.0


@dataclass(frozen=True, slots=True)
class AnswerTeacher:
    """Values the words of an answer most, then those of its sentence; runs no model.

    An answer that stands in several places counts in each. Where it stands nowhere, all words
    are worth the same, and the question is left out.
    """

    name: str = "answer"
    needs_answers: bool = True

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return 1 for words of an answer, 0.5 for others of its sentence, else 0, (Q, W)."""
        words = np.array(word_bounds(text), dtype=np.int64).reshape(-1, 2)
        ends = np.array(sentence_bounds(text), dtype=np.int64)
        sentence = np.searchsorted(ends, words[:, 0], side="right")  # (W,)
        values = np.full((len(questions), len(words)), ELSEWHERE)
        for row, question in zip(values, questions, strict=True):
            for answer in question.answers:
                for start, end in answer_spans(text, answer):
                    inside = (words[:, 0] < end) & (words[:, 1] > start)
                    row[np.isin(sentence, sentence[inside]) & (row < SENTENCE)] = SENTENCE
                    row[inside] = ANSWER
        return values
