"""What a pass computes: memories of texts, and how well the frozen model reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.trained import Network, Slots, joined
from tersely.training.soft.losses import Nats, scored
from tersely.training.soft.samples import Ints, Sample, segments_of

if TYPE_CHECKING:
    from tersely.soft.host import Host

torch: Any = need("torch", extra="train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What the parts of the loss count; each is a mean over its scored tokens.

    Attributes:
        regeneration: Cross-entropy of the text itself, written again.
        following: Cross-entropy of what follows: a continuation, or an answer.
        divergence: KL(full context || memory) where that is scored.
    """

    regeneration: float = 0.3
    following: float = 0.7
    divergence: float = 1.0

    def __post_init__(self) -> None:
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in given.items():
            if not 0 <= value < math.inf:
                raise SettingError(f"The weight of {name} is a number, at least 0; got {value}.")
        if not any(given.values()):
            raise SettingError(f"All of {', '.join(given)} have the weight 0: nothing is learnt.")


@dataclass(frozen=True, slots=True)
class Marks:
    """Tokens with a meaning of their own.

    Attributes:
        trigger: After it the text is written again.
        end: Ends what is written.
    """

    trigger: int
    end: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What B readers read and should say: tensors (B, T).

    Attributes:
        ids: Tokens they read.
        targets: The token that follows each.
        chosen: bool: where that is scored.
        positions: Counted from the first token of the text.
    """

    ids: Any
    targets: Any
    chosen: Any
    positions: Any


def remember(
    host: Host,
    network: Network,
    samples: Sequence[Sample],
    slots: int,
    segment_tokens: int,
    turn: int = 0,
) -> Slots:
    """Compress the texts of B samples.

    Args:
        host: The model.
        network: What is trained.
        samples: Texts of any length.
        slots: K of each segment; a shorter segment has as many as tokens.
        segment_tokens: The longest segment.
        turn: Of several segments, gradients go through one: through number `turn` modulo how many
            there are.
    """
    cut = [segments_of(sample.text, segment_tokens) for sample in samples]
    most = max(map(len, cut))
    parts = []
    for number in range(most):
        texts = [list(one[number]) if number < len(one) else [] for one in cut]
        counts = [min(slots, len(text)) for text in texts]
        with torch.set_grad_enabled(torch.is_grad_enabled() and number == turn % most):
            parts.append(network.encode(host, texts, counts))
    return joined(parts) if most > 1 else parts[0]


def regeneration_rows(samples: Sequence[Sample], slots: Slots, marks: Marks, shape: str) -> Rows:
    """Return what is read and said to write texts again: a trigger, the text, and its end.

    Args:
        samples: B samples.
        slots: Their memories.
        marks: The trigger and the end.
        shape: "aligned": every token has its own position, the trigger the one before. "paper":
            they go on behind the memory.
    """
    texts = [np.concatenate([[marks.trigger], sample.text]) for sample in samples]
    targets = [np.concatenate([sample.text, [marks.end]]) for sample in samples]
    flags = [np.ones(len(text), bool) for text in texts]
    starts = slots.after if shape == "paper" else torch.full_like(slots.after, -1)
    return padded(texts, targets, flags, starts)


def following_rows(samples: Sequence[Sample], slots: Slots) -> Rows:
    """Return what is read and said behind the texts of B samples."""
    ids = [sample.following[:-1] for sample in samples]
    targets = [sample.following[1:] for sample in samples]
    flags = [sample.scored[1:] for sample in samples]
    return padded(ids, targets, flags, slots.after)


def padded(ids: Sequence[Ints], targets: Sequence[Ints], flags: Sequence[Any], starts: Any) -> Rows:
    """Put rows side by side, each from a position of its own, (B,)."""
    size = (len(ids), max(1, *map(len, ids)))
    read, wanted = (np.zeros(size, np.int64) for _ in range(2))
    chosen = np.zeros(size, bool)
    for row, (one, target, flag) in enumerate(zip(ids, targets, flags, strict=True)):
        read[row, : len(one)], wanted[row, : len(one)], chosen[row, : len(one)] = one, target, flag
    ids_, targets_, chosen_ = (
        torch.from_numpy(one).to(starts.device) for one in (read, wanted, chosen)
    )
    positions = starts[:, None] + torch.arange(size[1], device=starts.device)
    return Rows(ids_, targets_, chosen_, positions)


def hidden_rows(host: Host, rows: Rows, slots: Slots | None) -> Any:
    """Return what the frozen model's last layer gives where it is scored, (N, W)."""
    past = slots.past(host) if slots else host.prefix_past.repeat(len(rows.ids))
    read = host.forward(rows.ids, positions=rows.positions + len(host.prefix), past=past)
    return read.hidden[rows.chosen]


def head_of(host: Host) -> Any:
    """Return the weights that turn a hidden row into logits, (V, W)."""
    return host.model.get_output_embeddings().weight


def teacher_rows(host: Host, samples: Sequence[Sample], rows: Rows) -> Any:
    """Return what the frozen model gives there with the whole text in front, (N, D)."""
    ids = [np.concatenate([sample.text, sample.following[:-1]]) for sample in samples]
    flags = [np.concatenate([np.zeros(len(s.text), bool), s.scored[1:]]) for s in samples]
    starts = torch.zeros(len(samples), dtype=torch.int64, device=rows.ids.device)
    with torch.no_grad():
        return hidden_rows(host, padded(ids, ids, flags, starts), None)


@dataclass(frozen=True, slots=True)
class PassNats:
    """What one pass came to; None where a part has no weight or nothing to score."""

    regeneration: Nats | None
    following: Nats | None


def read_pass(
    host: Host,
    network: Network,
    samples: Sequence[Sample],
    slots: Slots,
    marks: Marks,
    weights: Weights,
) -> PassNats:
    """Let the frozen model read memories, and score what it makes of them.

    Args:
        host: The model.
        network: What made the memories.
        samples: Their texts.
        slots: The memories.
        marks: The trigger and the end.
        weights: What is scored at all; the losses of the parts are sums, weighted within a part.
    """
    again = after = None
    if weights.regeneration:
        rows = regeneration_rows(samples, slots, marks, network.shape.positions)
        hidden = hidden_rows(host, rows, slots)
        again = scored(hidden, rows.targets[rows.chosen], head_of(host))
    rows = following_rows(samples, slots)
    if (weights.following or weights.divergence) and bool(rows.chosen.any()):
        teacher = teacher_rows(host, samples, rows) if weights.divergence else None
        after = scored(
            hidden_rows(host, rows, slots),
            rows.targets[rows.chosen],
            head_of(host),
            teacher=teacher,
            entropy_weight=weights.following,
            divergence_weight=weights.divergence,
        )
    return PassNats(again, after)
