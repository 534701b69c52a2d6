"""Inputs that are not prose, each with what must be found in what is left of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.content.literals import is_json, literals, needed_later

LEAST_CHARS = 600
MOST_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One text.

    Attributes:
        id: Its name.
        group: The data set.
        text: What is shortened.
        question: What it is for; "" where nobody asked.
        wanted: Literals by kind.
        valid: Whether it is JSON, and should be afterwards.
    """

    id: str
    group: str
    text: str
    question: str
    wanted: dict[str, set[str]]
    valid: bool


def read_cases(data: Path, cases: int, seed: int) -> list[Case]:
    """Return so many cases of each data set, chosen by the seed."""
    makers = {
        "tool_json": _texts,
        "loghub": _texts,
        "bfcl_tools": _schemas,
        "agent_trajectories": _tool_outputs,
    }
    out: list[Case] = []
    for name, make in makers.items():
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            found = [case for line in file for case in make(name, json.loads(line))]
        found = [c for c in found if LEAST_CHARS <= len(c.text) <= MOST_CHARS]
        order = np.random.default_rng(seed).permutation(len(found))[:cases]
        out += [found[index] for index in order.tolist()]
    return out


def _texts(group: str, row: dict[str, Any]) -> Iterator[Case]:
    text = row["text"]
    yield Case(row["id"], group, text, "", literals(text), is_json(text))


def _schemas(group: str, row: dict[str, Any]) -> Iterator[Case]:
    text = json.dumps(row["tools"], ensure_ascii=False)
    asked = " ".join(turn["text"] for turn in row["turns"] if turn["role"] == "user")
    wanted = literals(text)
    names = {word for call in row["ground_truth"] for word in _names(call)}
    wanted["needed later"] = {name for name in names if name in text}
    yield Case(row["id"], group, text, asked, wanted, valid=True)


def _names(call: Any) -> Iterator[str]:
    """Yield the names of a function that is called and of its arguments."""
    if isinstance(call, dict):
        for name, arguments in call.items():
            yield name
            if isinstance(arguments, dict):
                yield from arguments


def _tool_outputs(group: str, row: dict[str, Any]) -> Iterator[Case]:
    turns = row["turns"]
    for at, turn in enumerate(turns):
        if turn["role"] != "tool" or len(turn["text"]) < LEAST_CHARS:
            continue
        before = "\n".join(t["text"] for t in turns[:at])
        after = "\n".join(t["text"] for t in turns[at + 1 :] if t["role"] == "assistant")
        later = needed_later(turn["text"], before, after)
        if not later:
            continue
        asked = [t["text"] for t in turns[:at] if t["role"] == "user"]
        wanted = literals(turn["text"]) | {"needed later": later}
        text = turn["text"]
        yield Case(f"{row['id']}/{at}", group, text, (asked or [""])[-1], wanted, is_json(text))
