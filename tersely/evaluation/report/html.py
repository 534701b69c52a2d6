"""A report as one HTML page that needs nothing else: style, script and pictures are inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from tersely._optional import need
from tersely.evaluation.report.corpus import role_of
from tersely.evaluation.report.plots import Style, for_page
from tersely.evaluation.report.table import (
    Cell,
    Column,
    Figure,
    Report,
    Section,
    Table,
    sort_value,
    text_of,
)

MOST_BYTES = 3_000_000
"""What a page should stay under, so that it can be sent around."""


def html(report: Report, styles: Mapping[str, Style]) -> str:
    """Return the report as a page.

    Args:
        report: What is said.
        styles: How arms look; tables show their colours, too.
    """
    jinja2, markup = need("jinja2", extra="eval"), need("markupsafe", extra="eval").Markup
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        _file("page.html")
    )
    colours = {arm: style.colour for arm, style in styles.items()}
    page: str = template.render(
        title=report.title,
        head=report.head,
        sections=[_section(section, colours, markup) for section in report.sections],
        style=markup(_file("page.css")),
        script=markup(_file("page.js")),
    )
    return page


def _file(name: str) -> str:
    return resources.files("tersely.evaluation.report").joinpath(name).read_text("utf-8")


def _section(section: Section, colours: Mapping[str, str], markup: Any) -> dict[str, Any]:
    parts = [
        _table(section, part, colours) if isinstance(part, Table) else _figure(part, markup)
        for part in section.parts
    ]
    return {
        "id": section.name,
        "title": section.title,
        "texts": section.texts,
        "points": section.items,  # "items" is a method of every dict
        "parts": parts,
    }


def _figure(figure: Figure, markup: Any) -> dict[str, Any]:
    svg = for_page(figure.draw("svg"), figure.name)
    return {
        "is_table": False,
        "id": f"figure-{figure.name}",
        "title": figure.title,
        "alt": figure.alt,
        "notes": figure.notes,
        "svg": markup(svg),  # matplotlib escapes the texts in it
    }


def _table(section: Section, table: Table, colours: Mapping[str, str]) -> dict[str, Any]:
    used = [
        at
        for at, column in enumerate(table.columns)
        if any(text_of(row[at], column) for row in table.rows)
    ]
    columns = [table.columns[at] for at in used]
    rows = [[row[at] for at in used] for row in table.rows]
    best = _best(rows, columns)
    return {
        "is_table": True,
        "id": f"{section.name}-{table.name}",
        "title": table.title,
        "notes": table.notes,
        "folded": table.folded,
        "columns": [{"title": c.title, "is_number": bool(c.form)} for c in columns],
        "rows": [
            {
                "opens": opens,
                "cells": [
                    _cell(cell, column, colours) | {"best": (at, column.name) in best}
                    for cell, column in zip(row, columns, strict=True)
                ],
            }
            for at, (row, opens) in enumerate(zip(rows, _opens(rows, columns), strict=True))
        ],
    }


def _best(rows: Sequence[Sequence[Cell]], columns: Sequence[Column]) -> set[tuple[int, str]]:
    """Return where each rate's best score stands; references do not compete."""
    names = [column.name for column in columns]
    if not {"rate", "arm", "score"} <= {*names}:
        return set()
    found: dict[Cell, tuple[float, int]] = {}
    for at, row in enumerate(rows):
        rate, arm, score = (row[names.index(name)] for name in ("rate", "arm", "score"))
        if isinstance(score, float) and role_of(str(arm)) != "reference":
            found[rate] = max(found.get(rate, (-math.inf, 0)), (score, at))
    return {(at, "score") for score, at in found.values() if math.isfinite(score)}


def _opens(rows: Sequence[Sequence[Cell]], columns: Sequence[Column]) -> list[bool]:
    """Return for each row whether another rate begins with it."""
    at = next((i for i, column in enumerate(columns) if column.name == "rate"), None)
    if at is None:
        return [False] * len(rows)
    rates = [row[at] for row in rows]
    return [i > 0 and rates[i] != rates[i - 1] for i in range(len(rows))]


def _cell(cell: Cell, column: Column, colours: Mapping[str, str]) -> dict[str, Any]:
    value = sort_value(cell)
    heat = None
    if column.heat and isinstance(value, float):
        heat = f"{min(1.0, max(0.0, value)):.2f}"
    text, interval = text_of(cell, column), ""
    if column.form:
        text, _, interval = text.partition(" [")
    return {
        "text": text,
        "interval": f"[{interval}" if interval else "",
        "value": value,
        "is_number": bool(column.form),
        "heat": heat,
        "colour": colours.get(str(cell), "") if column.name in ("arm", "baseline") else "",
    }
