"""Delimited tables (CSV and its relatives): rows stay or go whole; the header stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from tersely.core.structure import Piece, Series, Structure
from tersely.errors import PromptError, SettingError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_LEAST_ROWS = 3
_MAY_BE_SHORT, _LEAST_CELLS = 5, 3  # rows of this many cells may lack some at the end
_NAME_CHARS = 60  # a column's name is no longer
_NO_NAME = re.compile(r"[{}<>=\\]|\A\s|\A[\[(]|\A[^(]*\)|\([^)]*\Z|[.!?:]\Z")
_RULE = re.compile(r"[\s|:=+\-]+")  # below the names of a Markdown table

_OPEN = re.compile(r'"[^"]*+(?:""[^"]*+)*+')  # ends nowhere


@dataclass(frozen=True, kw_only=True)
class Table:
    """Keeps the first row and drops others; a last row says how many are missing.

    Attributes:
        notes: Whether to write that row.
        delimiter: What stands between cells; None finds out.
    """

    name: ClassVar[str] = "table"
    notes: bool = True
    delimiter: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            known = ", ".join(map(repr, DELIMITERS))
            raise SettingError(f"delimiter is one of {known}, or None; not {self.delimiter!r}.")

    def matches(self, text: str) -> bool:
        """Return whether the first row looks like names and the others have a cell for each.

        Of five names or more, the last may lack their cells.
        """
        delimiter = self._sniffed(text)
        if delimiter is None or text.startswith(("{", "[", "<", "|")):
            return False
        width = count = 0
        for row in _rows(text, delimiter):
            if row.core == row.end:
                continue
            cells = _width(text, row, delimiter)
            if count < 2 and not _plausible(text[row.core : row.end], delimiter, count):
                return False
            width = width or cells
            least = width if width < _MAY_BE_SHORT else _LEAST_CELLS
            if not least <= cells <= width or (width == 2 and ", " in text[row.core : row.end]):
                return False
            count += 1
        if _open_quote(text, delimiter) is not None:
            return False
        return count >= (_LEAST_ROWS if width > 2 or delimiter == "\t" else 2 * _LEAST_ROWS)

    def read(self, text: str) -> Structure:
        """Say what rows there are.

        Raises:
            PromptError: The first row has one cell only, or a quotation does not end.
        """
        delimiter = self._sniffed(text)
        if delimiter is None:
            raise PromptError(
                "This is no table: from line 1, column 1 on there is no comma, tab, semicolon or"
                " bar between names. Use content='text' for prose."
            )
        opened = _open_quote(text, delimiter)
        if opened is not None:
            line, column = _line_column(text, opened)
            raise PromptError(
                f"This is no table: the quotation that begins in line {line}, column {column} does"
                " not end. Close it, or double quotation marks that are meant."
            )
        pieces: list[Piece] = []
        rows: list[int] = []
        line_break, width = "", 0
        for row in _rows(text, delimiter):
            if row.core == row.end:
                pieces.append(Piece(row.start, row.end, "blank"))
            elif not width:
                width = _width(text, row, delimiter)
                pieces = [Piece(0, row.end, "fixed")]
            else:
                line_break = line_break or text[row.start : row.core]
                rows.append(len(pieces))
                pieces.append(Piece(row.start, row.end, "whole"))
        series: tuple[Series, ...] = ()
        if rows and self.notes:
            note = line_break + "... {dropped} more" + delimiter * (width - 1)
            series = (Series(tuple(rows), note, at=pieces[rows[-1]].end),)
        return Structure("table", tuple(pieces), series)

    def _sniffed(self, text: str) -> str | None:
        """Return what stands between cells: what makes most of them of the first row."""
        if self.delimiter is not None:
            return self.delimiter
        widths = {}
        for delimiter in DELIMITERS:
            first = next((row for row in _rows(text, delimiter) if row.core < row.end), None)
            widths[delimiter] = 0 if first is None else _width(text, first, delimiter)
        best = max(widths, key=lambda each: widths[each])
        return best if widths[best] > 1 else None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: [start, core) is the line break before it."""

    start: int
    core: int
    end: int


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """Cut a text into rows that tile it; empty lines are one row without characters."""
    for match in _row_pattern(delimiter).finditer(text):
        if match.start() < match.end():
            yield _Row(match.start(), match.end(1), match.end())


def _width(text: str, row: _Row, delimiter: str) -> int:
    """Return how many cells a row has."""
    if '"' not in text[row.core : row.end]:
        return text.count(delimiter, row.core, row.end) + 1
    return len(_cells(text[row.core : row.end], delimiter))


def _cells(row: str, delimiter: str) -> list[str]:
    """Return the cells of a row as they are written, quotation marks included."""
    return [match[1] for match in _cell_pattern(delimiter).finditer(row)]


def _plausible(row: str, delimiter: str, number: int) -> bool:
    """Return whether a first row can be names, or a second one what stands below names."""
    if number > 0:
        return _RULE.fullmatch(row) is None
    names = [cell.strip('"') for cell in _cells(row.lstrip("\ufeff"), delimiter)]
    if delimiter in ",;" and not names[0]:
        names[0] = "index"  # a column that a data frame leaves without a name
    return (
        len(set(names)) == len(names)
        and not names[0][:1].isdigit()
        and all(0 < len(name) <= _NAME_CHARS and not _NO_NAME.search(name) for name in names)
        and any(map(str.isalpha, "".join(names)))
    )


def _open_quote(text: str, delimiter: str) -> int | None:
    """Return where a quotation begins that never ends; None where all do."""
    return next(
        (
            row.core + match.start(1)
            for row in _rows(text, delimiter)
            if row.end == len(text)
            for match in _cell_pattern(delimiter).finditer(text[row.core : row.end])
            if _OPEN.fullmatch(match[1])
        ),
        None,
    )


def _line_column(text: str, at: int) -> tuple[int, int]:
    """Return the line and the column of a character, both from 1."""
    breaks = [match.end() for match in re.finditer(r"\r\n|\r|\n", text[:at])]
    return len(breaks) + 1, at - (breaks[-1] if breaks else 0) + 1


def _cell(delimiter: str) -> str:
    """Return the pattern of a cell: quoted, then with all in it that is no lone mark; or not."""
    plain = rf"[^{re.escape(delimiter)}\r\n]*+"
    return rf'(?>"[^"]*+(?:""[^"]*+)*+(?:"{plain}|\Z)|{plain})'


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\A|{re.escape(delimiter)})({_cell(delimiter)})")


@cache
def _row_pattern(delimiter: str) -> re.Pattern[str]:
    cell = _cell(delimiter)
    empty = r"(?:(?>\r\n|\r|\n)(?=[\r\n]|\Z))++"
    return re.compile(rf"({empty}|\r\n|\r|\n|\A){cell}(?>{re.escape(delimiter)}{cell})*+")
