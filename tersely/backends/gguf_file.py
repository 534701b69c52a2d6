"""Read a GGUF file of a Llama-like model: settings, tokenizer, weights.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for the container; llama.cpp's
converter for the order of the rows of the query and key weights, which it changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader, ReaderTensor
from gguf.quants import dequantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tersely.backends.weights import LlamaShape, Q4Weight, Q8Weight, Weight
from tersely.errors import BackendError, ModelMismatch

_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
# Digits one by one, then bytes. The GGUF only names this ("smollm"); leaving the digits out gives
# other tokens for every number.
_SPLIT_DIGITS = {"smollm", "starcoder", "refact", "command-r"}
_PLAIN_BYTES = {"gpt-2", "default"}


class GGUFFile:
    """One open GGUF file.

    Attributes:
        shape: The model's sizes and constants.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            BackendError: It is not a GGUF file.
            ModelMismatch: It is not a Llama-like model.
        """
        self.path = path
        try:
            self._reader = GGUFReader(path)
        except (ValueError, OSError, KeyError, IndexError) as error:
            raise BackendError(f"{path} is not a GGUF file: {error}") from error
        architecture = self._field("general.architecture")
        if architecture != "llama":
            raise ModelMismatch(f"{path.name} is a {architecture!r} model; only llama is read.")
        self._tensors = {_hub_name(t.name): t for t in self._reader.tensors}
        self.shape = self._shape()

    def _field(self, key: str, default: Any = None) -> Any:
        field = self._reader.fields.get(key)
        return default if field is None else field.contents()

    def _shape(self) -> LlamaShape:
        heads = int(self._field("llama.attention.head_count"))
        hidden = int(self._field("llama.embedding_length"))
        return LlamaShape(
            layers=int(self._field("llama.block_count")),
            hidden=hidden,
            inner=int(self._field("llama.feed_forward_length")),
            heads=heads,
            kv_heads=int(self._field("llama.attention.head_count_kv", heads)),
            head_dim=int(self._field("llama.rope.dimension_count", hidden // heads)),
            vocabulary=len(self._field("tokenizer.ggml.tokens")),
            window_tokens=int(self._field("llama.context_length")),
            norm_epsilon=float(np.float32(self._field("llama.attention.layer_norm_rms_epsilon"))),
            rope_theta=float(self._field("llama.rope.freq_base", 10000.0)),
            tied="lm_head.weight" not in self._tensors,
            start_id=int(self._field("tokenizer.ggml.bos_token_id")),
        )

    def names(self) -> Iterator[str]:
        """Yield the weights' names, as a Hugging Face checkpoint spells them."""
        yield from self._tensors

    def weight(self, name: str) -> Weight:
        """Return one weight in the form it is stored in, rows in Hugging Face's order."""
        tensor = self._tensors[name]
        heads = self._interleaved_heads(name)
        if tensor.tensor_type == GGMLQuantizationType.Q4_1:
            return _q4(tensor, heads)
        if tensor.tensor_type == GGMLQuantizationType.Q8_0:
            return _q8(tensor, heads)
        dense: npt.NDArray[np.float32] = dequantize(tensor.data, tensor.tensor_type)
        return _straighten(np.asarray(dense, dtype=np.float32), heads)

    def _interleaved_heads(self, name: str) -> int | None:
        """Return how many heads' rows llama.cpp interleaved in this weight, if it did."""
        if name.endswith("q_proj.weight"):
            return self.shape.heads
        return self.shape.kv_heads if name.endswith("k_proj.weight") else None

    @property
    def chat_template(self) -> str:
        """How the file says conversations are written, in Jinja; "" if it does not say."""
        return str(self._field("tokenizer.chat_template", ""))

    def tokenizer(self) -> Tokenizer:
        """Build the tokenizer the file describes.

        Raises:
            ModelMismatch: It is of a kind this does not know how to split.
        """
        kind, split = self._field("tokenizer.ggml.model"), self._field("tokenizer.ggml.pre")
        if kind != "gpt2" or split not in _SPLIT_DIGITS | _PLAIN_BYTES:
            raise ModelMismatch(f"{self.path.name} has a {kind}/{split} tokenizer, not known here.")
        vocabulary = {token: i for i, token in enumerate(self._field("tokenizer.ggml.tokens"))}
        merges = [tuple(pair.split(" ", 1)) for pair in self._field("tokenizer.ggml.merges")]
        tokenizer = Tokenizer(models.BPE(vocabulary, merges))
        steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
        if split in _SPLIT_DIGITS:
            steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer


def _hub_name(name: str) -> str:
    if name in _TOP:
        return _TOP[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_NAMES.get(part, part)}.{kind}"


def _straighten(rows: npt.NDArray[Any], heads: int | None) -> npt.NDArray[Any]:
    """Undo llama.cpp's interleaving of the two halves of each head: (O, ...) → (O, ...)."""
    if heads is None:
        return rows
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows.shape)


def _q4(tensor: ReaderTensor, heads: int | None) -> Q4Weight:
    """Q4_1: blocks of 32 weights, w = scale * q + offset; low nibbles are the first 16."""
    blocks = _straighten(tensor.data.reshape(tensor.data.shape[0], -1, 20), heads)  # (O, N, 20)
    scale = blocks[..., 0:2].copy().view(np.float16)[..., 0]
    offset = blocks[..., 2:4].copy().view(np.float16)[..., 0]
    nibbles = blocks[..., 4:]
    codes = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1)  # (O, N, 32)
    return Q4Weight(codes, scale, offset)


def _q8(tensor: ReaderTensor, heads: int | None) -> Q8Weight:
    """Q8_0: blocks of 32 weights, w = scale * q."""
    blocks = _straighten(tensor.data.reshape(tensor.data.shape[0], -1, 34), heads)  # (O, N, 34)
    scale = blocks[..., 0:2].copy().view(np.float16)[..., 0]
    return Q8Weight(np.ascontiguousarray(blocks[..., 2:]).view(np.int8), scale)
