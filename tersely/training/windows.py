"""Label rows → windows of tokens, each with a target; and the batches of an epoch.

A row longer than the window is cut into windows that overlap, so that every token is read with
something on both sides of it; it is learnt in one of them only. A row with a question is read as
[CLS] question [SEP] text [SEP].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tersely.backends.base import Ints
from tersely.backends.openvino_classifier import Frame
from tersely.core.units import clean
from tersely.errors import ModelMismatch, SettingError
from tersely.scorers.token_classifier import windows
from tersely.training.label.rows import LabelRow, read_labels

NO_WORD = -1
"""What stands for the word of a token that is not learnt."""

POOL_WINDOWS = 512
"""Windows that are sorted by length together: enough that a batch holds nearly equal ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShape:
    """How a model wants its input.

    Attributes:
        alone: What stands around a text.
        pair: What stands around a question and a text.
        token_types: 2 if the model tells question and text apart, otherwise 1 or 0.
        window_tokens: The longest input, special tokens included.
        overlap_tokens: Tokens that two windows of one text share at least.
    """

    alone: Frame
    pair: Frame
    token_types: int
    window_tokens: int
    overlap_tokens: int

    def lead(self, question: Sequence[int]) -> tuple[list[int], Frame]:
        """Return what stands before the text, and the frame that this is of.

        Raises:
            ModelMismatch: There is a question, and the tokenizer does not say how to join it.
        """
        if not question:
            return list(self.alone.before), self.alone
        if not self.pair.between:
            raise ModelMismatch(
                "The labels have questions, and the tokenizer does not say what stands between a"
                " question and a text: its tokenizer.json has no template of pairs."
            )
        return [*self.pair.before, *question, *self.pair.between], self.pair


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one row as the model reads it; the arrays are (T,), special tokens included.

    Attributes:
        row: Which row it is of.
        ids: Tokens.
        types: 0 for the question, 1 for the text after it; all 0 where there is no question.
        words: Which word of the row each token belongs to; `NO_WORD` for special tokens, the
            question, blanks, and what another window of the row learns.
        targets: What is learnt of that word, in [0, 1]; -1 where there is none.
    """

    row: int
    ids: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    targets: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Label rows and who learns from which.

    Attributes:
        rows: All of them, in the order of the files.
        held_out: For each row whether it is kept aside to choose the best weights by. Rows of one
            group are all on the same side.
    """

    rows: tuple[LabelRow, ...]
    held_out: tuple[bool, ...]

    def numbers(self, *, held_out: bool) -> list[int]:
        """Return the numbers of the rows of one side."""
        return [number for number, side in enumerate(self.held_out) if side == held_out]


def read_corpus(
    files: Sequence[Path], *, held_out: float, seed: int, questions: str = "all"
) -> Corpus:
    """Read label files, and hold out whole groups.

    Args:
        files: Label files.
        questions: Which rows: "none" takes those without a question, "only" those with one.
        held_out: The share of groups; at least one is held out, and one is not.
        seed: Chooses which.

    Raises:
        SettingError: A file is not a label file, or there are fewer than two groups.
    """
    asked = {"none": (False,), "only": (True,)}.get(questions, (False, True))
    rows = tuple(row for file in files for row in read_labels(file) if bool(row.question) in asked)
    named = ", ".join(str(file) for file in files)
    if not rows:
        which = {"none": " without a question", "only": " with a question"}.get(questions, "")
        raise SettingError(
            f"There are no label rows{which} in {named}. Make some: tersely train label."
        )
    aside = choose_groups([row.group for row in rows], held_out, seed)
    if not aside:
        raise SettingError(
            f"All {len(rows)} rows of {named} are of one group, {rows[0].group!r}: no text is left"
            " to choose the best weights by. Label the texts of at least two groups (articles,"
            " papers, conversations)."
        )
    return Corpus(rows, tuple(row.group in aside for row in rows))


def choose_groups(groups: Sequence[str], share: float, seed: int) -> set[str]:
    """Return a share of the groups, by the hash of their names; none if there is only one."""
    names = sorted(set(groups), key=lambda name: _hashed(seed, name))
    count = max(1, round(share * len(names)))
    return set(names[: min(count, len(names) - 1)])


def _hashed(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).digest()


