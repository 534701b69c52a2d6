"""Any causal model of transformers, on a CPU or a GPU, run by torch (extra `torch`).

What it needs of a model is checked on the model itself, with two passes of one token, when it is
loaded: that its logits are its head's output, and how its keys depend on the position.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tersely._optional import need
from tersely.backends import generation, packing
from tersely.backends.attention import Head
from tersely.backends.base import Floats, Ints, OnTokens, State, Tokens
from tersely.backends.store import ModelFiles
from tersely.backends.tokenizer import encode
from tersely.backends.torch_attention import attend_rows
from tersely.backends.torch_generation import Decoder, added_mask
from tersely.backends.torch_load import read_model
from tersely.errors import ModelMismatch, SettingError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import DynamicCache, PretrainedConfig, PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

HEAD_ROWS = 256
"""Rows of logits alive at a time: 256 x 49,152 of them are 50 MB."""

BATCH_TOKENS = 16_384
"""Cached tokens of one batch that is written on, padding included."""

_PROBE_SHIFT = 7
# Their frequencies change with the length of the text, so a key cannot be turned by a fixed angle.
_CHANGING_ROPES = ("dynamic", "longrope")


@dataclass(frozen=True, slots=True)
class TorchState:
    """Keys and values of P tokens.

    Attributes:
        keys: One (1, KV, P, head_dim) tensor per layer, already rotated.
        values: One (1, KV, P, head_dim) tensor per layer.
        frequencies: (R / 2,) radians per position of a model that rotates the first R entries of
            each key; None if its keys cannot be moved to another position.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    frequencies: Floats | None

    @property
    def length(self) -> int:
        """P."""
        return int(self.keys[0].shape[2]) if self.keys else 0

    def select(self, kept: Ints) -> TorchState:
        """Return the cache of some tokens, their positions closed up.

        Raises:
            ModelMismatch: Positions change, and the model does not rotate its keys.
        """
        if len(kept) == self.length:
            return self
        shift = np.arange(len(kept)) - kept  # (K,), <= 0
        if shift.any() and self.frequencies is None:
            raise ModelMismatch(
                "This model's keys cannot be moved to other positions, so its cache cannot close"
                " up over dropped tokens. Use a model with plain rotary positions."
            )
        indices = torch.as_tensor(kept, device=self.keys[0].device)
        keys, values = _picked(self.keys, indices), _picked(self.values, indices)
        if shift.any() and self.frequencies is not None:
            keys = _turned(keys, shift, self.frequencies)
        return TorchState(keys, values, self.frequencies)


