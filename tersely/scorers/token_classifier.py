"""Keep probability: how likely a trained token classifier would keep each token.

The classifier reads on both sides of a token, so that one reading of a text values all of it. A
text longer than its window is read in windows that overlap, and each token takes its value from
the window in which it sees most on both sides.

Source: Pan et al. 2024 (LLMLingua-2), https://aclanthology.org/2024.findings-acl.57/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tersely.backends.base import ClassifierBackend, Floats, Ints, OnTokens, Tokens
from tersely.core.units import Unit
from tersely.errors import PromptError, SettingError
from tersely.scorers.heads import TokenValues
from tersely.scorers.surprisal import unit_tokens

WordValue = Literal["mean", "first", "max"]
WORD_VALUES: tuple[str, ...] = get_args(WordValue)

LEAST_WINDOW = 16

OVERLAP_TOKENS = 64
"""How many tokens neighbouring windows share at least, where they have the room: so every token
sees 32 on each side, unless the text ends there."""


@dataclass(frozen=True, kw_only=True)
class TokenClassifier:
    """Values tokens by how likely they are kept; implements `Scorer`.

    Attributes:
        backend: The model.
        window_tokens: The most tokens the model reads at once, question and special tokens
            included; None is what it was trained on.
        overlap_tokens: How many tokens neighbouring windows share at least.

    Raises:
        SettingError: A setting is out of range.
    """

    backend: ClassifierBackend
    window_tokens: int | None = None
    overlap_tokens: int = OVERLAP_TOKENS

    def __post_init__(self) -> None:
        most = self.backend.window_tokens
        if self.window_tokens is not None and not LEAST_WINDOW <= self.window_tokens <= most:
            raise SettingError(
                f"window_tokens is at least {LEAST_WINDOW} and, for {self.backend.name}, at most"
                f" {most}; got {self.window_tokens}."
            )
        if self.overlap_tokens < 0:
            raise SettingError(f"overlap_tokens is at least 0; got {self.overlap_tokens}.")

    @property
    def name(self) -> str:
        """Name of the scorer, its model included."""
        return f"keep-{self.backend.name}"

    @property
    def measured_in(self) -> str:
        """What the values are."""
        return "probability"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the mean value of each passage's tokens, (P,), in [0, 1]; 0 if it has none.

        Raises:
            PromptError: The question is too long for the window.
        """
        found = self.value_tokens(passages, question=question, on_tokens=on_tokens)
        return np.array(
            [scored.values.mean() if len(scored.values) else 0.0 for scored in found],
            dtype=np.float64,
        )

    def value_tokens(
        self, texts: Sequence[str], *, question: str = "", on_tokens: OnTokens | None = None
    ) -> list[TokenValues]:
        """Return how likely each token of each text is kept; the windows of all share passes.

        Args:
            texts: Any texts, of any length; each is read on its own.
            question: What stands before each window, if anything.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Raises:
            PromptError: The question is too long for the window.
        """
        asked, room = self._beside(question)
        tokens = [self.backend.encode(text) for text in texts]
        places = [
            (index, start, end)
            for index, of in enumerate(tokens)
            for start, end in windows(len(of), room, self.overlap_tokens)
        ]
        read = self.backend.classify(
            [tokens[index].ids[start:end] for index, start, end in places],
            question=asked,
            on_tokens=on_tokens,
        )
        parts: list[list[tuple[int, Floats]]] = [[] for _ in texts]
        for (index, start, _), values in zip(places, read, strict=True):
            parts[index].append((start, values))
        return [
            TokenValues(of, from_windows(len(of), own))
            for of, own in zip(tokens, parts, strict=True)
        ]

    def expected_tokens(self, texts: Sequence[str], *, question: str = "") -> int:
        """Return how many tokens the model reads to value some texts.

        Raises:
            PromptError: The question is too long for the window.
        """
        asked, room = self._beside(question)
        beside = self.backend.window_tokens - self.backend.room(asked)
        return sum(
            end - start + beside
            for text in texts
            for start, end in windows(len(self.backend.encode(text)), room, self.overlap_tokens)
        )

    def _beside(self, question: str) -> tuple[Ints, int]:
        """Return a question's ids, and how many tokens of a text fit beside them."""
        asked = self.backend.encode(question).ids if question.strip() else np.zeros(0, np.int64)
        window = self.window_tokens or self.backend.window_tokens
        room = self.backend.room(asked) - (self.backend.window_tokens - window)
        if 2 * len(asked) > window or room < 1:
            raise PromptError(
                f"The question has {len(asked)} tokens, and the model reads {window} at once, of"
                " which a question may take half. Ask a shorter one, or none."
            )
        return asked, room


def windows(total: int, room: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of as few windows as cover `total` tokens, as even as can be.

    Args:
        total: Tokens of the text.
        room: The longest window, at least 1. Where there are several, each is as long as that.
        overlap: How many tokens neighbours share at least; at most half a window.
    """
    if total <= room:
        if total:
            yield 0, total
        return
    shared = min(overlap, room // 2)
    count = -(-(total - shared) // (room - shared))
    for at in range(count):
        start = at * (total - room) // (count - 1)
        yield start, start + room


def from_windows(total: int, parts: Sequence[tuple[int, Floats]]) -> Floats:
    """Return one value per token, (total,): that of the window in which it sees most.

    What a token sees is what there is on the side where there is less of it; where the text
    itself begins or ends, nothing is missing. Of equal windows it is the first.

    Args:
        total: Tokens of the text.
        parts: Start and values (T_i,) of windows that cover it together.
    """
    values, most = np.zeros(total), np.full(total, -1.0)
    for start, part in parts:
        end = start + len(part)
        places = np.arange(start, end)
        before = np.full(len(part), np.inf) if start == 0 else places - start
        after = np.full(len(part), np.inf) if end == total else end - 1 - places
        seen = np.minimum(before, after)
        better = seen > most[start:end]
        values[start:end][better] = part[better]
        most[start:end][better] = seen[better]
    return values


def word_values(
    values: Floats, tokens: Tokens, units: Sequence[Unit], how: WordValue = "mean"
) -> Floats:
    """Return what each unit is worth: the mean, first or highest value of its core's tokens.

    Args:
        values: (T,), one per token.
        tokens: T tokens that tile the units' text.
        units: U units of one text, in order.
        how: Which of the three.

    Returns:
        (U,). A token that two units share counts for both. Whitespace alone is worth -inf, and 0
        is a core that the tokenizer makes nothing of.
    """
    first, last = unit_tokens(tokens, units)
    blank = np.array([unit.core >= unit.end for unit in units], dtype=np.bool_)
    out = np.zeros(len(units))
    known = np.flatnonzero((last > first) & ~blank)
    if len(known):
        padded = np.append(values, 0.0)  # so that one past the last token is a place, too
        if how == "first":
            out[known] = values[first[known]]
        else:
            edges = np.stack([first[known], last[known]], axis=1).ravel()
            total = (np.maximum if how == "max" else np.add).reduceat(padded, edges)[::2]
            out[known] = total if how == "max" else total / (last - first)[known]
    out[blank] = -np.inf
    return out
