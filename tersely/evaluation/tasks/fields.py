"""Rows whose fields are checked as they are read, so that a wrong one is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tersely.errors import SettingError
from tersely.evaluation.source import Row, Source

FromHub = Callable[[Row, int], Row]
"""Gives a hub's row, with its number, the fields that ours have."""


LONGEST_ROW = 1_000_000
"""Characters that a row which goes over several lines may have."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One row of a data set.

    Attributes:
        row: The row as it is.
        within: What errors say it is of: the name of the set.
        id: What errors say it is.
    """

    row: Row
    within: str
    id: str

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a string that is not blank; with `empty`, any string.

        Raises:
            SettingError: The row has no such field, or it is something else.
        """
        value = self._get(name)
        if not isinstance(value, str):
            raise self.wrong(name, f"is {type(value).__name__}, not a string")
        if not empty and not value.strip():
            raise self.wrong(name, "is empty")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, blank ones left out.

        Raises:
            SettingError: The row has no such field, or it is something else.
        """
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "is not a list of strings")
        return tuple(one for one in value if one.strip())

    def rows(self, name: str) -> list[Fields]:
        """Return a list of objects, each of which says of itself where it is.

        Raises:
            SettingError: The row has no such field, or it is something else.
        """
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(name, "is not a list of objects")
        return [
            Fields(one, self.within, f"{self.id}, {name}[{at}]") for at, one in enumerate(value)
        ]

    def wrong(self, name: str, what: str) -> SettingError:
        """Return an error about a field."""
        return SettingError(f"In {self.within}, row {self.id}: {name!r} {what}.")

    def _get(self, name: str) -> Any:
        if name not in self.row:
            raise self.wrong(name, f"is missing; there are: {', '.join(self.row)}")
        return self.row[name]


def read_fields(source: Source, name: str, *, hub: FromHub | None = None) -> Iterator[Fields]:
    """Yield the rows of a data set.

    Args:
        source: Where it is.
        name: What it is called.
        hub: Converts a hub's rows; None is a set that is on no hub in a form we know.

    Raises:
        SettingError: The set cannot be read, is on a hub and must not be, or a row has no id.
    """
    if source.is_hub and hub is None:
        raise SettingError(f"{name} is read from a folder or a file, not from {source.place}.")
    for number, row in enumerate(source.rows(name)):
        if source.is_hub and hub is not None:
            row = _converted(row, number, hub, source.place)
        if not isinstance(row.get("id"), str):
            raise SettingError(f"In {name}, row {number + 1}: 'id' is missing or not a string.")
        yield Fields(row, name, row["id"])


def read_loose(source: Source, name: str) -> Iterator[Fields]:
    """Yield the rows of a file whose strings may hold raw line breaks, as some exports write them.

    Raises:
        SettingError: It cannot be read, or what is no row goes on for `LONGEST_ROW` characters.
    """
    if source.is_hub:
        raise SettingError(f"{name} is read from a folder or a file, not from {source.place}.")
    file, held = source.file(name), ""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                held += line
                row = _row(held) if held.strip() else {}
                if row is None and len(held) > LONGEST_ROW:
                    raise SettingError(f"Up to line {number} of {file} there is no whole row.")
                if row is not None:
                    held = ""
                if row:
                    yield Fields(row, name, str(row.get("id", f"of line {number}")))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error
    if held:
        raise SettingError(f"{file} ends within a row: {held[:40]!r}")


def _row(text: str) -> Row | None:
    try:
        row = json.loads(text, strict=False)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _converted(row: Row, number: int, hub: FromHub, place: str) -> Row:
    try:
        return hub(row, number)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise SettingError(
            f"In {place}, row {number + 1}: it has not the fields that are read; what is wrong is"
            f" {type(error).__name__}: {error}. There are: {', '.join(row)}."
        ) from error


def present(source: Source, names: Sequence[str]) -> list[str]:
    """Return which of some sets are there; of a file or a hub's set, the first name alone.

    Raises:
        SettingError: None is.
    """
    if source.is_hub or not Path(source.place).is_dir():
        return [names[0]]
    found = []
    for name in names:
        try:
            source.file(name)
        except SettingError:
            continue
        found.append(name)
    if not found:
        source.file(names[0])
    return found
