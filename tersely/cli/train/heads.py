"""`tersely train heads`: find the attention heads that see where a question is answered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.backends.load import Runtime


def heads(
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")],
    model: Annotated[
        str, typer.Option("--model", help="Whose heads; see `tersely models`.")
    ] = "smollm2-135m",
    count: Annotated[int, typer.Option("--count", help="How many heads to find.")] = 5,
    samples: Annotated[int, typer.Option("--samples", help="How many texts to read.")] = 48,
    seed: Annotated[int, typer.Option("--seed", help="Which texts are generated.")] = 0,
    runtime: Annotated[
        str, typer.Option("--runtime", help="What runs it: openvino or torch.")
    ] = "openvino",
    threads: Annotated[
        int | None,
        typer.Option("--threads", help="Threads of the model; 1 where cores are shared."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
) -> None:
    """Find the attention heads of a model that `evaluator_heads` asks; no data is needed."""
    with reported():
        from tersely.backends.load import load_causal
        from tersely.cli.progress import progress_bar
        from tersely.errors import SettingError
        from tersely.training.heads import HeadSearch, find_heads

        search = HeadSearch(count=count, samples=samples, seed=seed)
        if not out.parent.is_dir():  # said now, not after minutes of reading
            raise SettingError(f"There is no folder {out.parent} to write {out.name} to.")
        if out.is_dir():
            raise SettingError(f"{out} is a folder; --out names the file to write.")
        backend = load_causal(model, runtime=cast("Runtime", runtime), threads=threads)
        shown = not quiet and sys.stderr.isatty()
        with progress_bar("reading texts", shown=shown, of="texts") as advance:
            found = find_heads(backend, search, progress=advance)
        found.save(out)
        if not quiet:
            pairs = " ".join(f"{layer}.{head}" for layer, head in found.heads)
            layers = 1 + max(layer for layer, _ in found.heads)
            typer.echo(
                f"{out}: heads {pairs} of {found.model}; {layers} of {found.shape[0]} layers are"
                " run to ask them.",
                err=True,
            )
