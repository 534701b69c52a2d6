"""Distribution alignment: teach the small model to write as the target model writes.

    tersely train align --data answers.jsonl --model smollm2-135m --out aligned
    tersely compress prompt.txt --rate 0.3 --model smollm2-135m+aligned

A token is worth its surprisal, and what surprises the small model should be what surprises the
model that reads the compressed prompt: so the small one is trained on the other's answers, and only
the tokens of the answers count. Reads from top to bottom: settings, data, model, loop, checkpoint.
The same settings, files and number of threads give the same weights, bit for bit, on a CPU; so does
a training that was stopped and goes on.

Paper:    Jiang et al. 2023, LLMLingua, section 4.4. https://aclanthology.org/2023.emnlp-main.825/
Differs:  The paper tunes the whole of a small model on Alpaca's data. Here it is an adapter (LoRA,
          Hu et al. 2021, https://arxiv.org/abs/2106.09685) unless `rank` is 0, on any answers, as
          plain text; what is held out is measured before and after.
Needs:    pip install 'tersely[train]'
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tersely import __version__
from tersely._optional import need
from tersely.backends.adapter_folder import NOTE
from tersely.backends.base import Tokens
from tersely.backends.load import DEFAULT_MODEL, find_causal
from tersely.backends.store import ModelFiles, file_hash
from tersely.errors import ModelMismatch, SettingError
from tersely.training import checkpoint
from tersely.training.aligned_folder import base_name, write_result
from tersely.training.conversations import Fields, read_conversations
from tersely.training.perplexity import Perplexity
from tersely.training.responses import (
    Plan,
    Split,
    counted,
    first_groups,
    plan_steps,
    said,
    split_windows,
)
from tersely.training.steps import (
    choose_device,
    learning_rate,
    machine,
    make_optimizer,
    restore,
    state_tensors,
    undisturbed,
)
from tersely.training.trainee import LowRank, Trainee, load_trainee

torch: Any = need("torch", extra="train")

LEAST_CONVERSATIONS = 2
"""To train on and to measure on: an interval needs two."""

# ---- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a training depends on; written beside its weights.

    Attributes:
        data: JSON lines of what the target model answered; see `read_conversations`.
        out: The folder to write: an adapter's, or a model's if `rank` is 0.
        model: The causal model to train; its files are only read.
        fields: What the fields of the data are called.
        rank: Of the low-rank change of each weight; 0 trains all weights.
        alpha: A change is scaled by alpha / rank.
        targets: Which weights are changed: the last part of their layers' names.
        dropout: Share of a low-rank layer's inputs that is left out in training.
        learning_rate: Its greatest; it rises to it and falls to 0, both linearly. None is 5e-4
            of low-rank changes and 2e-5 of all weights.
        warmup: The share of the steps in which it rises.
        epochs: How often the data is read.
        most_steps: After so many steps it ends; None is all that the epochs have.
        batch_tokens: The most tokens of a step.
        pass_tokens: The most that are read at once, padding included: what memory must hold.
        window_tokens: The longest stretch of a conversation, the start token included.
        longest_tokens: Longer conversations are left out; None takes all.
        most_held_out: The most conversations to measure on; None is all that are held out.
        seed: Of the order, the low-rank layers and dropout.
        threads: Of the processor; None leaves it to torch.
        device: "cpu", "cuda", "mps", or "auto" for the best there is.
        precision: "f32" or "bf16", of products; None is bf16 on a GPU and f32 elsewhere.
        save_seconds: How often the state is kept.
    """

    data: Path
    out: Path
    model: str = DEFAULT_MODEL
    fields: Fields = field(default_factory=Fields)
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    dropout: float = 0.0
    learning_rate: float | None = None
    warmup: float = 0.1
    epochs: int = 1
    most_steps: int | None = None
    batch_tokens: int = 2048
    pass_tokens: int = 512
    window_tokens: int = 512
    longest_tokens: int | None = None
    most_held_out: int | None = 200
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    precision: str | None = None
    save_seconds: float = 60.0

    def __post_init__(self) -> None:
        least: dict[str, float] = {"rank": 0, "epochs": 1, "window_tokens": 8, "seed": 0}
        least |= {"batch_tokens": 1, "pass_tokens": 1, "warmup": 0, "dropout": 0}
        least |= {"most_steps": 1, "longest_tokens": 1, "threads": 1}
        least |= {"most_held_out": LEAST_CONVERSATIONS}
        for name, bound in least.items():
            given = getattr(self, name)
            if given is not None and not given >= bound:
                raise SettingError(f"{name} is at least {bound}; got {given}.")
        self._check_rest()

    def _check_rest(self) -> None:
        for name in ("alpha", "learning_rate"):
            given = getattr(self, name)
            if given is not None and not 0 < given < float("inf"):
                raise SettingError(f"{name} is greater than 0; got {given}.")
        for name in ("dropout", "warmup"):
            if not getattr(self, name) < 1:
                raise SettingError(f"{name} is less than 1; got {getattr(self, name)}.")
        if self.precision not in (None, "f32", "bf16"):
            raise SettingError(f"precision is 'f32' or 'bf16', not {self.precision!r}.")
        if not self.targets:
            raise SettingError("targets is empty: name at least one kind of weight, as q_proj.")

    @property
    def most_rate(self) -> float:
        """The greatest learning rate."""
        return self.learning_rate or (5e-4 if self.rank else 2e-5)

    @property
    def told(self) -> dict[str, Any]:
        """What the weights depend on, beside the files and the machine; without any path."""
        besides = ("data", "out", "model", "threads", "device", "save_seconds")
        told = {name: value for name, value in asdict(self).items() if name not in besides}
        return told | {"targets": list(self.targets), "learning_rate": self.most_rate}

    @property
    def low_rank(self) -> LowRank | None:
        """What is trained; None where it is everything."""
        if self.rank == 0:
            return None
        return LowRank(rank=self.rank, alpha=self.alpha, targets=self.targets, dropout=self.dropout)


