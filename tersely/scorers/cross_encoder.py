"""Cross-encoders: a model that reads question and passage together says how well they fit.

Source: Nogueira and Cho 2019, "Passage Re-ranking with BERT", https://arxiv.org/abs/1901.04085.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tersely.backends.base import Floats, OnTokens
from tersely.core.units import clean
from tersely.errors import BackendError


class Predictor(Protocol):
    """What has the `predict` of a sentence-transformers `CrossEncoder`."""

    def predict(self, pairs: list[tuple[str, str]], /) -> Any:
        """Return one number per (question, passage), higher fits better."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossEncoderScorer:
    """Values passages by what a cross-encoder says of each with the question.

    Attributes:
        model: A `sentence_transformers.CrossEncoder`, or anything with its `predict`.
        name: What the scorer is called in results.
        measured_in: What the model's numbers are; "probability" if it ends in a sigmoid.
    """

    model: Predictor
    name: str
    measured_in: str = "logit"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return the model's number for each passage, (P,).

        Equal passages are read once. A blank one is not read: it is worth what the least of the
        others is. `on_tokens` is not called: how many tokens were read is not known here.

        Raises:
            BackendError: The model did not give one finite number per pair.
        """
        distinct = list(dict.fromkeys(passage for passage in passages if passage.strip()))
        if not distinct:
            return np.zeros(len(passages))
        pairs = [(clean(question), clean(passage)) for passage in distinct]
        numbers = self._numbers(self.model.predict(pairs), len(pairs))
        value_of = dict(zip(distinct, numbers.tolist(), strict=True))
        return np.array([value_of.get(passage, numbers.min()) for passage in passages])

    def _numbers(self, raw: Any, count: int) -> Floats:
        try:
            numbers = np.array(raw, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BackendError(f"{self.name!r} returned no numbers: {error}") from error
        if numbers.shape not in ((count,), (count, 1)):
            raise BackendError(
                f"{self.name!r} returned an array of shape {numbers.shape} for {count} pairs;"
                " it should be one number per pair. A classifier with several classes is no"
                " cross-encoder of this kind."
            )
        if not np.isfinite(numbers).all():
            bad = int((~np.isfinite(numbers)).sum())
            raise BackendError(
                f"{self.name!r} returned NaN or infinity for {bad} of {count} pairs, which gives"
                " no order. Load it in float32."
            )
        return numbers.reshape(count)
