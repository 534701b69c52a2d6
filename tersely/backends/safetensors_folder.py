"""Read a Hugging Face folder of a Llama-like model (Llama, Mistral, Qwen 2) without torch.

What the graphs here do not compute (sliding windows, stretched rotary frequencies, further
biases, quantised weights) is refused by name, not read wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from tersely.backends.store import read_json, weight_files
from tersely.backends.weights import Dense, LlamaShape
from tersely.errors import BackendError, ModelMismatch

_KINDS = ("llama", "mistral", "qwen2")
_PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class SafetensorsFolder:
    """The weights of one model folder; each is read when it is asked for.

    Attributes:
        path: The folder.
        shape: The model's sizes and constants.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            ModelMismatch: It is not a Llama-like model, or not in safetensors files.
            BackendError: A file is damaged.
        """
        self.path = path
        self._files = {name: file for file in weight_files(path) for name in names_in(file)}
        config = read_json(path / "config.json")
        if reason := _why_unread(config):
            raise ModelMismatch(f"{path} cannot be read: {reason}.")
        try:
            self.shape = _shape(config, has_head="lm_head.weight" in self._files)
        except KeyError as error:
            raise ModelMismatch(f"{path / 'config.json'} lacks {error}.") from error
        if lost := [name for name in self.names() if name not in self._files]:
            raise ModelMismatch(f"{path} lacks {len(lost)} of its weights, first {lost[0]}.")

    def names(self) -> Iterator[str]:
        """Yield the weights' names."""
        yield "model.embed_tokens.weight"
        for layer in range(self.shape.layers):
            yield from _layer_names(f"model.layers.{layer}", bias=self.shape.qkv_bias)
        yield "model.norm.weight"
        if not self.shape.tied:
            yield "lm_head.weight"

    def weight(self, name: str) -> Dense:
        """Return one weight as float32, in the shape it is stored in."""
        return read_tensor(self._files[name], name)


def read_tensor(file: Path, name: str) -> Dense:
    """Return one tensor of a safetensors file as float32, in the shape it is stored in."""
    with safe_open(file, framework="np") as tensors:
        if tensors.get_slice(name).get_dtype() != "BF16":
            return np.asarray(tensors.get_tensor(name), dtype=np.float32)
    return _bfloat16(file, name)


def tensor_shape(file: Path, name: str) -> tuple[int, ...]:
    """Return the shape of a tensor of a safetensors file."""
    with safe_open(file, framework="np") as tensors:
        return tuple(tensors.get_slice(name).get_shape())


def is_int8(file: Path, name: str) -> bool:
    """Return whether a tensor of a safetensors file is of 8-bit integers."""
    with safe_open(file, framework="np") as tensors:
        return bool(tensors.get_slice(name).get_dtype() == "I8")


def read_codes(file: Path, name: str) -> npt.NDArray[np.int8]:
    """Return one int8 tensor of a safetensors file, in the shape it is stored in."""
    with safe_open(file, framework="np") as tensors:
        return np.asarray(tensors.get_tensor(name), dtype=np.int8)


def names_in(file: Path) -> list[str]:
    """Return the names of the tensors in a safetensors file.

    Raises:
        BackendError: The file is damaged.
    """
    try:
        with safe_open(file, framework="np") as tensors:
            return list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise BackendError(f"{file} is not a whole safetensors file: {error}") from error


def _bfloat16(file: Path, name: str) -> Dense:
    """Read a bfloat16 tensor, which NumPy has no type for: it is the upper half of a float32.

    Source: the header's layout, https://github.com/huggingface/safetensors#format
    """
    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        entry = json.loads(stream.read(header_bytes))[name]
        start, end = entry["data_offsets"]
        stream.seek(8 + header_bytes + start)
        upper = np.frombuffer(stream.read(end - start), dtype="<u2")
    whole = upper.astype(np.uint32) << np.uint32(16)
    return whole.view(np.float32).reshape(entry["shape"])


def _layer_names(layer: str, *, bias: bool) -> Iterator[str]:
    yield f"{layer}.input_layernorm.weight"
    yield from (f"{layer}.self_attn.{part}.weight" for part in (*_PROJECTIONS, "o_proj"))
    if bias:
        yield from (f"{layer}.self_attn.{part}.bias" for part in _PROJECTIONS)
    yield f"{layer}.post_attention_layernorm.weight"
    yield from (f"{layer}.mlp.{part}_proj.weight" for part in ("gate", "up", "down"))


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """Return the rotary settings, which transformers 4 and 5 write in different places."""
    old = {"rope_theta": config["rope_theta"]} if "rope_theta" in config else {}
    return old | (config.get("rope_scaling") or {}) | (config.get("rope_parameters") or {})


def _why_unread(config: dict[str, Any]) -> str | None:
    """Say what about a model these graphs do not compute, or None."""
    kind = config.get("model_type")
    rope = _rope(config)
    stretched = rope.get("rope_type", rope.get("type", "default"))
    # Qwen 2 states a window it does not use; Mistral's is in use unless it is null.
    slides = config.get("use_sliding_window", kind != "qwen2") and config.get("sliding_window")
    reasons = {
        f"it is a {kind!r} model, and only {', '.join(_KINDS)} are known": kind not in _KINDS,
        "its weights are quantised": bool(config.get("quantization_config")),
        "its attention has a sliding window": bool(slides),
        f"its rotary frequencies are changed ({stretched!r})": stretched != "default",
        "only a part of each head is rotated": rope.get("partial_rotary_factor", 1) != 1,
        "its attention has a bias": bool(config.get("attention_bias")),
        "its feed-forward layers have a bias": bool(config.get("mlp_bias")),
        "its activation is not silu": config.get("hidden_act", "silu") != "silu",
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _shape(config: dict[str, Any], *, has_head: bool) -> LlamaShape:
    heads = int(config["num_attention_heads"])
    hidden = int(config["hidden_size"])
    return LlamaShape(
        layers=int(config["num_hidden_layers"]),
        hidden=hidden,
        inner=int(config["intermediate_size"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or hidden // heads),
        vocabulary=int(config["vocab_size"]),
        window_tokens=int(config["max_position_embeddings"]),
        norm_epsilon=float(config["rms_norm_eps"]),
        rope_theta=float(_rope(config).get("rope_theta", 10000.0)),
        tied=bool(config.get("tie_word_embeddings")) or not has_head,
        start_id=start_id_in(config),
        qkv_bias=config["model_type"] == "qwen2",
    )


def start_id_in(config: dict[str, Any]) -> int:
    """Return the token that begins a text, or else the one that ends it, of a config.json.

    Raises:
        ModelMismatch: It names neither.
    """
    for key in ("bos_token_id", "eos_token_id"):
        found = config.get(key)
        if isinstance(found, list):
            found = found[0] if found else None
        if found is not None:
            return int(found)
    raise ModelMismatch("The model's config.json has neither bos_token_id nor eos_token_id.")
