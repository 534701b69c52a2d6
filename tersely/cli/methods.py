"""`tersely methods`: what there is to choose from."""

from __future__ import annotations

import json
from collections.abc import Mapping
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

        print_rows([describe(name) for name in compressor_names()], as_json=as_json)


def print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what `describe_class` says of each method."""
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:<18} {row['summary']}")
        typer.echo(f"{'':<18}   cost: {row['cost']}")
        typer.echo(f"{'':<18}   settings: {settings_line(row['settings']) or 'none'}")


def settings_line(settings: Mapping[str, Any]) -> str:
    """Return settings as `--set` takes them; a text with blanks in it in quotes."""
    shown = {
        name: json.dumps(value) if isinstance(value, str) and len(value.split()) > 1 else value
        for name, value in settings.items()
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())


def describe(name: str) -> dict[str, Any]:
    """Return a method's name, summary, cost and settings, from its own module."""
    from tersely._registry import compressor_class

    cls = compressor_class(name)
    needs_model = any(one.name in ("backend", "classifier") for one in fields(cls))
    return {**describe_class(name, cls), "needs_model": needs_model}


def describe_class(name: str, cls: type[Any]) -> dict[str, Any]:
    """Return the same of any class of settings whose module's docstring says its cost."""
    import sys

    parts = (sys.modules[cls.__module__].__doc__ or "").split("\n\n")
    cost = next((part for part in parts if "Cost:" in part), "").partition("Cost:")[2]
    return {
        "name": name,
        "summary": " ".join(parts[0].split()),
        "cost": " ".join(cost.split()),
        "settings": {one.name: one.default for one in fields(cls) if one.default is not MISSING},
    }
