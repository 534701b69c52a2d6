"""Question-conditioned likelihood: a word is worth what the question makes of its surprise.

Source: Jiang et al. 2024 (LongLLMLingua), https://arxiv.org/abs/2310.06839, section 4.2: the
contrastive perplexity of a token, here summed over a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.base import CausalBackend, Floats, OnTokens
from tersely.core.prompt import JOINER
from tersely.training.label.base import sum_by_word
from tersely.training.label.questions import Question


@dataclass(frozen=True, kw_only=True)
class LikelihoodTeacher:
    """Values a word by how many nats less it surprises once the question has been read.

    The value is surprisal(word | before) - surprisal(word | question, before). The model reads
    the passage once per question and once more: questions stand before it and share nothing.

    Attributes:
        backend: The model.
    """

    backend: CausalBackend
    name: str = "likelihood"
    needs_answers: bool = False

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the gain of each word in nats, (Q, W)."""
        tokens = self.backend.encode(text)
        asked = [self.backend.encode(question.text + JOINER).ids for question in questions]
        alone, *after = self.backend.score(
            [tokens.ids, *(np.concatenate([ids, tokens.ids]) for ids in asked)],
            scored_from=[0, *map(len, asked)],
            on_tokens=on_tokens,
        )
        gains = [sum_by_word(alone - nats, tokens, text) for nats in after]
        return np.stack(gains) if gains else np.zeros((0, len(sum_by_word(alone, tokens, text))))
