"""A BERT-like encoder as one OpenVINO graph, from token ids to vectors.

Built operation by operation from a checkpoint, so that no exporter and no torch is needed.

    ids, mask        → the mean of each text's last hidden rows, or the first of them
    ids, mask, types → every last hidden row
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import openvino as ov
import openvino.opset15 as op

from tersely.backends.bert_body import BertShape
from tersely.backends.weights import Dense, Q8Rows

Node = Any  # OpenVINO's nodes and outputs share no public type
_WORDS = "embeddings.word_embeddings.weight"
_HIDE = np.float32(-1e9)  # added to the attention logits of padding; exp of it is 0


class BertCheckpoint(Protocol):
    """The weights of a BERT model by their Hugging Face names, and its shape."""

    @property
    def shape(self) -> BertShape:
        """Sizes and constants."""
        ...

    def weight(self, name: str) -> Dense | Q8Rows:
        """Return one weight, in the form it is stored in."""
        ...


class BertGraph:
    """Builds the graph of one checkpoint."""

    def __init__(self, checkpoint: BertCheckpoint) -> None:
        """Take the checkpoint to build; its weights are read one at a time."""
        self._checkpoint = checkpoint
        self._shape = checkpoint.shape

    def model(self) -> ov.Model:
        """Return the graph of a sentence encoder; its table of words has 8 bits.

        Inputs: ids (B, T) int64; mask (B, T) float32, 1 for a token and 0 for padding. Output:
        pooled (B, D) float32, of any length.
        """
        ids, mask = _inputs()
        words = self._words(_in_8_bits(self._checkpoint.weight(_WORDS)), ids)
        hidden = self._layers(self._embedded(words, ids, None), mask)
        return ov.Model([op.result(self._pooled(hidden, mask))], [ids, mask], "bert")

    def token_model(self) -> ov.Model:
        """Return the graph that gives every token's row.

        Weights have 16 bits, or the 8 they are stored in.

        Inputs: ids and mask as above; types (B, T) int64, which of two texts a token is of.
        Output: the last hidden rows (B, T, D) float32; those of padding mean nothing.
        """
        ids, mask = _inputs()
        types = op.parameter([-1, -1], np.int64, name="types")
        words = self._words(self._checkpoint.weight(_WORDS), ids)
        hidden = self._layers(self._embedded(words, ids, types), mask)
        return ov.Model([op.result(hidden)], [ids, mask, types], "bert")

    def _layers(self, hidden: Node, mask: Node) -> Node:
        seen = op.multiply(op.subtract(op.constant(np.float32(1)), mask), op.constant(_HIDE))
        logits = op.unsqueeze(seen, np.array([1, 2]))  # (B, 1, 1, T)
        for layer in range(self._shape.layers):
            prefix = f"encoder.layer.{layer}."
            read = self._attention(hidden, prefix, logits)
            hidden = self._norm(op.add(hidden, read), prefix + "attention.output.LayerNorm")
            inner = op.gelu(self._linear(hidden, prefix + "intermediate.dense"), "erf")
            more = self._linear(inner, prefix + "output.dense")
            hidden = self._norm(op.add(hidden, more), prefix + "output.LayerNorm")
        return hidden

    def _words(self, table: Dense | Q8Rows, ids: Node) -> Node:
        """Return each token's row of the table of words, (B, T, D)."""
        zero = op.constant(np.int64(0))
        if isinstance(table, Q8Rows):
            codes = op.convert(op.gather(op.constant(table.codes), ids, zero), np.float32)
            return op.multiply(codes, op.gather(op.constant(table.scale), ids, zero))
        half = op.gather(op.constant(table.astype(np.float16)), ids, zero)
        return op.convert(half, np.float32)

    def _embedded(self, words: Node, ids: Node, types: Node | None) -> Node:
        """Return (B, T, D): word, position and token type, by default the first, normalised."""
        kinds = self._dense("embeddings.token_type_embeddings.weight")
        places = self._dense("embeddings.position_embeddings.weight")
        places = places[self._shape.first_position :][: self._shape.window_tokens]
        if types is None:
            places = places + kinds[:1]
        else:
            words = op.add(words, op.gather(op.constant(kinds), types, op.constant(np.int64(0))))
        length = op.gather(op.shape_of(ids), op.constant(np.array([1])), op.constant(np.int64(0)))
        zero, one = op.constant(np.array([0])), op.constant(np.array([1]))
        here = op.slice(op.constant(places), zero, length, one, zero)
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
        scale = self._dense(name + ".weight")[None, None]
        shift = self._dense(name + ".bias")[None, None]
        axes = np.array([2])
        even = op.mvn(rows, axes, True, self._shape.norm_epsilon, "inside_sqrt")
        return op.add(op.multiply(even, op.constant(scale)), op.constant(shift))

    def _linear(self, rows: Node, name: str) -> Node:
        weight = self._checkpoint.weight(name + ".weight")
        if isinstance(weight, Q8Rows):
            codes = op.convert(op.constant(weight.codes), np.float32)
            matrix = op.multiply(codes, op.constant(weight.scale))
        else:
            # 16 bits: rounded to 8, they cost 0.0025 of cosine and, with bf16, gain no speed.
            matrix = op.convert(op.constant(weight.astype(np.float16)), np.float32)
        product = op.matmul(rows, matrix, False, True)
        return op.add(product, op.constant(self._dense(name + ".bias")[None, None]))

    def _dense(self, name: str) -> Dense:
        weight = self._checkpoint.weight(name)
        return weight.dense() if isinstance(weight, Q8Rows) else weight


def _inputs() -> tuple[Node, Node]:
    return op.parameter([-1, -1], np.int64, name="ids"), op.parameter(
        [-1, -1], np.float32, name="mask"
    )


def _in_8_bits(table: Dense | Q8Rows) -> Q8Rows:
    """Return a table with one scale per row: it is half of the model."""
    if isinstance(table, Q8Rows):
        return table
    scale = np.abs(table).max(axis=1, keepdims=True) / 127  # (O, 1)
    scale[scale == 0] = 1
    return Q8Rows(np.rint(table / scale).astype(np.int8), scale)
