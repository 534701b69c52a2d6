"""`tersely data report`: what is in a set, as a page with pictures or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tersely.cli.data import options
from tersely.cli.report import reported


def report(
    sources: options.Sources,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The page: .md with pictures beside it, or .html."),
    ] = None,
    near: options.Near = 0.8,
    target: Annotated[str, typer.Option("--for", help="Whose tokens are counted.")] = "o200k_base",
    skip_bad: options.SkipBad = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what is in a set: domains, lengths, languages, answer places, labels, duplicates."""
    with reported():
        from tersely.cli.data.page import as_text, write_page
        from tersely.cli.progress import progress_bar
        from tersely.counting import load_counter
        from tersely.data.lines import check_files, read_lines
        from tersely.data.survey import survey

        check_files(sources, [out] if out else [])
        bad: list[str] = []
        on_bad = (lambda place, _: bad.append(str(place))) if skip_bad else None
        with progress_bar("reading", shown=not quiet and sys.stderr.isatty(), of="bytes") as tick:
            found = survey(
                read_lines(sources, on_bad=on_bad, progress=tick), load_counter(target), near=near
            )
        found.bad_lines = len(bad)
        if out:
            files = write_page(found, out, [str(source) for source in sources])
            if not quiet:
                typer.echo(f"{out}: {found.rows:,d} rows, {len(files)} files", err=True)
        if as_json:
            typer.echo(json.dumps(found.numbers(), allow_nan=False))
        elif not out:
            typer.echo(as_text(found, [str(source) for source in sources]))
