"""What some backends can say besides surprisal: whom the last tokens of a text look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens

Head = tuple[int, int]
"""A layer, and one of its query heads; both count from 0."""


@runtime_checkable
class AttentionBackend(CausalBackend, Protocol):
    """A causal model that shows the attention of a text's last tokens, in a few of its heads.

    The layers above the last one asked for are not run, nor is the language-modelling head, and
    no (T, T) matrix of attention is formed for the answer.
    """

    @property
    def attention_shape(self) -> tuple[int, int]:
        """How many layers there are, and how many query heads in each."""
        ...

    def attend(
        self, ids: Ints, *, rows: int, heads: Sequence[Head], on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return what the last tokens pay to each token, before the softmax.

        Args:
            ids: (T,), at least one token, at most `window_tokens`.
            rows: R, how many of the last tokens to ask, in [1, T].
            heads: K heads, at least one, each inside `attention_shape`.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Returns:
            The attention logits, scaled as the model scales them, (K, R, T); -inf where a token
            would look ahead. Softmax over the last axis gives the model's own attention.
        """
        ...


@runtime_checkable
class BranchBackend(AttentionBackend, Protocol):
    """One that reads a text once and lets several others, which do not see each other, follow."""

    def attend_branches(
        self,
        ids: Ints,
        branches: Sequence[Ints],
        *,
        heads: Sequence[Head],
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Return what the tokens of each branch pay to those of the text, before the softmax.

        Args:
            ids: (T,), at least one token.
            branches: Arrays (R_b,), each at least one token; T + R_b is at most `window_tokens`.
            heads: K heads, at least one.
            on_tokens: Called after each forward pass with the number of tokens it took.

        Returns:
            For each branch what `attend` gives the text when the branch alone follows it, with
            R_b rows: (K, R_b, T), up to rounding.
        """
        ...
