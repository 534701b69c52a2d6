"""A token classifier on the CPU, through OpenVINO: how likely is each token of a text kept?"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from tersely.backends.base import Floats, Ints, OnTokens, Tokens
from tersely.backends.bert_body import BertShape
from tersely.backends.bert_graph import BertGraph
from tersely.backends.classifier_folder import ClassifierFolder
from tersely.backends.openvino_encoder import (
    Window,
    check_settings,
    compiled,
    padded_width,
    passes,
)
from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.errors import ModelMismatch

_MOST_SPARE = 1024
"""How many rows a table of words may have beyond the tokenizer's: some models fill them up, and
the published LLMLingua-2 have a hundred for tokens to come."""
_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around what is read.

    Attributes:
        before: Ids before the first text.
        between: Ids between the first text and the second; None where there is only one.
        after: Ids after the last text.
        kind: Which kind of token those of the last text, and what is after it, are.
    """

    before: tuple[int, ...]
    between: tuple[int, ...] | None
    after: tuple[int, ...]
    kind: int

    @property
    def length(self) -> int:
        """How many ids it adds."""
        return len(self.before) + len(self.between or ()) + len(self.after)


class OpenVINOClassifier:
    """A token classifier on the CPU, run by OpenVINO; implements `ClassifierBackend`."""

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
            folder: Holds encoder.xml, tokenizer.json, shape.json and head.npy.
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
        self._alone, self._pair = frames(self._tokenizer)
        head = np.load(folder / "head.npy", allow_pickle=False)  # (D + 1,)
        self._head, self._bias = head[:-1], float(head[-1])
        self._model = compiled(folder, threads, precision)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def window_tokens(self) -> int:
        """The most tokens it reads at once, special tokens included."""
        return self._shape.window_tokens

    def encode(self, text: str) -> Tokens:
        """Cut a text into the model's tokens."""
        return encode(self._tokenizer, text)

    def room(self, question: Ints) -> int:
        """Return how many tokens of a text fit beside a question; see `ClassifierBackend.room`."""
        return self.window_tokens - self._frame(question).length - len(question)

    def classify(
        self,
        windows: Sequence[Ints],
        *,
        question: Ints | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Floats]:
        """Return P(keep) of each token; see `ClassifierBackend.classify`."""
        asked = _NOTHING if question is None else question
        frame = self._frame(asked)
        lead = np.array([*frame.before, *asked.tolist(), *(frame.between or ())], dtype=np.int64)
        kept = [np.zeros(len(ids)) for ids in windows]
        framed = []
        for index, ids in enumerate(windows):
            if len(ids) == 0:
                continue
            whole = np.concatenate([lead, ids, frame.after]).astype(np.int64)
            assert len(whole) <= self.window_tokens, "no window is longer than its room"
            width = padded_width(len(whole), self.window_tokens)
            framed.append(Window(index, whole, width))
        for group in passes(framed):
            for window, rows in zip(group, self._read(group, len(lead), frame.kind), strict=True):
                own = rows[len(lead) : len(window.ids) - len(frame.after)]  # (T_i, D)
                kept[window.text] = self._probabilities(own)
            if on_tokens is not None:
                on_tokens(sum(len(window.ids) for window in group))
        return kept

    def _frame(self, question: Ints) -> Frame:
        if len(question) == 0:
            return self._alone
        if not self._pair.between:
            raise ModelMismatch(
                f"The tokenizer of {self._name!r} does not say what stands between a question and"
                " a text, so it cannot be asked one: its tokenizer.json has no template of pairs."
            )
        return self._pair

    def _read(self, group: Sequence[Window], lead: int, kind: int) -> Sequence[Floats]:
        """Return the last hidden rows of windows of one width, (B, T, D) float32."""
        ids = np.zeros((len(group), group[0].width), dtype=np.int64)  # (B, T)
        mask = np.zeros(ids.shape, dtype=np.float32)
        types = np.zeros(ids.shape, dtype=np.int64)
        types[:, lead:] = min(kind, max(0, self._shape.token_types - 1))
        for row, window in enumerate(group):
            ids[row, : len(window.ids)] = window.ids
            mask[row, : len(window.ids)] = 1
        # A request of its own: two threads may use one backend.
        request = self._model.create_infer_request()
        rows: Sequence[Floats] = request.infer([ids, mask, types], share_inputs=True)[0]
        return rows

    def _probabilities(self, rows: Floats) -> Floats:
        """Return P(keep) of hidden rows (T, D).

        Here and not in the graph: in bfloat16 a logit has 256 values between 2 and 4, and the
        words of a long text would share them.
        """
        odds = (rows.astype(np.float64) * self._head).sum(axis=1) + self._bias
        chances: Floats = np.exp(-np.logaddexp(0.0, -odds))
        return chances


def frames(tokenizer: Tokenizer) -> tuple[Frame, Frame]:
    """Return what a tokenizer puts around one text, and around two.

    Raises:
        ModelMismatch: It puts nothing around a text.
    """
    single, pair = tokenizer.encode("a"), tokenizer.encode("a", "a")
    alone = _frame_of(single.ids, single.sequence_ids, single.type_ids, last=0)
    if not alone.before or not alone.after:
        raise ModelMismatch(
            "The tokenizer puts no tokens around a text, as those of BERT and RoBERTa do. Its"
            " tokenizer.json lacks the post-processor, or is another model's."
        )
    return alone, _frame_of(pair.ids, pair.sequence_ids, pair.type_ids, last=1)


def _frame_of(
    ids: Sequence[int], owners: Sequence[int | None], types: Sequence[int], *, last: int
) -> Frame:
    """Read a frame off an encoding: `owners` says which text each id is of, None neither."""
    first = owners.index(0)
    end = len(owners) - owners[::-1].index(last)
    between = None
    if last == 1:
        first_end = len(owners) - owners[::-1].index(0)
        between = tuple(ids[first_end : owners.index(1)])
    return Frame(tuple(ids[:first]), between, tuple(ids[end:]), int(types[end - 1]))


def convert(checkpoint: ClassifierFolder, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a checkpoint as the folder that `OpenVINOClassifier` loads.

    Args:
        checkpoint: The weights.
        tokenizer: Its tokenizer.
        folder: Where to; it exists and is empty.

    Raises:
        ModelMismatch: Tokenizer and weights do not belong together, or the sizes of the weights
            are not those of the settings.
    """
    frames(tokenizer)
    spare = checkpoint.vocabulary - tokenizer.get_vocab_size()
    if not 0 <= spare <= _MOST_SPARE:
        raise ModelMismatch(
            f"{checkpoint.path}: the tokenizer knows {tokenizer.get_vocab_size()} tokens, and the"
            f" model {checkpoint.vocabulary}. One of the two is another model's."
        )
    try:
        graph = BertGraph(checkpoint).token_model()
    except RuntimeError as error:
        raise ModelMismatch(
            f"{checkpoint.path}: the sizes of the weights are not those of config.json: {error}"
        ) from error
    ov.save_model(graph, folder / "encoder.xml", compress_to_fp16=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "shape.json").write_text(json.dumps(dataclasses.asdict(checkpoint.shape)), "utf-8")
    weight, bias = checkpoint.head()
    np.save(folder / "head.npy", np.append(weight, bias).astype(np.float64))
