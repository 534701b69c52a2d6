"""Where a training of a token classifier is, and how its epochs went."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tersely.training.held_out import HeldOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """How one epoch went.

    Attributes:
        number: 1 is the first.
        step: Steps done at its end, of all epochs.
        learnt_nats: Mean loss of its steps, dropout included.
        held_out: What its weights are worth.
        best: Whether they are better than those of every epoch before.
    """

    number: int
    step: int
    learnt_nats: float
    held_out: HeldOut
    best: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in tersely.json."""
        own = {"number": self.number, "step": self.step, "best": self.best}
        return own | {"learnt_nats": round(self.learnt_nats, 5)} | self.held_out.to_json()


@dataclass(slots=True, kw_only=True)
class State:
    """Where a training is; kept with its weights.

    Attributes:
        epoch: Epochs done.
        batch: Batches done of the epoch it is in.
        step: Steps done.
        tokens: Tokens read in these steps, padding not included.
        seconds: Spent on them and on judging, before and after each stop.
        sum_nats: Sum of the losses of this epoch's steps.
        waited: Epochs since the best one.
        best: What its weights are worth, as the fields of `HeldOut`.
        weights_sha256: Hash of the file of its weights.
        epochs: Those done.
        finished: Whether nothing is left to do.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    sum_nats: float = 0.0
    waited: int = 0
    best: dict[str, Any] | None = None
    weights_sha256: str = ""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Attributes:
        out: Its folder; with the best weights, if an epoch was finished.
        steps: Steps done.
        of_steps: Steps of all epochs.
        finished: Whether it came to its end; if not, the same call goes on.
        card: What tersely.json says; empty before the first epoch's end.
    """

    out: Path
    steps: int
    of_steps: int
    finished: bool
    card: dict[str, Any]
