"""`tersely methods`: what there is to choose from."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Annotated, Any

import typer

from tersely.cli.report import reported


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the methods, what each does, and its settings with their defaults."""
    with reported():
        from tersely._registry import compressor_names

        rows = [describe(name) for name in compressor_names()]
        if as_json:
            typer.echo(json.dumps(rows))
            return
        for row in rows:
            typer.echo(f"{row['name']:<18} {row['summary']}")
            settings = " ".join(f"{k}={v}" for k, v in row["settings"].items())
            typer.echo(f"{'':<18}   cost: {row['cost']}")
            typer.echo(f"{'':<18}   settings: {settings or 'none'}")


def describe(name: str) -> dict[str, Any]:
    """Return a method's name, summary, cost and settings, from its own module."""
    import sys

    from tersely._registry import compressor_class

    cls = compressor_class(name)
    head = (sys.modules[cls.__module__].__doc__ or "").split("\n\n")
    cost = head[1].partition("Cost:")[2] if len(head) > 1 else ""
    return {
        "name": name,
        "summary": " ".join(head[0].split()),
        "cost": " ".join(cost.split()),
        "settings": {f.name: f.default for f in fields(cls) if f.default is not MISSING},
        "needs_model": any(f.name in ("backend", "classifier") for f in fields(cls)),
    }
