"""Evaluator heads as a teacher: a word is worth what the question looks at around it.

Source: Fei et al. 2025, https://arxiv.org/abs/2501.12959, as in `scorers/heads.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.attention import AttentionBackend, BranchBackend, Head
from tersely.backends.base import Floats, Ints, OnTokens, Tokens
from tersely.core.units import Unit, word_units
from tersely.errors import SettingError
from tersely.hard.evaluator_heads import pool
from tersely.scorers.heads import LEAD, MOST_ROWS, HeadScorer
from tersely.scorers.surprisal import unit_values
from tersely.training.label.questions import Question


@dataclass(frozen=True, kw_only=True)
class HeadTeacher:
    """Values a word by the attention the question's tokens pay to it, pooled over neighbours.

    A backend that reads several questions after one reading of the passage does so.

    Attributes:
        backend: The model.
        heads: Which of its heads are asked.
        pool_tokens: Over how many tokens attention is averaged. Single tokens are looked at for
            reasons of their own, and answers are longer than one: of those of SQuAD 44 % survived
            whole at a third of the words with 3 tokens, 62 % with 9, 77 % with 33.
    """

    backend: AttentionBackend
    heads: tuple[Head, ...]
    pool_tokens: int = 33
    name: str = "heads"
    needs_answers: bool = False

    def __post_init__(self) -> None:
        if self.pool_tokens < 1:
            raise SettingError(f"pool_tokens is at least 1; got {self.pool_tokens}.")

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the attention to each word, (Q, W)."""
        units = [unit for unit in word_units(text) if unit.core < unit.end]
        asked = [self.backend.encode(LEAD + question.text) for question in questions]
        tokens = self.backend.encode(text)
        room = self.backend.window_tokens - 1 - max(map(len, asked), default=0)
        if isinstance(self.backend, BranchBackend) and 1 < len(tokens) <= room:
            shares = self._branched(self.backend, tokens, asked, on_tokens)
        else:
            scorer = HeadScorer(backend=self.backend, heads=self.heads)
            shares = [
                scorer.value_tokens(question.text, [text], on_tokens=on_tokens)[0].values
                for question in questions
            ]
        rows = [self._words(share, tokens, units) for share in shares]
        return np.stack(rows) if rows else np.zeros((0, len(units)))

    def _branched(
        self,
        backend: BranchBackend,
        tokens: Tokens,
        asked: Sequence[Tokens],
        on_tokens: OnTokens | None,
    ) -> list[Floats]:
        """Return each token's share of each question's attention, Q arrays (T,)."""
        read: Ints = np.concatenate([[backend.start_id], tokens.ids]).astype(np.int64)
        logits = backend.attend_branches(
            read, [question.ids for question in asked], heads=self.heads, on_tokens=on_tokens
        )
        shares = []
        for question, found in zip(asked, logits, strict=True):
            rows = min(int((question.ends > len(LEAD)).sum()), MOST_ROWS)
            own = found[:, -rows:, 1:].astype(np.float64)  # (K, R, T), without the start token
            own[:, :, 0] = -np.inf  # a resting place, as in `HeadScorer.attend`
            powers = np.exp(own - own.max(axis=2, keepdims=True))
            shares.append((powers / powers.sum(axis=2, keepdims=True)).mean(axis=(0, 1)))
        return shares

    def _words(self, shares: Floats, tokens: Tokens, units: Sequence[Unit]) -> Floats:
        return unit_values(pool(shares, self.pool_tokens), tokens, units)
