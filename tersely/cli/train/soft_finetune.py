"""`tersely train soft-finetune`: teach a soft compressor to answer questions from its memories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tersely.cli.report import reported
from tersely.cli.train import soft_options as options
from tersely.cli.train.needs import need_training

Data = Annotated[
    list[Path],
    typer.Option("--data", help="JSON lines of {question, answers, documents | context}; several."),
]
Adapter = Annotated[
    Path | None, typer.Option("--adapter", help="What soft-pretrain wrote; none begins anew.")
]
HeldOut = Annotated[float, typer.Option("--held-out", help="Share of the texts measured on.")]
Context = Annotated[int, typer.Option("--context", help="Rows with longer texts are left out.")]


def soft_finetune(
    context_of: typer.Context,
    data: Data,
    out: options.Out,
    adapter: Adapter = None,
    measured: options.Measured = None,
    model: options.Model = "smollm2-135m",
    method: options.Method = "compressor500x",
    preset: options.Preset = "default",
    shape: options.ShapeOf = None,
    slots: options.Slots = None,
    held_out: HeldOut = 0.02,
    most_held_out: options.MostHeldOut = 64,
    context: Context = 2048,
    segment: options.Segment = 512,
    weight: options.Weight = None,
    learning_rate: options.LearningRate = 5e-4,
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
    """Fine-tune a soft compressor on questions about texts, answered from their memories.

    With --adapter, method and shape are the adapter's. Ctrl-C stops it, the same command goes on.
    On several GPUs: torchrun --nproc-per-node N --no-python tersely train soft-finetune ...
    """
    with reported():
        options.check_beside_adapter(context_of, adapter)
        need_training()
        from tersely.training.soft import finetune

        rhythm: dict[str, Any] = {"learning_rate": learning_rate, "epochs": epochs}
        rhythm |= {"most_steps": steps}
        rhythm |= {"batch_tokens": batch_tokens, "pass_tokens": pass_tokens}
        given: dict[str, Any] = {"out": out, "adapter": adapter, "model": model, "method": method}
        given |= {"context_tokens": context, "segment_tokens": segment, "prefix": prefix}
        settings = finetune.Settings(
            data=tuple(data),
            measured=tuple(measured or ()),
            shape=options.shape_of(preset, shape),
            slots=tuple(slots or ()),
            weights=options.changed(finetune.WEIGHTS, weight, "--weight"),
            pace=options.pace_of(pace, seed=seed, threads=threads, **rhythm),
            held_out=held_out,
            most_held_out=most_held_out,
            device=device,
            precision=precision,
            **given,
        )
        what = "fine-tuning"
        options.run(finetune.finetune, settings, what=what, quiet=quiet, as_json=as_json)
