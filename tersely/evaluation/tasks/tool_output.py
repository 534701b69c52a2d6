"""Tool output: what an agent takes from it next, and what a field of it is.

Data:     trajectories of tau-bench (https://github.com/sierra-research/tau-bench), InterCode
          (https://github.com/princeton-nlp/intercode), SWE-agent and ToolBench; and records of
          tau-bench's data bases as JSON.
Licence:  MIT; Apache-2.0 (ToolBench).
Reader:   group "next": the tool's output, which is shortened as what it is (JSON, a table, a
          log); what the user had asked, and what the agent wrote next, up to the first literal
          (a number, a name with digits or underscores, a path) that the output brought in. The
          answer is that literal. Group "lookup": a JSON list of records, "What is the F of the
          entry whose K is V?", "Answer:"; the answer is the value. 600 to 10,000 characters.
Gold:     the literal, or key and value, with their surroundings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tersely.evaluation.source import Source, number_of
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, present, read_fields
from tersely.evaluation.tasks.gold import around

TRAJECTORIES, RECORDS = "agent_trajectories", "tool_json"
LENGTH = (600, 10_000)
LEAST_WRITTEN = 12
"""Characters that the agent has written before the literal, so that it is clear what comes."""

MOST_WRITTEN = 600
LEAST_LITERAL = 3

_LITERAL = re.compile(
    r"(?<![\w.@#-])(?:[#@]?\w*(?:\d|[A-Za-z]_[A-Za-z]|/[A-Za-z])[\w.:@/+-]*[\w]|\d[\d.,:]+\d)"
)


def read(source: Source) -> Iterator[Example]:
    """Yield an example of each output that brings in something, and of each list of records.

    Raises:
        SettingError: Neither set is there, or a row is not as it should be.
    """
    seen: set[tuple[str, str]] = set()
    for name in present(source, (TRAJECTORIES, RECORDS)):
        for row in read_fields(source, name):
            for example in _next(row) if "turns" in row.row else _lookups(row):
                key = (example.contexts[0], example.answers[0])
                if key not in seen:  # the same steps are taken in many trajectories
                    seen.add(key)
                    yield example


def _next(row: Fields) -> Iterator[Example]:
    turns = [(t.text("role"), t.text("text", empty=True).strip()) for t in row.rows("turns")]
    for at, ((role, text), (follower, written)) in enumerate(pairwise(turns)):
        if role != "tool" or follower != "assistant" or not _fits(text):
            continue
        place = _first_new(written, text, "\n".join(said for _, said in turns[:at]))
        if place is None:
            continue
        asked = [said for who, said in turns[:at] if who == "user"]
        literal, prefix = written[slice(*place)], written[: place[0]][-MOST_WRITTEN:]
        yield Example(
            id=f"{row.id}/{at}",
            contexts=(text,),
            question=f"User: {asked[-1][-MOST_WRITTEN:]}" if asked else "",
            cue=f"\n\nAssistant: {prefix.removesuffix(' ')}",
            answers=(literal,),
            gold=tuple(around(text, *match.span()) for match in _found(literal, text)[:1]),
            group="next",
            cluster=row.id,
        )


def _fits(text: str) -> bool:
    return LENGTH[0] <= len(text) <= LENGTH[1]


def _first_new(written: str, text: str, before: str) -> tuple[int, int] | None:
    """Return where the first literal stands that only the text can have given; None if none."""
    for match in _LITERAL.finditer(written):
        literal, start = match[0], match.start()
        if start < LEAST_WRITTEN or len(literal) < LEAST_LITERAL or not _found(literal, text):
            continue
        if not _found(literal, before) and not _found(literal, written[:start]):
            return match.span()
    return None


def _found(literal: str, text: str) -> list[re.Match[str]]:
    """Return where a literal stands, and not as part of a longer word."""
    return list(re.finditer(rf"(?<![^\W_]){re.escape(literal)}(?![^\W_])", text))


def _lookups(row: Fields) -> Iterator[Example]:
    text = row.text("text").strip()
    if not _fits(text):
        return
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise row.wrong("text", f"is not JSON: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        return
    choices = [one for one in _choices(entries) if text.count(_written(one[3])) == 1]
    if not choices:
        return
    key, identity, field, value = choices[number_of(row.id) % len(choices)]
    named = text.find(_written(identity))
    stands = text.find(_written(value), text.find(f'"{field}"', named))
    if min(named, stands) < 0:
        return
    yield Example(
        id=row.id,
        contexts=(text,),
        question=f"What is the {field} of the entry whose {key} is {identity}?",
        answers=(str(value),),
        gold=tuple(
            dict.fromkeys(
                around(text, at, at + len(_written(one)), reach=40)
                for at, one in ((named, identity), (stands, value))
            )
        ),
        group="lookup",
    )


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _choices(entries: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield (key, its value, field, its value) of entries; both values stand in one entry only."""
    keys = [k for k in entries[0] if k.endswith(("_id", "number", "email", "id"))]
    for key in keys[:1]:
        known = [entry.get(key) for entry in entries]
        for entry in entries:
            identity = entry.get(key)
            if not isinstance(identity, str) or known.count(identity) != 1:
                continue
            for field, value in entry.items():
                plain = isinstance(value, str | int | float) and not isinstance(value, bool)
                others = [other.get(field) for other in entries]
                if plain and field != key and len(str(value)) >= 3 and others.count(value) == 1:
                    yield key, identity, field, value


TASK = Task(
    name="tool_output",
    version=1,
    family="tools",
    data=(TRAJECTORIES, RECORDS),
    read=read,
    measures=("contains", "em"),
    answer_tokens=24,
    extractive=True,
    content="auto",
    source="https://arxiv.org/abs/2406.12045",
)
