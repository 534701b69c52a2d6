"""Attention logits of a text's last tokens, from any transformers model that runs with SDPA.

The model's attention function is replaced by one that does the same and, while a text is asked
for its last rows, takes the products of their queries with all keys on the way. The pass ends
after the last layer needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tersely._optional import need
from tersely.backends.attention import Head
from tersely.backends.base import Floats, Ints, OnTokens
from tersely.backends.packing import PASS_TOKENS
from tersely.errors import ModelMismatch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

Read = Callable[[Ints, Ints, Any], object]
"""Runs the body: ids, positions, cache, which it fills."""

_NAME = "tersely_sdpa"  # as transformers knows our attention function


class _EnoughRead(Exception):
    """Ends a pass: the layers above are not needed."""


@dataclass
class _Asked:
    """What a pass is asked for, and what it found.

    Attributes:
        last: The last layer needed.
        heads: K heads of the last rows; none in a pass that only fills the cache.
        logits: For each head of `heads` that was passed, (R, T).
    """

    last: int
    heads: Sequence[Head] = ()
    logits: dict[Head, Floats] = field(default_factory=dict)

    def take(self, layer: int, query: Tensor, key: Tensor, scaling: float | None) -> None:
        """Note what is asked of a layer; query is (1, H, R, head_dim), key (1, KV, T, head_dim)."""
        shared = query.shape[1] // key.shape[1]
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        for head in self.heads:
            if head[0] == layer:
                rows, keys = query[0, head[1]].float(), key[0, head[1] // shared].float()
                self.logits[head] = (rows @ keys.T * scale).double().cpu().numpy()
        if layer >= self.last:
            raise _EnoughRead


_asked: ContextVar[_Asked | None] = ContextVar("asked", default=None)


def attend_rows(
    model: PreTrainedModel,
    read: Read,
    ids: Ints,
    *,
    rows: int,
    heads: Sequence[Head],
    on_tokens: OnTokens | None,
) -> Floats:
    """Read a text, the last rows in a pass of their own; see `AttentionBackend.attend`.

    Args:
        model: The model; its attention function is replaced by one that does the same.
        read: Runs its body.
        ids: (T,).
        rows: R.
        heads: K heads.
        on_tokens: Called after each pass with its tokens.

    Returns:
        (K, R, T).

    Raises:
        ModelMismatch: The model does not run with SDPA, or some layer forgets tokens.
    """
    _use_ours(model)
    last = max(layer for layer, _ in heads)
    total, before = len(ids), len(ids) - rows
    cuts = [*range(0, before, PASS_TOKENS), before, total]
    cache = transformers.DynamicCache()
    final = _Asked(last, heads)
    for start, end in pairwise(cuts):
        if start < end:
            asked = final if end == total else _Asked(last)
            _read_asking(asked, read, ids[start:end], np.arange(start, end), cache)
            if on_tokens:
                on_tokens(end - start)
    shapes = {found.shape for found in final.logits.values()}
    if len(final.logits) < len(set(heads)) or shapes != {(rows, total)}:
        raise ModelMismatch(
            f"{model.config.model_type} models do not show their attention: they have an attention"
            " of their own, or one that forgets tokens. Use a model like Llama."
        )
    logits = np.stack([final.logits[head] for head in heads])
    ahead = np.arange(total) > np.arange(before, total)[:, None]  # (R, T)
    logits[:, ahead] = -np.inf
    return logits


def _read_asking(asked: _Asked, read: Read, ids: Ints, positions: Ints, cache: Any) -> None:
    token = _asked.set(asked)
    try:
        with torch.inference_mode(), suppress(_EnoughRead):
            read(ids, positions, cache)
    finally:
        _asked.reset(token)


def _use_ours(model: PreTrainedModel) -> None:
    """Replace the attention function of a model, unless that was done before."""
    used = model.config.get_text_config()._attn_implementation
    if used == _NAME:
        return
    if used != "sdpa":
        raise ModelMismatch(
            f"{model.config.model_type} models run with {used!r} attention; only 'sdpa' is known."
        )
    masks = transformers.masking_utils.ALL_MASK_ATTENTION_FUNCTIONS
    transformers.AttentionMaskInterface.register(_NAME, masks["sdpa"])
    transformers.AttentionInterface.register(_NAME, _attention)
    model.set_attn_implementation(_NAME)


def _attention(
    module: Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **settings: Any
) -> tuple[Tensor, None]:
    """Do what transformers' own function does, once what is asked for was taken."""
    asked = _asked.get()
    if asked is not None:
        asked.take(int(module.layer_idx), query, key, settings.get("scaling"))
    own = transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"]
    result: tuple[Tensor, None] = own(module, query, key, value, attention_mask, **settings)
    return result
