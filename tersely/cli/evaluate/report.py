"""`tersely evaluate report`: records -> Markdown, pictures, numbers, and one HTML page."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tersely.cli.report import reported


def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders that `tersely evaluate run` wrote, or files.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder to write; made if not there.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Heading of the report.")] = "Evaluation",
    html: Annotated[
        bool, typer.Option("--html/--no-html", help="Write the page, too; needs jinja2.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report's numbers.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Report on what was measured: six tracks, each beside baselines and bounds."""
    with reported():
        from tersely.errors import SettingError
        from tersely.evaluation.records import read_records
        from tersely.evaluation.report.corpus import Corpus
        from tersely.evaluation.report.head import commit_of, head_of, read_run
        from tersely.evaluation.report.make import make_report, write_report

        if out is None and not as_json:
            raise SettingError("Say where to write the report (--out), or print it (--json).")
        corpus = Corpus.of(record for run in runs for record in read_records(run))
        if not quiet:
            typer.echo(f"{len(corpus.records):,d} records of {len(corpus.tasks)} tasks", err=True)
        head = head_of(
            corpus.records,
            [note for run in runs if (note := read_run(run))],
            command=shlex.join(["tersely", *sys.argv[1:]]),
            commit=commit_of(Path.cwd()),
        )
        made = make_report(corpus.records, title=title, head=head)
        if as_json:
            typer.echo(json.dumps(made.numbers, allow_nan=False))
        if out is not None:
            files = write_report(made, corpus, out, page=html)
            if not quiet:
                sizes = sum(file.stat().st_size for file in files) / 1e6
                typer.echo(f"{out}: {len(files)} files, {sizes:.1f} MB", err=True)
