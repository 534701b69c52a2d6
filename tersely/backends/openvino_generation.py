"""Greedy decoding on the CPU: one token for each of B sequences per step, their caches kept inside.

The graph is derived from the body and the head when something is first written: nothing more is
stored on disk, and a model that was converted before needs no new conversion. In the body T tokens
of one sequence are read; here they are B sequences of one token, each with its own cache, which
OpenVINO holds and grows in place. Handing the cache in and out instead was 4 to 10 times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino.opset15 as op
import openvino.properties.hint as hints
from openvino.op.util import Variable, VariableInfo

from tersely.backends.base import Ints
from tersely.backends.weights import LlamaShape

Array = npt.NDArray[np.float32]
Angles = Callable[[Ints, LlamaShape], tuple[Array, Array]]
Node = Any  # OpenVINO's nodes and outputs share no public type

BATCH_TOKENS = 4096
"""Cached tokens of one batch, padding included. Larger ones were not faster: 4 sequences of 1,000
tokens are written at 108 tokens/s, loading of the caches included, 16 of them at 79."""

_TURN = np.array([2, 1, 0, 3])  # (1, heads, B, head_dim) → (B, heads, 1, head_dim), and back


def decoding_graph(body: ov.Model, head: ov.Model, shape: LlamaShape) -> ov.Model:
    """Return a graph that reads one token of each of B sequences and says the likeliest next ones.

    Inputs: ids (1, B); cos and sin (1, 1, B, head_dim); mask (B, 1, 1, S + 1), added to the
    attention logits; rows (B,) int32, which of the cached sequences these are. Output: (B, 1).
    The caches are variables "layer.part", (B, KV, S, head_dim); part 1 is keys, 2 values.

    Args:
        body: What `GraphBuilder.body` built, or a copy read from disk; it is changed.
        head: What `GraphBuilder.head` built.
        shape: The model's shape.
    """
    ids, cos, sin, *_ = body.get_parameters()
    mask = op.parameter([-1, 1, 1, -1], np.float32, name="mask")
    rows = op.parameter([-1], np.int32, name="rows")
    written: list[Node] = []
    reads = [n for n in body.get_ordered_ops() if n.get_type_name() == "ScaledDotProductAttention"]
    for layer, read in enumerate(reads):
        query = op.transpose(read.input_value(0), _TURN)  # (B, H, 1, head_dim)
        whole = []
        for part in (1, 2):
            entry = op.transpose(_new_entry(read.input_value(part)), _TURN)  # (B, KV, 1, head_dim)
            cache, assign = _grown(f"{layer}.{part}", entry, rows, shape)
            written.append(assign)
            whole.append(_repeated(cache, shape))
        found = op.transpose(op.scaled_dot_product_attention(query, *whole, mask), _TURN)
        for user in read.output(0).get_target_inputs():
            user.replace_source_output(found.output(0))
    hidden = op.squeeze(body.get_results()[0].input_value(0), np.array([0]))  # (B, D)
    (used,) = head.get_parameters()[0].output(0).get_target_inputs()
    logits = op.matmul(hidden, used.get_node().input_value(1), False, True)  # (B, V)
    best = op.topk(logits, op.constant(np.int64(1)), 1, "max", "value").output(1)
    return ov.Model([op.result(best)], written, [ids, cos, sin, mask, rows], "decoding")


def _new_entry(whole: Node) -> Node:
    """Return what the body concatenates to the past, before or after heads are repeated."""
    node = whole.get_node()
    while node.get_type_name() != "Concat":
        node = node.input_value(0).get_node()
    return node.input_value(1)


def _grown(name: str, entry: Node, rows: Node, shape: LlamaShape) -> tuple[Node, Node]:
    """Return a cache with an entry more, and what stores it; the form OpenVINO runs in place."""
    info = VariableInfo()
    info.variable_id = name
    info.data_shape = ov.PartialShape([-1, shape.kv_heads, -1, shape.head_dim])
    info.data_type = ov.Type.f32
    variable = Variable(info)
    count = op.convert(op.shape_of(rows), np.int64)
    size = op.concat([count, op.constant(np.array([shape.kv_heads, 0, shape.head_dim]))], 0)
    past = op.read_value(op.broadcast(op.constant(np.float32(0)), size), variable)
    whole = op.concat([op.gather(past, rows, op.constant(np.int64(0))), entry], 2)
    return whole, op.assign(whole, variable)


def _repeated(cache: Node, shape: LlamaShape) -> Node:
    """Give each query head its key-value head: (B, KV, S, hd) → (B, H, S, hd)."""
    times = shape.heads // shape.kv_heads
    if times == 1:
        return cache
    wide = op.broadcast(
        op.unsqueeze(cache, np.array([2])),
        np.array([1, 1, times, 1, 1]),
        broadcast_spec="BIDIRECTIONAL",
    )
    return op.reshape(wide, np.array([0, shape.heads, -1, shape.head_dim]), True)


def decoding_settings(settings: dict[Any, Any], body: ov.CompiledModel) -> dict[Any, Any]:
    """Return the settings that the graph is compiled with.

    The cache keeps the precision of the body's arithmetic (8 bits by default), and activations
    are not rounded to 8 bits, which would make what is written depend on the batch; neither is
    slower.
    """
    precision = body.get_property(hints.inference_precision)
    exact = {hints.kv_cache_precision: precision, hints.dynamic_quantization_group_size: 0}
    return settings | exact


class Decoder:
    """One batch: the caches of B sequences, and a step that reads a token of each."""

    def __init__(
        self, model: ov.CompiledModel, caches: Sequence[Array], shape: LlamaShape, angles: Angles
    ) -> None:
        """Copy the caches into the model.

        Args:
            model: What `decoding_graph` gave, compiled.
            caches: B arrays (2 L, 1, KV, P_i, head_dim).
            shape: The model's shape.
            angles: Cosines and sines of positions.
        """
        self._lengths = np.array([cache.shape[3] for cache in caches])
        self._shape, self._angles = shape, angles
        self._alive = np.arange(len(caches))
        longest = max(1, int(self._lengths.max()))
        self._mask = np.zeros((len(caches), longest), dtype=np.float32)
        for row, length in zip(self._mask, self._lengths, strict=True):
            row[length:] = -np.inf  # shorter ones are filled up
        self._steps = 0
        self._request = model.create_infer_request()
        size = (len(caches), shape.kv_heads, longest, shape.head_dim)
        for state in self._request.query_state():
            layer, part = map(int, state.name.split("."))
            whole = np.zeros(size, dtype=np.float32)
            for row, cache in zip(whole, caches, strict=True):
                row[:, : cache.shape[3]] = cache[2 * layer + part - 1, 0]
            state.state = ov.Tensor(whole, shared_memory=True)

    def step(self, ids: Ints, kept: Ints) -> Ints:
        """Read a token of each sequence that is kept; see `generation.Step`."""
        self._alive = self._alive[kept]
        cos, sin = self._angles(self._lengths[self._alive] + self._steps, self._shape)
        self._steps += 1
        new = np.zeros((len(ids), self._steps), dtype=np.float32)
        mask = np.concatenate([self._mask[self._alive], new], axis=1)  # (B, S + 1)
        outputs = self._request.infer(
            [
                ids[None],
                cos[None, None],
                sin[None, None],
                mask[:, None, None],
                kept.astype(np.int32),
            ],
            share_inputs=True,
        )
        return np.array(outputs[0][:, 0], dtype=np.int64)
