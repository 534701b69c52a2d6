"""Models that remember what they read, so that a text is read once for all rates and positions.

What an arm costs is not known when its model remembered: such records carry no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tersely.backends.attention import Head
from tersely.backends.base import EncoderBackend, Floats, Ints, OnTokens, Tokens

MOST_READINGS = 64


class RememberedEncoder:
    """An encoder that embeds each text once.

    Attributes:
        hits: How many texts it had embedded before.
    """

    def __init__(self, encoder: EncoderBackend) -> None:
        """Remember nothing yet."""
        self._encoder = encoder
        self._known: dict[str, Floats] = {}
        self.hits = 0

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._encoder.name

    @property
    def window_tokens(self) -> int:
        """The longest text one vector can stand for."""
        return self._encoder.window_tokens

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return self._encoder.encode(text)

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector per text, (N, D)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self.hits += len(texts) - len(new)
        for text, vector in zip(new, self._encoder.embed(new, on_tokens=on_tokens), strict=True):
            self._known[text] = vector
        return np.array([self._known[text] for text in texts])


class RememberedAttention:
    """A causal model that remembers its last attention readings; all else it does as before.

    Attributes:
        hits: How many readings it had done before.
    """

    def __init__(self, backend: Any) -> None:
        """Remember nothing yet."""
        self._backend = backend
        self._known: dict[tuple[bytes, int, tuple[Head, ...]], Floats] = {}
        self.hits = 0

    def __getattr__(self, name: str) -> Any:
        """Do as the model does."""
        return getattr(self._backend, name)

    def attend(
        self,
        ids: Ints,
        *,
        rows: int,
        heads: Sequence[Head],
        on_tokens: OnTokens | None = None,
    ) -> Floats:
        """Return attention logits, (K, R, T)."""
        key = ids.tobytes(), rows, tuple(heads)
        if key in self._known:
            self.hits += 1
            return self._known[key]
        if len(self._known) >= MOST_READINGS:
            del self._known[next(iter(self._known))]
        found: Floats = self._backend.attend(ids, rows=rows, heads=heads, on_tokens=on_tokens)
        self._known[key] = found
        return found
