"""Leave it out and see: a sentence is worth what its absence costs the answer.

Source: leave-one-out attribution; for contexts of language models Cohen-Wang et al. 2024
(ContextCite), https://arxiv.org/abs/2409.00729, which fits a model to many such runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens
from tersely.core.units import phrase_units, sentence_units
from tersely.errors import SettingError
from tersely.training.label.questions import Question
from tersely.training.label.rows import word_bounds

Span = Literal["sentence", "phrase"]


@dataclass(frozen=True, kw_only=True)
class LeaveOutTeacher:
    """Values a word by how many nats more the answer takes without the span it is in.

    The passage is read once per question and span, and once per question whole.

    Attributes:
        backend: The model.
        span: What is left out at once: a sentence, or a phrase.
    """

    backend: CausalBackend
    span: Span = "sentence"
    name: str = "leave_out"
    needs_answers: bool = True

    def __post_init__(self) -> None:
        if self.span not in get_args(Span):
            raise SettingError(f"span is 'sentence' or 'phrase', not {self.span!r}.")

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the loss of each word's span in nats, (Q, W); of several answers, the first's."""
        cut = sentence_units if self.span == "sentence" else phrase_units
        spans = [unit for unit in cut(text) if unit.core < unit.end]
        starts = [start for start, _ in word_bounds(text)]
        owners = np.searchsorted([unit.end for unit in spans], starts, side="right")
        shorter = [text, *(text[: unit.start] + text[unit.end :] for unit in spans)]
        values = np.zeros((len(questions), len(starts)))
        for row, question in enumerate(questions):
            nats = self._answer_nats(shorter, question, on_tokens)
            values[row] = (nats[1:] - nats[0])[owners]
        return values

    def _answer_nats(
        self, texts: Sequence[str], question: Question, on_tokens: OnTokens | None
    ) -> Floats:
        """Return the surprisal of the answer after each of N texts, (N,)."""
        answer = self.backend.encode(f" {question.answers[0].strip()}").ids
        asked = self.backend.encode(f"\n\nQuestion: {question.text}\nAnswer:").ids
        before: list[Ints] = [
            np.concatenate([self.backend.encode(text).ids, asked]) for text in texts
        ]
        nats = self.backend.score(
            [np.concatenate([ids, answer]) for ids in before],
            scored_from=[len(ids) for ids in before],
            on_tokens=on_tokens,
        )
        return np.array([one.sum() for one in nats])