def cut_windows(
    row: LabelRow,
    number: int,
    tokenizer: Tokenizer,
    shape: WindowShape,
    *,
    threshold: float | None = None,
) -> list[Window]:
    """Cut a row into windows; none if its text has no tokens.

    Args:
        row: Its values are the targets.
        number: What the windows say they are of.
        tokenizer: Of the model, as `read_tokenizer` returns it.
        shape: How the model wants its input. Of a question at most half a window is read.
        threshold: A value from here on is a target of 1, a lower one of 0; None leaves them.
    """
    encoding = tokenizer.encode(clean(row.text), add_special_tokens=False)
    ids = np.array(encoding.ids, dtype=np.int64)
    if len(ids) == 0:
        return []
    words = words_of(np.array(encoding.offsets, dtype=np.int64), np.array(row.words))
    question = tokenizer.encode(clean(row.question), add_special_tokens=False).ids
    lead, frame = shape.lead(question[: shape.window_tokens // 2])
    room = shape.window_tokens - len(lead) - len(frame.after)
    values = np.array(row.values, dtype=np.float32)
    if threshold is not None:
        values = (np.array(row.values) >= threshold).astype(np.float32)
    values = np.append(values, np.float32(-1))  # [NO_WORD] is the last
    found = []
    for (start, stop), (own, end) in window_bounds(len(ids), room, shape.overlap_tokens):
        read = np.concatenate([lead, ids[start:stop], frame.after]).astype(np.int64)
        learnt = np.full(len(read), NO_WORD)
        learnt[len(lead) + own - start : len(lead) + end - start] = words[own:end]
        types = np.zeros(len(read), dtype=np.int64)
        types[len(lead) :] = min(frame.kind, max(0, shape.token_types - 1))
        found.append(Window(number, read, types, learnt, values[learnt]))
    return found


def words_of(offsets: Ints, words: Ints) -> Ints:
    """Return which word each token belongs to, (T,): the one its last character is in.

    Args:
        offsets: (T, 2) characters [start, end) of each token.
        words: (W, 2) characters [start, end) of each word, in order.

    Returns:
        Indices of words; `NO_WORD` for a token that ends in none.
    """
    last = offsets[:, 1] - 1
    at = np.searchsorted(words[:, 1], last, side="right")
    near = np.minimum(at, len(words) - 1)
    inside = (words[near, 0] <= last) & (last < words[near, 1]) & (offsets[:, 0] <= last)
    return np.where(inside, near, NO_WORD)


def window_bounds(
    tokens: int, room: int, overlap: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield what each window of a text reads, and which tokens of that it alone learns.

    The windows are those the classifier will read in; what two of them share is learnt up to its
    middle in the first and from there in the second.

    Args:
        tokens: Of the text, at least one.
        room: The most that one window holds.
        overlap: How many two neighbours share at least.
    """
    read = list(windows(tokens, room, overlap))
    middles = [(before[1] + after[0]) // 2 for before, after in pairwise(read)]
    yield from zip(read, pairwise([0, *middles, tokens]), strict=True)


def draw(kinds: Sequence[str], shares: Mapping[str, float], rng: np.random.Generator) -> Ints:
    """Return which of N windows an epoch reads, in order of number.

    Args:
        kinds: The kind of each window.
        shares: How often an epoch reads a window of a kind: 1 once, 2 twice, 0.25 every fourth,
            chosen anew. Once, for a kind that is not named.
        rng: Chooses.
    """
    times = np.array([shares.get(kind, 1.0) for kind in kinds])
    often = np.floor(times) + (rng.random(len(times)) < times % 1)
    return np.repeat(np.arange(len(times)), often.astype(np.int64))


def cut_batches(
    lengths: Ints, order: Ints, *, batch_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    """Return the batches of an epoch, as numbers of windows.

    Windows of nearly equal length go together, so that little is padding; the batches come in
    random order.

    Args:
        lengths: (N,) tokens of each window.
        order: The windows to read, each as often as it stands here.
        batch_tokens: The most of one batch, padding included; a longer window is a batch alone.
        rng: Decides what goes together, and the order.
    """
    mixed = rng.permutation(order)
    batches: list[list[int]] = []
    for at in range(0, len(mixed), POOL_WINDOWS):
        pool = mixed[at : at + POOL_WINDOWS]
        batch: list[int] = []
        for number in pool[np.argsort(lengths[pool], kind="stable")].tolist():
            if batch and (len(batch) + 1) * lengths[number] > batch_tokens:
                batches.append(batch)
                batch = []
            batch.append(number)
        batches.append(batch)
    return [batches[at] for at in rng.permutation(len(batches)).tolist()]
