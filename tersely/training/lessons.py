"""What a token classifier learns from its label files, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tersely.errors import SettingError, UnknownName
from tersely.training.label.rows import LabelRow
from tersely.training.windows import (
    Window,
    WindowShape,
    cut_batches,
    cut_windows,
    draw,
    read_corpus,
)

_SAME = 1e-6  # values nearer than this are one value


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a corpus is divided and read; see the settings of these names of a training."""

    held_out: float
    questions: str
    threshold: float | None
    shares: Mapping[str, float]
    weights: Mapping[str, float]
    batch_tokens: int
    epochs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """Windows to learn, windows to be judged on, and the batches of every epoch.

    Attributes:
        rows: All label rows, in the order of the files.
        learnt: The windows to learn.
        aside: The windows held out.
        counts: What each token counts in the loss, by window of `learnt`.
        plan: For each epoch its batches, as numbers of windows of `learnt`.
    """

    rows: tuple[LabelRow, ...]
    learnt: list[Window]
    aside: list[Window]
    counts: list[float]
    plan: list[list[list[int]]]

    @property
    def steps(self) -> int:
        """Batches of all epochs."""
        return sum(map(len, self.plan))

    def held_out_texts(self, most: int) -> list[str]:
        """Return the texts of the first held-out rows, each once."""
        numbers = dict.fromkeys(window.row for window in self.aside)
        return list(dict.fromkeys(self.rows[number].text for number in numbers))[:most]

    def told(self) -> dict[str, Any]:
        """Return how much there is of what, for a card."""
        aside = {window.row for window in self.aside}
        groups = {row.group for row in self.rows}
        return {
            "rows": len(self.rows),
            "groups": len(groups),
            "words": sum(len(row.words) for row in self.rows),
            "kinds": dict(sorted(Counter(row.kind for row in self.rows).items())),
            "languages": sorted({row.lang for row in self.rows}),
            "with_question": sum(bool(row.question) for row in self.rows),
            "learnt_tokens": sum(map(len, self.learnt)),
            "held_out_rows": len(aside),
            "held_out_groups": len({self.rows[number].group for number in aside}),
        }


def make_lessons(
    files: Sequence[Path], tokenizer: Tokenizer, shape: WindowShape, order: Order
) -> Lessons:
    """Read label files, hold out whole groups, cut windows, and fix the order of every epoch.

    Raises:
        SettingError: A file is not a label file; there is one group only; the values that are
            learnt from are all the same; or the shares leave nothing to read.
        UnknownName: The shares or weights name a kind that no row is of.
    """
    corpus = read_corpus(files, held_out=order.held_out, seed=order.seed, questions=order.questions)
    rows = corpus.rows
    kinds = {row.kind for row in rows}
    for kind in {**order.shares, **order.weights}:
        if kind not in kinds:
            raise UnknownName("kind of label", kind, kinds)
    learnt, aside = (
        [
            window
            for number in corpus.numbers(held_out=side)
            for window in cut_windows(
                rows[number], number, tokenizer, shape, threshold=order.threshold
            )
            if (window.targets >= 0).any()
        ]
        for side in (False, True)
    )
    _check_targets(learnt, aside)
    named = [rows[window.row].kind for window in learnt]
    counts = [order.weights.get(kind, 1.0) for kind in named]
    return Lessons(rows, learnt, aside, counts, _plan(learnt, named, order))


def _plan(learnt: Sequence[Window], kinds: Sequence[str], order: Order) -> list[list[list[int]]]:
    """Return the batches of every epoch: they depend on the seed and the epoch's number alone."""
    lengths = np.array([len(window) for window in learnt])
    plan = []
    for epoch in range(order.epochs):
        rng = np.random.default_rng((order.seed, epoch))
        drawn = draw(kinds, order.shares, rng)
        plan.append(cut_batches(lengths, drawn, batch_tokens=order.batch_tokens, rng=rng))
    if not all(plan) or not any(order.weights.get(kind, 1.0) for kind in kinds):
        raise SettingError("Shares and weights leave nothing to learn: raise one of them.")
    return plan


def _check_targets(learnt: Sequence[Window], aside: Sequence[Window]) -> None:
    for windows, what in ((learnt, "to learn"), (aside, "held out")):
        if not windows:
            raise SettingError(
                f"No row {what} has a word that the base model's tokenizer makes a token of:"
                " the base does not know the texts' script."
            )
    targets = np.concatenate([window.targets[window.targets >= 0] for window in learnt])
    if np.ptp(targets) < _SAME:
        raise SettingError(
            f"All {len(targets)} tokens to learn have the target {targets[0]:.4g}: there is nothing"
            " to tell apart. Labels need words that are kept and words that are dropped."
        )
