"""Markdown blocks → pieces: which blocks go whole, and where words may go.

Every block has the line breaks before it, so that it begins a line whatever goes. Before a
paragraph that follows something else they are fixed: its first word may go. Where a block would be
read otherwise if the one before it went, the two are one piece.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tersely.content.atoms import Group, word_groups, word_pieces
from tersely.content.markdown_blocks import Block, Lines, is_closed, read_blocks
from tersely.content.markdown_inline import read_inline
from tersely.core.structure import Piece, PieceKind, Series, Structure
from tersely.core.units import word_units
from tersely.errors import PromptError, UnknownName

_PROGRAMS = (
    "c cpp c++ cs csharp go java javascript js jsx kotlin php py python python3 rb rs ruby rust"
    " scala swift ts tsx typescript"
)
LANGUAGES = {
    **dict.fromkeys(["json", "jsonc", "json5", "jsonl", "geojson"], "json"),
    **dict.fromkeys(["log", "logs"], "log"),
    **dict.fromkeys(["diff", "patch"], "diff"),
    **dict.fromkeys(["csv", "tsv"], "table"),
    **dict.fromkeys(["html", "xml", "svg", "xhtml"], "html"),
    **dict.fromkeys(_PROGRAMS.split(), "code"),
}
"""What the info string of a fence says → the kind of content."""

CODE_CHARS, TABLE_CHARS, NOTE_CHARS, LINK_CHARS = 800, 600, 400, 600
"""Characters up to which code, a table, a footnote, or an item that begins with a link is one."""

_LEAD_CHARS = 40  # a first word that is longer is a link

_NEEDS_BLANK = ("code", "html", "table", "rule", "other")
_NEEDS_GAP = ("table", "html")  # what follows without a blank line would belong to it
_MARKERS = re.compile(r"(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]|\Z)))*[ \t]*")
_PREFIX = re.compile(r"[ \t>]*")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_DELIMITERS = re.compile(r"(?m)^[ \t>]*[|:+=\- \t]*-[|:+=\- \t]*\r?$")
_DASHES = re.compile(r":?-+:?")
_FENCE = re.compile(r"(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*[ \t]*(`{3,}|~{3,})")


class Writer:
    """Writes the pieces of a text, block after block.

    Attributes:
        pieces: They tile the text.
        series: Rows and lines of what was cut.
    """

    def __init__(self, text: str, headings: float) -> None:
        self.pieces: list[Piece] = []
        self.series: list[Series] = []
        self._text, self._headings = text, headings
        self._lines = Lines(text)
        self._at = 0  # what is before it is written
        self._before: Block | None = None
        self._groups_used = 0  # numbers below it are taken by what is inside fences
        self._parted = False  # a blank line is fixed before the links that are being defined
        self._loose = False  # the paragraph before has a mark that has no partner
        for block in read_blocks(text, self._lines):
            self._block(block)
            self._before = block
        self._add("blank", len(text))

    def _add(self, kind: PieceKind, end: int, value: float = 0.0) -> None:
        if end > self._at:
            self.pieces.append(Piece(self._at, end, kind, value))
            self._at = end

    def _block(self, block: Block) -> None:
        before, first_line = self._before, self._lines.starts[block.first]
        breaks = block.first - before.last + 1 if before is not None else 2
        self._parted &= block.kind == "other"
        weld = self._is_sunk(block) or (breaks < 2 and self._needs_blank(block))
        if not weld or (before is not None and before.kind == "table" and breaks > 1):
            self._part(block, first_line, breaks)
        written = len(self.pieces)
        if block.kind == "words":
            self._words(block)
        else:
            self._other(block, first_line, tight=breaks < 2)
        if weld and written:
            self._weld(written)

    def _part(self, block: Block, first_line: int, breaks: int) -> None:
        """Write what must stay between a block and the one before it, whatever goes of the two."""
        self._spare_lines(first_line)
        before = self._before
        if before is None:
            return
        if block.kind == "words" and before.kind != "words" and self._loose and breaks < 2:
            self.pieces[-1] = replace(
                self.pieces[-1], kind="fixed"
            )  # it keeps two paragraphs apart
        if before.kind in _NEEDS_GAP:
            self._add("fixed", first_line)
        elif breaks > 1 and (block.numbers or (block.kind == "other" and before.kind != "other")):
            self._add("fixed", self._lines.starts[block.first - 1])
            self._parted = True

    def _other(self, block: Block, first_line: int, *, tight: bool) -> None:
        """Write a block that is no paragraph."""
        end = self._lines.ends[block.last - 1]
        several = block.last - block.first > 2
        if several and block.kind == "table" and end - first_line > TABLE_CHARS:
            self._table(block, end)
        elif several and block.kind in ("fence", "code") and end - first_line > CODE_CHARS:
            self._code(block, end)
        elif block.numbers and tight:
            self._add("fixed", end)
        elif block.kind == "rule" and not tight and block.owner < 0:
            self._add("blank", end)
        else:
            if block.kind in ("item", "quote"):
                self._loose |= self._text.count("`", first_line, end) % 2 > 0
            shares = {"front": 0.5, "heading": {1: 1.0, 2: 1.0, 3: 0.75}.get(block.level, 0.5)}
            self._add("whole", end, self._headings * shares.get(block.kind, 0.0))

    def _spare_lines(self, first_line: int) -> None:
        """Let go of all blank lines but one."""
        gap = self._text[self._at : first_line]
        keep = 4 if gap.endswith("\r\n") else 2
        if self.pieces and len(gap) > keep and not gap.strip("\r\n"):
            self._add("blank", first_line - keep)

    # paragraphs

    def _words(self, block: Block) -> None:
        text, before = self._text, self._before
        first_line, end = self._lines.starts[block.first], self._lines.ends[block.last - 1]
        pattern = _MARKERS if block.opens else _PREFIX
        start = _end_of(pattern, text, first_line, self._lines.ends[block.first])
        end = start + len(text[start:end].rstrip()) or end
        follows = before is not None and before.kind == "words" and before.owner == block.owner
        joins = follows and not block.opens and not self._loose
        groups = self._groups(block, start, end)
        if _FOOTNOTE.match(text, start) or (block.listed and not joins):
            self._marked_words(block, groups, end)
        elif joins:  # if its first word goes, the two are one
            kind: PieceKind = "fixed" if groups[0][2] == "fixed" else "whole"
            self._write([(self._at, groups[0][1], kind), *groups[1:]])
        else:
            lead = max(first_line, text.rfind(">", self._at, start) + 1)
            if before is not None or lead > first_line:
                self._add("fixed", lead)
            self._write([(self._at, *groups[0][1:]), *groups[1:]])

    def _groups(self, block: Block, start: int, end: int) -> list[Group]:
        """Cut a paragraph into words and what must not be cut."""
        self._loose = block.last - block.first > 1 and bool(
            _DELIMITERS.search(self._text, start, end)
        )
        if self._loose:  # a line of dashes could become a table, or the words above it a heading
            return [(start, end, "whole")]
        inline = read_inline(self._text, start, end)
        self._loose = inline.loose
        return word_groups(self._text, start, end, inline.atoms, inline.joined, inline.marks)

    def _marked_words(self, block: Block, groups: list[Group], end: int) -> None:
        """Write a paragraph of a list, or a footnote: its marker stays, with its first word."""
        start, stop, _ = groups[0]
        limit = NOTE_CHARS
        if block.listed:
            limit = LINK_CHARS if block.alone and stop - start > _LEAD_CHARS else 0
        if end - start <= limit and not block.numbers:
            self._add("whole", end)
            self._loose = True  # what follows must not be joined to what may be gone
            return
        self._add("fixed", stop)
        self._write(groups[1:])

    def _write(self, groups: list[Group]) -> None:
        for piece in word_pieces(groups):
            self._add(piece.kind, piece.end)

    # what is cut by lines

    def _table(self, block: Block, end: int) -> None:
        delimiters = self._lines[block.first + 1]
        self._add("fixed", self._lines.ends[block.first + 1])
        rows = self._line_pieces(block.first + 2, block.last)
        prefix = delimiters[: _end_of(_PREFIX, delimiters, 0, len(delimiters))]
        cells = " |" * (len(_DASHES.findall(delimiters)) - 1)
        self._note(rows, f"\n{prefix}| ... {{dropped}} more |{cells}", end)

    def _code(self, block: Block, end: int) -> None:
        lines = self._lines
        mark = _FENCE.match(lines[block.first]) if block.kind == "fence" else None
        closed = mark is not None and is_closed(lines, (block.first, block.last), mark[1])
        self._add("fixed", lines.ends[block.first])
        last = block.last - 1 if closed else block.last
        inside = self._structure(block, last, mark[1]) if mark is not None else None
        if inside is not None:
            self._insert(inside, lines.starts[block.first + 1])
        else:
            members = self._line_pieces(block.first + 1, last)
            line = lines[block.first + 1]
            indented = block.owner >= 0 or block.kind == "code"
            prefix = line[: _end_of(_PREFIX, line, 0, len(line))] if indented else ""
            self._note(members, f"\n{prefix}... {{dropped}} lines", self._at)
        self._add("fixed", end)

    def _line_pieces(self, first: int, last: int) -> list[int]:
        members = range(len(self.pieces), len(self.pieces) + last - first)
        for line in range(first, last):
            self._add("whole", self._lines.ends[line])
        return [*members]

    def _structure(self, block: Block, last: int, mark: str) -> Structure | None:
        """Return what the handler of a fence's language says of its lines; None if none does."""
        language = re.split(r"[\s,{:]", block.info.lower().lstrip("{."), maxsplit=1)[0]
        content = LANGUAGES.get(language)
        lines = self._lines
        if content is None or not lines[block.first].startswith(mark):  # its lines have prefixes
            return None
        inside = self._text[lines.starts[block.first + 1] : lines.ends[last - 1]]
        if mark[:3] in inside:
            return None  # it could end the block early
        from tersely.content.load import structure_of

        try:
            return structure_of(inside, content)
        except (PromptError, UnknownName):
            return None

    def _insert(self, inside: Structure, start: int) -> None:
        """Write the pieces of what is inside a fence, which begins at `start`."""
        self._add("fixed", start)
        offset = len(self.pieces)
        groups = self._groups_used
        for piece in inside.pieces:
            moved = replace(piece, start=start + piece.start, end=start + piece.end)
            if piece.group >= 0:
                moved = replace(moved, group=groups + piece.group)
                self._groups_used = max(self._groups_used, moved.group + 1)
            self.pieces.append(moved)
            self._at = moved.end
        for series in inside.series:
            members = tuple(offset + member for member in series.members)
            at = None if series.at is None else start + series.at
            self.series.append(replace(series, members=members, at=at))

    def _note(self, members: list[int], note: str, at: int) -> None:
        if members:
            self.series.append(Series(tuple(members), note, at))

    # blocks that must not be left without what is before them

    def _needs_blank(self, block: Block) -> bool:
        """Return whether a block must not come right after a paragraph or a list."""
        before = self._before
        if before is None or before.kind == "words" or (block.opens and not block.numbers):
            return False
        line = self._lines[block.first]
        empty = block.kind == "item" and _end_of(_MARKERS, line, 0, len(line)) == len(line)
        if before.kind == block.kind == "other" and self._parted:
            return False
        return block.kind in _NEEDS_BLANK or block.underlined or block.numbers or empty

    def _is_sunk(self, block: Block) -> bool:
        """Return whether lines of a block are indented less than its first one.

        After a list it would belong to the last item, and that would end inside the block.
        """
        depth = self._indent(block.first)
        if block.kind not in ("fence", "html", "code") or block.opens or not depth:
            return False
        lines = range(block.first + 1, block.last)
        return any(self._indent(line) < depth for line in lines if not self._lines.is_blank(line))

    def _indent(self, line: int) -> int:
        text = self._lines[line]
        return len(text[: _end_of(_PREFIX, text, 0, len(text))].expandtabs(4))

    def _weld(self, written: int) -> None:
        """Join the piece at that place with what is before it, the last word at least."""
        before = self.pieces[written - 1]
        if before.kind == "fixed" or written == len(self.pieces):
            return
        piece = self.pieces[written]
        start = before.start
        if before.kind == "words":
            start += word_units(self._text[before.start : before.end])[-1].start
        kind: PieceKind = "fixed" if piece.kind == "fixed" else "whole"
        joined = [Piece(start, piece.end, kind, max(before.value, piece.value))]
        if start > before.start:
            joined.insert(0, replace(before, end=start))
        self.pieces[written - 1 : written + 1] = joined
        self.series = [_moved(series, written, len(joined) - 2) for series in self.series]


def _moved(series: Series, written: int, by: int) -> Series:
    """Return a series after the number of pieces before a place has changed."""
    return replace(series, members=tuple(m + by if m > written else m for m in series.members))


def _end_of(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    match = pattern.match(text, start, end)
    return match.end() if match is not None else start
