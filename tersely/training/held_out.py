"""How well a token classifier does on texts it has not learnt from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tersely._optional import need
from tersely.backends.base import Floats
from tersely.training.label.rows import LabelRow
from tersely.training.steps import keep_logits, to_batch, token_nats
from tersely.training.windows import Window

torch: Any = need("torch", extra="train")
stats: Any = need("scipy.stats", extra="train")


MEASURES = ("nats", "rank", "kept")
"""What weights may be chosen by."""

KEPT_SHARE = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Means over held-out texts.

    Attributes:
        nats: Cross-entropy of value and P(keep), per token.
        floor_nats: What it would be if P(keep) were the value itself.
        rank: Spearman's correlation of value and P(keep) over the words of a row, mean of the rows;
            NaN if no row has two words and two values.
        ranks: The same of the rows of each kind.
        kept: Share of the words of a row's greatest value that are among the third of its words
            most likely kept, mean of the rows; NaN as for `rank`.
        rows: How many rows have a correlation.
    """

    nats: float
    floor_nats: float
    rank: float
    ranks: dict[str, float]
    kept: float
    rows: int

    def better(self, other: HeldOut, by: str) -> bool:
        """Return whether this is better than another by one of `MEASURES`; a NaN never is."""
        mine, theirs = getattr(self, by), getattr(other, by)
        return bool(mine < theirs if by == "nats" else mine > theirs or np.isnan(theirs))

    def to_json(self) -> dict[str, Any]:
        """Return it with no more digits than say something."""
        short = {name: _short(value) for name, value in asdict(self).items()}
        return short | {"ranks": {kind: _short(value) for kind, value in self.ranks.items()}}


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else round(value, 5)


def judge(
    model: Any,
    windows: Sequence[Window],
    rows: Sequence[LabelRow],
    *,
    batch_tokens: int,
    device: str,
    typed: bool,
) -> HeldOut:
    """Read held-out windows, and compare P(keep) with their values.

    Args:
        model: Is put into evaluation mode, and left in it.
        windows: At least one.
        rows: What the windows' row numbers are of.
        batch_tokens: The most tokens of one pass, padding included.
        device: Where the model is.
        typed: Whether it tells two texts apart.
    """
    model.eval()
    nats, floor, tokens = 0.0, 0.0, 0
    sums: dict[int, Floats] = {}  # row → (2, W): sum of P(keep), number of tokens
    for group in in_passes(windows, batch_tokens):
        batch = to_batch(group, [1.0] * len(group), device=device, typed=typed)
        with torch.inference_mode():
            logits = keep_logits(model, batch)
            nats += float((token_nats(logits, batch) * batch.weights).sum())
            chances = torch.sigmoid(logits).double().cpu().numpy()
        for window, row in zip(group, chances, strict=True):
            own = window.words >= 0
            floor += entropy(window.targets[own].astype(np.float64))
            tokens += int(own.sum())
            words = window.words[own]
            size = len(rows[window.row].words)
            both = sums.setdefault(window.row, np.zeros((2, size)))
            both[0] += np.bincount(words, row[: len(window)][own], size)
            both[1] += np.bincount(words, minlength=size)
    ranks, kept = _agreement(sums, rows)
    every = [rank for of_kind in ranks.values() for rank in of_kind]
    return HeldOut(
        nats=nats / tokens,
        floor_nats=floor / tokens,
        rank=float(np.mean(every)) if every else float("nan"),
        ranks={kind: float(np.mean(of_kind)) for kind, of_kind in sorted(ranks.items())},
        kept=float(np.mean(kept)) if kept else float("nan"),
        rows=len(every),
    )


def in_passes(windows: Sequence[Window], batch_tokens: int) -> Iterator[list[Window]]:
    """Group windows by length, the longest first; none is left out."""
    ordered = sorted(windows, key=len, reverse=True)
    while ordered:
        count = max(1, batch_tokens // len(ordered[0]))
        yield ordered[:count]
        ordered = ordered[count:]


def entropy(values: Floats) -> float:
    """Return the sum of the entropies of coins that show "keep" with these chances, in nats."""
    both = np.concatenate([values, 1 - values])
    both = both[both > 0]
    return float(-(both * np.log(both)).sum())


def _agreement(
    sums: dict[int, Floats], rows: Sequence[LabelRow]
) -> tuple[dict[str, list[float]], list[float]]:
    """Return the rank correlation of each row that has one, by kind, and what each would keep."""
    ranks: dict[str, list[float]] = defaultdict(list)
    kept = []
    for number, (chances, counts) in sums.items():
        seen = counts > 0
        values = np.array(rows[number].values)[seen]
        means = chances[seen] / counts[seen]
        if np.ptp(values) > 0 and np.ptp(means) > 0:  # else they are not defined
            ranks[rows[number].kind].append(float(stats.spearmanr(values, means).statistic))
            first = np.argsort(-means, kind="stable")[: round(KEPT_SHARE * len(means))]
            best = values == values.max()
            kept.append(float(best[first].sum() / best.sum()))
    return ranks, kept
