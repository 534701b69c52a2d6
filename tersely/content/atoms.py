"""Text with things in it that must not be cut: what of it goes word by word, and what as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tersely.core.structure import Piece, PieceKind
from tersely.core.units import word_units

Span = tuple[int, int]

Group = tuple[int, int, PieceKind]
"""Characters [start, end) that stay or go as one; of kind "words" if they are one plain word."""


def word_groups(
    text: str,
    start: int,
    end: int,
    atoms: Sequence[Span],
    joined: Iterable[int] = (),
    marks: Iterable[Span] = (),
) -> list[Group]:
    """Cut [start, end) of a text into words, joining those that share an atom.

    Args:
        text: The text.
        start: First character.
        end: One past the last.
        atoms: What must not be cut, [start, end) each, ascending by start; they may overlap.
        joined: Characters whose word stays or goes with the word before it, ascending.
        marks: Atoms that always stay, ascending; they may not overlap.

    Returns:
        Groups that tile [start, end). Each has the whitespace before it.
    """
    groups: list[Group] = []
    held, fixed = _Queue([*_merged(atoms)]), _Queue([*marks])
    glue = _Queue([(at, at + 1) for at in joined])
    for unit in word_units(text[start:end]):
        left, right = start + unit.start, start + unit.end
        touched, glued = held.meets(left, right)
        kept, _ = fixed.meets(left, right)
        risky, _ = glue.meets(left, right)
        kind: PieceKind = "fixed" if kept else "whole" if touched or risky else "words"
        if groups and (glued or risky):
            before = groups.pop()
            left = before[0]
            kind = "fixed" if "fixed" in (kind, before[2]) else "whole"
        groups.append((left, right, kind))
    return groups


def word_pieces(groups: Iterable[Group]) -> Iterator[Piece]:
    """Yield the pieces of a run of groups: plain words together, the others one by one."""
    words: Span | None = None
    for start, end, kind in groups:
        if kind == "words":
            words = (words[0] if words is not None else start, end)
            continue
        if words is not None:
            yield Piece(*words, "words")
            words = None
        yield Piece(start, end, kind)
    if words is not None:
        yield Piece(*words, "words")


class _Queue:
    """Spans that are asked for from left to right."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans
        self.next = 0

    def meets(self, left: int, right: int) -> tuple[bool, bool]:
        """Return whether a span touches [left, right), and whether one began before it."""
        spans = self.spans
        while self.next < len(spans) and spans[self.next][1] <= left:
            self.next += 1
        if self.next == len(spans) or spans[self.next][0] >= right:
            return False, False
        return True, spans[self.next][0] < left


def _merged(atoms: Sequence[Span]) -> list[Span]:
    """Join atoms that overlap."""
    out: list[Span] = []
    for start, end in atoms:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
