"""Train a token classifier: how likely is each word of a text worth keeping?

    tersely train token-classifier labels.jsonl --out build/keep

Reads from top to bottom: settings, data, model, loop, checkpoint. The targets are values in [0, 1]
(`training/label`), learnt as they are: cross-entropy between a word's value and P(keep) of each of
its tokens. The same settings, files and number of threads give the same weights, bit for bit, on a
CPU; so does a training that was stopped and goes on.

Paper:    Pan et al. 2024, LLMLingua-2. https://aclanthology.org/2024.findings-acl.57/
Differs:  values in [0, 1], not classes; nothing is padded to 512; whole articles are held out.
Needs:    pip install 'tersely[train]'
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tersely import __version__
from tersely._optional import need
from tersely.backends.openvino_classifier import frames
from tersely.backends.store import file_hash
from tersely.errors import SettingError
from tersely.training import checkpoint
from tersely.training.base_model import (
    Base,
    config_of,
    find_base,
    load_base,
    text_hash,
)
from tersely.training.held_out import MEASURES, HeldOut, judge
from tersely.training.lessons import Lessons, Order, make_lessons
from tersely.training.state import Epoch, State, Trained
from tersely.training.steps import (
    PRECISIONS,
    choose_device,
    learn,
    learning_rate,
    machine,
    make_optimizer,
    restore,
    state_tensors,
    to_batch,
    undisturbed,
)
from tersely.training.windows import WindowShape

torch: Any = need("torch", extra="train")

LEAST_WINDOW = 16
"""Tokens; a shorter window has no room for a question and a text."""

QUESTIONS = ("all", "none", "only")

HELD_OUT_TEXTS = 64
"""How many held-out texts lie beside the weights, to check an export on."""


# ---- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a training depends on; written beside its weights.

    Attributes:
        labels: Label files.
        out: The folder to write.
        base_model: A short name, a folder or a hub id of this machine.
        window_tokens: The longest input, special tokens included.
        overlap_tokens: What two windows of one text share at least.
        batch_tokens: The most tokens of one step, padding included.
        learning_rate: Its greatest; it rises to it and falls to 0, both linearly.
        warmup: The share of the steps in which it rises.
        weight_decay: Of the matrices.
        epochs: How often the labels are read.
        patience: Stop after so many epochs that were no better on the held-out texts.
        best_by: What is compared there: "nats", "rank" or "kept"; see `HeldOut`. Nats grow where
            a classifier becomes too sure, though it may order words better.
        held_out: Share of the groups that nothing is learnt from.
        questions: Which rows are read: "none" are those without a question, "only" those with
            one, "all" are both.
        threshold: Values from here on are learnt as 1, lower ones as 0; None learns them as they
            are.
        shares: How often an epoch reads the rows of a kind; once where it is not named.
        weights: What a token of a row of a kind counts in the loss; 1 where it is not named.
        dropout: Share of the numbers between layers that a step leaves out.
        precision: "float32", or "bfloat16" for the products of each step: half again as fast on
            processors that have it. The weights are in float32 in any case.
        mark_capitals: Whether words that begin with a capital get a mark before them, for a base
            that reads small letters only.
        freeze_embeddings: Whether the tables of tokens and positions stay as they are.
        seed: Of the split, the order, the head and dropout.
        threads: Of the processor; None leaves it to torch.
        device: "cpu", "cuda", "mps", or "auto" for the best there is.
        save_seconds: How often the state is kept, beside once an epoch.
    """

    labels: tuple[Path, ...]
    out: Path
    base_model: str = "minilm-l6"
    window_tokens: int = 256
    overlap_tokens: int = 32
    batch_tokens: int = 2048
    learning_rate: float = 1e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    epochs: int = 4
    patience: int = 2
    best_by: str = "nats"
    held_out: float = 0.1
    questions: str = "all"
    threshold: float | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    dropout: float = 0.1
    precision: str = "float32"
    mark_capitals: bool = False
    freeze_embeddings: bool = False
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    save_seconds: float = 120.0

    def __post_init__(self) -> None:
        least: dict[str, float] = {"window_tokens": LEAST_WINDOW, "epochs": 1, "patience": 1}
        least |= {"overlap_tokens": 0, "batch_tokens": 1, "seed": 0, "weight_decay": 0}
        for name, bound in least.items():
            if not getattr(self, name) >= bound:
                raise SettingError(f"{name} is at least {bound}; got {getattr(self, name)}.")
        if not self.learning_rate > 0:
            raise SettingError(f"learning_rate is greater than 0; got {self.learning_rate}.")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise SettingError(f"threshold is in (0, 1]; got {self.threshold}.")
        if not 0 < self.held_out < 1:
            raise SettingError(f"held_out is in (0, 1); got {self.held_out}.")
        for name in ("warmup", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(f"{name} is in [0, 1); got {getattr(self, name)}.")
        self._check_rest()

    def _check_rest(self) -> None:
        known = {"questions": QUESTIONS, "precision": PRECISIONS, "best_by": MEASURES}
        for name, choices in known.items():
            if (chosen := getattr(self, name)) not in choices:
                raise SettingError(f"{name} is one of {', '.join(choices)}; got {chosen!r}.")
        if not self.labels:
            raise SettingError("Name at least one label file.")
        if self.threads is not None and self.threads < 1:
            raise SettingError(f"threads is at least 1; got {self.threads}.")
        for name in ("shares", "weights"):
            for kind, number in getattr(self, name).items():
                if not 0 <= number < float("inf"):
                    raise SettingError(f"{name} are at least 0; got {number} for {kind!r}.")

    @property
    def told(self) -> dict[str, Any]:
        """What the weights depend on, beside the files and the machine; without any path."""
        besides = ("labels", "out", "base_model", "threads", "device", "save_seconds")
        return {name: value for name, value in asdict(self).items() if name not in besides}

    @property
    def order(self) -> Order:
        """How the labels are divided and read."""
        return Order(**{name: getattr(self, name) for name in Order.__dataclass_fields__})


# ---- the training


@dataclass(slots=True)
class Run:
    """A training that is going on: what it is made of, and where it is."""

    settings: Settings
    base: Base
    lessons: Lessons
    told: dict[str, Any]
    device: str
    model: Any
    optimizer: Any
    state: State = field(default_factory=State)

    @property
    def typed(self) -> bool:
        """Whether the model tells two texts apart."""
        return self.base.token_types > 1

    def keep(self) -> None:
        """Keep everything that a training goes on from."""
        tensors = state_tensors(self.model, self.optimizer, self.device)
        notes = {"settings": self.told, "state": asdict(self.state)}
        name = f"{self.state.epoch:04d}-{self.state.step:07d}"
        checkpoint.save_state(self.settings.out, name, tensors, notes)


def train(
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Trained:
    """Train, or go on with what was stopped.

    Args:
        settings: Everything the weights depend on.
        progress: Called after each step with (steps done, steps).
        on_epoch: Called after each epoch.
        stop: Asked after each step; if it says so, the state is kept, and the same call with the
            same settings goes on, to the same weights.

    Raises:
        SettingError: The labels cannot be learnt from; the folder holds another training.
        ModelNotFound: The base is not on this machine.
        ModelMismatch: The base is not an encoder that can be trained.
        BackendError: The base cannot be loaded, or something cannot be written.
    """
    device = choose_device(settings.device)

    # ---- data
    base = find_base(settings.base_model, marked=settings.mark_capitals)
    alone, pair = frames(base.tokenizer)
    shape = WindowShape(
        alone=alone,
        pair=pair,
        token_types=base.token_types,
        window_tokens=settings.window_tokens,
        overlap_tokens=settings.overlap_tokens,
    )
    lessons = make_lessons(settings.labels, base.tokenizer, shape, settings.order)
    told = settings.told | {
        "labels_sha256": text_hash(*map(file_hash, settings.labels)),
        "base_sha256": base.sha256,
    }
    checkpoint.open_folder(settings.out)
    card = checkpoint.read_card(settings.out) or {}
    if card:
        checkpoint.check_same(card.get("settings", {}), told, settings.out)
    if card.get("finished"):
        return Trained(settings.out, card["steps"], lessons.steps, finished=True, card=card)

    with undisturbed(seed=settings.seed, threads=settings.threads, device=device):
        # ---- model
        model = load_base(base, settings.window_tokens, settings.dropout).to(device)
        if settings.freeze_embeddings:
            model.base_model.embeddings.requires_grad_(requires_grad=False)
        optimizer = make_optimizer(model, settings.weight_decay, device)
        run = Run(settings, base, lessons, told, device, model, optimizer)
        if kept := checkpoint.load_state(settings.out):
            checkpoint.check_same(kept[1]["settings"], told, settings.out)
            restore(model, optimizer, kept[0])
            run.state = State(**kept[1]["state"])

        # ---- loop
        while not run.state.finished:
            if not learn_epoch(run, progress, stop):
                run.keep()
                break
            epoch = end_epoch(run)
            if on_epoch:
                on_epoch(epoch)
    card = checkpoint.read_card(settings.out) or {}
    state = run.state
    return Trained(settings.out, state.step, lessons.steps, finished=state.finished, card=card)


def learn_epoch(
    run: Run, progress: Callable[[int, int], None] | None, stop: Callable[[], bool] | None
) -> bool:
    """Learn what is left of an epoch; return whether it came to its end."""
    state, lessons, settings = run.state, run.lessons, run.settings
    run.model.train()
    last_kept = time.monotonic()
    for numbers in lessons.plan[state.epoch][state.batch :]:
        began = time.monotonic()
        windows = [lessons.learnt[number] for number in numbers]
        counts = [lessons.counts[number] for number in numbers]
        rate = learning_rate(
            state.step, lessons.steps, most=settings.learning_rate, warmup=settings.warmup
        )
        batch = to_batch(windows, counts, device=run.device, typed=run.typed)
        state.sum_nats += learn(run.model, run.optimizer, batch, rate, settings.precision)
        state.step += 1
        state.batch += 1
        state.tokens += sum(map(len, windows))
        state.seconds += time.monotonic() - began
        if progress:
            progress(state.step, lessons.steps)
        if stop and stop():
            return False
        if time.monotonic() - last_kept > settings.save_seconds:
            run.keep()
            last_kept = time.monotonic()
    return True


def end_epoch(run: Run) -> Epoch:
    """Judge an epoch on the held-out texts; write its weights if they are the best so far."""
    state, settings = run.state, run.settings
    began = time.monotonic()
    held_out = judge(
        run.model,
        run.lessons.aside,
        run.lessons.rows,
        batch_tokens=settings.batch_tokens,
        device=run.device,
        typed=run.typed,
    )
    best = state.best is None or held_out.better(HeldOut(**state.best), settings.best_by)
    epoch = Epoch(
        number=state.epoch + 1,
        step=state.step,
        learnt_nats=state.sum_nats / state.batch,
        held_out=held_out,
        best=best,
    )
    state.epochs.append(epoch.to_json())
    state.waited = 0 if best else state.waited + 1
    state.best = asdict(held_out) if best else state.best
    state.epoch, state.batch, state.sum_nats = state.epoch + 1, 0, 0.0
    state.finished = state.epoch == settings.epochs or state.waited >= settings.patience
    state.seconds += time.monotonic() - began

    # ---- checkpoint
    if best:
        write_weights(run)
    checkpoint.write_notes(settings.out / checkpoint.CARD, card_of(run))
    if state.finished:
        checkpoint.drop_state(settings.out)
    else:
        run.keep()
    return epoch


def write_weights(run: Run) -> None:
    """Write the weights as they are now: a Hugging Face folder, and a few texts to check it on."""
    out = run.settings.out
    config = config_of(run.model, run.settings.window_tokens)
    texts = run.lessons.held_out_texts(HELD_OUT_TEXTS)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    save = run.base.tokenizer.save
    checkpoint.write_notes(out / "config.json", config)
    checkpoint.write_file(out / "tokenizer.json", lambda place: save(str(place)))
    checkpoint.write_file(out / checkpoint.TEXTS, lambda place: place.write_text(lines, "utf-8"))
    run.state.weights_sha256 = checkpoint.write_weights(
        out / checkpoint.WEIGHTS, run.model.state_dict()
    )


def card_of(run: Run) -> dict[str, Any]:
    """Return what tersely.json says: what was learnt, how, on what, and what it is worth."""
    state, base, settings = run.state, run.base, run.settings
    files = [{"name": file.name, "sha256": file_hash(file)} for file in settings.labels]
    return {
        "made_by": "tersely train token-classifier",
        "finished": state.finished,
        "base": {"name": base.name, "licence": base.licence, "sha256": base.sha256},
        "settings": run.told,
        "labels": files,
        "data": run.lessons.told(),
        "best": next(epoch for epoch in reversed(state.epochs) if epoch["best"]),
        "epochs": state.epochs,
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "machine": machine(run.device),
        "versions": {
            "tersely": __version__,
            "torch": torch.__version__,
            "transformers": need("transformers", extra="train").__version__,
        },
        "weights_sha256": state.weights_sha256,
    }
