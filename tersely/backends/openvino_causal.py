"""The CPU backend of the base install: a Llama-like model through OpenVINO."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino.properties as props
import openvino.properties.hint as hints
from tokenizers import Tokenizer

from tersely.backends import generation, packing
from tersely.backends.attention import Head
from tersely.backends.base import Floats, Ints, OnTokens, State, Tokens
from tersely.backends.openvino_attention import (
    attend_branches_in_passes,
    attend_in_passes,
    query_body,
)
from tersely.backends.openvino_generation import (
    BATCH_TOKENS,
    Decoder,
    decoding_graph,
    decoding_settings,
)
from tersely.backends.openvino_graph import GraphBuilder
from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.backends.weights import Checkpoint, LlamaShape
from tersely.errors import BackendError, SettingError

HEAD_ROWS = 64
"""Rows of logits alive at a time: 64 x 49,152 of them are 12 MB."""

Cache = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OpenVINOState:
    """Keys and values of P tokens.

    Attributes:
        cache: (2 L, 1, KV, P, head_dim); keys, already rotated, at even rows, values at odd ones.
        shape: The model's shape, for turning keys.
    """

    cache: Cache
    shape: LlamaShape

    @property
    def length(self) -> int:
        """P."""
        return int(self.cache.shape[3])

    def select(self, kept: Ints) -> OpenVINOState:
        """Return the cache of some tokens, their positions closed up."""
        if len(kept) == 0 or kept[-1] == len(kept) - 1:  # the first ones: nothing moves
            return OpenVINOState(self.cache[:, :, :, : len(kept)], self.shape)
        cache = self.cache[:, :, :, kept]  # (2 L, 1, KV, K, head_dim), a copy
        shift = np.arange(len(kept)) - kept  # (K,), <= 0
        moved = np.flatnonzero(shift)
        if len(moved):
            cos, sin = angles(shift[moved], self.shape)  # (M, head_dim)
            keys = cache[0::2, :, :, moved]
            cache[0::2, :, :, moved] = keys * cos + _half_turned(keys) * sin
        return OpenVINOState(cache, self.shape)


class OpenVINOCausal:
    """A causal model on the CPU, run by OpenVINO; implements `CausalBackend`."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        """Load a folder that `convert` wrote.

        Args:
            folder: Holds body.xml, head.xml, tokenizer.json and shape.json.
            name: What the model is called in results.
            threads: Threads to compute with; None leaves it to OpenVINO. The numbers do not
                depend on it.
            precision: "f32" or "bf16" for the activations; None takes bf16 where the processor
                has it.

        Raises:
            SettingError: A setting is out of range.
            BackendError: OpenVINO cannot load the folder.
        """
        if threads is not None and threads < 1:
            raise SettingError(f"threads is at least 1; got {threads}.")
        if precision not in (None, "f32", "bf16"):
            raise SettingError(f"precision is 'f32' or 'bf16', not {precision!r}.")
        self._name = name
        self._shape = LlamaShape(**json.loads((folder / "shape.json").read_text("utf-8")))
        self._tokenizer: Tokenizer = read_tokenizer(folder / "tokenizer.json")
        settings: dict[Any, Any] = {hints.performance_mode: hints.PerformanceMode.LATENCY}
        if threads is not None:
            settings[props.inference_num_threads] = threads
        if precision is not None:
            settings[hints.inference_precision] = (
                ov.Type.f32 if precision == "f32" else ov.Type.bf16
            )
        core = ov.Core()
        self._folder, self._settings = folder, settings
        self._query_bodies: dict[tuple[int, ...], ov.CompiledModel] = {}  # by their layers
        try:
            self._body = core.compile_model(folder / "body.xml", "CPU", settings)
            self._head = core.compile_model(folder / "head.xml", "CPU", settings)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO cannot load {folder}: {error}") from error

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def window_tokens(self) -> int:
        """The longest text the model was trained on."""
        return self._shape.window_tokens

    @property
    def start_id(self) -> int:
        """The token before the first."""
        return self._shape.start_id

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return encode(self._tokenizer, text)

    def empty(self) -> OpenVINOState:
        """Return the cache of no tokens."""
        s = self._shape
        return OpenVINOState(
            np.zeros((2 * s.layers, 1, s.kv_heads, 0, s.head_dim), dtype=np.float32), s
        )

    def extend(self, state: State, ids: Ints, *, scored_from: int) -> tuple[Floats, OpenVINOState]:
        """Read more tokens; see `CausalBackend.extend`."""
        assert isinstance(state, OpenVINOState), "a state is read by the backend that made it"
        past, more = state.length, len(ids)
        rows, columns = np.arange(more)[:, None], np.arange(past + more)
        visible = columns <= past + rows  # (T, P + T)
        hidden, new = self._read(ids, np.arange(past, past + more), visible, state.cache)
        nats = self._nats(hidden[scored_from - 1 : more - 1], ids[scored_from:])
        return nats, OpenVINOState(np.concatenate([state.cache, new], axis=3), self._shape)

    def score(
        self,
        sequences: Sequence[Ints],
        *,
        scored_from: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Score sequences that do not see each other; see `CausalBackend.score`."""
        read = partial(self._score_pass, past=self.empty().cache)
        return packing.score_packed(self, sequences, read, on_tokens, scored_from)

    def _score_pass(self, packed: packing.Packed, *, past: Cache) -> Floats:
        hidden, _ = self._read(packed.ids, packed.positions, packed.mask, past)
        return self._nats(hidden[packed.scored], packed.targets)

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
        assert isinstance(state, OpenVINOState), "a state is read by the backend that made it"
        past, cache = state.length, state.cache

        def read(branches: generation.Branches) -> Floats:
            visible = branches.visible(past)
            hidden, _ = self._read(branches.ids, past + branches.positions, visible, cache)
            return self._nats(hidden[branches.rows], branches.targets)

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
            caches = [state.cache for state in members if isinstance(state, OpenVINOState)]
            assert len(caches) == len(members), "a state is read by the backend that made it"
            return Decoder(self._decoding, caches, self._shape, angles).step

        return generation.continue_in_batches(
            begin,
            states,
            last_ids,
            most_tokens,
            limits=generation.Limits(
                self.window_tokens, BATCH_TOKENS, frozenset(self.special_ids.values())
            ),
            stop=stop,
            on_tokens=on_tokens,
        )

    @cached_property
    def _decoding(self) -> ov.CompiledModel:
        core = ov.Core()
        body, head = (core.read_model(self._folder / f"{part}.xml") for part in ("body", "head"))
        settings = decoding_settings(self._settings, self._body)
        return core.compile_model(decoding_graph(body, head, self._shape), "CPU", settings)

    @property
    def attention_shape(self) -> tuple[int, int]:
        """Layers, and query heads in each."""
        return self._shape.layers, self._shape.heads

    def attend(
        self, ids: Ints, *, rows: int, heads: Sequence[Head], on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return attention logits of the last rows; see `AttentionBackend.attend`."""
        read = partial(self._read, body=self._query_body(heads))
        return attend_in_passes(
            read, ids, rows=rows, heads=heads, shape=self._shape, on_tokens=on_tokens
        )

    def attend_branches(
        self,
        ids: Ints,
        branches: Sequence[Ints],
        *,
        heads: Sequence[Head],
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Return attention logits of what may follow; see `BranchBackend.attend_branches`."""
        read = partial(self._read, body=self._query_body(heads))
        return attend_branches_in_passes(
            read, ids, branches, heads=heads, shape=self._shape, on_tokens=on_tokens
        )

    def _query_body(self, heads: Sequence[Head]) -> ov.CompiledModel:
        layers = tuple(sorted({layer for layer, _ in heads}))
        if layers not in self._query_bodies:
            core = ov.Core()
            graph = query_body(core.read_model(self._folder / "body.xml"), layers)
            self._query_bodies[layers] = core.compile_model(graph, "CPU", self._settings)
        return self._query_bodies[layers]

    def _read(
        self,
        ids: Ints,
        positions: Ints,
        visible: npt.NDArray[np.bool_],
        past: Cache,
        *,
        body: ov.CompiledModel | None = None,
    ) -> tuple[npt.NDArray[np.float32], Cache]:
        """Run a body, the whole one or one that is cut: its first output and T cache entries.

        Of the whole body the first output is the (T, D) hidden rows.
        """
        cos, sin = angles(positions, self._shape)  # (T, head_dim)
        mask = np.where(visible, np.float32(0), np.float32(-np.inf))
        # A request of its own: two threads may use one backend.
        request = (self._body if body is None else body).create_infer_request()
        outputs = request.infer(
            [ids[None], cos[None, None], sin[None, None], mask[None, None], past],
            share_inputs=True,
        )
        return outputs[0][0], outputs[1]

    def _nats(self, rows: npt.NDArray[np.float32], targets: Ints) -> Floats:
        """Run the head over (R, D) rows, a block at a time: (R,) nats."""
        request = self._head.create_infer_request()
        nats = np.zeros(len(rows))
        for at in range(0, len(rows), HEAD_ROWS):
            block = slice(at, at + HEAD_ROWS)
            ids = targets[block, None].astype(np.int32)
            nats[block] = request.infer([np.ascontiguousarray(rows[block]), ids])[0][:, 0]
        return nats


def convert(checkpoint: Checkpoint, tokenizer: Tokenizer, folder: Path, *, start_id: int) -> None:
    """Write a checkpoint as the folder that `OpenVINOCausal` loads.

    Args:
        checkpoint: The weights.
        tokenizer: Its tokenizer.
        folder: Where to; it exists and is empty.
        start_id: The token that stands before a text.
    """
    builder = GraphBuilder(checkpoint)
    ov.save_model(builder.body(), folder / "body.xml", compress_to_fp16=False)
    ov.save_model(builder.head(), folder / "head.xml", compress_to_fp16=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = dataclasses.replace(checkpoint.shape, start_id=start_id)
    (folder / "shape.json").write_text(json.dumps(dataclasses.asdict(shape)), "utf-8")


def angles(positions: Ints, shape: LlamaShape) -> tuple[Cache, Cache]:
    """Return cosine and sine of each position's rotary angles, both (T, head_dim)."""
    steps = np.arange(0, shape.head_dim, 2) / shape.head_dim
    turns = np.outer(positions, shape.rope_theta**-steps)  # (T, head_dim / 2), float64
    both = np.concatenate([turns, turns], axis=1)
    return np.cos(both).astype(np.float32), np.sin(both).astype(np.float32)


def _half_turned(keys: Cache) -> Cache:
    """Swap the halves of the last axis, the first one negated."""
    half = keys.shape[-1] // 2
    return np.concatenate([-keys[..., half:], keys[..., :half]], axis=-1)
