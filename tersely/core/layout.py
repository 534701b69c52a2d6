"""A prompt cut into units, and the text that any choice of units makes.

Between two kept units that were not neighbours there is a *seam*. A seam is itself a stretch of
the dropped text: a line break if one was dropped there, so that lines stay lines, or the
whitespace that keeps two words from becoming one. So even the seams can be traced.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tersely.core.pieces import BLANK, FIXED, cut_pieces, piece_kinds, touched
from tersely.core.prompt import Prompt, Span
from tersely.core.result import spans_to_texts
from tersely.core.units import Unit, character_ends, clean, is_word_char, protect_units

_Piece = tuple[int, int, int]  # segment, start, end
Bools = npt.NDArray[np.bool_]


class Layout:
    """The units of a prompt, in reading order, and how a choice of them is written out.

    Attributes:
        prompt: The prompt.
        units: U units that tile every segment, in reading order.
        owners: (U,), the segment of each unit.
        protected: (U,), whether a unit must survive.
        preferred: (U,), whether a unit is worth more than all that are not.
        skeleton: (U,), whether a unit is there whenever anything of its segment is.
        blank: (U,), whether a unit goes whenever anything does.
        bonus: (U,), how much more a unit is worth, in standard deviations; may be infinite.
        leader: (U,), the first of the units that stay or go together; each its own otherwise.
        order: The order in which the segments are written; None is the prompt's own.
    """

    def __init__(
        self,
        prompt: Prompt,
        units: Sequence[Unit],
        *,
        whole_words: bool = True,
        order: tuple[int, ...] | None = None,
    ) -> None:
        """Cut up a prompt.

        Args:
            prompt: The prompt.
            units: Units that tile every segment, in reading order. The prompt's protected spans
                are applied here: the units they touch are joined and protected.
            whole_words: Whether a seam keeps two words from becoming one. Off for methods that
                drop parts of words on purpose.
            order: A permutation of the segments' indices.
        """
        self.prompt = prompt
        self.order = order
        self.units = _protect(prompt, cut_pieces(prompt, units))
        self.whole_words = whole_words
        self.protected: Bools = np.array([unit.protected for unit in self.units], dtype=np.bool_)
        self.preferred = touched(self.units, prompt.preferred)
        kinds = piece_kinds(prompt, self.units)
        self.bonus, self.leader = kinds.bonus, kinds.leader
        self.skeleton = (kinds.kind == FIXED) & ~self.protected
        self.blank = (kinds.kind == BLANK) & ~self.protected
        self._grouped = bool((self.leader != np.arange(len(self.units))).any())
        self.owners = np.array([unit.segment for unit in self.units], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.units)

    def by_segment(self) -> list[npt.NDArray[np.intp]]:
        """Return, for each segment, the indices of its units."""
        edges = np.searchsorted(self.owners, np.arange(len(self.prompt.segments) + 1)).tolist()
        return [np.arange(first, last) for first, last in pairwise(edges)]

    def closed(self, kept: Bools) -> Bools:
        """Return a choice of units with what comes with them: their groups, and skeletons."""
        if self._grouped:
            chosen = np.zeros(len(self.units), dtype=np.bool_)
            chosen[self.leader[kept]] = True
            kept = chosen[self.leader]
        if not self.skeleton.any():
            return kept
        present = np.bincount(self.owners[kept], minlength=len(self.prompt.segments)) > 0
        closed: Bools = kept | (self.skeleton & present[self.owners])
        return closed

    def text_of(self, unit: Unit) -> str:
        """Return the characters of a unit, leading whitespace included."""
        return self.prompt.segments[unit.segment].text[unit.start : unit.end]

    def text(self, kept: Bools) -> str:
        """Return the text that a choice of units makes."""
        return self.prompt.join(spans_to_texts(self.prompt, self._spans(kept)), self.order)

    def reordered(self, order: tuple[int, ...] | None) -> Layout:
        """Return this layout with its segments written in another order."""
        if order == self.order:
            return self
        assert order is None or sorted(order) == list(range(len(self.prompt.segments)))
        other = copy(self)
        other.order = order
        return other

    def spans(self, kept: Bools) -> tuple[Span, ...]:
        """Return what survives of a choice of units: spans in order, seams included.

        Args:
            kept: (U,), whether each unit is chosen. Skeletons come with what is.

        Returns:
            Spans in output order that do not overlap, are not empty, and do not touch.
        """
        spans = self._spans(kept)
        if self.order is None:
            return spans
        place = {segment: at for at, segment in enumerate(self.order)}
        return tuple(sorted(spans, key=lambda span: (place[span.segment], span.start)))

    def _spans(self, kept: Bools) -> tuple[Span, ...]:
        """Return what survives, in reading order."""
        out: list[_Piece] = []
        left: int | None = None  # the kept unit before
        for index in np.flatnonzero(self.closed(kept)).tolist():
            unit = self.units[index]
            if left is not None and self.units[left].segment != unit.segment:
                left = None
            first = index == 0 or self.units[index - 1].segment != unit.segment
            if first or left == index - 1:
                _push(out, unit.segment, unit.start, unit.end)
            else:
                seam = None if left is None else self._seam(left, index)
                if seam is None:
                    _push(
                        out, unit.segment, unit.start if left is not None else unit.core, unit.end
                    )
                else:
                    _push(out, *seam)
                    _push(out, unit.segment, unit.core, unit.end)
            left = index
        return tuple(Span(*piece) for piece in out)

    def _seam(self, left: int, right: int) -> _Piece | None:
        """Return the dropped stretch to write before unit `right`, in place of its whitespace.

        None means that the unit's own leading whitespace will do.
        """
        unit = self.units[right]
        text = self.prompt.segments[unit.segment].text
        own = text[unit.start : unit.core]
        if "\n" in own:
            return None
        gap = self.units[left + 1 : right]
        breaks = [(dropped.start, dropped.core) for dropped in gap]
        lines = [(a, b) for a, b in breaks if "\n" in text[a:b]]
        if lines:  # the strongest break; of equals the last, whose indentation is this line's
            start, end = max(lines, key=lambda ab: (text.count("\n", ab[0], ab[1]), ab))
            return unit.segment, start, end
        if not self.whole_words or own or not _glues(text, self.units[left].end, unit.core):
            return None
        for start, end in reversed(breaks):
            if start < end:
                return unit.segment, start, end
        return unit.segment, gap[-1].core, gap[-1].end  # nothing blank there: keep what is


def _glues(text: str, left_end: int, right_start: int) -> bool:
    """Return whether writing these two sides next to each other would make one word of them."""
    left, right = clean(text[left_end - 1]), clean(text[right_start])
    return is_word_char(left) and is_word_char(right)


def _push(out: list[_Piece], segment: int, start: int, end: int) -> None:
    """Append a span, or grow the last one if they touch."""
    if start == end:
        return
    if out and out[-1][0] == segment and out[-1][2] == start:
        out[-1] = (segment, out[-1][1], end)
    else:
        out.append((segment, start, end))


def _protect(prompt: Prompt, units: Sequence[Unit]) -> list[Unit]:
    """Apply the prompt's protected spans to its units, segment by segment."""
    if not prompt.protected:
        return list(units)
    spans: dict[int, list[Span]] = {}
    edges = {span.segment: [0] for span in prompt.protected}
    for index, ends in edges.items():
        ends += character_ends(prompt.segments[index].text)
    for span in prompt.protected:
        if span.start < span.end:  # a part of a character protects the whole of it
            ends = edges[span.segment]
            start = ends[bisect_right(ends, span.start) - 1]
            end = ends[bisect_left(ends, span.end)]
            spans.setdefault(span.segment, []).append(Span(span.segment, start, end))
    by_segment: list[list[Unit]] = [[] for _ in prompt.segments]
    for unit in units:
        by_segment[unit.segment].append(unit)
    return [
        unit
        for index, of_segment in enumerate(by_segment)
        for unit in protect_units(of_segment, spans.get(index, []))
    ]
