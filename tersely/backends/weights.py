"""What a Llama-like checkpoint holds, whatever file it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Dense = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaShape:
    """Sizes and constants of a Llama-like model.

    Attributes:
        layers: L.
        hidden: D.
        inner: Width of the feed-forward layer.
        heads: H, query heads.
        kv_heads: Key-value heads; divides `heads`.
        head_dim: Width of one head.
        vocabulary: V.
        window_tokens: The longest text it was trained on.
        norm_epsilon: Added to the mean square in each normalisation.
        rope_theta: Base of the rotary frequencies.
        tied: Whether the output head is the input embedding.
        start_id: Token that stands before a text.
        qkv_bias: Whether queries, keys and values have a bias (Qwen 2).
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    window_tokens: int
    norm_epsilon: float
    rope_theta: float
    tied: bool
    start_id: int
    qkv_bias: bool = False


@dataclass(frozen=True, slots=True)
class Q4Weight:
    """(O, I) weights as 4-bit codes in blocks of 32: w = scale * code + offset.

    Attributes:
        codes: (O, I / 32, 32) uint8 in [0, 15].
        scale: (O, I / 32) float16.
        offset: (O, I / 32) float16.
    """

    codes: npt.NDArray[np.uint8]
    scale: npt.NDArray[np.float16]
    offset: npt.NDArray[np.float16]

    def dense(self) -> Dense:
        """Return the weights as (O, I) float32."""
        scale = self.scale.astype(np.float32)[..., None]
        blocks = self.codes * scale + self.offset.astype(np.float32)[..., None]
        return np.asarray(blocks.reshape(len(blocks), -1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Q8Weight:
    """(O, I) weights as 8-bit codes in blocks of 32: w = scale * code.

    Attributes:
        codes: (O, I / 32, 32) int8.
        scale: (O, I / 32) float16.
    """

    codes: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float16]

    def dense(self) -> Dense:
        """Return the weights as (O, I) float32."""
        blocks = self.codes * self.scale.astype(np.float32)[..., None]
        return np.asarray(blocks.reshape(len(blocks), -1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Q8Rows:
    """(O, I) weights as 8-bit codes, one scale per row: w = scale * code.

    Attributes:
        codes: (O, I) int8.
        scale: (O, 1) float32.
    """

    codes: npt.NDArray[np.int8]
    scale: Dense

    def dense(self) -> Dense:
        """Return the weights as (O, I) float32."""
        return np.asarray(self.codes * self.scale, dtype=np.float32)


Weight = Q4Weight | Q8Weight | Dense


class Checkpoint(Protocol):
    """The weights of a model by their Hugging Face names, and its shape."""

    @property
    def shape(self) -> LlamaShape:
        """Sizes and constants."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the weights' names."""
        ...

    def weight(self, name: str) -> Weight:
        """Return one weight, in the form it is stored in."""
        ...


def to_dense(weight: Weight) -> Dense:
    """Return any weight as float32."""
    return weight if isinstance(weight, np.ndarray) else weight.dense()
