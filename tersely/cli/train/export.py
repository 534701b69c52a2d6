"""`tersely train export`: write a trained token classifier small, with a card, and check it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tersely.cli.report import reported


def export(
    checkpoint: Annotated[
        str, typer.Argument(help="What `train token-classifier` wrote, or another classifier.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="Round the matrices to 8 bits: a quarter of the size.")
    ] = False,
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", help="JSON lines with text, or text files, to check it on."),
    ] = None,
    licence: Annotated[str, typer.Option("--licence", help="For the card; else the base's.")] = "",
    data: Annotated[str, typer.Option("--data", help="For the card: what the texts are.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Write it even if it keeps other words.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary.")] = False,
) -> None:
    """Write a token classifier as a folder to load by name; it must keep the same words."""
    with reported():
        from tersely.training.export import export_classifier, read_texts

        read = [text for file in texts or () for text in read_texts(file)]
        notes = {name: note for name, note in (("licence", licence), ("data", data)) if note}
        exported = export_classifier(
            checkpoint, out, int8=int8, texts=read if texts else None, notes=notes, force=force
        )
        if as_json:
            typer.echo(json.dumps(asdict(exported) | {"out": str(out)}))
        if not quiet:
            kept = ", ".join(f"{s:.3f} at {r}" for r, s in exported.overlaps.items())
            typer.echo(
                f"{out}: {exported.size_bytes / 1e6:.1f} MB. Same words kept as by the original"
                f" (Jaccard, {exported.texts} texts): {kept}.",
                err=True,
            )
