"""What a backend is: it runs a model; token ids in, numbers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, cut into T tokens. All three arrays are (T,).

    Attributes:
        ids: Token ids in [0, V).
        starts: First character of each token.
        ends: One past its last character. Tokens tile the text: ends[t] == starts[t + 1]. Of the
            tokens that share one character (the bytes of an emoji), all but the last are empty.
    """

    ids: Ints
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.ids)


class State(Protocol):
    """The key-value cache of P tokens that a model has read. Never changed once made."""

    @property
    def length(self) -> int:
        """P."""
        ...

    def select(self, kept: Ints) -> State:
        """Return the cache of some of the tokens, their positions closed up to 0 .. len(kept) - 1.

        Each entry stays as it was computed: it has seen what stood before it then.

        Args:
            kept: Indices in [0, P), ascending.
        """
        ...


class CausalBackend(Protocol):
    """A causal language model, as far as compression needs one.

    Nothing here keeps state between calls: the same call gives the same numbers, whatever was
    run before. No array of shape (T, V) outlives a small block of rows.
    """

    @property
    def name(self) -> str:
        """Name of the model: what it was loaded by."""
        ...

    @property
    def window_tokens(self) -> int:
        """The longest text the model was trained on, in its own tokens."""
        ...

    @property
    def start_id(self) -> int:
        """The token that stands before the first token of a text, so that it is predicted too."""
        ...

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens; nothing is added, special tokens are plain text."""
        ...

    def empty(self) -> State:
        """Return the cache of no tokens."""
        ...

    def extend(self, state: State, ids: Ints, *, scored_from: int) -> tuple[Floats, State]:
        """Read more tokens after what `state` holds.

        Args:
            state: What was read before; P tokens. It can be used again afterwards.
            ids: (T,), at least one token; P + T is at most `window_tokens`.
            scored_from: First of `ids` to score, in [1, T]; T scores none.

        Returns:
            The surprisal in nats of ids[scored_from:], (T - scored_from,), each >= 0 up to
            rounding, and the cache of all P + T tokens.
        """
        ...

    def score(
        self,
        sequences: Sequence[Ints],
        *,
        scored_from: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Return the surprisal in nats of each token of each sequence, each after `start_id`.

        Sequences are packed into shared forward passes and do not see each other. One that is
        longer than the window is read in windows, each with what went before still in the cache
        as far back as it fits.

        Args:
            sequences: Arrays (T_i,), possibly empty.
            scored_from: For each sequence the first token to score, F_i in [0, T_i]; T_i scores
                none and the sequence is not read. None scores everything. The predictions of
                tokens that are not scored are not computed.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Returns:
            One array (T_i - F_i,) per sequence.
        """
        ...


OnTokens = Callable[[int], None]


class EncoderBackend(Protocol):
    """A bidirectional encoder that gives one vector per text.

    Nothing here keeps state between calls: the same text gives the same vector, whatever else is
    in the call, up to the rounding of the arithmetic.
    """

    @property
    def name(self) -> str:
        """Name of the model: what it was loaded by."""
        ...

    @property
    def window_tokens(self) -> int:
        """The longest text one vector can stand for, special tokens included."""
        ...

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens; nothing is added, special tokens are plain text."""
        ...

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector of length 1 per text, (N, D).

        A text longer than the window is read in windows that cover all of it, and its vector is
        the mean of theirs, weighted by their tokens, brought back to length 1. The vector of a
        text without tokens is 0.

        Args:
            texts: N texts, possibly empty.
            on_tokens: Called after each forward pass with the number of tokens it took.
        """
        ...


class ClassifierBackend(Protocol):
    """A bidirectional encoder with a head that says of each token how likely it is kept.

    Nothing here keeps state between calls: a window gets the same numbers, bit for bit, whatever
    else is in the call and in whatever order.
    """

    @property
    def name(self) -> str:
        """Name of the model: what it was loaded by."""
        ...

    @property
    def window_tokens(self) -> int:
        """The most tokens it reads at once, special tokens included."""
        ...

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens; nothing is added, special tokens are plain text."""
        ...

    def room(self, question: Ints) -> int:
        """Return how many tokens of a text fit into a window beside a question, (Q,).

        It is 0 or less where the question leaves no room. Without a question (Q = 0) it is
        `window_tokens` less the special tokens.

        Raises:
            ModelMismatch: There is a question, and the tokenizer does not say how to join them.
        """
        ...

    def classify(
        self,
        windows: Sequence[Ints],
        *,
        question: Ints | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Return how likely each token of each window is kept.

        Windows share forward passes and do not see each other. They are padded to a width that
        depends on their own length alone, not to the longest.

        Args:
            windows: Arrays (T_i,) of token ids, possibly empty, of at most `room(question)`.
            question: Ids (Q,) of what stands before each window, as the first text of a pair.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Returns:
            One array (T_i,) per window, P(keep) in [0, 1].
        """
        ...
