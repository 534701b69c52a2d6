"""What is wrong with a row in itself: labels, compressed texts, answers, turns."""

from __future__ import annotations

from typing import Any

from tersely.core.units import is_word_char
from tersely.data.kinds import Kind, answers, at, documents, gold_documents, kind_of, passages
from tersely.data.lines import Row
from tersely.data.similar import normalised, words_of

Fault = tuple[str, str]
"""A reason, as counted in reports, and what exactly."""

_NOT_QUOTED = frozenset({"yes", "no", "maybe", "true", "false", "unknown", "unanswerable"})
_EDGES = " .,;:!?\"'()[]。，、！？"


def fault_of(row: Row, *, new_words: float, check_answers: bool) -> Fault | None:
    """Return what is wrong with a row, None if nothing is.

    Args:
        row: Any.
        new_words: The largest share of a compressed text's words that are not in its original.
        check_answers: Whether an answer has to stand in the documents.
    """
    kind = kind_of(row)
    if kind == "label":
        return _label_fault(row)
    if kind == "pair":
        return _pair_fault(row, new_words)
    if kind == "qa":
        return _qa_fault(row, check_answers=check_answers)
    return _text_fault(row, kind)


def _text_fault(row: Row, kind: Kind) -> Fault | None:
    places = passages(row)
    filled = [where for where in places if at(row, where).strip()]
    if not filled:
        return "empty", "no text in it"
    if kind == "instruction":
        if len(filled) < len(places) or len(places) < 2:
            return "empty", f"nothing in {'.'.join(map(str, places[-1]))}"
        if len({normalised(at(row, where)) for where in places}) == 1:
            return "echo", "the response repeats the instruction"
    return None


def _label_fault(row: Row) -> Fault | None:
    text, words, values = row.get("text"), row["words"], row["values"]
    if not (isinstance(text, str) and isinstance(words, list) and isinstance(values, list)):
        return "label_form", "text is a string, words and values are lists"
    if len(words) != len(values):
        return "label_lengths", f"{len(words)} words, {len(values)} values"
    if not words:
        return "label_empty", "no words"
    if wrong := [nth for nth, value in enumerate(values) if not _is_share(value)]:
        return "label_values", f"value {wrong[0]} is {values[wrong[0]]!r}, not in [0, 1]"
    if max(values) == min(values):
        return "label_one_class", f"all {len(values)} values are {values[0]}"
    return _offset_fault(text, words)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _offset_fault(text: str, words: list[Any]) -> Fault | None:
    before = 0
    for nth, word in enumerate(words):
        whole = isinstance(word, list) and [type(place) for place in word] == [int, int]
        if not whole:
            return "label_form", f"word {nth} is {word!r}, not [start, end]"
        start, end = word
        if start < 0 or end > len(text):
            return "label_outside", f"word {nth} is {word} of {len(text)} characters"
        if start >= end or start < before:
            return "label_misaligned", f"word {nth} is {word}, after one that ends at {before}"
        if any(map(str.isspace, text[start:end])) or _cuts(text, start) or _cuts(text, end):
            return "label_misaligned", f"word {nth} {word} is not a word of the text"
        before = end
    return None


def _cuts(text: str, place: int) -> bool:
    """Return whether a place is inside a word."""
    return 0 < place < len(text) and is_word_char(text[place - 1]) and is_word_char(text[place])


def _pair_fault(row: Row, new_words: float) -> Fault | None:
    original, compressed = row["original"], row["compressed"]
    if not (isinstance(original, str) and isinstance(compressed, str)):
        return "pair_form", "original and compressed are strings"
    kept, known = words_of(compressed), words_of(original)
    if not kept or not known:
        return "empty", "nothing in original or compressed"
    if len(kept) > len(known):
        return "pair_longer", f"{len(kept)} words compressed, {len(known)} before"
    present = {*known}
    share = sum(word not in present for word in kept) / len(kept)
    if share > new_words:
        return "pair_new_words", f"{share:.0%} of the compressed words are not in the original"
    return None


def _qa_fault(row: Row, *, check_answers: bool) -> Fault | None:
    if not isinstance(row.get("question"), str) or not row["question"].strip():
        return "empty", "no question"
    places = documents(row)
    if isinstance(row.get("documents"), list):
        if not any(at(row, where).strip() for where in places):
            return "empty", "no document with a text"
        count = len(row["documents"])
        if wrong := [index for index in gold_documents(row) if not 0 <= index < count]:
            return "gold_outside", f"gold document {wrong[0]} of {count}"
    if row.get("unanswerable"):
        return None
    if not any(answer.strip() for answer in answers(row)):
        return "empty", "no answer"
    return _answer_fault(row) if check_answers and places and not row.get("options") else None


def _answer_fault(row: Row) -> Fault | None:
    wanted = [normalised(answer).strip(_EDGES) for answer in answers(row)]
    if all(answer in _NOT_QUOTED for answer in wanted):
        return None
    holding = [
        nth
        for nth, where in enumerate(documents(row))
        if any(answer and answer in normalised(at(row, where)) for answer in wanted)
    ]
    if not holding:
        return "answer_missing", "no answer stands in a document"
    gold = gold_documents(row)
    if gold and not {*holding} & {*gold}:
        return "answer_elsewhere", f"an answer stands in document {holding[0]}, not in {gold}"
    return None
