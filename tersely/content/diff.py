"""Unified diffs, git's and others: changed lines stay longest, lines around them go first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

from tersely.core.structure import Piece, Series, Structure
from tersely.errors import PromptError, SettingError

_Role = Literal["file", "facts", "index", "hunk", "change", "context", "other"]

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@|(@@@+) -[^\n]*\+\d+(?:,\d+)? @@@+")
_FILE = re.compile(r"diff (?:--git|--cc|--combined|-[a-zA-Z]) ?\S|Only in ")
_FACTS = re.compile(
    r"(?:new|deleted) file mode|old mode|new mode|rename (?:from|to)|copy (?:from|to)|Binary files"
)
_INDEX = re.compile(
    r"index [0-9a-f]+|Index: |={20,}$|--- |\+\+\+ |(?:dis)?similarity index|GIT binary|literal \d"
)
_FIRST = re.compile(
    r"diff -|--- \S|Index: \S|From [0-9a-f]{40} |commit [0-9a-f]{7,40}\b|@@ -\d"
    r"|# HG changeset patch|Only in \S+: "
)
_PATH = re.compile(r"(?:---|\+\+\+) (?:[^\t\r\n]*/)?([^\t\r\n/]*)")

_VALUES: dict[_Role, float] = {
    "facts": 1.0,
    "index": -3.0,  # it repeats the name, or is a checksum
    "hunk": 1.0,
    "change": 2.5,
    "context": -1.5,
    "other": 0.5,
}
_BESIDE = -0.5  # context next to a change
_EMPTY: dict[_Role, float] = {"change": -2.0, "context": -4.0}  # nothing but whitespace
_LEAST_SHARE = 0.5
_MOST_REPLACED = 8  # lines, old and new, of a replacement that is not torn apart


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Keeps the names of files and drops other lines, each on its own.

    What is left is to be read, not to be applied: the line numbers of hunks are the old ones.

    Attributes:
        notes: Whether to write ` [57 of 80 parts left out]` behind the name of a file.
        long_chars: Lines longer than this lose words instead of going whole.
    """

    name: ClassVar[str] = "diff"
    notes: bool = True
    long_chars: int = 2000

    def __post_init__(self) -> None:
        if self.long_chars < 1:
            raise SettingError(f"long_chars is at least 1; not {self.long_chars!r}.")

    def matches(self, text: str) -> bool:
        """Return whether the text begins as a diff does and is little else."""
        if not _FIRST.match(text.lstrip("\ufeff\r\n")):
            return False
        lines = _lines(text)
        roles = _roles(lines)
        filled = [role for role, line in zip(roles, lines, strict=True) if line.strip()]
        known = sum(role != "other" for role in filled)
        return {"hunk", "change"} <= {*roles} and known >= _LEAST_SHARE * len(filled)

    def read(self, text: str) -> Structure:
        """Say what of each line stays.

        Raises:
            PromptError: Nothing is changed in it.
        """
        lines = _lines(text)
        roles = _roles(lines)
        if not {"file", "hunk"} & {*roles}:
            raise PromptError(
                "This is no diff: from line 1, column 1 on, no line begins with '@@ -' or 'diff '."
                " Use content='text' for prose."
            )
        values = _values(lines, roles)
        pieces: list[Piece] = []
        series: list[Series] = []
        members: list[int] = []
        named: int | None = None  # where the name of the file ends
        start = 0
        for first, last in _parts(lines, roles, self.long_chars):
            part, role, value = "".join(lines[first:last]), roles[first], values[first]
            end = start + len(part)
            if role == "file":
                series += _note(named, members)
                members, named = [], start + len(part.rstrip("\r\n"))
                pieces.append(Piece(start, end, "fixed"))
            elif role == "other" and not part.strip():
                pieces.append(Piece(start, end, "blank"))
            elif len(part) <= self.long_chars:
                members.append(len(pieces))
                pieces.append(Piece(start, end, "whole", value))
            else:
                pieces += _long_line(part, start, value)
            start = end
        series += _note(named, members)
        return Structure("diff", tuple(pieces), tuple(series) if self.notes else ())


def _parts(
    lines: Sequence[str], roles: Sequence[_Role], long_chars: int
) -> Iterator[tuple[int, int]]:
    """Yield lines [first, last) that stay or go together: what replaces a few lines, and they."""
    first = 0
    for role, group in groupby(roles):
        last = first + len(list(group))
        marks = {line[0] for line in lines[first:last]}
        short = last - first <= _MOST_REPLACED and sum(map(len, lines[first:last])) <= long_chars
        if role == "change" and short and {"+", "-"} <= marks:
            yield first, last
        else:
            yield from zip(range(first, last), range(first + 1, last + 1), strict=True)
        first = last


