"""`tersely soft methods`: what there is to make memories with."""

from __future__ import annotations

from typing import Annotated

import typer

from tersely.cli.methods import describe_class, print_rows
from tersely.cli.report import reported


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the methods that make memories, what each does, and its settings."""
    with reported():
        from tersely._registry import producer_class, producer_names

        rows = [describe_class(name, producer_class(name)) for name in producer_names()]
        for row in rows:
            row["needs_adapter"] = "adapter" in row["settings"]
            if row["needs_adapter"] and not as_json:
                row["summary"] += " Needs --adapter."
        print_rows(rows, as_json=as_json)
