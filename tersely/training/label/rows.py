"""Label files: one JSON line for each passage and kind of label, read and written."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tersely.core.units import word_units
from tersely.errors import SettingError

Bounds = tuple[tuple[int, int], ...]

DIGITS = 4
"""Decimals of a value in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One passage, and how worth keeping each of its W words is.

    Attributes:
        id: Of the passage.
        group: The article, paper or conversation it is of: splits keep groups together.
        text: The passage.
        words: W pairs (start, end) of characters of `text`: the package's own words
            (`core.units`), without their blank.
        values: W numbers in [0, 1].
        kind: Which teacher gave them.
        question: What they were given for; "" is all questions of the passage together.
        lang: Language of the passage.
    """

    id: str
    group: str
    text: str
    words: Bounds
    values: tuple[float, ...]
    kind: str
    question: str = ""
    lang: str = "en"

    def __post_init__(self) -> None:
        if not self.words:
            raise SettingError("it has no words.")
        if len(self.words) != len(self.values):
            raise SettingError(f"it has {len(self.words)} words and {len(self.values)} values.")
        wrong = [v for v in self.values if not (math.isfinite(v) and 0 <= v <= 1)]
        if wrong:
            raise SettingError(f"values are in [0, 1]; got {wrong[0]}.")
        before = 0
        for start, end in self.words:
            if not before <= start < end <= len(self.text):
                raise SettingError(
                    f"words are [start, end] in order, inside a text of {len(self.text)}"
                    f" characters; got [{start}, {end}] after {before}."
                )
            before = end

    def to_json(self) -> str:
        """Return one line, without its end."""
        row = asdict(self) | {"values": [round(value, DIGITS) for value in self.values]}
        return json.dumps(row, ensure_ascii=True, allow_nan=False)


_NAMES = tuple(one.name for one in fields(LabelRow))


def word_bounds(text: str) -> Bounds:
    """Return the words of a text, without their blanks."""
    return tuple((unit.core, unit.end) for unit in word_units(text) if unit.core < unit.end)


def read_labels(file: Path) -> Iterator[LabelRow]:
    """Yield the rows of a label file, gzipped if its name ends in ".gz".

    Raises:
        SettingError: It cannot be read, or a line is not a label row; the message names the line.
    """
    for number, row in read_json_lines(file):
        try:
            yield _row(row)
        except SettingError as error:
            raise SettingError(f"Line {number} of {file} is not a label row: {error}") from error


def read_json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line that is not blank.

    Raises:
        SettingError: It cannot be read, or a line is not a JSON object.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise SettingError(f"Line {number} of {file} is not JSON: {error}.") from error
                if not isinstance(row, dict):
                    raise SettingError(f"Line {number} of {file} is not a JSON object.")
                yield number, row
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error


def text_fields(row: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Return the named fields of a row, each of which must be a string.

    Raises:
        SettingError: One is missing or something else.
    """
    for name in names:
        if not isinstance(row.get(name), str):
            raise SettingError(f"{name!r} is missing or not a string.")
    return {name: row[name] for name in names}


def _row(row: dict[str, Any]) -> LabelRow:
    texts = text_fields(row, [n for n in ("id", "group", "text", "kind", *_OPTIONAL) if n in row])
    text_fields(row, ("id", "group", "text", "kind"))
    words, values = row.get("words"), row.get("values")
    if not isinstance(words, list) or not all(_is_pair(word) for word in words):
        raise SettingError("'words' is not a list of [start, end].")
    if not isinstance(values, list) or not all(_is_number(value) for value in values):
        raise SettingError("'values' is not a list of numbers.")
    return LabelRow(
        **texts,
        words=tuple((start, end) for start, end in words),
        values=tuple(float(value) for value in values),
    )


_OPTIONAL = ("question", "lang")


def _is_pair(word: object) -> bool:
    return isinstance(word, list) and len(word) == 2 and all(type(at) is int for at in word)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
