"""`tersely soft regenerate`: write the text again that a memory stands for."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from tersely._words import counted
from tersely.cli.compress import print_json, write_text
from tersely.cli.report import reported
from tersely.cli.soft import options


def regenerate(
    memories: options.Memories,
    model: options.Model = "smollm2-135m",
    tokens: Annotated[
        int | None,
        typer.Option("--tokens", "-t", help="The most to write; a few more than the text had."),
    ] = None,
    system: options.System = None,
    prefix: options.Prefix = None,
    device: options.Device = "auto",
    precision: options.Precision = None,
    threads: options.Threads = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the text that MEMORIES stand for, as far as the model can tell it from them.

    Only what was trained for this comes near the text; other memories are asked to repeat it.
    """
    with reported():
        from tersely.soft.reader import regenerate as write
        from tersely.soft.sampling import Sampling

        options.check_tokens(tokens)
        sampling = None if tokens is None else Sampling(most_tokens=tokens)
        read = options.load_memories(memories)
        place: dict[str, Any] = {"system": system, "prefix": prefix, "device": device}
        host = options.load_model(model, **place, precision=precision, threads=threads)
        options.check_model(read, memories, host)
        if not quiet and sys.stderr.isatty():
            about = sum(one.source_tokens for one in read)
            typer.echo(f"writing about {counted(about, 'token')}", err=True)
        started = time.monotonic()
        text = write(host, read, sampling)
        seconds = round(time.monotonic() - started, 3)
        if as_json:
            where = {"memories": options.sources(read, memories), "model": host.name}
            print_json({"text": text, **where, "seconds": seconds})
        else:
            write_text(text + "\n")
        if not quiet:
            typer.echo(f"{options.read_from(read)}, {host.name}, {seconds:.1f} s", err=True)
