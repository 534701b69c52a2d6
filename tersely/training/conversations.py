"""Read what a model answered: instructions with responses, or whole conversations.

A row of a file of JSON lines (gzipped if it ends in ".gz") is one of

    {"instruction": "...", "response": "..."}           and "input", if it has one
    {"turns": [{"role": "user", "text": "..."}, {"role": "assistant", "text": "..."}, ...]}

and may have an "id" and a "group"; what the fields are called can be said.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tersely.errors import SettingError

LONGEST_ROW = 1_000_000
"""Characters that a row which goes over several lines may have."""

_PART = re.compile(r"_\d+$")
_SPEAKERS = {"human": "User", "user": "User", "system": "System"}
_ANSWERING = "Assistant"
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What the fields of a row are called.

    Attributes:
        id: Names the row. Parts of one conversation are numbered: "a_0", "a_1" are both of "a".
        group: What else is one conversation, if there is such a field.
        turns: The list of turns.
        role: Who speaks, in a turn.
        text: What is said, in a turn.
        instruction: What was asked, in a row without turns.
        input: What the instruction is about; it may be missing.
        response: What was answered.
        answering: Who speaks where the model does, separated by "|"; the case does not count.
    """

    id: str = "id"
    group: str = "group"
    turns: str = "turns"
    role: str = "role"
    text: str = "text"
    instruction: str = "instruction"
    input: str = "input"
    response: str = "response"
    answering: str = "assistant|gpt|model|bot"

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Fields:
        """Return the usual names, some of them changed.

        Raises:
            SettingError: There is no such field to name, or its name is empty.
        """
        known = [field.name for field in fields(cls)]
        for key, name in pairs.items():
            if key not in known:
                raise SettingError(f"There is no field {key!r} to name: {', '.join(known)}.")
            if not name:
                raise SettingError(f"The field {key!r} is named with an empty name.")
        return cls(**pairs)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, in turns.

    Attributes:
        group: The conversations of a group are held out together.
        turns: (speaker, what was said) in order; the model speaks as "Assistant".
    """

    group: str
    turns: tuple[tuple[str, str], ...]

    def written(self) -> tuple[str, list[Span]]:
        """Return it as one text, and where in it the model speaks.

        Each turn is "Speaker: what was said", and a blank line stands between two. A chat template
        is not used: what a compressor scores are plain texts.
        """
        text, responses = "", []
        for speaker, said in self.turns:
            text += f"\n\n{speaker}: " if text else f"{speaker}: "
            if speaker == _ANSWERING:
                responses.append((len(text), len(text) + len(said)))
            text += said
        return text, responses


def read_conversations(file: Path, names: Fields | None = None) -> list[Conversation]:
    """Read the conversations of a file in which the model says something.

    One that says exactly what an earlier one says is left out.

    Args:
        file: JSON lines. Raw line breaks within strings, as some exports write them, are read.
        names: What the fields are called.

    Raises:
        SettingError: The file cannot be read, a row is not as it should be, or none has a response.
    """
    names = names or Fields()
    found: dict[tuple[tuple[str, str], ...], Conversation] = {}
    rows = 0
    for number, row in _rows(file):
        rows += 1
        turns = tuple((who, said.strip()) for who, said in _turns(row, names, f"{file}, {number}"))
        turns = tuple((who, said) for who, said in turns if said)
        if any(who == _ANSWERING for who, _ in turns):
            found.setdefault(turns, Conversation(_group(row, names, rows), turns))
    if not found:
        what = f"none of its {rows} rows has a response" if rows else "it has no row"
        raise SettingError(
            f"{file} has nothing to train on: {what}. The model speaks where the field"
            f" {names.role!r} is one of {names.answering}, or in the field {names.response!r}."
        )
    return list(found.values())


def _turns(row: dict[str, Any], names: Fields, where: str) -> Iterator[tuple[str, str]]:
    """Yield (speaker, what was said)."""
    if names.turns not in row:
        asked, more = _text(row, names.instruction, where), row.get(names.input)
        yield "User", f"{asked}\n\n{more}" if isinstance(more, str) and more.strip() else asked
        yield _ANSWERING, _text(row, names.response, where)
        return
    turns = row[names.turns]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise SettingError(f"{where}: {names.turns!r} is not a list of objects.")
    answering = names.answering.casefold().split("|")
    for turn in turns:
        role = _text(turn, names.role, where).strip().casefold()
        speaker = _ANSWERING if role in answering else _SPEAKERS.get(role, role.capitalize())
        yield speaker, _text(turn, names.text, where)


def _text(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        what = f"is {type(value).__name__}, not a string" if name in row else "is missing"
        raise SettingError(f"{where}: {name!r} {what}; there are: {', '.join(row) or 'no fields'}.")
    return value


def _group(row: dict[str, Any], names: Fields, number: int) -> str:
    if (group := row.get(names.group)) is not None:
        return str(group)
    own = row.get(names.id)
    return f"row {number}" if own is None else _PART.sub("", str(own))


def _rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row, and the line it begins on."""
    opened = gzip.open if file.suffix == ".gz" else open
    held, first = "", 0
    try:
        with opened(file, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if not held and not line.strip():
                    continue
                alone = _row(line)
                if held and alone is not None:
                    raise SettingError(f"Line {first} of {file} is not a whole row of JSON.")
                held, first = (held + line, first) if held else (line, number)
                row = alone if alone is not None else _row(held)
                if row is not None:
                    yield f"line {first}", row
                    held = ""
                elif len(held) > LONGEST_ROW:
                    break
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error
    if held:
        raise SettingError(f"Line {first} of {file} is not a row of JSON: {held[:40]!r}")


def _row(text: str) -> dict[str, Any] | None:
    try:
        row = json.loads(text, strict=False)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
