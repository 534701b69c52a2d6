"""Markdown: words of paragraphs may go, other blocks go whole, and what is left reads as it did.

Source:  https://spec.commonmark.org/0.31.2/ and https://github.github.com/gfm/#tables-extension-
Differs: nothing is rendered. markdown-it-py says where blocks are; what must not be cut inside a
         paragraph is found by `markdown_inline`.
Cost:    no model; about a second for each megabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tersely.content.markdown_pieces import Writer
from tersely.core.structure import Structure
from tersely.errors import SettingError

_READ_CHARS = 20_000  # how much of a text decides what it is
_PROGRAM_SHARE = 0.15  # of lines, and it is a program or its settings

_HEADING = re.compile(r"#{1,6}[ \t]+\S.*(?<![:;{},\s])[ \t]*\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DELIMITERS = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_PROGRAM = re.compile(
    r"(?:def|class|import|from|fn|pub|package|use|const|let|var|func|function|#include|public|"
    r"private|static|return|elif|for|while|if|end)\b.*[({:;\w]\s*\Z|[\w.-]+:(?:\s|\Z)|[\w.]+ = "
)
_WEAK = {
    "list": re.compile(r"(?m)(?:^ {0,3}(?:[-*+]|\d{1,3}[.)])[ \t]+\S.*\n(?:.*\n){0,3}?){2}"),
    "link": re.compile(r"\[[^\[\]\n]{1,200}\]\((?:https?:|mailto:|[#./\w])[^\s()]{0,500}\)"),
    "bold": re.compile(r"(?<![\w*])\*\*[^\s*][^*\n]{0,200}\*\*"),
    "code": re.compile(r"(?<![`\w])`[^`\s](?:[^`\n]{0,100}[^`\s])?`(?!`)"),
    "quote": re.compile(r"(?m)^> \S.*\n(?:> |\s*$)"),
}


@dataclass(frozen=True)
class Markdown:
    """Headings, paragraphs, lists, tables and code blocks.

    Attributes:
        notes: Whether rows and lines that are missing from a long table or code block are counted
            in their place.
        headings: How much more a heading of the first two levels is worth than the method thinks,
            in standard deviations. Those of the third are worth three quarters of it, deeper ones
            and front matter half of it.
    """

    name: ClassVar[str] = "markdown"
    notes: bool = True
    headings: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.headings < float("inf"):
            raise SettingError(f"headings is at least 0 and finite; not {self.headings!r}.")

    def matches(self, text: str) -> bool:
        """Return whether a text has two kinds of what Markdown has.

        One of them is a heading, a fence or a table. Lines that only a program or a settings file
        has speak against it.
        """
        sample = text[:_READ_CHARS]
        strong, declared = _strong_kinds(sample.splitlines())
        if not strong or declared > _PROGRAM_SHARE:
            return False
        return len(strong) > 1 or any(weak.search(sample) for weak in _WEAK.values())

    def read(self, text: str) -> Structure:
        """Say what may go. Any text is Markdown: nothing is refused."""
        writer = Writer(text, self.headings)
        series = tuple(writer.series) if self.notes else ()
        return Structure(self.name, tuple(writer.pieces), series, prose=True)


def _strong_kinds(lines: Sequence[str]) -> tuple[set[str], float]:
    """Return which unmistakable blocks there are, and what share of lines look like a program."""
    kinds: set[str] = set()
    declared = total = 0
    for before, line, after in _outside_fences(lines, kinds):
        total += bool(line.strip())
        if _HEADING.match(line) and not before.strip():
            if line.startswith("##") or not after.strip():
                kinds.add("heading")
        elif "|" in before and "|" in line and _DELIMITERS.match(line):
            if before.strip(" |").count("|") == line.strip(" |").count("|"):
                kinds.add("table")
        else:
            declared += _PROGRAM.match(line) is not None
    return kinds, declared / max(1, total)


def _outside_fences(lines: Sequence[str], kinds: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each line that is not in a fenced block, with its neighbours; note closed blocks."""
    fence = ""
    for index, line in enumerate(lines):
        match = _FENCE.match(line)
        if not fence and match is None:
            before = lines[index - 1] if index else ""
            yield before, line, lines[index + 1] if index + 1 < len(lines) else ""
        elif not fence and match is not None:
            if match[1].startswith("`") or index == 0 or not lines[index - 1].strip():
                fence = match[1]  # tildes under words underline them elsewhere
        elif match is not None and match[1].startswith(fence) and line.strip() == match[1]:
            kinds.add("fence")
            fence = ""
