"""Other names and other numbers, the same everywhere in a row.

A compressor that has learnt which names are famous keeps the wrong words for a user's own. Names
are swapped word by word ("Adam Levine" and "Levine" stay one man); words for them come from other
rows. Years move together by one number; other numbers become others of the same form. No two
different words become one, and none becomes a word that is in the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import regex

from tersely.data.edits import Edit, edited_row
from tersely.data.kinds import answers, at, documents, kind_of, texts
from tersely.data.lines import Row
from tersely.data.similar import normalised

MOST_YEARS = 40
MOST_WORDS = 20_000
_TRIES = 50

_NAMES = regex.compile(r"(?<!\w)\p{Lu}\p{Ll}+(?:[ -]\p{Lu}\p{Ll}+)+(?!\w)")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*")
_NUMBER = regex.compile(r"(?<![\w.,:/\-])\d\d+(?:[.,]\d+)*(?![\w]|[.,:/\-]\d)")
_YEAR = regex.compile(r"(?:1[5-9]|20)\d\d")


class NamePool:
    """The words that names are made of in all rows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        found: dict[str, None] = {}
        for row in rows:
            if len(found) >= MOST_WORDS:
                break
            found |= dict.fromkeys(name_words([text for _, text in texts(row)]))
        self.words = [*found]

    def others(self, count: int, present: set[str], rng: np.random.Generator) -> list[str]:
        """Return up to `count` different words that are not among those present."""
        chosen: dict[str, None] = {}
        for _ in range(_TRIES * count if self.words else 0):
            word = self.words[int(rng.integers(len(self.words)))]
            if word.casefold() not in present:
                chosen[word] = None
                present.add(word.casefold())
            if len(chosen) == count:
                break
        return [*chosen]


def name_words(found: Sequence[str]) -> list[str]:
    """Return the words of names: those with a capital beside one another, never without one."""
    small = {word for text in found for word in _WORD.findall(text) if word[0].islower()}
    words: dict[str, None] = {}
    for text in found:
        for match in _NAMES.finditer(text):
            words |= dict.fromkeys(regex.split("[ -]", match[0]))
    return [word for word in words if word.lower() not in small]


def swapped(row: Row, pool: NamePool, rng: np.random.Generator) -> Row | None:
    """Return a row with other names and numbers; None if it has none, or its answer needs them.

    An answer that stands in no document may be counted or reasoned out of what does, so such a
    row is left alone; so is one whose answers would not stand where they stood.
    """
    if kind_of(row) == "qa" and not any(standing(row)):
        return None
    found = [text for _, text in texts(row)]
    plan = _plan(found, pool, rng)
    if not plan:
        return None
    anywhere = regex.compile(r"(?<!\w)(?:" + "|".join(map(regex.escape, plan)) + r")(?!\w)")
    numbers = {old for old in plan if old[0].isdigit()}
    made = row
    for where, text in list(texts(row)):
        at_numbers = {match.span() for match in _NUMBER.finditer(text)}
        edits = [
            Edit(*match.span(), plan[match[0]])
            for match in anywhere.finditer(text)
            if match[0] not in numbers or match.span() in at_numbers
        ]
        made = edited_row(made, where, edits)
    return made if standing(made) == standing(row) else None


def standing(row: Row) -> list[tuple[int, int]]:
    """Return (answer, passage) for each answer of a question and each passage it stands in."""
    if kind_of(row) != "qa":
        return []
    plain = [normalised(at(row, where)) for where in documents(row)]
    return [
        (nth, place)
        for nth, answer in enumerate(map(normalised, answers(row)))
        for place, text in enumerate(plain)
        if answer and answer in text
    ]


def _plan(found: Sequence[str], pool: NamePool, rng: np.random.Generator) -> Mapping[str, str]:
    """Return by what each name word and number is replaced; longer ones first."""
    present = {word.casefold() for text in found for word in _WORD.findall(text)}
    names = name_words(found)
    plan = dict(zip(names, pool.others(len(names), present, rng), strict=False))
    numbers = dict.fromkeys(match[0] for text in found for match in _NUMBER.finditer(text))
    taken = {*numbers}
    moved = int(rng.integers(1, MOST_YEARS + 1))
    back = any(_YEAR.fullmatch(number) and int(number) + moved > 2099 for number in numbers)
    for number in numbers:
        if _YEAR.fullmatch(number):
            plan[number] = str(int(number) + (-moved if back else moved))
        elif other := _other_number(number, taken, rng):
            plan[number] = other
    return dict(sorted(plan.items(), key=lambda item: (-len(item[0]), item[0])))


def _other_number(number: str, taken: set[str], rng: np.random.Generator) -> str:
    for _ in range(_TRIES):
        digits = [
            str(rng.integers(1 if place == 0 else 0, 10)) if char.isdigit() else char
            for place, char in enumerate(number)
        ]
        made = "".join(digits)
        if made not in taken and not _YEAR.fullmatch(made):
            taken.add(made)
            return made
    return ""
