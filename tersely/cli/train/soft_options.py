"""What both trainings of soft compressors have on the command line, and how they are run."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.report import INTERRUPTED

if TYPE_CHECKING:
    from tersely.soft.presets import Shape
    from tersely.training.soft.course import Pace
    from tersely.training.soft.outcome import Outcome

Out = Annotated[Path, typer.Option("--out", "-o", help="The folder to write, or to go on in.")]
Measured = Annotated[
    list[Path] | None,
    typer.Option("--measured", help="JSON lines measured on later; what is like them is left out."),
]
Model = Annotated[str, typer.Option("--model", help="The causal model to stand beside.")]
Method = Annotated[str, typer.Option("--method", help="compressor500x, icae or icformer.")]
Preset = Annotated[str, typer.Option("--preset", help="default, anchors, paper, paper-exactly.")]
ShapeOf = Annotated[
    list[str] | None,
    typer.Option("--shape", help="KEY=VALUE of the preset to change, as rank=32; several."),
]
Slots = Annotated[
    list[int] | None, typer.Option("--slots", help="Numbers that steps draw from; all budgets.")
]
Segment = Annotated[int, typer.Option("--segment", help="Longer texts are cut into segments.")]
Weight = Annotated[
    list[str] | None,
    typer.Option("--weight", help="PART=NUMBER: regeneration, following, divergence; several."),
]
LearningRate = Annotated[float, typer.Option("--learning-rate", help="The greatest.")]
Epochs = Annotated[int, typer.Option("--epochs", help="How often the data is read.")]
Steps = Annotated[int | None, typer.Option("--steps", help="The most steps.")]
BatchTokens = Annotated[int, typer.Option("--batch-tokens", help="Tokens of a step.")]
PassTokens = Annotated[
    int, typer.Option("--pass-tokens", help="Tokens read at once: what memory must hold.")
]
PaceOf = Annotated[
    list[str] | None,
    typer.Option("--pace", help="KEY=VALUE of how steps are done, as warmup_steps=20; several."),
]
MostHeldOut = Annotated[int, typer.Option("--most-held-out", help="Held-out samples measured.")]
Prefix = Annotated[str | None, typer.Option("--prefix", help="Before every memory: chat or start.")]
Seed = Annotated[int, typer.Option("--seed", help="The same one, the same weights.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Of the processor.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")]
Precision = Annotated[str | None, typer.Option("--precision", help="Of the model: f32 or bf16.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print tersely.json at the end.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


def changed(settings: Any, pairs: Sequence[str] | None, option: str) -> Any:
    """Return settings with KEY=VALUE in place of their own; lists are written as 1,4,16.

    Args:
        settings: A dataclass.
        pairs: What was given.
        option: What errors call it.

    Raises:
        SettingError: There is no such key, or its value is of another kind or out of range.
    """
    from tersely.errors import SettingError

    known = {one.name: getattr(settings, one.name) for one in fields(settings)}
    found: dict[str, Any] = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not equals or key not in known:
            raise SettingError(
                f"{option} is KEY=VALUE, KEY one of {', '.join(known)}; got {pair!r}."
            )
        try:
            found[key] = _read(text, known[key])
        except ValueError as error:
            kind = f"is of the kind {type(known[key]).__name__}"
            if isinstance(known[key], tuple):
                kind = "takes numbers as 1,4,16"
            elif known[key] is None:
                kind = "is of the kind int"
            raise SettingError(f"{option} {key} {kind}; got {text!r}.") from error
    return replace(settings, **found)


def shape_of(name: str, pairs: Sequence[str] | None) -> Shape:
    """Return a preset, changed by KEY=VALUE; what is raised is as for `preset` and `changed`."""
    from tersely.soft.presets import preset

    shape: Shape = changed(preset(name), pairs, "--shape")
    return shape


def check_beside_adapter(context: typer.Context, adapter: Path | None) -> None:
    """Refuse options that say what is trained beside an adapter, which says it itself.

    Raises:
        SettingError: One was given.
    """
    from tersely.errors import SettingError

    for name in ("method", "preset", "shape") if adapter else ():
        source = context.get_parameter_source(name)
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT"):
            raise SettingError(
                f"--{name} does not go with --adapter: {adapter} has its own. Leave one of them"
                " out."
            )


def pace_of(pairs: Sequence[str] | None, **given: Any) -> Pace:
    """Return how steps are done, changed by KEY=VALUE; what is raised is as for `changed`."""
    from tersely.training.soft.course import Pace

    pace: Pace = changed(Pace(**given), pairs, "--pace")
    return pace


def _read(text: str, like: Any) -> Any:
    """Read a value of the same kind as another."""
    if isinstance(like, bool):
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"
    if isinstance(like, tuple):
        return tuple(_read(one, like[0]) for one in text.split(",") if one)
    if like is None:  # what may be left open is a whole number
        return int(text)
    return text if isinstance(like, str) else type(like)(text)


@contextmanager
def team() -> Iterator[bool]:
    """Join the processes that torchrun started, if it did; give whether this one speaks."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield True
        return
    import torch

    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(local)
    torch.distributed.init_process_group("nccl" if has_gpu else "gloo")
    try:
        yield rank == 0
    finally:
        torch.distributed.destroy_process_group()


