"""`tersely train align`: teach a small causal model to write as the target model writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.report import INTERRUPTED, reported
from tersely.cli.train.needs import need_training

if TYPE_CHECKING:
    from tersely.training.align import Aligned, Settings


Data = Annotated[Path, typer.Option("--data", help="JSON lines of what the target model answered.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The folder to write, or to go on in.")]
Model = Annotated[str, typer.Option("--model", help="The causal model to train; it is only read.")]
Field = Annotated[
    list[str] | None,
    typer.Option("--field", help="KEY=NAME: what a field is called, as text=value."),
]
Rank = Annotated[int, typer.Option("--rank", help="Of the low-rank changes.")]
Alpha = Annotated[float, typer.Option("--alpha", help="They are scaled by alpha / rank.")]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", help="A kind of weight to change; q_proj and v_proj if none."),
]
Dropout = Annotated[float, typer.Option("--dropout", help="Of their inputs.")]
Full = Annotated[bool, typer.Option("--full", help="Train all weights, and write a model.")]
Epochs = Annotated[int, typer.Option("--epochs", help="How often the data is read.")]
Steps = Annotated[int | None, typer.Option("--steps", help="The most steps.")]
LearningRate = Annotated[
    float | None,
    typer.Option("--learning-rate", help="The greatest; 5e-4, or 2e-5 with --full."),
]
BatchTokens = Annotated[int, typer.Option("--batch-tokens", help="Tokens of a step.")]
PassTokens = Annotated[
    int, typer.Option("--pass-tokens", help="Tokens read at once: what memory must hold.")
]
Window = Annotated[int, typer.Option("--window", help="Tokens that see each other.")]
Longest = Annotated[
    int | None, typer.Option("--longest", help="Leave out conversations of more tokens.")
]
MostHeldOut = Annotated[int, typer.Option("--most-held-out", help="Conversations to measure on.")]
Seed = Annotated[int, typer.Option("--seed", help="The same one, the same weights.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Of the processor.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")]
Precision = Annotated[str | None, typer.Option("--precision", help="Of products: f32 or bf16.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print tersely.json at the end.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


def align(
    data: Data,
    out: Out,
    model: Model = "smollm2-135m",
    field: Field = None,
    rank: Rank = 8,
    alpha: Alpha = 16,
    target: Target = None,
    dropout: Dropout = 0.0,
    full: Full = False,
    epochs: Epochs = 1,
    steps: Steps = None,
    learning_rate: LearningRate = None,
    batch_tokens: BatchTokens = 2048,
    pass_tokens: PassTokens = 512,
    window: Window = 512,
    longest: Longest = None,
    most_held_out: MostHeldOut = 200,
    seed: Seed = 0,
    threads: Threads = None,
    device: Device = "auto",
    precision: Precision = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a causal model on the answers of the model that prompts are compressed for.

    The folder loads as MODEL+FOLDER wherever a causal model is named. Ctrl-C stops it, the same
    command goes on.
    """
    with reported():
        need_training()
        from tersely.training.align import Settings
        from tersely.training.conversations import Fields

        settings = Settings(
            data=data,
            out=out,
            model=model,
            fields=Fields.of(_pairs(field)),
            rank=0 if full else rank,
            alpha=alpha,
            targets=tuple(target or ("q_proj", "v_proj")),
            dropout=dropout,
            epochs=epochs,
            most_steps=steps,
            learning_rate=learning_rate,
            batch_tokens=batch_tokens,
            pass_tokens=pass_tokens,
            window_tokens=window,
            longest_tokens=longest,
            most_held_out=most_held_out,
            seed=seed,
            threads=threads,
            device=device,
            precision=precision,
        )
        _finish(_train(settings, quiet=quiet), model, quiet=quiet, as_json=as_json)


def _train(settings: Settings, *, quiet: bool) -> Aligned:
    from tersely.cli.progress import progress_bar
    from tersely.cli.stopping import stopped_by_ctrl_c
    from tersely.training.align import align

    shown = not quiet and sys.stderr.isatty()
    say = None if quiet else _say
    with stopped_by_ctrl_c() as stop, progress_bar("aligning", shown=shown, of="steps") as bar:
        return align(settings, progress=bar, say=say, stop=stop)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _finish(aligned: Aligned, model: str, *, quiet: bool, as_json: bool) -> None:
    if not aligned.finished:
        _say(
            f"stopped after step {aligned.steps} of {aligned.of_steps}; the state is in"
            f" {aligned.out}. The same command goes on from there."
        )
        raise typer.Exit(INTERRUPTED)
    if as_json:
        typer.echo(json.dumps(aligned.card, indent=2, ensure_ascii=False))
    if not quiet:
        for line in summary(aligned, model):
            _say(line)


def summary(aligned: Aligned, model: str) -> Sequence[str]:
    """Return in words what came of an alignment."""
    card = aligned.card
    base, found = card["base"], card["perplexity"]
    low, high = found["change"]["interval"]
    is_adapter = card["settings"]["rank"] > 0
    name = f"{model}+{aligned.out}" if is_adapter else str(aligned.out)
    frozen = (
        f"; its weights in memory {_same(base['frozen_sha256'], base['frozen_sha256_after'])}"
        if is_adapter
        else ""
    )
    return (
        f"perplexity on {card['data']['held_out']['conversations']} conversations held out:"
        f" {_interval(found['before'])} before, {_interval(found['after'])} after,"
        f" {found['change']['value']:+.1%} [{low:+.1%}, {high:+.1%}]",
        f"{card['trainable'] / card['parameters']:.2%} of the weights were trained, in"
        f" {card['steps']} steps and {card['seconds']:,.0f} s",
        f"the files of {base['name']}: {_same(base['sha256'], base['sha256_after'])}{frozen}",
        f"use it as --model {name}",
    )


def _same(before: str, after: str) -> str:
    return f"{before[:12]} before, {after[:12]} after"


def _interval(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['value']:.2f} [{low:.2f}, {high:.2f}]"


def _pairs(given: Sequence[str] | None) -> dict[str, str]:
    """Read KEY=NAME, several times."""
    from tersely.errors import SettingError

    found = {}
    for one in given or ():
        key, equals, name = one.partition("=")
        if not equals:
            raise SettingError(f"--field is KEY=NAME; got {one!r}.")
        found[key] = name
    return found
