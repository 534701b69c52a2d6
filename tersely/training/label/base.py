"""What a teacher is: it is shown a passage and questions, and values the passage's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tersely.backends.base import Floats, OnTokens, Tokens
from tersely.core.units import Unit, word_units
from tersely.scorers.surprisal import token_owners
from tersely.training.label.questions import Question


class Teacher(Protocol):
    """Anything that values the words of a passage for a question."""

    @property
    def name(self) -> str:
        """What label rows call it."""
        ...

    @property
    def needs_answers(self) -> bool:
        """Whether it values nothing for a question whose answer is not known."""
        ...

    def value(
        self, text: str, questions: Sequence[Question], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return what each word is worth for each question, (Q, W); higher is better.

        Any scale will do: only the order of a row's values is used.

        Args:
            text: A passage with at least one word; its words are `rows.word_bounds`.
            questions: Q questions; with known answers, if this teacher needs them.
            on_tokens: Called after each forward pass with the number of tokens it took.
        """
        ...


def sum_by_word(values: Floats, tokens: Tokens, text: str) -> Floats:
    """Return the sum of the values of each word's tokens, (W,), of (T,) tokens of a text.

    A token belongs to the word its last character is in; blanks alone belong to none.
    """
    units: list[Unit] = word_units(text)
    owners = token_owners(tokens, units)
    sums = np.bincount(owners, weights=values, minlength=len(units))[: len(units)]
    return np.asarray(sums[[unit.core < unit.end for unit in units]], dtype=np.float64)
