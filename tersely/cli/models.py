"""placeholder"""

import typer

app = typer.Typer()


@app.command()
def list() -> None:
    """X"""
