"""How a text that is not prose may be shortened: pieces that tile it, and notes on what is gone.

A handler of one kind of content (JSON, code, a log) says which characters must stay, which stay or
go together, and where words may go one by one. Whatever is chosen under these rules is again
valid content of that kind; no method has to know which.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

PieceKind = Literal["fixed", "whole", "words", "blank"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, end) of a text, never none, that are treated alike.

    Attributes:
        start: First character.
        end: One past the last.
        kind: "fixed" always stays; "whole" stays or goes as one; of "words" each word stays or
            goes, as in prose; "blank" says nothing and goes whenever anything does.
        value: How much more it is worth than a method thinks, in standard deviations of what the
            method thinks of the segment's other units; infinite before all others.
        group: Whole pieces with one number, at least 0, stay or go together, with blanks between
            them. The first of them stands for all in a `Series`.
    """

    start: int
    end: int
    kind: PieceKind
    value: float = 0.0
    group: int = -1


@dataclass(frozen=True, slots=True)
class Series:
    """Whole pieces of which a note says how many are missing.

    Attributes:
        members: Their indices, ascending.
        note: What is written if some are dropped: `{dropped}` and `{total}` stand for numbers.
        at: The character before which it is written; None is right behind the first member that
            is kept, and nowhere if none is.
        gone: Members that had been dropped before, from a longer text that this one is left of.
    """

    members: tuple[int, ...]
    note: str
    at: int | None = None
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """Text that stands in the output and not in the input.

    Attributes:
        at: The character of the input before which it stands.
        text: What it says.
    """

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Structure:
    """What may go from one text.

    Attributes:
        content: What kind of content it is: "json", "code", ...
        pieces: They tile the text, in order.
        series: Which of them leave notes.
        prose: Whether it reads as prose all the same: sentences under headings.
    """

    content: str
    pieces: tuple[Piece, ...]
    series: tuple[Series, ...] = ()
    prose: bool = False

    def piece_at(self, character: int) -> int:
        """Return the index of the piece that a character is in."""
        return bisect_right(self.pieces, character, key=lambda piece: piece.start) - 1

    def notes(self, kept: Sequence[tuple[int, int]]) -> list[Note]:
        """Return what must be said of what is missing, in reading order.

        Args:
            kept: Characters [start, end) that are left, ascending and apart.
        """
        if not kept:
            return []  # where nothing is left, nothing is missing from it
        starts = [start for start, _ in kept]

        def stays(index: int) -> bool:
            at = self.pieces[index].start
            nearest = bisect_right(starts, at) - 1
            return nearest >= 0 and at < kept[nearest][1]

        notes = []
        # Those that stand behind a piece come before those that stand where it ends.
        for series in sorted(self.series, key=lambda series: series.at is not None):
            left = [index for index in series.members if stays(index)]
            dropped = len(series.members) - len(left) + series.gone
            at = series.at
            if at is None and left:
                at = self.pieces[left[0]].end
            if dropped and at is not None:
                total = len(series.members) + series.gone
                notes.append(Note(at, series.note.format(dropped=dropped, total=total)))
        return sorted(notes, key=lambda note: note.at)

    def left_of(self, kept: Sequence[tuple[int, int]]) -> Structure:
        """Return the structure of what is left of the text, without notes.

        Args:
            kept: Characters [start, end) that are left, ascending and apart.
        """
        pieces: list[Piece] = []
        places: dict[int, int] = {}  # piece of the text -> its first part in what is left
        ends: list[tuple[int, int]] = []  # where a kept stretch ends: in the text, in what is left
        written = 0
        for start, end in kept:
            index = self.piece_at(start)
            while index < len(self.pieces) and self.pieces[index].start < end:
                piece = self.pieces[index]
                first, last = max(start, piece.start), min(end, piece.end)
                places.setdefault(index, len(pieces))
                pieces.append(
                    Piece(written, written + last - first, piece.kind, piece.value, piece.group)
                )
                written += last - first
                index += 1
            ends.append((end, written))
        series = tuple(
            Series(
                tuple(places[index] for index in each.members if index in places),
                each.note,
                None if each.at is None else _moved(each.at, kept, ends),
                each.gone + sum(index not in places for index in each.members),
            )
            for each in self.series
        )
        return Structure(self.content, tuple(pieces), series, self.prose)


def weave(text: str, kept: Sequence[tuple[int, int]], structure: Structure | None) -> str:
    """Write out what is left of a text, with the notes on what is not.

    Args:
        text: The text.
        kept: Characters [start, end) that are left, ascending and apart.
        structure: The text's; None writes no notes.
    """
    notes = structure.notes(kept) if structure is not None and structure.series else []
    return write_out(text, kept, notes)


def write_out(text: str, kept: Sequence[tuple[int, int]], notes: Sequence[Note]) -> str:
    """Write out what is left of a text, and notes in their places.

    Args:
        text: The text.
        kept: Characters [start, end) that are left, ascending and apart.
        notes: In reading order.
    """
    if not notes:
        return "".join([text[start:end] for start, end in kept])
    out: list[str] = []
    waiting = iter([*notes, Note(len(text) + 1, "")])
    note = next(waiting)
    for start, end in kept:
        at = start
        while note.at < end:
            if note.at > at:
                out.append(text[at : note.at])
                at = note.at
            out.append(note.text)
            note = next(waiting)
        out.append(text[at:end])
    return "".join([*out, note.text, *(rest.text for rest in waiting)])


def tiles(pieces: Iterable[Piece], length: int) -> bool:
    """Return whether pieces tile a text of that many characters."""
    at = 0
    for piece in pieces:
        if piece.start != at or piece.end <= piece.start:
            return False
        at = piece.end
    return at == length


def _moved(at: int, kept: Sequence[tuple[int, int]], ends: Sequence[tuple[int, int]]) -> int:
    """Return where a place in a text is in what is left of it."""
    index = bisect_right([start for start, _ in kept], at) - 1
    if index < 0:
        return 0
    end, written = ends[index]
    return written - max(0, end - at)
