"""Greedy decoding with torch: one token for each of B sequences per step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tersely._optional import need
from tersely.backends.base import Ints

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

Layers = tuple["Tensor", ...]


def added_mask(visible: npt.NDArray[np.bool_], model: PreTrainedModel) -> Tensor:
    """Return what is added to attention logits: (B, T, S), True where seen → (B, 1, T, S)."""
    away = torch.as_tensor(~visible, device=model.device)[:, None]
    mask = torch.zeros(away.shape, device=model.device, dtype=model.dtype)
    filled: Tensor = mask.masked_fill(away, torch.finfo(model.dtype).min)
    return filled


class Decoder:
    """One batch: the caches of B sequences, and a step that reads a token of each."""

    def __init__(
        self,
        body: Module,
        head: Module,
        caches: Sequence[tuple[Layers, Layers]],
        model: PreTrainedModel,
    ) -> None:
        """Put the caches side by side, each filled up to the longest.

        Args:
            body: Turns ids into hidden rows.
            head: Turns hidden rows into logits.
            caches: Of each sequence the keys and the values, per layer (1, KV, P_i, head_dim);
                no layers where nothing was read.
            model: What these are part of.
        """
        self._body, self._head, self._model = body, head, model
        self._lengths = np.array([keys[0].shape[2] if keys else 0 for keys, _ in caches])
        longest = int(self._lengths.max())
        self._visible = np.arange(longest) < self._lengths[:, None]  # (B, S)
        self._cache = transformers.DynamicCache()
        layers = max(len(keys) for keys, _ in caches)
        for layer in range(layers if longest else 0):
            parts = [
                _side_by_side([cache[part][layer : layer + 1] for cache in caches], longest)
                for part in (0, 1)
            ]
            self._cache.update(*parts, layer)
        self._steps = 0

    def step(self, ids: Ints, kept: Ints) -> Ints:
        """Read a token of each sequence that is kept; see `generation.Step`."""
        device = self._model.device
        if len(kept) < len(self._lengths):
            self._lengths, self._visible = self._lengths[kept], self._visible[kept]
            if self._cache.get_seq_length():
                self._cache.batch_select_indices(torch.as_tensor(kept, device=device))
        places = torch.as_tensor(self._lengths + self._steps, device=device)
        self._steps += 1
        new = np.ones((len(ids), self._steps), dtype=np.bool_)
        visible = np.concatenate([self._visible, new], axis=1)[:, None]  # (B, 1, S + 1)
        with torch.inference_mode():
            output = self._body(
                input_ids=torch.as_tensor(ids, device=device)[:, None],
                position_ids=places[:, None],
                attention_mask=added_mask(visible, self._model),
                past_key_values=self._cache,
                use_cache=True,
            )
            logits = self._head(output.last_hidden_state[:, -1])  # (B, V)
            return np.asarray(logits.argmax(dim=1).cpu().numpy(), dtype=np.int64)


def _side_by_side(layers: Sequence[Layers], length: int) -> Tensor:
    """Fill up (1, KV, P_i, head_dim) tensors, none where P_i is 0, to (B, KV, length, head_dim)."""
    known = next(layer[0] for layer in layers if layer)
    whole: Tensor = known.new_zeros((len(layers), known.shape[1], length, known.shape[3]))
    for row, layer in zip(whole, layers, strict=True):
        if layer:
            row[:, : layer[0].shape[2]] = layer[0][0]
    return whole
