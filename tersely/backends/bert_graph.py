"""A BERT encoder as one OpenVINO graph, from token ids to one vector per text.

Built operation by operation from a checkpoint, so that no exporter and no torch is needed.

    ids, mask → the mean of each text's last hidden rows, or the first of them
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import openvino as ov
import openvino.opset15 as op

from tersely.backends.bert_folder import BertShape
from tersely.backends.weights import Dense

Node = Any  # OpenVINO's nodes and outputs share no public type
_HIDE = np.float32(-1e9)  # added to the attention logits of padding; exp of it is 0


class BertCheckpoint(Protocol):
    """The weights of a BERT model by their Hugging Face names, and its shape."""

    @property
    def shape(self) -> BertShape:
        """Sizes and constants."""
        ...

    def weight(self, name: str) -> Dense:
        """Return one weight."""
        ...


class BertGraph:
    """Builds the graph of one checkpoint."""

    def __init__(self, checkpoint: BertCheckpoint) -> None:
        """Take the checkpoint to build; its weights are read one at a time."""
        self._checkpoint = checkpoint
        self._shape = checkpoint.shape

    def model(self) -> ov.Model:
        """Return the graph.

        Inputs: ids (B, T) int64; mask (B, T) float32, 1 for a token and 0 for padding. Output:
        pooled (B, D) float32, of any length.
        """
        ids = op.parameter([-1, -1], np.int64, name="ids")
        mask = op.parameter([-1, -1], np.float32, name="mask")
        hidden = self._embedded(ids)
        seen = op.multiply(op.subtract(op.constant(np.float32(1)), mask), op.constant(_HIDE))
        logits = op.unsqueeze(seen, np.array([1, 2]))  # (B, 1, 1, T)
        for layer in range(self._shape.layers):
            prefix = f"encoder.layer.{layer}."
            read = self._attention(hidden, prefix, logits)
            hidden = self._norm(op.add(hidden, read), prefix + "attention.output.LayerNorm")
            inner = op.gelu(self._linear(hidden, prefix + "intermediate.dense"), "erf")
            more = self._linear(inner, prefix + "output.dense")
            hidden = self._norm(op.add(hidden, more), prefix + "output.LayerNorm")
        return ov.Model([op.result(self._pooled(hidden, mask))], [ids, mask], "bert")

    def _embedded(self, ids: Node) -> Node:
        """Return (B, T, D): word, position and the first token type, normalised."""
        zero = op.constant(np.int64(0))
        words = op.gather(self._eight_bit("embeddings.word_embeddings.weight"), ids, zero)
        types = self._checkpoint.weight("embeddings.token_type_embeddings.weight")
        places = self._checkpoint.weight("embeddings.position_embeddings.weight") + types[:1]
        table = op.constant(places[: self._shape.window_tokens])
        length = op.gather(op.shape_of(ids), op.constant(np.array([1])), zero)
        one = op.constant(np.array([1]))
        here = op.slice(table, op.constant(np.array([0])), length, one, op.constant(np.array([0])))
        return self._norm(op.add(words, here), "embeddings.LayerNorm")

    def _attention(self, rows: Node, prefix: str, logits: Node) -> Node:
        s = self._shape
        query, key, value = (
            self._heads(rows, f"{prefix}attention.self.{part}")
            for part in ("query", "key", "value")
        )
        read = op.scaled_dot_product_attention(query, key, value, logits)
        flat = op.reshape(
            op.transpose(read, np.array([0, 2, 1, 3])), np.array([0, 0, s.hidden]), True
        )  # (B, T, D)
        return self._linear(flat, prefix + "attention.output.dense")

    def _heads(self, rows: Node, name: str) -> Node:
        """Project (B, T, D) rows to (B, H, T, D / H)."""
        s = self._shape
        sizes = np.array([0, 0, s.heads, s.hidden // s.heads])
        return op.transpose(
            op.reshape(self._linear(rows, name), sizes, True), np.array([0, 2, 1, 3])
        )

    def _pooled(self, hidden: Node, mask: Node) -> Node:
        if self._shape.pooling == "cls":
            return op.gather(hidden, op.constant(np.int64(0)), op.constant(np.int64(1)))
        weights = op.unsqueeze(mask, np.array([2]))  # (B, T, 1)
        total = op.reduce_sum(op.multiply(hidden, weights), np.array([1]), False)  # (B, D)
        return op.divide(total, op.reduce_sum(weights, np.array([1]), False))

    def _norm(self, rows: Node, name: str) -> Node:
        """Normalise each row over D to mean 0 and variance 1, then scale and shift it."""
        scale = self._checkpoint.weight(name + ".weight")[None, None]
        shift = self._checkpoint.weight(name + ".bias")[None, None]
        axes = np.array([2])
        even = op.mvn(rows, axes, True, self._shape.norm_epsilon, "inside_sqrt")
        return op.add(op.multiply(even, op.constant(scale)), op.constant(shift))

    def _linear(self, rows: Node, name: str) -> Node:
        # 16 bits: rounded to 8, the matrices cost 0.0025 of cosine and, with bf16, gain no speed.
        matrix = op.constant(self._checkpoint.weight(name + ".weight").astype(np.float16))
        product = op.matmul(rows, op.convert(matrix, np.float32), False, True)
        return op.add(product, op.constant(self._checkpoint.weight(name + ".bias")[None, None]))

    def _eight_bit(self, name: str) -> Node:
        """Return a table as 8-bit codes with one scale per row: it is half of the model."""
        dense = self._checkpoint.weight(name)
        scale = np.abs(dense).max(axis=1, keepdims=True) / 127  # (O, 1)
        scale[scale == 0] = 1
        codes = np.rint(dense / scale).astype(np.int8)
        return op.multiply(op.convert(op.constant(codes), np.float32), op.constant(scale))
