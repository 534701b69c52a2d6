"""Embeddings: a passage is worth how near its vector lies to the question's.

Source: Reimers and Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tersely.backends.base import Floats, OnTokens
from tersely.core.units import clean
from tersely.errors import BackendError

_LEAST = -1.0  # the least a cosine can be


class Embedder(Protocol):
    """What gives one vector per text: an `EncoderBackend`, or as much of one as is needed here."""

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector of length 1 per text, (N, D); 0 for a text there is nothing in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingScorer:
    """Values passages by the cosine of their vector and the question's.

    Attributes:
        encoder: What makes the vectors: `load_encoder()`, an adapter of this module, or
            `EmbeddingEndpoint`.
        question_prefix: Put before the question, where a model was trained with one ("query: ").
        passage_prefix: Put before each passage ("passage: ").
    """

    encoder: Embedder
    question_prefix: str = ""
    passage_prefix: str = ""

    @property
    def name(self) -> str:
        """What the scorer is called in results: its model's name."""
        return self.encoder.name

    @property
    def measured_in(self) -> str:
        """What the values are."""
        return "cosine"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return each passage's cosine with the question, (P,); -1 where there is nothing to read.

        Question and passages are embedded in one call, equal passages once.
        """
        distinct = list(dict.fromkeys(passage for passage in passages if passage.strip()))
        if not distinct:
            return np.full(len(passages), _LEAST)
        texts = [
            self.question_prefix + question,
            *(self.passage_prefix + text for text in distinct),
        ]
        vectors = self.encoder.embed(texts, on_tokens=on_tokens)  # (1 + P', D)
        # Row by row: a matrix product may round a row differently when it has other neighbours.
        cosines = (vectors[1:] * vectors[0]).sum(axis=1)
        cosines[~vectors[1:].any(axis=1)] = _LEAST
        value_of = dict(zip(distinct, cosines.tolist(), strict=True))
        return np.array([value_of.get(passage, _LEAST) for passage in passages])


@dataclass(frozen=True, slots=True, kw_only=True)
class CallableEmbedding:
    """Vectors from any function, such as `SentenceTransformer(...).encode`.

    Attributes:
        name: What the model is called in results.
        function: Takes a list of N texts, never empty, and returns (N, D) numbers.
    """

    name: str
    function: Callable[[list[str]], npt.ArrayLike]

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector of length 1 per text, (N, D).

        Raises:
            BackendError: The function returned something other than N finite vectors.
        """
        if not texts:
            return np.zeros((0, 0))
        return unit_vectors(self.function([clean(text) for text in texts]), len(texts), self.name)


def unit_vectors(raw: npt.ArrayLike, count: int, name: str) -> Floats:
    """Return what a model gave for `count` texts as vectors of length 1, (N, D); 0 stays 0.

    Raises:
        BackendError: It is not one finite vector per text.
    """
    try:
        vectors = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BackendError(f"{name!r} returned no table of numbers: {error}") from error
    if vectors.ndim != 2 or len(vectors) != count:
        raise BackendError(
            f"{name!r} returned an array of shape {vectors.shape} for {count} texts;"
            " it should be one vector per text."
        )
    if not np.isfinite(vectors).all():
        raise BackendError(f"{name!r} returned a vector with NaN or infinity in it.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.where(lengths == 0, 1, lengths)
    return unit
