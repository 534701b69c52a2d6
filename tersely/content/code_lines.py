"""Lines of source code, and what of them need not stay."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tersely.core.structure import PieceKind

if TYPE_CHECKING:
    from ast_grep_py import SgNode

BLANKS = re.compile(r"[^\S\n]*")
_END = re.compile(r"[^\S\n]*(?:;[^\S\n]*)*")


@dataclass(slots=True)
class Claim:
    """Characters [start, end) that need not stay; "fixed" takes it back."""

    start: int
    end: int
    kind: PieceKind
    value: float = 0.0


@dataclass(slots=True)
class Lines:
    """Where the lines of a source are.

    Attributes:
        text: The source.
        remarks: Where each comment ends, by where it begins.
        starts: First characters of the lines, ascending.
    """

    text: str
    remarks: dict[int, int]
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def number(self, at: int) -> int:
        """Return in which line a character is; the first is 0."""
        return bisect_right(self.starts, at) - 1

    def first(self, at: int) -> int:
        """Return the first character of the line that a character is in."""
        return self.starts[self.number(at)]

    def after(self, at: int) -> int:
        """Return one past the line break that ends the line of a character."""
        number = self.number(at) + 1
        return self.starts[number] if number < len(self.starts) else len(self.text)

    def blank_before(self, at: int) -> int:
        """Return where the blank lines before a line begin: its own first character if none are."""
        number = self.number(at)
        while number and not self.text[self.starts[number - 1] : self.starts[number]].strip():
            number -= 1
        return self.starts[number]

    def indent(self, at: int) -> str:
        """Return the blanks at the beginning of the line that a character is in."""
        match = BLANKS.match(self.text, self.first(at))
        assert match is not None, "it matches the empty string"
        return match[0]

    def opens(self, at: int) -> bool:
        """Return whether only blanks are before a character, and the line before is ended."""
        first = self.first(at)
        if self.text.endswith("\\\n", 0, first) or self.text.endswith("\\\r\n", 0, first):
            return False
        return first + len(self.indent(at)) >= at

    def around(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the lines that hold nothing but [start, end) and comments behind it, if any."""
        if not self.opens(start):
            return None
        if self.text[end - 1] == "\n":
            return self.first(start), end
        at = self._skip(end)
        while at in self.remarks:
            stop = self.remarks[at]
            at = self._skip(stop - (self.text[stop - 1] == "\n"))
        if self.text[at : at + 1] not in {"", "\n"}:
            return None
        return self.first(start), min(at + 1, len(self.text))

    def _skip(self, at: int) -> int:
        match = _END.match(self.text, at)
        assert match is not None, "it matches the empty string"
        return match.end()


def bounds(node: SgNode) -> tuple[int, int]:
    """Return the characters [start, end) of a node."""
    place = node.range()
    return place.start.index, place.end.index


def outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches that are in no other, ascending."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not out or start >= out[-1][1]:
            out.append((start, end))
    return out


def made_up(root: SgNode) -> list[SgNode]:
    """Return the marks that are not in the text, but would have to be: they are empty."""
    return [node for node in root.find_all(regex="^$") if node.range() != root.range()]


def in_order(nodes: list[SgNode]) -> list[tuple[int, int, SgNode]]:
    """Return nodes with their bounds, each before what is in it."""
    return sorted(((*bounds(node), node) for node in nodes), key=lambda node: (node[0], -node[1]))
