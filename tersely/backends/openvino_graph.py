"""A Llama-like model as two OpenVINO graphs: the body, and the head that scores given tokens.

Built operation by operation from a checkpoint, so that no exporter and no torch is needed, 4-bit
weights stay the 4-bit weights they are, and only one number per token leaves the head.

    body:  ids, cosines, sines, mask, past keys and values → hidden rows, new keys and values
    head:  hidden rows, targets → surprisal in nats
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino.opset15 as op

from tersely.backends.weights import Checkpoint, Q4Weight, Q8Weight, Weight, to_dense

_EMBEDDING = "model.embed_tokens.weight"
Node = Any  # OpenVINO's nodes and outputs share no public type


class GraphBuilder:
    """Builds the two graphs of one checkpoint."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take the checkpoint to build; its weights are read one at a time."""
        self._checkpoint = checkpoint
        self._shape = checkpoint.shape
        self._alive: list[Any] = []  # constants of 4-bit codes do not own their memory

    def body(self) -> ov.Model:
        """Return the graph from token ids to hidden rows.

        Inputs: ids (1, T) int64; cos and sin (1, 1, T, head_dim) float32; mask (1, 1, T, P + T)
        float32, added to the attention logits; past (2 L, 1, KV, P, head_dim) float32, the keys
        of layer l at 2 l and its values at 2 l + 1. Outputs: hidden (1, T, D) after the last
        normalisation, and the T new entries of the cache in the shape of `past`.
        """
        s = self._shape
        ids = op.parameter([1, -1], np.int64, name="ids")
        cos = op.parameter([1, 1, -1, s.head_dim], np.float32, name="cos")
        sin = op.parameter([1, 1, -1, s.head_dim], np.float32, name="sin")
        mask = op.parameter([1, 1, -1, -1], np.float32, name="mask")
        past = op.parameter([2 * s.layers, 1, s.kv_heads, -1, s.head_dim], np.float32, name="past")
        caches = op.split(past, op.constant(np.int64(0)), 2 * s.layers).outputs()
        hidden = op.gather(self._embedding(), ids, op.constant(np.int64(0)))  # (1, T, D)
        new: list[Node] = []
        for layer in range(s.layers):
            prefix = f"model.layers.{layer}."
            rows = self._norm(hidden, prefix + "input_layernorm.weight")
            keys, values = caches[2 * layer], caches[2 * layer + 1]
            read, entries = self._attention(rows, prefix, (cos, sin, mask), (keys, values))
            new += entries
            hidden = op.add(hidden, read)
            rows = self._norm(hidden, prefix + "post_attention_layernorm.weight")
            hidden = op.add(hidden, self._feed_forward(rows, prefix))
        hidden = self._norm(hidden, "model.norm.weight")
        outputs = [op.result(hidden), op.result(op.concat(new, 0))]
        return ov.Model(outputs, [ids, cos, sin, mask, past], "body")

    def head(self) -> ov.Model:
        """Return the graph from hidden rows (R, D) and targets (R, 1) to nats (R, 1)."""
        rows = op.parameter([-1, self._shape.hidden], np.float32, name="rows")
        targets = op.parameter([-1, 1], np.int32, name="targets")
        weight = self._embedding() if self._shape.tied else self._matrix("lm_head.weight")
        logits = op.matmul(rows, weight, False, True)  # (R, V)
        top = op.reduce_max(logits, np.array([1]), True)
        total = op.log(op.reduce_sum(op.exp(op.subtract(logits, top)), np.array([1]), True))
        chosen = op.gather_elements(logits, targets, 1)
        nats = op.subtract(op.add(total, top), chosen)
        return ov.Model([op.result(nats)], [rows, targets], "head")

    def _attention(
        self, rows: Node, prefix: str, inputs: tuple[Node, ...], past: tuple[Node, Node]
    ) -> tuple[Node, list[Node]]:
        """Return what attention adds to the rows, and the layer's new cache entries."""
        s = self._shape
        cos, sin, mask = inputs
        query = self._rotated(self._heads(rows, prefix, "q_proj", s.heads), cos, sin)
        key = self._rotated(self._heads(rows, prefix, "k_proj", s.kv_heads), cos, sin)
        value = self._heads(rows, prefix, "v_proj", s.kv_heads)
        first = np.array([0])
        keys = op.concat([op.squeeze(past[0], first), key], 2)  # (1, KV, P + T, head_dim)
        values = op.concat([op.squeeze(past[1], first), value], 2)
        read = op.scaled_dot_product_attention(
            query, self._repeated(keys), self._repeated(values), mask
        )
        flat = np.array([1, -1, s.heads * s.head_dim])
        read = op.reshape(op.transpose(read, np.array([0, 2, 1, 3])), flat, False)  # (1, T, H*hd)
        out = self._linear(read, prefix + "self_attn.o_proj.weight")
        return out, [op.unsqueeze(key, first), op.unsqueeze(value, first)]

    def _heads(self, rows: Node, prefix: str, part: str, heads: int) -> Node:
        """Project (1, T, D) rows to (1, heads, T, head_dim)."""
        name = f"{prefix}self_attn.{part}"
        flat = self._linear(rows, name + ".weight")
        if self._shape.qkv_bias:
            bias = to_dense(self._checkpoint.weight(name + ".bias"))
            flat = op.add(flat, op.constant(bias[None, None]))
        split = op.reshape(flat, np.array([1, -1, heads, self._shape.head_dim]), False)
        return op.transpose(split, np.array([0, 2, 1, 3]))

    def _rotated(self, heads: Node, cos: Node, sin: Node) -> Node:
        """Turn (1, heads, T, head_dim) by each token's angles; halves are the pairs."""
        half = self._shape.head_dim // 2
        axis, sizes = op.constant(np.int64(3)), op.constant(np.array([half, half]))
        left, right = op.variadic_split(heads, axis, sizes).outputs()
        turned = op.concat([op.multiply(right, op.constant(np.float32(-1))), left], 3)
        return op.add(op.multiply(heads, cos), op.multiply(turned, sin))

    def _repeated(self, cache: Node) -> Node:
        """Give each query head its key-value head: (1, KV, S, hd) → (1, H, S, hd)."""
        s = self._shape
        times = s.heads // s.kv_heads
        if times == 1:
            return cache
        wide = op.broadcast(
            op.unsqueeze(cache, np.array([2])),
            np.array([1, 1, times, 1, 1]),
            broadcast_spec="BIDIRECTIONAL",
        )
        return op.reshape(wide, np.array([0, s.heads, -1, s.head_dim]), True)

    def _feed_forward(self, rows: Node, prefix: str) -> Node:
        # Rounded to 8 bits a row, these three are multiplied in whole numbers. Attention keeps its
        # own weights: with all matrices rounded, tokens would be ranked too differently.
        gate, up = (
            self._rounded(rows, f"{prefix}mlp.{part}_proj.weight") for part in ("gate", "up")
        )
        inner = op.multiply(op.swish(gate), up)
        return self._rounded(inner, prefix + "mlp.down_proj.weight")

    def _rounded(self, rows: Node, name: str) -> Node:
        return op.matmul(rows, self._eight_bit(self._checkpoint.weight(name)), False, True)

    def _norm(self, rows: Node, name: str) -> Node:
        """Root-mean-square normalisation over D."""
        weight = to_dense(self._checkpoint.weight(name))[None, None]  # (1, 1, D)
        square = op.power(rows, op.constant(np.float32(2)))
        mean = op.reduce_mean(square, np.array([-1]), True)
        root = op.sqrt(op.add(mean, op.constant(np.float32(self._shape.norm_epsilon))))
        inverse = op.divide(op.constant(np.float32(1)), root)
        return op.multiply(op.constant(weight), op.multiply(rows, inverse))

    def _linear(self, rows: Node, name: str) -> Node:
        return op.matmul(rows, self._matrix(name), False, True)

    def _matrix(self, name: str) -> Node:
        return self._constant(self._checkpoint.weight(name))

    def _embedding(self) -> Node:
        """Return the (V, D) embedding, which is the head too where the two are tied."""
        return self._eight_bit(self._checkpoint.weight(_EMBEDDING))

    def _eight_bit(self, weight: Weight) -> Node:
        """Return a quantised weight as 8-bit codes with one scale per row, a dense one as it is.

        Blocks of 32 with a scale each would be exact for Q8_0, but a lookup in them is slow.
        """
        if not isinstance(weight, Q4Weight | Q8Weight):
            return self._constant(weight)
        dense = weight.dense()
        scale = np.abs(dense).max(axis=1, keepdims=True) / 127  # (V, 1)
        scale[scale == 0] = 1
        codes = np.rint(dense / scale).astype(np.int8)
        return op.multiply(op.convert(op.constant(codes), np.float32), op.constant(scale))

    def _constant(self, weight: Weight) -> Node:
        if isinstance(weight, Q4Weight):
            return self._four_bit(weight)
        dense: npt.NDArray[np.float16] = to_dense(weight).astype(np.float16)
        return op.convert(op.constant(dense), np.float32)

    def _four_bit(self, weight: Q4Weight) -> Node:
        """Return (code - zero) * scale with a fractional zero: exactly scale * code + offset.

        OpenVINO multiplies such a matrix without unpacking it first.
        """
        scale = weight.scale.astype(np.float32)
        safe = np.where(scale == 0, 1, scale)
        zero = (-weight.offset.astype(np.float32) / safe).astype(np.float16)
        packed = np.ascontiguousarray(weight.codes[..., 0::2] | (weight.codes[..., 1::2] << 4))
        self._alive.append(packed)
        tensor = ov.Tensor(packed.reshape(-1), ov.Shape(list(weight.codes.shape)), ov.Type.u4)
        codes = op.convert(op.constant(tensor), np.float16)  # (O, I / 32, 32)
        shifted = op.subtract(codes, op.constant(zero[..., None]))
        blocks = op.multiply(shifted, op.constant(safe.astype(np.float16)[..., None]))
        rows, count, width = weight.codes.shape
        return op.convert(op.reshape(blocks, np.array([rows, count * width]), False), np.float32)