class TorchCausal:
    """A causal model of transformers; implements `CausalBackend`."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: Tokenizer, *, name: str, start_id: int
    ) -> None:
        """Wrap a model.

        Args:
            model: A `PreTrainedModel` with a language-modelling head, on its device.
            tokenizer: Its tokenizer, as `read_tokenizer` returns it.
            name: What the model is called in results.
            start_id: Token that stands before a text.

        Raises:
            ModelMismatch: It is not a causal model with a plain key-value cache.
        """
        self._model = model.eval()
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self._tokenizer = tokenizer
        self._name = name
        self._start_id = start_id
        self._window_tokens = _window_tokens(model.config)
        self._frequencies: Floats | None = None  # none while the model is probed
        self._frequencies = self._probe()

    @classmethod
    def load(
        cls,
        files: ModelFiles,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        threads: int | None = None,
    ) -> TorchCausal:
        """Load a model that is on this machine.

        Args:
            files: What `find_model` returned.
            device: Where torch computes: "cpu", "cuda", "cuda:1", "mps".
            dtype: "float32" or "bfloat16", of the weights and activations.
            threads: Threads to compute with, for all of torch in this process; None leaves it.

        Raises:
            SettingError: A setting is out of range, or there is no such device.
            ModelMismatch: It is not a model this can use.
            BackendError: It could not be loaded.
        """
        if dtype not in ("float32", "bfloat16"):
            raise SettingError(f"dtype is 'float32' or 'bfloat16', not {dtype!r}.")
        if threads is not None:
            torch.set_num_threads(threads)
        kind = getattr(torch, dtype)
        model, tokenizer, start_id = read_model(files, kind)
        try:
            model = model.to(device)
        except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
            raise SettingError(f"torch cannot use the device {device!r}: {error}") from error
        return cls(model, tokenizer, name=files.name, start_id=start_id)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def window_tokens(self) -> int:
        """The longest text the model was trained on."""
        return self._window_tokens

    @property
    def start_id(self) -> int:
        """The token before the first."""
        return self._start_id

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return encode(self._tokenizer, text)

    def empty(self) -> TorchState:
        """Return the cache of no tokens."""
        return TorchState((), (), self._frequencies)

    def extend(self, state: State, ids: Ints, *, scored_from: int) -> tuple[Floats, TorchState]:
        """Read more tokens; see `CausalBackend.extend`."""
        cache = _cache_of(state)
        positions = np.arange(state.length, state.length + len(ids))
        with torch.inference_mode():
            hidden = self._read(ids, positions, past_key_values=cache, use_cache=True)
            nats = self._nats(hidden[scored_from - 1 : len(ids) - 1], ids[scored_from:])
        return nats, self._state(cache)

    def score(
        self,
        sequences: Sequence[Ints],
        *,
        scored_from: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Score sequences that do not see each other; see `CausalBackend.score`."""
        return packing.score_packed(self, sequences, self._score_pass, on_tokens, scored_from)

    @cached_property
    def special_ids(self) -> Mapping[str, int]:
        """The tokens that no text is cut into."""
        return generation.special_ids(self._tokenizer)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def score_after(
        self, state: State, last_id: int, continuations: Sequence[Ints]
    ) -> list[Floats]:
        """Score several ways to go on; see `GeneratingBackend.score_after`."""
        past = state.length

        def read(branches: generation.Branches) -> Floats:
            with torch.inference_mode():
                hidden = self._read(
                    branches.ids,
                    past + branches.positions,
                    attention_mask=self._mask(branches.visible(past)),
                    past_key_values=_cache_of(state),
                    use_cache=True,
                )
                rows = torch.as_tensor(branches.rows, device=self._model.device)
                return self._nats(hidden[rows], branches.targets)

        return generation.score_branches(read, last_id, continuations)

    def continue_greedily(
        self,
        states: Sequence[State],
        last_ids: Sequence[int],
        *,
        most_tokens: Sequence[int],
        stop: generation.Stop | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Ints]:
        """Write on, a token of each sequence per step; see `GeneratingBackend`."""

        def begin(members: Sequence[State]) -> generation.Step:
            known = [state for state in members if isinstance(state, TorchState)]
            caches = [(state.keys, state.values) for state in known]
            return Decoder(self._body, self._head, caches, self._model).step

        ends = frozenset(self.special_ids.values())
        return generation.continue_in_batches(
            begin,
            states,
            last_ids,
            most_tokens,
            limits=generation.Limits(self.window_tokens, BATCH_TOKENS, ends),
            stop=stop,
            on_tokens=on_tokens,
        )

    @property
    def attention_shape(self) -> tuple[int, int]:
        """Layers, and query heads in each."""
        config = self._model.config.get_text_config()
        return int(config.num_hidden_layers), int(config.num_attention_heads)

    def attend(
        self, ids: Ints, *, rows: int, heads: Sequence[Head], on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return attention logits of the last rows; see `AttentionBackend.attend`."""

        def read(ids: Ints, positions: Ints, cache: DynamicCache) -> object:
            return self._read(ids, positions, past_key_values=cache, use_cache=True)

        return attend_rows(self._model, read, ids, rows=rows, heads=heads, on_tokens=on_tokens)

    def _score_pass(self, packed: packing.Packed) -> Floats:
        mask = self._mask(packed.mask)
        with torch.inference_mode():
            hidden = self._read(packed.ids, packed.positions, attention_mask=mask, use_cache=False)
            rows = torch.as_tensor(packed.scored, device=self._model.device)
            return self._nats(hidden[rows], packed.targets)

    def _mask(self, visible: npt.NDArray[np.bool_]) -> Tensor:
        """Return what is added to the attention logits of one sequence, (1, 1, T, S)."""
        return added_mask(visible[None], self._model)

    def _state(self, cache: DynamicCache) -> TorchState:
        keys = tuple(layer.keys for layer in cache.layers)
        values = tuple(layer.values for layer in cache.layers)
        return TorchState(keys, values, self._frequencies)

    def _read(self, ids: Ints, positions: Ints, **how: object) -> Tensor:
        """Run the body: (T,) ids → (T, D) hidden rows, ready for the head."""
        device = self._model.device
        output = self._body(
            input_ids=torch.as_tensor(ids, device=device)[None],
            position_ids=torch.as_tensor(positions, device=device)[None],
            **how,
        )
        return output.last_hidden_state[0]

    def _nats(self, rows: Tensor, targets: Ints) -> Floats:
        """Run the head over (R, D) rows, a block at a time: (R,) nats."""
        nats = np.zeros(len(targets))
        chosen = torch.as_tensor(targets, device=rows.device)
        for at in range(0, len(targets), HEAD_ROWS):
            block = slice(at, at + HEAD_ROWS)
            logits = self._head(rows[block]).float()  # (R', V)
            picked = logits.gather(1, chosen[block, None])[:, 0]
            nats[block] = (torch.logsumexp(logits, dim=1) - picked).double().cpu().numpy()
        return nats

    def _probe(self) -> Floats | None:
        """Read one token at two positions; return the frequencies its keys turn by, if any.

        A single token looks at itself only, so all that its position changes is how far its keys
        are turned, in every layer.
        """
        if "position_ids" not in inspect.signature(self._body.forward).parameters:
            raise ModelMismatch(f"{self._name} takes no positions, so it cannot be used here.")
        first, later = (self._probe_at(position) for position in (0, _PROBE_SHIFT))
        frequencies = _frequencies_of(self._body, self._model.config)
        if frequencies is None:
            return None
        turned = _turned(first.keys, np.array([_PROBE_SHIFT]), frequencies)
        same = (_alike(*pair) for pair in zip(turned, later.keys, strict=True))
        return frequencies if all(same) else None

    def _probe_at(self, position: int) -> TorchState:
        ids, positions = np.array([self._start_id]), np.array([position])
        cache = transformers.DynamicCache()
        with torch.inference_mode():
            hidden = self._read(ids, positions, past_key_values=cache, use_cache=True)
            device = self._model.device
            whole = self._model(
                input_ids=torch.as_tensor(ids, device=device)[None],
                position_ids=torch.as_tensor(positions, device=device)[None],
            )
            if self._head is None or not _alike(self._head(hidden), whole.logits[0]):
                raise ModelMismatch(f"{self._name} changes its logits after its head: not known.")
        plain = all(getattr(layer, "keys", None) is not None for layer in cache.layers)
        if not plain or not cache.layers or any(k.shape[2] != 1 for k in self._state(cache).keys):
            raise ModelMismatch(f"{self._name} has no plain key-value cache.")
        return self._state(cache)


def _cache_of(state: State) -> DynamicCache:
    """Return a cache that grows from a state; the state stays as it is."""
    assert isinstance(state, TorchState), "a state is read by the backend that made it"
    cache = transformers.DynamicCache()
    for layer, (keys, values) in enumerate(zip(state.keys, state.values, strict=True)):
        cache.update(keys, values, layer)
    return cache


def _window_tokens(config: PretrainedConfig) -> int:
    tokens = getattr(config.get_text_config(), "max_position_embeddings", None)
    if tokens is None:
        raise ModelMismatch("The model's config does not say how long a text it was trained on.")
    return int(tokens)


def _frequencies_of(body: Module, config: PretrainedConfig) -> Floats | None:
    """Return the one set of rotary frequencies of a model, (R / 2,), or None."""
    rope = getattr(config.get_text_config(), "rope_parameters", None) or {}
    found = [buffer for name, buffer in body.named_buffers() if name.split(".")[-1] == "inv_freq"]
    if len(found) != 1 or rope.get("rope_type") in _CHANGING_ROPES:
        return None
    return np.asarray(found[0].double().cpu().numpy())


def _picked(tensors: tuple[Tensor, ...], indices: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.index_select(2, indices) for tensor in tensors)


def _turned(keys: tuple[Tensor, ...], shift: Ints, frequencies: Floats) -> tuple[Tensor, ...]:
    """Turn keys as if each token stood `shift` positions further: (1, KV, K, head_dim) each."""
    angles = np.outer(shift, frequencies)  # (K, R / 2)
    device = keys[0].device
    cos, sin = (
        torch.as_tensor(part, dtype=torch.float32, device=device)
        for part in (np.cos(angles), np.sin(angles))
    )
    return tuple(_turned_layer(layer, cos, sin) for layer in keys)


def _turned_layer(keys: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = cos.shape[1]
    a, b = keys[..., :half], keys[..., half : 2 * half]
    turned = torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(
        keys.dtype
    )  # from float32
    whole: Tensor = torch.cat([turned, keys[..., 2 * half :]], dim=-1)
    return whole


def _alike(a: Tensor, b: Tensor) -> bool:
    """Say whether two tensors are the same up to the rounding of bfloat16."""
    largest = float(b.float().abs().max())
    return float((a.float() - b.float()).abs().max()) <= 0.02 * largest
