"""`tersely evaluate`: measure methods on tasks, and report what came out."""

from __future__ import annotations

import typer

from tersely.cli.evaluate import bound, gate, report, run

app = typer.Typer(help="Measure methods on tasks, and report what came out.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Measure methods on tasks, and report what came out."""


app.command("tasks")(run.tasks)
app.command("run")(run.run)
app.command("report")(report.report)
app.command("gate")(gate.gate)
app.command("bound")(bound.bound)
