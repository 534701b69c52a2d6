"""`tersely data`: look after the texts that compressors learn from."""

from __future__ import annotations

import typer

from tersely.cli.data import augment, clean, report, split

app = typer.Typer(help="Look after the texts that compressors learn from.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Look after the texts that compressors learn from."""


app.command("clean")(clean.clean)
app.command("split")(split.split)
app.command("augment")(augment.augment)
app.command("report")(report.report)
