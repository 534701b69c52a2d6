"""Queries, from any model of transformers that runs with SDPA.

Its attention function is replaced by one that does the same, and notes the queries of a reading
that asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import ModelMismatch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

_ATTENTION = "tersely_observed"  # as transformers knows our attention function

_queries: ContextVar[list[Any] | None] = ContextVar("queries", default=None)


@contextmanager
def observed(model: PreTrainedModel, name: str, *, wanted: bool) -> Iterator[list[Tensor]]:
    """Collect the queries of every layer, (B, Q, T, D) and rotated, while a model reads.

    Args:
        model: The model.
        name: What errors call it.
        wanted: Whether to collect any.

    Raises:
        ModelMismatch: It does not run with SDPA.
    """
    seen: list[Tensor] = []
    if not wanted:
        yield seen
        return
    _use_ours(model, name)
    token = _queries.set(seen)
    try:
        yield seen
    finally:
        _queries.reset(token)


def _use_ours(model: PreTrainedModel, name: str) -> None:
    """Let a model's attention show its queries; it computes what it did before."""
    used = model.config.get_text_config()._attn_implementation
    if used == _ATTENTION:
        return
    if used != "sdpa":
        raise ModelMismatch(f"{name} runs with {used!r} attention; its queries show with 'sdpa'.")
    masks = transformers.masking_utils.ALL_MASK_ATTENTION_FUNCTIONS
    transformers.AttentionMaskInterface.register(_ATTENTION, masks["sdpa"])
    transformers.AttentionInterface.register(_ATTENTION, _attention)
    model.set_attn_implementation(_ATTENTION)


def _attention(
    module: Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **settings: Any
) -> tuple[Tensor, None]:
    """Do what transformers' own function does, and note the queries if that was asked for."""
    seen = _queries.get()
    if seen is not None:
        seen.append(query)
    own = transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"]
    result: tuple[Tensor, None] = own(module, query, key, value, attention_mask, **settings)
    return result
