"""The command `tersely`: one file per command, each of which parses, calls and prints."""

from __future__ import annotations

from typing import Annotated

import typer

from tersely.cli import (
    calibrate,
    chat,
    compress,
    data,
    doctor,
    evaluate,
    methods,
    models,
    payoff,
    recover,
    soft,
    train,
)

app = typer.Typer(
    name="tersely",
    help="Send fewer tokens and keep the answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "TERSELY", "help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from tersely import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Send fewer tokens and keep the answer."""


app.command("compress")(compress.compress)
app.command("chat")(chat.chat)
app.command("calibrate")(calibrate.calibrate)
app.command("recover")(recover.recover)
app.command("payoff")(payoff.payoff)
app.command("methods")(methods.methods)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(soft.app, name="soft")
app.add_typer(train.app, name="train")
app.add_typer(data.app, name="data")
app.add_typer(evaluate.app, name="evaluate")


def main() -> None:
    """Run the command."""
    app()
