"""Leave out what is no good to learn from, and mask what is personal. Nothing goes silently.

Each row is looked at once, in this order: what is wrong in itself, length, language, equal rows,
near rows, personal data. The first reason to leave it out is the one that is said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tersely.data.duplicates import Seen, Twin
from tersely.data.kinds import whole
from tersely.data.languages import check_languages, is_other
from tersely.data.lines import Line, Place, Row, as_json
from tersely.data.personal import MASKS, check_masks, masked
from tersely.data.sanity import Fault, fault_of
from tersely.data.similar import words_of
from tersely.errors import SettingError

Action = Literal["dropped", "changed", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What is left out and what is masked.

    Attributes:
        near: Share of word runs from which two rows are the same; None looks for equal ones alone.
        languages: ISO 639-1 codes; what is surely in another language is left out. Empty: any.
        min_words: Fewer words of passages are too short.
        max_words: More are too long; None is no limit.
        masks: Kinds of personal data that are replaced; see `MASKS`.
        regions: Where phone numbers without a country code may be from.
        check_answers: Whether an answer has to stand in the documents of its row.
        new_words: The largest share of a compressed text's words that are not in its original.
    """

    near: float | None = 0.8
    languages: tuple[str, ...] = ()
    min_words: int = 5
    max_words: int | None = None
    masks: tuple[str, ...] = tuple(MASKS)
    regions: tuple[str, ...] = ("US",)
    check_answers: bool = True
    new_words: float = 0.1

    def __post_init__(self) -> None:
        if self.near is not None and not 0.3 <= self.near <= 1:
            raise SettingError(f"near is in [0.3, 1]; got {self.near}.")
        if not 0 <= self.new_words <= 1:
            raise SettingError(f"new_words is in [0, 1]; got {self.new_words}.")
        most = math.inf if self.max_words is None else self.max_words
        if not 0 <= self.min_words <= most:
            raise SettingError(
                f"min_words is at least 0 and at most max_words; got {self.min_words}"
                f" and {self.max_words}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was done with one row.

    Attributes:
        place: Where it stood.
        id: Its id, "" if it has none.
        action: "dropped", "changed", or "bad" for a line that is no row.
        reason: One word, by which reports count.
        detail: What exactly; never what was masked.
    """

    place: Place
    id: str
    action: Action
    reason: str
    detail: str


OnNote = Callable[[Note], None]


def clean(lines: Iterable[Line], settings: Cleaning, note: OnNote) -> Iterator[Row]:
    """Yield the rows that stay, in order, masked.

    Memory grows by about 19 kB for each different passage; rows are not kept.

    Args:
        lines: What to look at.
        settings: What is left out and what is masked.
        note: Told of every row that is left out or changed.

    Raises:
        UnknownName: A language or kind of personal data is none.
        MissingDependency: A library of the extra "data" is not installed.
    """
    if settings.languages:
        check_languages(settings.languages)
    check_masks(settings.masks, settings.regions)
    seen = Seen(settings.near)
    places: list[Place] = []
    for line in lines:
        name = str(line.row.get("id", ""))
        fault = _fault(line.row, settings)
        if fault is None:
            places.append(line.place)
            twin = seen.show(line.row)
            fault = _twin_fault(twin, places) if twin else None
        if fault is not None:
            reason, detail = fault
            note(Note(place=line.place, id=name, action="dropped", reason=reason, detail=detail))
            continue
        row, counts = masked(line.row, settings.masks, settings.regions)
        if counts:
            said = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
            note(Note(place=line.place, id=name, action="changed", reason="masked", detail=said))
        yield row


class CleaningReport:
    """Collects notes, for a file that says what became of every row."""

    def __init__(self, settings: Cleaning) -> None:
        self._settings = settings
        self.notes: list[Note] = []
        self.kept = 0

    def add(self, note: Note) -> None:
        """Take a note in."""
        self.notes.append(note)

    def add_bad(self, place: Place, why: str) -> None:
        """Take in a line that is no row."""
        self.add(Note(place=place, id="", action="bad", reason="bad_line", detail=why))

    def count(self, action: Action) -> int:
        """Return how many rows something was done with."""
        return sum(note.action == action for note in self.notes)

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were left out or changed for each reason, the most frequent first."""
        found = Counter(note.reason for note in self.notes)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def numbers(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        dropped = self.count("dropped")
        return {
            "settings": asdict(self._settings),
            "read": self.kept + dropped + self.count("bad"),
            "kept": self.kept,
            "dropped": dropped,
            "changed": self.count("changed"),
            "bad": self.count("bad"),
            "by_reason": self.reasons,
            "rows": [
                {
                    "file": note.place.file,
                    "line": note.place.line,
                    "id": note.id,
                    "action": note.action,
                    "reason": note.reason,
                    "detail": note.detail,
                }
                for note in self.notes
            ],
        }


def _fault(row: Row, settings: Cleaning) -> Fault | None:
    found = fault_of(row, new_words=settings.new_words, check_answers=settings.check_answers)
    if found:
        return found
    text = whole(row)
    if found := _length_fault(text, settings):
        return found
    if settings.languages and (other := is_other(text, settings.languages)):
        return "language", f"{other}, not {' or '.join(settings.languages)}"
    try:
        as_json(row)
    except ValueError:
        return "not_a_number", "NaN or an infinity, which JSON cannot say"
    return None


def _length_fault(text: str, settings: Cleaning) -> Fault | None:
    blanks = len(text.split())
    if settings.max_words is None and blanks >= 4 * settings.min_words:  # surely enough
        return None
    words = len(words_of(text))
    if words < settings.min_words:
        return "too_short", f"{words} words"
    if settings.max_words is not None and words > settings.max_words:
        return "too_long", f"{words} words"
    return None


def _twin_fault(twin: Twin, places: list[Place]) -> Fault:
    first = places[twin.nth]
    if twin.exact:
        return "duplicate", f"same as {first}"
    return "near_duplicate", f"{twin.likeness:.2f} like {first}"