def _note(named: int | None, members: Sequence[int]) -> Iterator[Series]:
    """Yield what is written behind the name of a file."""
    if named is not None and members:
        yield Series(tuple(members), "\t[{dropped} of {total} parts left out]", at=named)


def _long_line(line: str, start: int, value: float) -> Iterator[Piece]:
    """Cut up a line: what it begins with and its break stay, so that it keeps its role."""
    inside = len(line.rstrip("\r\n"))
    yield Piece(start, start + 1, "fixed")
    if inside > 1:
        yield Piece(start + 1, start + inside, "words", value)
    if inside < len(line):
        yield Piece(start + max(inside, 1), start + len(line), "fixed")


def _lines(text: str) -> list[str]:
    """Return the lines of a text with their breaks; a carriage return alone is none."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _roles(lines: Sequence[str]) -> list[_Role]:
    """Say what each line is."""
    walk = _Walk(lines)
    return [walk.role(at) for at in range(len(lines))]


def _values(lines: Sequence[str], roles: Sequence[_Role]) -> list[float]:
    """Say what each line is worth."""
    values = [_VALUES.get(role, 0.0) for role in roles]
    for at, role in enumerate(roles):
        if role in _EMPTY and not lines[at].strip("+- \t\r\n"):
            values[at] = _EMPTY[role]
        elif role == "context" and "change" in (*roles[at - 1 : at], *roles[at + 1 : at + 2]):
            values[at] = _BESIDE
    return values


@dataclass(slots=True)
class _Walk:
    """Where in a diff we are.

    A hunk says how many lines it has, which tells a removed "-- x" from a file's "--- x". If
    lines are missing from it, as after an earlier compression, what lines begin with decides.
    """

    lines: Sequence[str]
    old: int = 0  # lines that the hunk still has
    new: int = 0
    marks: int = 1  # characters that say what happens to a line: more than one after merges
    inside: bool = False  # of a file
    named: bool = False  # the file by a "diff" line

    def role(self, at: int) -> _Role:
        """Say what the next line is."""
        line = self.lines[at]
        hunk = _HUNK.match(line)
        if hunk:
            self.marks = len(hunk[3]) - 1 if hunk[3] else 1
            self.old = 0 if hunk[3] else int(hunk[1] or 1)
            self.new = 0 if hunk[3] else int(hunk[2] or 1)
            self.inside, self.named = True, False
            return "hunk"
        if (self.old > 0 or self.new > 0) and not self._names_file(at):
            role = self._marked(line)
            if role is not None:
                self.old -= line[0] not in "+\\"
                self.new -= line[0] not in "-\\"
                return role
        self.old = self.new = 0
        return self._outside(at)

    def _outside(self, at: int) -> _Role:
        """Say what a line is that no hunk has counted."""
        line = self.lines[at]
        if _FILE.match(line):
            self.inside = self.named = True
            return "file"
        if self._names_file(at) or (at > 0 and self._names_file(at - 1)):
            self.inside = True
            return "index" if self.named else "file"
        if _FACTS.match(line):
            return "facts"
        marked = self._marked(line) if self.inside and line.rstrip("\r\n") != "-- " else None
        if marked is not None and (line.strip() or not self.named):
            return marked
        if _INDEX.match(line):
            return "index"
        self.inside = self.inside and not line.strip()
        return "other"

    def _names_file(self, at: int) -> bool:
        """Return whether a line and the next name a file, before and after.

        Inside a hunk they are taken for names only if they agree, or the next hunk follows.
        """
        above, *rest = self.lines[at : at + 3]
        if not above.startswith("--- ") or not rest or not rest[0].startswith("+++ "):
            return False
        if self.old <= 0 and self.new <= 0:
            return True
        names = {match[1] for line in (above, rest[0]) if (match := _PATH.match(line))}
        return len(names) == 1 or (len(rest) > 1 and _HUNK.match(rest[1]) is not None)

    def _marked(self, line: str) -> _Role | None:
        """Say what the characters before a line say; None if there are none."""
        marks = line[: self.marks]
        if "+" in marks or "-" in marks or line.startswith("\\"):
            return "change" if not marks.strip("+- \\") else None
        return "context" if not marks.strip() else None
