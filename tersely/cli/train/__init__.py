"""`tersely train`: make what a method needs, for texts or a model of your own."""

from __future__ import annotations

import typer

from tersely.cli.train import (
    align,
    export,
    heads,
    label,
    pairs,
    soft_finetune,
    soft_pretrain,
    token_classifier,
)

app = typer.Typer(
    help="Make what a method needs, for texts or a model of your own.", no_args_is_help=True
)


@app.callback()
def root() -> None:
    """Make what a method needs, for texts or a model of your own."""


app.command("heads")(heads.heads)
app.command("label")(label.label)
app.command("pairs")(pairs.pairs)
app.command("token-classifier")(token_classifier.token_classifier)
app.command("export")(export.export)
app.command("align")(align.align)
app.command("soft-pretrain")(soft_pretrain.soft_pretrain)
app.command("soft-finetune")(soft_finetune.soft_finetune)
