"""What a scorer is: it says what each passage is worth to a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tersely.backends.base import Floats, OnTokens


class Scorer(Protocol):
    """Anything that can say how much each of several passages has to do with a question.

    Scorers keep no state between calls. A passage's value may depend on the other passages of
    the call (word frequencies do), never on their order or on earlier calls.
    """

    @property
    def name(self) -> str:
        """What the scorer is called in results, its model included: "bm25", "minilm-l6"."""
        ...

    @property
    def measured_in(self) -> str:
        """What the values are: "bm25", "cosine", "nats"."""
        ...

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return what each passage is worth to the question, (P,), higher is worth more.

        Every value is finite, whatever the texts are: an empty passage is worth as little as any.

        Args:
            question: What the passages are for; not empty.
            passages: P texts, possibly empty, possibly equal (then so are their values).
            on_tokens: Called after each forward pass with the number of tokens it took, if the
                scorer runs a model.
        """
        ...
