"""Question likelihood: a passage is worth as much as it makes the question expected.

Paper:    Jiang et al. 2024, "LongLLMLingua: Accelerating and Enhancing LLMs in Long Context
          Scenarios via Prompt Compression", section 4.1. https://arxiv.org/abs/2310.06839
Code:     https://github.com/microsoft/LLMLingua/tree/e0e9d99
Differs:  passages share forward passes and only the question's rows go through the head; equal
          passages are read once. A passage too long to be read beside the question is read in
          windows that each carry the question, and is worth what its best window is worth. There
          the published code cuts the question off, and may return NaN.
Cost:     N + P * Q tokens, for P passages of N tokens and a question of Q with its guideline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens
from tersely.backends.packing import REACH_TOKENS
from tersely.core.prompt import JOINER
from tersely.errors import PromptError, SettingError

Condition = Literal["after", "before"]

GUIDELINE = " We can get the answer to this question in the given documents."
"""Stands after the question, so that a passage is asked for the answer rather than the wording.
Source: the paper's x^restrict, section 4.1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of P passages says.

    Attributes:
        values: (P,), what each passage is worth to the question.
        nats: For each passage the surprisal of its own tokens, (T_p,), in windows of
            `window_room` tokens each read on its own; None if that was not asked for.
    """

    values: Floats
    nats: list[Floats] | None


@dataclass(frozen=True, kw_only=True)
class QuestionLikelihood:
    """Value a passage by how well a causal model predicts the question after it.

    Attributes:
        backend: The model.
        condition: "after": minus the mean surprisal, in nats, of question and guideline given the
            passage, the paper's r_k. "before": minus that of the passage given the question and
            the guideline, which the paper finds to rank worse.
    """

    backend: CausalBackend
    condition: Condition = "after"

    def __post_init__(self) -> None:
        if self.condition not in get_args(Condition):
            raise SettingError(f"condition is 'after' or 'before', not {self.condition!r}.")

    @property
    def name(self) -> str:
        """Name in results, with the model's."""
        return f"question_likelihood/{self.backend.name}"

    @property
    def measured_in(self) -> str:
        """What the values are."""
        return "nats"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return what each passage is worth to the question, (P,), in nats, at most about 0.

        A blank passage is worth as little as the worst of the others.

        Args:
            question: What the passages are for.
            passages: P texts.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Raises:
            PromptError: The question is longer than half of what the model reads at once.
        """
        return self.read(question, passages, on_tokens=on_tokens).values

    def read(
        self,
        question: str,
        passages: Sequence[str],
        *,
        keep_nats: bool = False,
        on_tokens: OnTokens | None = None,
    ) -> Reading:
        """Value passages, and on request return what the same reading says of their own tokens.

        Args:
            question: What the passages are for.
            passages: P texts.
            keep_nats: Whether to return the passages' own surprisals: no more tokens are read, but
                all rows go through the head. Only with the condition "after".
            on_tokens: Called after each forward pass with the number of tokens it took.
        """
        assert not (keep_nats and self.condition == "before"), "they would be conditioned"
        after = self.condition == "after"
        asked = f"{JOINER}{question}{GUIDELINE}" if after else f"{question}{GUIDELINE}{JOINER}"
        asking = encode_question(self.backend, asked)
        unique = list(dict.fromkeys(passages))
        ids = [self.backend.encode(text).ids if text.strip() else _NONE for text in unique]
        windows = [cut_windows(i, window_room(self.backend, asking)) for i in ids]
        flat = [window for of_one in windows for window in of_one]
        sequences = [np.concatenate([w, asking] if after else [asking, w]) for w in flat]
        first = [0 if keep_nats else len(w) if after else len(asking) for w in flat]
        scores = iter(self.backend.score(sequences, scored_from=first, on_tokens=on_tokens))
        values, nats = {}, {}
        for text, of_one in zip(unique, windows, strict=True):
            read = [next(scores) for _ in of_one]
            scored = [n[-len(asking) :] if after else n for n in read]
            values[text] = max((-float(n.mean()) for n in scored), default=np.nan)
            own = [n[: -len(asking)] for n in read] if keep_nats else []
            unread = 0 if own or not keep_nats else len(self.backend.encode(text))  # blank
            nats[text] = np.concatenate([np.zeros(unread), *own])
        out = np.array([values[text] for text in passages], dtype=np.float64)
        blank = np.isnan(out)
        out[blank] = 0.0 if blank.all() else out[~blank].min()
        return Reading(out, [nats[text] for text in passages] if keep_nats else None)


_NONE: Ints = np.zeros(0, dtype=np.int64)


def encode_question(backend: CausalBackend, asked: str) -> Ints:
    """Return the tokens of what is read beside each passage, (Q,).

    Raises:
        PromptError: It leaves less than half of the window to a passage.
    """
    ids = backend.encode(asked).ids
    most = min(backend.window_tokens, REACH_TOKENS) // 2
    if len(ids) > most:
        raise PromptError(
            f"The question takes {len(ids)} tokens of {backend.name}, which can read {most} beside"
            " a passage. Shorten the question, or put what belongs to it into the contexts."
        )
    return ids


def window_room(backend: CausalBackend, asking: Ints) -> int:
    """Return how many tokens of a passage can be read beside the question at once."""
    return min(backend.window_tokens, REACH_TOKENS) - len(asking)


def cut_windows(ids: Ints, most: int) -> list[Ints]:
    """Cut (T,) tokens into the fewest windows of at most `most`, alike in length."""
    return np.array_split(ids, -(-len(ids) // most)) if len(ids) else []
