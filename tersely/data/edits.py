"""Changes to a text, and the words of a label file that have to follow them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tersely.core.units import word_units
from tersely.data.kinds import Where, mapped
from tersely.data.lines import Row


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Characters [start, end) of a text give way to another text."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text after edits, which are in order and do not overlap."""
    parts, at = [], 0
    for edit in edits:
        assert at <= edit.start <= edit.end <= len(text), "in order, inside, apart"
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def edited_row(row: Row, where: Where, edits: Sequence[Edit]) -> Row:
    """Return a row after edits of one of its texts; a label row's words and values follow."""
    if not edits:
        return row
    made = mapped(row, lambda place, text: edited(text, edits) if place == where else text)
    if where == ("text",) and "words" in row and "values" in row:
        made["words"], made["values"] = moved_words(row["text"], edits, row["words"], row["values"])
    return made


def moved_words(
    text: str,
    edits: Sequence[Edit],
    words: Sequence[Sequence[int]],
    values: Sequence[float],
) -> tuple[list[list[int]], list[float]]:
    """Return the words of the edited text, and what they are worth.

    Args:
        text: Before the edits.
        edits: In order, not overlapping.
        words: Of the text before, each [start, end), in order.
        values: What each of them is worth.

    Returns:
        The package's own words of the text after, without those that come from no labelled
        character. Each is worth as much as the best of the words it is made of.
    """
    after = edited(text, edits)
    source = _Source(edits)
    starts, ends = [word[0] for word in words], [word[1] for word in words]
    found: list[list[int]] = []
    worth: list[float] = []
    for unit in word_units(after):
        low, high = source.span(unit.core, unit.end)
        touched = values[bisect_right(ends, low) : bisect_left(starts, high)]
        if unit.core < unit.end and touched:
            found.append([unit.core, unit.end])
            worth.append(max(touched))
    return found, worth


class _Source:
    """Says where characters of an edited text come from."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self._starts: list[int] = []  # of what was put in, in the text after
        self._ends: list[int] = []
        moved = 0
        for edit in edits:
            self._starts.append(edit.start + moved)
            self._ends.append(edit.start + moved + len(edit.text))
            moved += len(edit.text) - (edit.end - edit.start)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the text before that [start, end) of the text after is from."""
        return self._before(start, end=False), self._before(end, end=True)

    def _before(self, place: int, *, end: bool) -> int:
        nth = bisect_left(self._starts, place) if end else bisect_right(self._starts, place)
        if nth == 0:
            return place
        edit, stop = self._edits[nth - 1], self._ends[nth - 1]
        if place < stop or (end and place == stop):
            return edit.end if end else edit.start
        return place - stop + edit.end
