"""Which kinds of rows there are, and where the texts of each stand.

text          text (+ title, abstract, ...)
label         text, words, values (+ question, kind, group)
pair          original, compressed
instruction   instruction (or prompt), response (or output, completion)
conversation  turns, messages or conversations: a list of {role, text}
qa            question, answers (or answer), documents (or context)
other         anything else that has a text in it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from tersely.data.lines import Row

Kind = Literal["text", "label", "pair", "instruction", "conversation", "qa", "other"]
Where = tuple[str | int, ...]
"""The way to a string inside a row: keys and indices."""

NOT_TEXT = frozenset(
    {"id", "group", "kind", "lang", "source", "date", "role", "from", "task", "domain"}
    | {"licence", "license", "orig_split", "difficulty", "categories", "repo", "entry_point"}
)
"""Fields that say what a row is, rather than something to read."""

_TURNS = ("turns", "messages", "conversations")
_SAID = ("text", "content", "value")
_ASKED = ("instruction", "prompt")
_REPLIED = ("response", "output", "completion")


def kind_of(row: Row) -> Kind:
    """Return what a row is, by its fields."""
    if "words" in row and "values" in row:
        return "label"
    if "original" in row and "compressed" in row:
        return "pair"
    if any(isinstance(row.get(name), list) for name in _TURNS):
        return "conversation"
    if "question" in row and ("answers" in row or "answer" in row):
        return "qa"
    if _first(row, _ASKED) is not None and _first(row, _REPLIED) is not None:
        return "instruction"
    return "text" if isinstance(row.get("text"), str) else "other"


def passages(row: Row) -> list[Where]:
    """Return where the texts stand that a row is about; an instruction's is what is asked."""
    kind = kind_of(row)
    if kind == "pair":
        return [("original",)]
    if kind == "conversation":
        return _turn_places(row)
    if kind == "qa":
        return documents(row) or [("question",), *_record_places(row)]
    if kind == "instruction":
        return _present(row, (*_ASKED, "input", *_REPLIED))
    if kind in ("text", "label"):
        return [("text",)]
    return _present(row, ("context", "prompt", "question")) or [where for where, _ in texts(row)]


def whole(row: Row) -> str:
    """Return the passages of a row as one text."""
    return "\n".join(at(row, where) for where in passages(row))


def gold_documents(row: Row) -> list[int]:
    """Return which documents hold the answer, by what the row says; empty if it does not."""
    several = row.get("gold_indices")
    found = several if isinstance(several, list) and several else [row.get("gold_index")]
    return [index for index in found if isinstance(index, int) and not isinstance(index, bool)]


def answers(row: Row) -> list[str]:
    """Return the accepted answers of a row; those that are no texts are left out."""
    given = row.get("answers", row.get("answer"))
    found = given if isinstance(given, list) else [given]
    return [answer for answer in found if isinstance(answer, str)]


def identity(row: Row) -> tuple[str, tuple[str, ...]]:
    """Return what makes a row this row, for finding it again.

    Returns:
        What has to be the same (kind, answers, options, numbers), as one string; and the texts
        that may be nearly the same, the passages first.
    """
    kind = kind_of(row)
    main = whole(row)
    if kind == "label":
        return f"label {row.get('kind', '')}", (main, str(row.get("question", "")))
    if kind == "pair":
        return "pair", (main, str(row.get("compressed", "")))
    if kind == "qa":
        same = [str(row.get(name, "")) for name in ("answers", "answer", "options", "records")]
        return " ".join(["qa", *same]), (main or str(row["question"]), str(row["question"]))
    if kind == "other":
        same = [str(row.get(name, "")) for name in ("answers", "answer", "questions", "tools")]
        return " ".join(["other", *same]), (main,)
    return kind, (main,)


def texts(row: Row) -> Iterator[tuple[Where, str]]:
    """Yield every text of a row and where it stands; names and dates of the row are none."""
    yield from _walk(row, ())


def at(row: Row, where: Where) -> str:
    """Return the text at a place."""
    found: Any = row
    for step in where:
        found = found[step]
    assert isinstance(found, str), "places are those of texts"
    return found


def mapped(row: Row, change: Callable[[Where, str], str]) -> Row:
    """Return a row with every text changed; the row itself stays as it is."""
    return {key: _mapped(value, (key,), change) for key, value in row.items()}


def with_text(row: Row, where: Where, text: str) -> Row:
    """Return a row with one text replaced."""
    return mapped(row, lambda place, old: text if place == where else old)


def _walk(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk(part, (*where, index))
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in NOT_TEXT:
                yield from _walk(part, (*where, key))


def _mapped(value: Any, where: Where, change: Callable[[Where, str], str]) -> Any:
    if where[-1] in NOT_TEXT:
        return value
    if isinstance(value, str):
        return change(where, value)
    if isinstance(value, list):
        return [_mapped(part, (*where, index), change) for index, part in enumerate(value)]
    if isinstance(value, dict):
        return {key: _mapped(part, (*where, key), change) for key, part in value.items()}
    return value


def _first(row: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if isinstance(row.get(name), str)), None)


def _present(row: Row, names: Sequence[str]) -> list[Where]:
    return [(name,) for name in names if isinstance(row.get(name), str) and row[name]]


def _turn_places(row: Row) -> list[Where]:
    name = next(name for name in _TURNS if isinstance(row.get(name), list))
    found: list[Where] = []
    for index, turn in enumerate(row[name]):
        said = _first(turn, _SAID) if isinstance(turn, dict) else None
        if said is not None:
            found.append((name, index, said))
    return found


def documents(row: Row) -> list[Where]:
    """Return where the texts stand that a question is about; a question may have none."""
    given = row.get("documents")
    if isinstance(given, list):
        return [
            ("documents", index, "text")
            for index, document in enumerate(given)
            if isinstance(document, dict) and isinstance(document.get("text"), str)
        ]
    return _present(row, ("context", "text", "passage"))


def _record_places(row: Row) -> list[Where]:
    records = row.get("records")
    return [where for where, _ in _walk(records, ("records",))]
