"""Lexical scorers: they compare characters, and run no model."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.base import Floats, OnTokens

WINDOW_BYTES = 32_768
"""How far back the compressor looks: what stands further on shares nothing with the question."""


@dataclass(frozen=True)
class GzipDistance:
    """Value a passage by how much better it compresses together with the question.

    The normalised compression distance is (C(qp) - min(C(q), C(p))) / max(C(q), C(p)), C being a
    compressed length in bytes; a value is its negative. Distances of passages of very different
    lengths compare badly, and of one longer than 32 KiB only the beginning meets the question.

    Source: Jiang et al. 2023, "Low-Resource" Text Classification: A Parameter-Free Classification
    Method with Compressors. https://aclanthology.org/2023.findings-acl.426
    """

    @property
    def name(self) -> str:
        """Name in results."""
        return "gzip"

    @property
    def measured_in(self) -> str:
        """What the values are: a distance between about 0 and 1, negated."""
        return "compression distance"

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return minus the compression distance of each passage to the question, (P,).

        A blank passage is worth as little as the worst of the others.

        Args:
            question: What the passages are for.
            passages: P texts.
            on_tokens: Never called: no model is run.
        """
        alone = _size(question)
        known: dict[str, float] = {}
        for text in passages:
            if text not in known:
                known[text] = -_distance(alone, question, text) if text.strip() else np.nan
        values = np.array([known[text] for text in passages], dtype=np.float64)
        blank = np.isnan(values)
        values[blank] = -1.0 if blank.all() else values[~blank].min()
        return values


def _distance(alone: int, question: str, passage: str) -> float:
    sizes = alone, _size(passage)
    return (_size(f"{question} {passage}") - min(sizes)) / max(sizes)


def _size(text: str) -> int:
    """Return the compressed length in bytes; lone surrogates are bytes like any."""
    return len(zlib.compress(text.encode("utf-8", "surrogatepass"), 9))