# ---- the training


@dataclass(frozen=True, slots=True)
class Aligned:
    """What came of a training.

    Attributes:
        out: Its folder.
        steps: Steps done.
        of_steps: Steps there are.
        finished: Whether it came to its end; if not, the same call goes on.
        card: What tersely.json says; empty before the end.
    """

    out: Path
    steps: int
    of_steps: int
    finished: bool
    card: dict[str, Any]


@dataclass(slots=True)
class Run:
    """A training that is going on: what it is made of, and where it is."""

    settings: Settings
    files: ModelFiles
    told: dict[str, Any]
    trainee: Trainee
    split: Split
    plan: Plan
    optimizer: Any
    before: Perplexity
    frozen_sha256: str
    step: int = 0
    seconds: float = 0.0

    def keep(self) -> None:
        """Keep everything that a training goes on from."""
        tensors = state_tensors(self.trainee.trained, self.optimizer, self.trainee.device)
        notes = {"settings": self.told, "step": self.step, "seconds": self.seconds}
        notes |= {"before": self.before.sums}
        checkpoint.save_state(self.settings.out, f"{self.step:07d}", tensors, notes)


def align(
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Aligned:
    """Align a model, or go on with what was stopped; measure it before and after.

    Args:
        settings: Everything the weights depend on.
        progress: Called after each step with (steps done, steps).
        say: Called with a line of what is known, as soon as it is.
        stop: Asked after each step; if it says so, the state is kept, and the same call with the
            same settings goes on, to the same weights.

    Raises:
        SettingError: The data cannot be learnt from; the folder holds another training.
        ModelNotFound: The model is not on this machine.
        ModelMismatch: It is not a causal model that can be trained.
        BackendError: It cannot be loaded, or something cannot be written.
        MissingDependency: The extra `train` is not installed.
    """
    say = say or (lambda line: None)
    device = choose_device(settings.device)
    if settings.rank:
        need("peft", extra="train")
    if not settings.data.is_file():
        raise SettingError(f"There is no file {settings.data} to train on.")
    files = find_causal(settings.model)
    if files.adapter:
        raise ModelMismatch(f"{settings.model!r} has an adapter; train its base.")
    told = settings.told | {
        "data_sha256": file_hash(settings.data),
        "base_sha256": files.content_key(),
    }
    checkpoint.open_folder(settings.out)
    card = checkpoint.read_card(settings.out) or {}
    if card:
        checkpoint.check_same(card.get("settings", {}), told, settings.out)
        return Aligned(settings.out, card["steps"], card["steps"], finished=True, card=card)

    with undisturbed(seed=settings.seed, threads=settings.threads, device=device):
        run = begin(settings, files, told, device, say)
        if not learn_all(run, progress, stop):
            return Aligned(settings.out, run.step, len(run.plan), finished=False, card={})
        card = end(run)
    return Aligned(settings.out, run.step, run.step, finished=True, card=card)


def begin(
    settings: Settings,
    files: ModelFiles,
    told: dict[str, Any],
    device: str,
    say: Callable[[str], None],
) -> Run:
    """Load, cut and measure what a training begins with, or what an earlier one kept."""
    trainee = load_trainee(files, settings.low_rank, device=device, precision=settings.precision)
    if settings.window_tokens > trainee.window_tokens:
        raise SettingError(
            f"window_tokens is at most {trainee.window_tokens} for {files.name};"
            f" got {settings.window_tokens}."
        )
    share = trainee.trainable / trainee.parameters
    say(f"{trainee.trainable:,} numbers are trained: {share:.2%} of {trainee.parameters:,}")
    split = read_split(settings, trainee.encode)
    plan = plan_steps(
        split.training,
        epochs=settings.epochs,
        batch_tokens=settings.batch_tokens,
        pass_tokens=settings.pass_tokens,
        seed=settings.seed,
    )[: settings.most_steps]
    say(f"to train on: {said(split.training)}, in {len(plan)} steps")
    say(f"held out: {said(split.held_out)}")

    # ---- where it is
    optimizer = make_optimizer(trainee.trained, 0.0, device)
    kept = checkpoint.load_state(settings.out)
    if kept:
        tensors, notes = kept
        checkpoint.check_same(notes["settings"], told, settings.out)
        before = Perplexity.of(notes["before"])
    else:
        before = trainee.measure(split.held_out, settings.pass_tokens)
    say(f"perplexity before: {before.value:.2f}")
    hashed = trainee.frozen_sha256()
    run = Run(settings, files, told, trainee, split, plan, optimizer, before, hashed)
    if kept:
        restore(trainee.trained, optimizer, tensors)
        run.step, run.seconds = notes["step"], notes["seconds"]
        say(f"going on after step {run.step}")
    return run


def read_split(settings: Settings, encode: Callable[[str], Tokens]) -> Split:
    """Read the data and cut it into windows; some conversations are held out.

    Raises:
        SettingError: Nothing is left to train on, or too little to measure on.
    """
    split = split_windows(
        read_conversations(settings.data, settings.fields),
        encode,
        window_tokens=settings.window_tokens,
        longest_tokens=settings.longest_tokens,
    )
    held_out = first_groups(split.held_out, settings.most_held_out)
    counts = [len({window.group for window in side}) for side in (split.training, held_out)]
    if min(counts) < LEAST_CONVERSATIONS:
        raise SettingError(
            f"{settings.data} has {counts[0]} conversations to train on and {counts[1]} to measure"
            f" on (three in ten are held out), and {LEAST_CONVERSATIONS} of each are needed;"
            f" {split.left_out} were longer than longest_tokens."
        )
    return Split(split.training, held_out, split.left_out)


def learn_all(
    run: Run, progress: Callable[[int, int], None] | None, stop: Callable[[], bool] | None
) -> bool:
    """Do the steps that are left; return whether it came to the end."""
    settings, steps = run.settings, len(run.plan)
    last_kept = time.monotonic()
    while run.step < steps:
        began = time.monotonic()
        rate = learning_rate(run.step, steps, most=settings.most_rate, warmup=settings.warmup)
        passes = [[run.split.training[i] for i in members] for members in run.plan[run.step]]
        run.trainee.learn(run.optimizer, passes, rate)
        run.step += 1
        run.seconds += time.monotonic() - began
        if progress:
            progress(run.step, steps)
        if stop and stop():
            run.keep()
            return False
        if time.monotonic() - last_kept > settings.save_seconds:
            run.keep()
            last_kept = time.monotonic()
    return True


# ---- checkpoint


def end(run: Run) -> dict[str, Any]:
    """Measure what came of it, write it, and return its card."""
    out = run.settings.out
    after = run.trainee.measure(run.split.held_out, run.settings.pass_tokens)
    weights_sha256 = write_result(out, run.trainee, run.files)
    card = card_of(run, after) | {"weights_sha256": weights_sha256}
    checkpoint.write_notes(out / NOTE, card)
    checkpoint.drop_state(out)
    return card


def card_of(run: Run, after: Perplexity) -> dict[str, Any]:
    """Return what tersely.json says: what was learnt, how, on what, and what it is worth."""
    files, trainee, split = run.files, run.trainee, run.split
    learnt = [split.training[i] for step in run.plan for one in step for i in one]
    return {
        "made_by": "tersely train align",
        "base": {
            "name": base_name(files),
            "licence": files.manifest.licence if files.manifest else "",
            "sha256": run.told["base_sha256"],
            "sha256_after": files.content_key(),
            "frozen_sha256": run.frozen_sha256,
            "frozen_sha256_after": trainee.frozen_sha256(),
        },
        "settings": run.told,
        "data": {
            "name": run.settings.data.name,
            "learnt": counted(learnt),
            "held_out": counted(split.held_out),
            "left_out": split.left_out,
        },
        "trainable": trainee.trainable,
        "parameters": trainee.parameters,
        "perplexity": {
            "before": run.before.to_json(),
            "after": after.to_json(),
            "change": after.change_json(run.before),
        },
        "steps": run.step,
        "seconds": round(run.seconds, 1),
        "bf16": trainee.bf16,
        "machine": machine(trainee.device) | {"threads": torch.get_num_threads()},
        "versions": {"tersely": __version__, "torch": torch.__version__},
    }
