"""What a report is made of: sections of tables, figures and plain sentences, as data.

Nothing here knows how it is shown. `markdown.py` and `html.py` print it, `numbers` is its JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Numbers = dict[str, Any]
DASH = ""
"""What stands where nothing could be measured."""

DIGITS = 6
"""To which digit numbers are rounded in the JSON, so that it is the same on every machine."""


@runtime_checkable
class Interval(Protocol):
    """A number and where it may lie; `tersely.evaluation.statistics.Estimate` is one."""

    @property
    def value(self) -> float:
        """The number."""
        ...

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        ...

    @property
    def high(self) -> float:
        """The upper end."""
        ...


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles; shown and stored like an interval, but it is none.

    Attributes:
        value: The median.
        low: The lower quartile.
        high: The upper quartile.
    """

    value: float
    low: float
    high: float


Cell = str | float | int | bool | Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its key in the JSON.
        title: What stands above it.
        form: How numbers are printed, as in ".1f"; "" is for texts.
        scale: What numbers are multiplied by before they are printed: 100 for percent.
        heat: Whether the page shades its cells between 0 and 1.
    """

    name: str
    title: str
    form: str = ""
    scale: float = 1.0
    heat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns.

    Attributes:
        name: Its key in the JSON and anchor in the page; unlike any other in its section.
        title: What stands above it.
        columns: Its columns.
        rows: For each row as many cells as there are columns.
        notes: Sentences that stand below it: formulas, what is left out and why.
        folded: Whether the page shows it only on demand.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    folded: bool = False

    @property
    def numbers(self) -> list[Numbers]:
        """The rows as JSON objects; numbers as they are, not as they are printed."""
        names = [column.name for column in self.columns]
        return [
            {name: plain(cell) for name, cell in zip(names, row, strict=True)} for row in self.rows
        ]

    def texts(self, row: Sequence[Cell]) -> list[str]:
        """Return the cells of a row as they are printed."""
        return [text_of(cell, column) for cell, column in zip(row, self.columns, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture.

    Attributes:
        name: Its file name without an ending.
        title: What stands above it.
        alt: What it shows, in words.
        draw: Draws it, as bytes of "png" or "svg".
        notes: Sentences that stand below it.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[str], bytes]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One track, or what stands before the tracks.

    Attributes:
        name: Its key in the JSON and anchor in the page.
        title: Its heading.
        texts: Paragraphs that stand first.
        items: Lines of a list that follows them.
        parts: Tables and figures, in order.
    """

    name: str
    title: str
    texts: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    parts: tuple[Table | Figure, ...] = ()

    @property
    def tables(self) -> list[Table]:
        """Its tables."""
        return [part for part in self.parts if isinstance(part, Table)]

    @property
    def figures(self) -> list[Figure]:
        """Its figures."""
        return [part for part in self.parts if isinstance(part, Figure)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report.

    Attributes:
        title: Its heading.
        head: How it was made: what, and its value.
        sections: Its sections, the summary first.
    """

    title: str
    head: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]

    @property
    def figures(self) -> list[Figure]:
        """Every figure."""
        return [figure for section in self.sections for figure in section.figures]

    @property
    def numbers(self) -> Numbers:
        """Everything that is said, for programs."""
        return {
            "title": self.title,
            "head": dict(self.head),
            "sections": {
                section.name: {
                    "texts": [*section.texts],
                    "items": [*section.items],
                    "tables": {table.name: table.numbers for table in section.tables},
                }
                for section in self.sections
            },
        }


def text_of(cell: Cell, column: Column) -> str:
    """Return a cell as it is printed: "61.0 [55.2, 66.8]" for an interval, "" for nothing."""
    if cell is None:
        return DASH
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int | float):
        return DASH if not math.isfinite(cell) else _printed(cell, column)
    if not math.isfinite(cell.value):
        return DASH
    text = _printed(cell.value, column)
    if not (math.isfinite(cell.low) and math.isfinite(cell.high)):
        return text
    return f"{text} [{_printed(cell.low, column)}, {_printed(cell.high, column)}]"


def sort_value(cell: Cell) -> float | str:
    """Return what a cell is sorted by: its number, or its text."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    value = float(cell) if isinstance(cell, int | float) else cell.value
    return value if math.isfinite(value) else ""


def plain(cell: Cell) -> Any:
    """Return a cell as JSON has it; None for what is not a finite number."""
    if cell is None or isinstance(cell, str | bool):
        return cell
    if isinstance(cell, int | float):
        return _rounded(cell)
    return {"value": _rounded(cell.value), "low": _rounded(cell.low), "high": _rounded(cell.high)}


def _rounded(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return round(float(value), DIGITS) if math.isfinite(value) else None


def _printed(value: float, column: Column) -> str:
    text = format(value if column.scale == 1 else value * column.scale, column.form or "g")
    bare = text.lstrip("+-")
    return bare if not bare.strip("0.,") and text.startswith("-") else text  # no "-0.0"


def row_of(columns: Sequence[Column], cells: Mapping[str, Cell]) -> tuple[Cell, ...]:
    """Return the cells of a row in the order of the columns; None where there is none."""
    return tuple(cells.get(column.name) for column in columns)
