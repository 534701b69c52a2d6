"""The sentence encoder of the base install: a BERT model on the CPU, through OpenVINO."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino.properties as props
import openvino.properties.hint as hints
from tokenizers import Tokenizer

from tersely.backends.base import Floats, Ints, OnTokens, Tokens
from tersely.backends.bert_body import BertShape
from tersely.backends.bert_graph import BertCheckpoint, BertGraph
from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.errors import BackendError, ModelMismatch, SettingError

PASS_TOKENS = 4096
"""The most tokens of one forward pass, padding included."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one text that is read at once.

    Attributes:
        text: Which text it belongs to.
        ids: (T,), at least one, without special tokens.
        width: What it is padded to, special tokens included. It depends on T alone: then so do
            the numbers that come out, whatever else is in the call.
    """

    text: int
    ids: Ints
    width: int


class OpenVINOEncoder:
    """A BERT sentence encoder on the CPU, run by OpenVINO; implements `EncoderBackend`."""

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
            folder: Holds encoder.xml, tokenizer.json and shape.json.
            name: What the model is called in results.
            threads: Threads to compute with; None leaves it to OpenVINO.
            precision: "f32" or "bf16" for the activations; None takes bf16 where the processor
                has it.

        Raises:
            SettingError: A setting is out of range.
            BackendError: OpenVINO cannot load the folder.
        """
        check_settings(threads, precision)
        self._name = name
        self._shape = BertShape(**json.loads((folder / "shape.json").read_text("utf-8")))
        self._tokenizer: Tokenizer = read_tokenizer(folder / "tokenizer.json")
        self._first, self._last = frame_ids(self._tokenizer)
        self._model = compiled(folder, threads, precision)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def window_tokens(self) -> int:
        """The longest text one vector can stand for, special tokens included."""
        return self._shape.window_tokens

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return encode(self._tokenizer, text)

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector of length 1 per text, (N, D); see `EncoderBackend.embed`."""
        windows = [
            Window(index, ids, padded_width(len(ids) + 2, self.window_tokens))
            for index, text in enumerate(texts)
            for ids in self._windows(self.encode(text).ids)
        ]
        sums = np.zeros((len(texts), self._shape.hidden))
        for group in passes(windows):
            vectors = self._read(group)
            # In the windows' order, so that the sums come out the same in every call.
            for window, vector in zip(group, vectors, strict=True):
                sums[window.text] += len(window.ids) * vector
            if on_tokens is not None:
                on_tokens(sum(len(window.ids) + 2 for window in group))
        return unit_length(sums)

    def _windows(self, ids: Ints) -> list[Ints]:
        """Cut a text's ids into as few windows as cover it, of nearly equal length."""
        if len(ids) == 0:
            return []
        room = self._shape.window_tokens - 2
        return np.array_split(ids, -(-len(ids) // room))

    def _read(self, group: Sequence[Window]) -> Floats:
        """Run the model on windows of one width: (B, D), each of length 1."""
        ids = np.zeros((len(group), group[0].width), dtype=np.int64)  # (B, T)
        mask = np.zeros(ids.shape, dtype=np.float32)
        for row, window in enumerate(group):
            ends = len(window.ids) + 1
            ids[row, : ends + 1] = (self._first, *window.ids, self._last)
            mask[row, : ends + 1] = 1
        # A request of its own: two threads may use one backend.
        pooled = self._model.create_infer_request().infer([ids, mask], share_inputs=True)[0]
        return unit_length(pooled.astype(np.float64))


def check_settings(threads: int | None, precision: str | None) -> None:
    """Refuse what no model here runs with.

    Raises:
        SettingError: A setting is out of range.
    """
    if threads is not None and threads < 1:
        raise SettingError(f"threads is at least 1; got {threads}.")
    if precision not in (None, "f32", "bf16"):
        raise SettingError(f"precision is 'f32' or 'bf16', not {precision!r}.")


def compiled(folder: Path, threads: int | None, precision: str | None) -> Any:
    """Load the graph of a folder, encoder.xml, ready to run on the CPU.

    Raises:
        BackendError: OpenVINO cannot load the folder.
    """
    settings: dict[Any, Any] = {hints.performance_mode: hints.PerformanceMode.LATENCY}
    if threads is not None:
        settings[props.inference_num_threads] = threads
    if precision is not None:
        settings[hints.inference_precision] = ov.Type.f32 if precision == "f32" else ov.Type.bf16
    try:
        return ov.Core().compile_model(folder / "encoder.xml", "CPU", settings)
    except RuntimeError as error:
        raise BackendError(f"OpenVINO cannot load {folder}: {error}") from error


def padded_width(length: int, most: int) -> int:
    """Return what a window is padded to: one of a few widths, so that many share a pass.

    Args:
        length: Its tokens, special tokens included; at most `most`.
        most: The longest window.
    """
    step = 8 if length <= 64 else 16
    return min(most, -(-length // step) * step)


def passes(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Group windows of one width, at most `PASS_TOKENS` tokens at a time."""
    by_width: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        by_width[window.width].append(window)
    for width, group in sorted(by_width.items()):
        rows = max(1, PASS_TOKENS // width)
        for at in range(0, len(group), rows):
            yield group[at : at + rows]


def unit_length(vectors: Floats) -> Floats:
    """Bring each vector (N, D) to length 1; 0 stays 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.where(lengths == 0, 1, lengths)
    return scaled


def frame_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """Return the tokens that stand before and after a text.

    Raises:
        ModelMismatch: The tokenizer does not put one on each side.
    """
    ids = tokenizer.encode("").ids
    if len(ids) != 2:
        raise ModelMismatch(
            f"The tokenizer puts {len(ids)} tokens around a text, not one on each side as BERT's"
            " does. Its tokenizer.json lacks the post-processor, or is another model's."
        )
    return int(ids[0]), int(ids[1])


def convert(checkpoint: BertCheckpoint, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a checkpoint as the folder that `OpenVINOEncoder` loads.

    Args:
        checkpoint: The weights.
        tokenizer: Its tokenizer.
        folder: Where to; it exists and is empty.
    """
    frame_ids(tokenizer)
    graph = BertGraph(checkpoint).model()
    ov.save_model(graph, folder / "encoder.xml", compress_to_fp16=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = dataclasses.asdict(checkpoint.shape)
    (folder / "shape.json").write_text(json.dumps(shape), "utf-8")
