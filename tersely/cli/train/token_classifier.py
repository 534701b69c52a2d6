"""`tersely train token-classifier`: learn from label files which words are worth keeping."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tersely.cli.report import INTERRUPTED, reported
from tersely.cli.train.needs import need_training

if TYPE_CHECKING:
    from tersely.training.state import Epoch, Trained
    from tersely.training.token_classifier import Settings


Labels = Annotated[list[Path], typer.Argument(help="Label files, from `tersely train label`.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The folder to write, or to go on in.")]
Base = Annotated[
    str, typer.Option("--base", help="The encoder: a short name, a folder or a hub id.")
]
Epochs = Annotated[int, typer.Option("--epochs", help="How often the labels are read.")]
LearningRate = Annotated[float, typer.Option("--learning-rate", help="The greatest.")]
BatchTokens = Annotated[int, typer.Option("--batch-tokens", help="Tokens of a step.")]
Window = Annotated[int, typer.Option("--window", help="Tokens read at once.")]
Overlap = Annotated[int, typer.Option("--overlap", help="Tokens two windows share.")]
Warmup = Annotated[
    float, typer.Option("--warmup", help="Share of the steps in which the rate rises.")
]
WeightDecay = Annotated[float, typer.Option("--weight-decay", help="Of matrices.")]
Patience = Annotated[
    int, typer.Option("--patience", help="Stop after so many epochs that were no better.")
]
BestBy = Annotated[
    str, typer.Option("--best-by", help="What makes an epoch the best: nats, rank or kept.")
]
HeldOut = Annotated[
    float, typer.Option("--held-out", help="Share of the groups that nothing is learnt from.")
]
Questions = Annotated[
    str, typer.Option("--questions", help="Rows without one (none), with one (only), or all.")
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", help="Learn values as 1 from here on, else as 0.")
]
Share = Annotated[
    list[str] | None,
    typer.Option("--share", help="KIND=N: how often an epoch reads the rows of a kind."),
]
Weight = Annotated[
    list[str] | None, typer.Option("--weight", help="KIND=N: what they count in the loss.")
]
Dropout = Annotated[float, typer.Option("--dropout", help="Share left out of a step.")]
Precision = Annotated[
    str, typer.Option("--precision", help="float32, or bfloat16 where it is faster.")
]
MarkCapitals = Annotated[
    bool, typer.Option("--mark-capitals", help="For a base of small letters: mark capitals.")
]
FreezeEmbeddings = Annotated[
    bool, typer.Option("--freeze-embeddings", help="Leave the tables of tokens as they are.")
]
Seed = Annotated[int, typer.Option("--seed", help="The same one, the same weights.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Of the processor.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print tersely.json at the end.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


def token_classifier(
    labels: Labels,
    out: Out,
    base: Base = "minilm-l6",
    epochs: Epochs = 4,
    learning_rate: LearningRate = 1e-4,
    batch_tokens: BatchTokens = 2048,
    window: Window = 256,
    overlap: Overlap = 32,
    warmup: Warmup = 0.1,
    weight_decay: WeightDecay = 0.01,
    patience: Patience = 2,
    best_by: BestBy = "nats",
    held_out: HeldOut = 0.1,
    questions: Questions = "all",
    threshold: Threshold = None,
    share: Share = None,
    weight: Weight = None,
    dropout: Dropout = 0.1,
    precision: Precision = "float32",
    mark_capitals: MarkCapitals = False,
    freeze_embeddings: FreezeEmbeddings = False,
    seed: Seed = 0,
    threads: Threads = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a token classifier for `llmlingua2`; Ctrl-C stops it, the same command goes on."""
    with reported():
        need_training()
        from tersely.training.token_classifier import Settings

        settings = Settings(
            labels=tuple(labels),
            out=out,
            base_model=base,
            window_tokens=window,
            overlap_tokens=overlap,
            batch_tokens=batch_tokens,
            learning_rate=learning_rate,
            warmup=warmup,
            weight_decay=weight_decay,
            epochs=epochs,
            patience=patience,
            best_by=best_by,
            held_out=held_out,
            questions=questions,
            threshold=threshold,
            shares=_numbers(share, "--share"),
            weights=_numbers(weight, "--weight"),
            dropout=dropout,
            precision=precision,
            mark_capitals=mark_capitals,
            freeze_embeddings=freeze_embeddings,
            seed=seed,
            threads=threads,
            device=device,
        )
        _finish(_train(settings, quiet=quiet), quiet=quiet, as_json=as_json)


def _train(settings: Settings, *, quiet: bool) -> Trained:
    from tersely.cli.progress import progress_bar
    from tersely.cli.stopping import stopped_by_ctrl_c
    from tersely.training.token_classifier import train

    shown = not quiet and sys.stderr.isatty()
    say = None if quiet else _say_epoch
    with stopped_by_ctrl_c() as stop, progress_bar("learning", shown=shown, of="steps") as bar:
        return train(settings, progress=bar, on_epoch=say, stop=stop)


def _finish(trained: Trained, *, quiet: bool, as_json: bool) -> None:
    if not trained.finished:
        typer.echo(
            f"stopped after step {trained.steps} of {trained.of_steps}; the state is in"
            f" {trained.out}. The same command goes on from there.",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)
    card = trained.card
    if as_json:
        typer.echo(json.dumps(card, indent=2, ensure_ascii=False))
    if not quiet:
        speed = card["tokens"] / max(card["seconds"], 1e-9)
        typer.echo(
            f"{trained.out}: epoch {card['best']['number']} is the best of {len(card['epochs'])};"
            f" {card['tokens']:,} tokens in {card['seconds']:,.0f} s ({speed:,.0f} a second).\n"
            f"Make it small: tersely train export {trained.out} --int8 --out FOLDER",
            err=True,
        )


def _say_epoch(epoch: Epoch) -> None:
    held = epoch.held_out
    typer.echo(
        f"epoch {epoch.number}, step {epoch.step}: loss {epoch.learnt_nats:.4f} nats; held out"
        f" {held.nats:.4f} (least possible {held.floor_nats:.4f}), rank correlation"
        f" {held.rank:.3f}, best words among the first third {held.kept:.1%}, over {held.rows}"
        f" texts{'' if epoch.best else '; no better'}",
        err=True,
    )


def _numbers(given: Sequence[str] | None, option: str) -> dict[str, float]:
    """Read KIND=N, several times."""
    from tersely.errors import SettingError

    found = {}
    for one in given or ():
        kind, _, number = one.rpartition("=")
        try:
            found[kind] = float(number)
        except ValueError as error:
            raise SettingError(f"{option} is KIND=NUMBER; got {one!r}.") from error
        if not kind:
            raise SettingError(f"{option} is KIND=NUMBER; got {one!r}.")
    return found
