"""Attention logits of a text's last tokens, from a body that is cut after the last layer needed.

The cut graph is derived from the body when it is first asked for: nothing more is stored on disk,
and a model that was converted before needs no new conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino.opset15 as op

from tersely.backends.attention import Head
from tersely.backends.base import Floats, Ints, OnTokens
from tersely.backends.packing import PASS_TOKENS, block_mask, pack, positions
from tersely.backends.weights import LlamaShape

Array = npt.NDArray[np.float32]
Read = Callable[[Ints, Ints, npt.NDArray[np.bool_], Array], tuple[Array, Array]]
"""One pass: ids, positions, who may look at whom, cache → queries, new entries of the cache."""


def query_body(body: ov.Model, layers: Sequence[int]) -> ov.Model:
    """Cut the body after the last of some layers, and return their queries.

    The inputs are the body's, but for `past`, which has the layers that are left only.

    Args:
        body: What `GraphBuilder.body` built, or a copy read from disk; it is changed.
        layers: Q layers, ascending.

    Returns:
        A graph with two outputs: the rotated queries (1, Q, H, T, head_dim), and the new entries
        of the cache, (2 (layers[-1] + 1), 1, KV, T, head_dim).
    """
    entries = 2 * (layers[-1] + 1)
    *inputs, past = body.get_parameters()
    sizes = past.get_partial_shape()
    shorter = op.parameter([entries, *list(sizes)[1:]], np.float32, name="past")
    (split,) = past.output(0).get_target_inputs()
    caches = op.split(shorter, op.constant(np.int64(0)), entries).outputs()
    for old, new in zip(split.get_node().outputs()[:entries], caches, strict=True):
        for user in old.get_target_inputs():
            user.replace_source_output(new)
    reads = [n for n in body.get_ordered_ops() if n.get_type_name() == "ScaledDotProductAttention"]
    queries = op.concat([op.unsqueeze(reads[at].input_value(0), [0]) for at in layers], 1)
    written = body.get_results()[1].input_value(0).get_node()
    kept = op.concat([written.input_value(at) for at in range(entries)], 0)
    return ov.Model([op.result(queries), op.result(kept)], [*inputs, shorter], "queries")


def attend_in_passes(
    read: Read,
    ids: Ints,
    *,
    rows: int,
    heads: Sequence[Head],
    shape: LlamaShape,
    on_tokens: OnTokens | None,
) -> Floats:
    """Read a text a pass at a time; see `AttentionBackend.attend`.

    Args:
        read: Runs what `query_body` made for exactly the layers of `heads`.
        ids: (T,).
        rows: R.
        heads: K heads.
        shape: The model's shape.
        on_tokens: Called after each pass with its tokens.

    Returns:
        (K, R, T).
    """
    layers = sorted({layer for layer, _ in heads})
    total = len(ids)
    size = (2 * (layers[-1] + 1), 1, shape.kv_heads, 0, shape.head_dim)
    cache = np.zeros(size, dtype=np.float32)
    asked: list[Array] = []  # (Q, H, up to R, head_dim) of each pass
    for at in range(0, total, PASS_TOKENS):
        more = ids[at : at + PASS_TOKENS]
        places = np.arange(at, at + len(more))
        visible = np.arange(at + len(more)) <= places[:, None]  # (T', P + T')
        queries, new = read(more, places, visible, cache)
        cache = np.concatenate([cache, new], axis=3)
        asked.append(queries[:, :, places >= total - rows])
        if on_tokens:
            on_tokens(len(more))
    return row_logits(np.concatenate(asked, axis=2), cache, heads, shape)


def row_logits(queries: Array, cache: Array, heads: Sequence[Head], shape: LlamaShape) -> Floats:
    """Return the scaled products of queries and keys, -inf ahead of each row.

    Args:
        queries: (Q, H, R, head_dim), of each layer in `heads`, ascending, for the last R tokens.
        cache: (entries, 1, KV, T, head_dim); the keys of layer l at 2 l.
        heads: K heads.
        shape: The model's shape.

    Returns:
        (K, R, T).
    """
    total, rows = cache.shape[3], queries.shape[2]
    logits = products(queries, cache, heads, shape)
    ahead = np.arange(total) > np.arange(total - rows, total)[:, None]  # (R, T)
    logits[:, ahead] = -np.inf
    return logits


def products(queries: Array, cache: Array, heads: Sequence[Head], shape: LlamaShape) -> Floats:
    """Return the scaled products of queries with all keys, (K, R, T); see `row_logits`."""
    place = {layer: at for at, layer in enumerate(sorted({layer for layer, _ in heads}))}
    shared = shape.heads // shape.kv_heads
    logits = np.zeros((len(heads), queries.shape[2], cache.shape[3]))
    for at, (layer, head) in enumerate(heads):
        keys = cache[2 * layer, 0, head // shared]  # (T, head_dim)
        logits[at] = queries[place[layer], head] @ keys.T / np.sqrt(shape.head_dim)
    return logits


def attend_branches_in_passes(
    read: Read,
    ids: Ints,
    branches: Sequence[Ints],
    *,
    heads: Sequence[Head],
    shape: LlamaShape,
    on_tokens: OnTokens | None,
) -> list[Floats]:
    """Read a text, then what may follow it; see `BranchBackend.attend_branches`.

    Args:
        read: Runs what `query_body` made for exactly the layers of `heads`.
        ids: (T,).
        branches: Arrays (R_b,); several share a pass.
        heads: K heads.
        shape: The model's shape.
        on_tokens: Called after each pass with its tokens.

    Returns:
        Arrays (K, R_b, T).
    """
    layers = sorted({layer for layer, _ in heads})
    total = len(ids)
    cache = np.zeros((2 * (layers[-1] + 1), 1, shape.kv_heads, 0, shape.head_dim), np.float32)
    for at in range(0, total, PASS_TOKENS):
        more = ids[at : at + PASS_TOKENS]
        places = np.arange(at, at + len(more))
        _, new = read(more, places, np.arange(at + len(more)) <= places[:, None], cache)
        cache = np.concatenate([cache, new], axis=3)
        if on_tokens:
            on_tokens(len(more))
    logits: list[Floats] = [np.zeros(0)] * len(branches)
    for members in pack([len(branch) for branch in branches], PASS_TOKENS):
        lengths = [len(branches[member]) for member in members]
        both = np.concatenate([branches[member] for member in members]).astype(np.int64)
        visible = np.concatenate(
            [np.ones((len(both), total), dtype=np.bool_), block_mask(lengths)], axis=1
        )
        queries, _ = read(both, total + positions(lengths), visible, cache)
        if on_tokens:
            on_tokens(len(both))
        parts = np.split(queries, np.cumsum(lengths)[:-1], axis=2)
        for member, part in zip(members, parts, strict=True):
            logits[member] = products(part, cache, heads, shape)
    return logits
