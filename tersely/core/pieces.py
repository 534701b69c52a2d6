"""Units that respect what a segment's structure says: cut at its pieces, of one kind each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from tersely.core.prompt import Prompt, Span
from tersely.core.structure import Piece
from tersely.core.units import Unit

PROSE, FIXED, WHOLE, WORDS, BLANK = range(5)
_KINDS = {"fixed": FIXED, "whole": WHOLE, "words": WORDS, "blank": BLANK}


def cut_pieces(prompt: Prompt, units: Sequence[Unit]) -> list[Unit]:
    """Return the units of a prompt, those of structured segments cut at their pieces.

    A fixed, whole or blank piece is one unit, its whitespace included; units in words pieces stay
    as they are.
    """
    if all(segment.structure is None for segment in prompt.segments):
        return list(units)
    out: list[Unit] = []
    for index, of_segment in groupby(units, lambda unit: unit.segment):
        structure = prompt.segments[index].structure
        if structure is None:
            out += of_segment
        else:
            out += _cut(structure.pieces, list(of_segment), index)
    return out


def _cut(pieces: Sequence[Piece], units: Sequence[Unit], segment: int) -> Iterator[Unit]:
    at = 0
    for piece in pieces:
        while at < len(units) and units[at].end <= piece.start:
            at += 1
        if piece.kind != "words":
            yield Unit(segment, piece.start, piece.start, piece.end)
            continue
        nth = at
        while nth < len(units) and units[nth].start < piece.end:
            unit = units[nth]
            start, end = max(unit.start, piece.start), min(unit.end, piece.end)
            yield Unit(segment, start, min(max(unit.core, start), end), end)
            nth += 1


@dataclass(frozen=True, slots=True)
class Kinds:
    """What is known of the units of a layout from the structure of their segments.

    Attributes:
        kind: (U,), PROSE, FIXED, WHOLE, WORDS or BLANK.
        bonus: (U,), the value of the piece.
        leader: (U,), the first unit of those that stay or go together; each its own otherwise.
    """

    kind: npt.NDArray[np.int64]
    bonus: npt.NDArray[np.float64]
    leader: npt.NDArray[np.int64]


def piece_kinds(prompt: Prompt, units: Sequence[Unit]) -> Kinds:
    """Return what kind of piece each unit is in."""
    kinds, bonus = np.full(len(units), PROSE), np.zeros(len(units))
    leader = np.arange(len(units))
    if all(segment.structure is None for segment in prompt.segments):
        return Kinds(kinds, bonus, leader)
    first: dict[tuple[int, int], int] = {}
    for at, unit in enumerate(units):
        structure = prompt.segments[unit.segment].structure
        if structure is not None:
            piece = structure.pieces[structure.piece_at(unit.start)]
            kinds[at], bonus[at] = _KINDS[piece.kind], piece.value
            if piece.group >= 0 and piece.kind == "whole":
                leader[at] = first.setdefault((unit.segment, piece.group), at)
    return Kinds(kinds, bonus, leader)


def touched(units: Sequence[Unit], spans: Iterable[Span]) -> npt.NDArray[np.bool_]:
    """Return which units have a character of their core in one of the spans, (U,)."""
    out = np.zeros(len(units), dtype=np.bool_)
    keys = [(unit.segment, unit.end) for unit in units]
    for span in spans:
        for at in range(bisect_right(keys, (span.segment, span.start)), len(units)):
            unit = units[at]
            if unit.segment != span.segment or unit.core >= span.end:
                break
            out[at] = True
    return out
