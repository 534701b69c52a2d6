"""`tersely train soft-pretrain`: teach a soft compressor to remember plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tersely.cli.report import reported
from tersely.cli.train import soft_options as options
from tersely.cli.train.needs import need_training

Data = Annotated[list[Path], typer.Option("--data", help="JSON lines of texts; several.")]
Field = Annotated[str, typer.Option("--field", help="What the text is called in a row.")]
Shards = Annotated[
    Path | None, typer.Option("--shards", help="Folder of the texts as tokens; beside --out.")
]
HeldOut = Annotated[float, typer.Option("--held-out", help="Share of the texts measured on.")]
MostTexts = Annotated[int | None, typer.Option("--most-texts", help="The first so many texts.")]
Context = Annotated[int, typer.Option("--context", help="Tokens that become a memory.")]
Continuation = Annotated[int, typer.Option("--continuation", help="Tokens that follow them.")]


def soft_pretrain(
    data: Data,
    out: options.Out,
    measured: options.Measured = None,
    model: options.Model = "smollm2-135m",
    method: options.Method = "compressor500x",
    preset: options.Preset = "default",
    shape: options.ShapeOf = None,
    slots: options.Slots = None,
    field: Field = "text",
    shards: Shards = None,
    held_out: HeldOut = 0.01,
    most_held_out: options.MostHeldOut = 64,
    most_texts: MostTexts = None,
    context: Context = 512,
    continuation: Continuation = 128,
    segment: options.Segment = 512,
    weight: options.Weight = None,
    learning_rate: options.LearningRate = 1e-3,
    epochs: options.Epochs = 1,
    steps: options.Steps = None,
    batch_tokens: options.BatchTokens = 32_768,
    pass_tokens: options.PassTokens = 8_192,
    pace: options.PaceOf = None,
    prefix: options.Prefix = None,
    seed: options.Seed = 0,
    threads: options.Threads = None,
    device: options.Device = "auto",
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a soft compressor on plain text, beside a model that stays as it is.

    Ctrl-C stops it, the same command goes on. On several GPUs: torchrun --nproc-per-node N
    --no-python tersely train soft-pretrain ...
    """
    with reported():
        need_training()
        from tersely.training.soft import pretrain
        from tersely.training.soft.reading import Weights
        from tersely.training.soft.shards import Source

        source: dict[str, Any] = {"field": field, "held_out": held_out, "most_texts": most_texts}
        rhythm: dict[str, Any] = {"learning_rate": learning_rate, "epochs": epochs}
        rhythm |= {"most_steps": steps}
        rhythm |= {"batch_tokens": batch_tokens, "pass_tokens": pass_tokens}
        given: dict[str, Any] = {"out": out, "model": model, "method": method, "shards": shards}
        given |= {"context_tokens": context, "continuation_tokens": continuation}
        given |= {"segment_tokens": segment, "most_held_out": most_held_out, "prefix": prefix}
        settings = pretrain.Settings(
            source=Source(files=tuple(data), measured=tuple(measured or ()), **source),
            shape=options.shape_of(preset, shape),
            slots=tuple(slots or ()),
            weights=options.changed(Weights(), weight, "--weight"),
            pace=options.pace_of(pace, seed=seed, threads=threads, **rhythm),
            device=device,
            precision=precision,
            **given,
        )
        what = "pretraining"
        options.run(pretrain.pretrain, settings, what=what, quiet=quiet, as_json=as_json)
