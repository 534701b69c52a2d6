"""A backend that counts what is put through it, and reports as it goes."""

from __future__ import annotations

from collections.abc import Sequence

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens, State, Tokens
from tersely.hard.base import Progress


class Counted:
    """Wraps a backend for one compression; it is a backend itself.

    Attributes:
        tokens: Tokens put through the model so far.
    """

    def __init__(self, backend: CausalBackend, progress: Progress) -> None:
        """Count from zero.

        Args:
            backend: The model.
            progress: Called after each forward pass with (tokens so far, tokens expected).
        """
        self._backend = backend
        self._progress = progress
        self._expected = 0
        self.tokens = 0

    def expect(self, tokens: int) -> None:
        """Say that so many more tokens will probably be read."""
        self._expected += tokens

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._backend.name

    @property
    def window_tokens(self) -> int:
        """The longest text the model was trained on."""
        return self._backend.window_tokens

    @property
    def start_id(self) -> int:
        """The token before the first."""
        return self._backend.start_id

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return self._backend.encode(text)

    def empty(self) -> State:
        """Return the cache of no tokens."""
        return self._backend.empty()

    def extend(self, state: State, ids: Ints, *, scored_from: int) -> tuple[Floats, State]:
        """Read more tokens, and count them."""
        out = self._backend.extend(state, ids, scored_from=scored_from)
        self.count(len(ids))
        return out

    def score(
        self,
        sequences: Sequence[Ints],
        *,
        scored_from: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Score sequences, and count them as they are read."""

        def read(tokens: int) -> None:
            self.count(tokens)
            if on_tokens:
                on_tokens(tokens)

        return self._backend.score(sequences, scored_from=scored_from, on_tokens=read)

    def count(self, tokens: int) -> None:
        """Count tokens that were read: by this model, or by another that works beside it."""
        self.tokens += tokens
        self._progress(self.tokens, max(self._expected, self.tokens))
