"""`tersely soft`: a text as a few slots of keys and values, saved, shown, asked and given back."""

from __future__ import annotations

import typer

from tersely.cli.soft import ask, compress, methods, regenerate, show

app = typer.Typer(
    help="Keep a text as a few slots of keys and values that an open model reads.",
    no_args_is_help=True,
)


@app.callback()
def root() -> None:
    """Keep a text as a few slots of keys and values that an open model reads."""


app.command("compress")(compress.compress)
app.command("ask")(ask.ask)
app.command("regenerate")(regenerate.regenerate)
app.command("show")(show.show)
app.command("methods")(methods.methods)
