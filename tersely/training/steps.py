"""What a step of a training is made of: a batch of tensors, its loss, and the state after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tersely._optional import need
from tersely.errors import SettingError
from tersely.training.checkpoint import Tensors
from tersely.training.windows import Window

torch: Any = need("torch", extra="train")

MOST_GRADIENT = 1.0
"""A longer gradient is shortened to this length."""

PRECISIONS = ("float32", "bfloat16")

_DEVICES = ("auto", "cpu", "cuda", "mps")
_UNDECAYED_DIMENSIONS = 1  # biases and norms


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows padded to the longest: tensors (B, T).

    Attributes:
        ids: Tokens.
        mask: 1 for a token, 0 for padding.
        types: Which of two texts a token is of; None where the model does not tell them apart.
        targets: In [0, 1]; anything where `weights` is 0.
        weights: What each token counts; 0 where there is nothing to learn.
    """

    ids: Any
    mask: Any
    types: Any | None
    targets: Any
    weights: Any


def to_batch(
    windows: Sequence[Window], weights: Sequence[float], *, device: str, typed: bool
) -> Batch:
    """Pad windows to one length.

    Args:
        windows: B windows.
        weights: What each token of each counts, (B,).
        device: Where the tensors go.
        typed: Whether the model tells two texts apart.
    """
    size = (len(windows), max(map(len, windows)))
    ids, mask, types = (np.zeros(size, dtype=np.int64) for _ in range(3))
    targets = np.full(size, -1.0, dtype=np.float32)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window.ids
        mask[row, : len(window)] = 1
        types[row, : len(window)] = window.types
        targets[row, : len(window)] = window.targets
    counted = (targets >= 0) * np.array(weights, dtype=np.float32)[:, None]
    arrays = (ids, mask, types, targets.clip(min=0), counted)
    ids_, mask_, types_, targets_, counted_ = (torch.from_numpy(a).to(device) for a in arrays)
    return Batch(ids_, mask_, types_ if typed else None, targets_, counted_)


def keep_logits(model: Any, batch: Batch) -> Any:
    """Return log P(keep) / P(drop) of each token, (B, T)."""
    given = {} if batch.types is None else {"token_type_ids": batch.types}
    logits = model(input_ids=batch.ids, attention_mask=batch.mask, **given).logits  # (B, T, 2)
    return (logits[..., 1] - logits[..., 0]).float()


def token_nats(logits: Any, batch: Batch) -> Any:
    """Return the cross-entropy of each token's value and P(keep), (B, T), in nats."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    return loss(logits, batch.targets, reduction="none")


def learn(model: Any, optimizer: Any, batch: Batch, rate: float, precision: str) -> float:
    """Do one step, and return the mean loss of the batch's tokens in nats.

    Args:
        model: Its weights stay in float32 in either precision.
        optimizer: Of its weights.
        batch: What is learnt.
        rate: The learning rate of the step.
        precision: What products are computed in, one of `PRECISIONS`.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    half = precision == "bfloat16"
    with torch.autocast(batch.ids.device.type, dtype=torch.bfloat16, enabled=half):
        logits = keep_logits(model, batch)
    nats = token_nats(logits, batch)
    loss = (nats * batch.weights).sum() / batch.weights.sum().clamp(min=1e-9)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), MOST_GRADIENT)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def learning_rate(step: int, steps: int, *, most: float, warmup: float) -> float:
    """Return the rate of a step (0 is the first): up to `most` and down to 0, both linearly."""
    rising = round(warmup * steps)
    if step < rising:
        return most * (step + 1) / (rising + 1)
    return most * (steps - step) / max(1, steps - rising)


def make_optimizer(model: Any, weight_decay: float, device: str) -> Any:
    """Return AdamW; only what has more than one dimension decays."""
    trained = [one for one in model.parameters() if one.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > _UNDECAYED_DIMENSIONS]},
        {"params": [p for p in trained if p.ndim <= _UNDECAYED_DIMENSIONS], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, weight_decay=weight_decay, fused=device != "mps")


def state_tensors(model: Any, optimizer: Any, device: str) -> Tensors:
    """Return everything a training goes on from, by name."""
    tensors = {f"model.{name}": one for name, one in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": one for name, one in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if device == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def restore(model: Any, optimizer: Any, tensors: Tensors) -> None:
    """Put what `state_tensors` returned back in its place."""
    weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    model.load_state_dict(weights)
    moments: dict[int, Tensors] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            moments.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])


def choose_device(name: str) -> str:
    """Return "cpu", "cuda" or "mps": what was asked for, or the best there is for "auto".

    Raises:
        SettingError: There is no such device.
    """
    if name not in _DEVICES:
        raise SettingError(f"device is one of {', '.join(_DEVICES)}; got {name!r}.")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((device for device, is_there in there.items() if is_there), "cpu")
    if not there.get(name, True):
        raise SettingError(f"This machine has no {name} device that torch can use; use 'cpu'.")
    return name


@contextmanager
def undisturbed(*, seed: int, threads: int | None, device: str) -> Iterator[None]:
    """Seed torch and set its threads; both belong to the process, and are put back."""
    before = torch.get_num_threads()
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.set_num_threads(threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def machine(device: str) -> dict[str, object]:
    """Return what a training runs on, by name."""
    import platform

    chip = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return {"device": device, "processor": chip, "cores": os.cpu_count()}