def run(
    train: Callable[..., Outcome], settings: Any, *, what: str, quiet: bool, as_json: bool
) -> None:
    """Train, with a bar and lines on standard error, and say what came of it."""
    with team() as speaks:
        _run(train, settings, what=what, loud=speaks and not quiet, as_json=as_json and speaks)


def _run(
    train: Callable[..., Outcome], settings: Any, *, what: str, loud: bool, as_json: bool
) -> None:
    from tersely.cli.progress import progress_bar
    from tersely.cli.stopping import stopped_by_ctrl_c

    shown = loud and sys.stderr.isatty()
    with stopped_by_ctrl_c() as stop, progress_bar(what, shown=shown, of="steps") as bar:
        outcome = train(settings, progress=bar, say=_say if loud else None, stop=stop)
    if not outcome.finished:
        _say(
            f"stopped after step {outcome.steps} of {outcome.of_steps}; the state is in"
            f" {outcome.out}. The same command goes on from there."
        )
        raise typer.Exit(INTERRUPTED)
    if as_json:
        typer.echo(json.dumps(outcome.card, indent=2, ensure_ascii=False))
    if loud:
        for line in summary(outcome):
            _say(line)


def summary(outcome: Outcome) -> list[str]:
    """Return in words what came of a training."""
    from tersely._words import counted

    card = outcome.card
    lines = [
        f"{card['trainable']:,} numbers, {card['share']:.2%} of the model's, were trained in"
        f" {counted(card['steps'], 'step')} and {card['seconds']:,.0f} s"
    ]
    first, last = (card["measured"][at] for at in (0, -1)) if card["measured"] else ({}, {})
    lines += [
        f"{part}, held out, {counted(first['slots'], 'slot')}: {first[part]:.3f} nats a token"
        f" before, {last[part]:.3f} after"
        for part in ("regeneration", "following", "divergence")
        if part in first
    ]
    return [*lines, f"use it: {use_of(outcome)}"]


def use_of(outcome: Outcome) -> str:
    """Return the command that makes a memory with what was trained."""
    from tersely.backends.load import DEFAULT_MODEL

    card = outcome.card
    drawn = card["settings"]["slots"]
    slots = min(drawn, key=lambda number: (abs(number - 16), number))
    if card["measured"]:
        slots = card["measured"][-1]["slots"]
    words = ["--adapter", str(outcome.out), "--slots", str(slots)]
    if (base := card["base"]["name"]) != DEFAULT_MODEL:
        words += ["--model", base]
    if prefix := card["settings"]["prefix"]:
        words += ["--prefix", prefix]
    return f"tersely soft compress FILE {shlex.join(words)} -o FILE.memory"


def _say(line: str) -> None:
    typer.echo(line, err=True)
