"""The same text as people really send it: typing mistakes, sentences cut or joined elsewhere.

Answers stay as they are, and so do numbers; what a model is to answer (responses, an assistant's
turns) is not touched. The words and values of a label row follow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import regex

from tersely.data.edits import Edit, edited_row
from tersely.data.kinds import Where, answers, at, kind_of, passages
from tersely.data.lines import Row

LEAST_LETTERS = 4
CUT_SHARE = 0.5
"""Of the places where a sentence could be cut or joined, how many are."""

_WORD = regex.compile(r"(?<![\p{L}\p{N}_])\p{L}+(?![\p{L}\p{N}_])")
_BLANK = regex.compile(r"(?<=\S) (?=\S)")
_CUT = regex.compile(
    r"(?<=[\p{L}\)]);\ (?=\p{L})"
    r"|(?<=[\p{L}\)]),\ (?:and|but|so)\ (?=(?:he|she|it|they|we|the|this|these|his|her|its)\ )"
)
_JOIN = regex.compile(r"(?<=\p{Ll}{2})\.\ (?=\p{Lu}\p{Ll}*\ )")
_USER = frozenset({"user", "human"})


def noisy(row: Row, share: float, rng: np.random.Generator) -> Row | None:
    """Return a row with mistakes in `share` of the words of its passages; None if there are none.

    A mistake: two letters change places, one is lost, one is doubled, the case is wrong, or a
    blank is doubled.
    """
    made = row
    for where in changeable(row):
        text = at(row, where)
        made = edited_row(made, where, _mistakes(text, _fixed(text, row), share, rng))
    return made if made is not row else None


def resentenced(row: Row, rng: np.random.Generator) -> Row | None:
    """Return a row with sentences cut at ";" and ", and", or joined by ";"; None if unchanged."""
    made = row
    for where in changeable(row):
        text = at(row, where)
        fixed = _fixed(text, row)
        edits = [edit for edit in _cuts_and_joins(text) if rng.random() < CUT_SHARE]
        kept = [edit for edit in edits if not _touches(edit, fixed)]
        made = edited_row(made, where, kept)
    return made if made is not row else None


def changeable(row: Row) -> list[Where]:
    """Return where the passages stand that may be changed without the rest of the row."""
    kind = kind_of(row)
    if kind == "pair":
        return []
    if kind == "instruction":
        return passages(row)[:-1]
    if kind == "conversation":
        return [where for where in passages(row) if _role(row, where) in _USER]
    return passages(row)


def _role(row: Row, where: Where) -> str:
    turn = row[str(where[0])][int(where[1])]
    return str(turn.get("role", turn.get("from", "")))


def _fixed(text: str, row: Row) -> list[tuple[int, int]]:
    """Return where the answers of a row stand in a text."""
    found = []
    for answer in answers(row):
        if said := answer.strip():
            pattern = r"\s+".join(map(regex.escape, said.split()))
            found += [match.span() for match in regex.finditer(pattern, text, regex.IGNORECASE)]
    return found


def _touches(edit: Edit, fixed: list[tuple[int, int]]) -> bool:
    return any(edit.start < end and start < edit.end for start, end in fixed)


def _mistakes(
    text: str, fixed: list[tuple[int, int]], share: float, rng: np.random.Generator
) -> list[Edit]:
    edits: list[Edit] = []
    for match in _WORD.finditer(text):
        if rng.random() >= share:
            continue
        edit = Edit(*match.span(), _misspelt(match[0], rng))
        if edit.text != match[0] and not _touches(edit, fixed):
            edits.append(edit)
    for match in _BLANK.finditer(text):
        edit = Edit(match.start(), match.end(), "  ")
        if rng.random() < share / 4 and not _touches(edit, fixed):
            edits.append(edit)
    return sorted(edits)


def _misspelt(word: str, rng: np.random.Generator) -> str:
    if len(word) < LEAST_LETTERS:
        return word.swapcase()
    place = int(rng.integers(1, len(word) - 1))
    before, after = word[:place], word[place + 1 :]
    return str(
        (
            before + after[:1] + word[place] + after[1:],
            before + after,
            before + 2 * word[place] + after,
            word.lower() if word[0].isupper() else word.upper(),
        )[int(rng.integers(4))]
    )


def _cuts_and_joins(text: str) -> Iterator[Edit]:
    found = [(match, True) for match in _CUT.finditer(text)]
    found += [(match, False) for match in _JOIN.finditer(text)]
    for match, is_cut in sorted(found, key=lambda pair: pair[0].start()):
        if is_cut:  # the next word opens a sentence now
            opens = text[match.end()].upper()
            yield Edit(match.start(), match.end() + 1, ". " + opens)
        else:
            yield Edit(match.start(), match.end(), "; ")
