"""Long contexts -> cases: needles among many, and questions on one long text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.question.prompts import Case, Record, number_of, read_records, sample
from tersely.core.select import Count
from tersely.core.units import sentence_bounds
from tersely.evaluation.metrics.answers import normalised, survives

TASKS = (
    "natural_question",
    "scientific_qa",
    "topic_retrieval_longchat",
    "multidoc_qa",
    "legal_contract_qa",
    "multifieldqa_zh",
)
"""Of leval and longbench_part: the ones whose answers are strings to be found in the context."""

SHORTEST_ANSWER = 3
"""Characters of a normalised answer; shorter ones survive by chance."""

PIECE = 1000
"""Characters to which paragraphs are joined, and at which texts without line breaks are cut."""

BINS = (4_000, 8_000, 16_000, 32_000, 50_000)
"""Upper ends, in tokens, of the lengths under which questions on a long text are reported."""

_NEEDLE = re.compile(r"What is the special magic uuid for (\S+) mentioned in the provided text\?")


def needle_cases(
    data: Path, lengths: Sequence[int], count: int | None, seed: int, tokens: Count
) -> list[Case]:
    """Return needle questions, each with its own record among those of others, by length.

    A record's lines are one document. Its place among the others is random.

    Args:
        data: Folder of the data sets.
        lengths: The most tokens of the documents; at least a record's own stay.
        count: Records to ask about; None for all.
        seed: Which records, and which others.
        tokens: Counts tokens.
    """
    records = sample(read_records(data, "ruler_niah_mk3_4k"), None, seed)
    bodies = {r["id"]: "\n".join(r["prompt"].splitlines()[1:-1]) for r in records}
    sizes = {name: tokens(body) for name, body in bodies.items()}
    cases = []
    for record in records[:count]:
        asked = _NEEDLE.search(record["prompt"])
        assert asked is not None, f"{record['id']} has a question of another form"
        rng = np.random.default_rng(number_of(seed, record["id"]))
        others = [records[i]["id"] for i in rng.permutation(len(records)).tolist()]
        others = [name for name in others if name != record["id"]]
        for length in lengths:
            room, chosen = length - sizes[record["id"]], []
            for name in others:
                if sizes[name] + 1 > room:
                    break
                room -= sizes[name] + 1
                chosen.append(name)
            place = int(rng.integers(len(chosen) + 1))
            order = [*chosen[:place], record["id"], *chosen[place:]]
            cases.append(
                Case(
                    id=f"{record['id']}@{length}",
                    cluster=record["id"],
                    group=f"needles up to {length // 1000}k",
                    question=asked.group(0),
                    documents=tuple(bodies[name] for name in order),
                    answers=tuple(record["answers"]),
                )
            )
    return cases


def text_cases(
    data: Path, longest: int, count: int | None, seed: int, tokens: Count
) -> tuple[list[Case], int]:
    """Return questions on one long text whose answer stands in it, and how many were too long.

    Args:
        data: Folder of the data sets.
        longest: The most tokens of a text.
        count: The most questions per task; None for all. They are spread over the texts.
        seed: Which ones.
        tokens: Counts tokens.
    """
    cases: list[Case] = []
    too_long = 0
    records = read_records(data, "leval") + read_records(data, "longbench_part")
    for task in TASKS:
        mine = sample([r for r in records if r["task"] == task], None, seed)
        length = {r["id"]: tokens(r["context"]) for r in mine}
        asked = [(r, number) for r in mine for number in _answerable(r)]
        asked.sort(key=lambda pair: (pair[1], number_of(seed, pair[0]["id"])))
        fitting = [pair for pair in asked if length[pair[0]["id"]] <= longest]
        too_long += len(asked) - len(fitting)
        cases += [
            Case(
                id=f"{record['id']}#{number}",
                cluster=record["id"],
                group=_bin(length[record["id"]]),
                question=record["questions"][number],
                documents=tuple(pieces(record["context"])),
                answers=tuple(_answers(record, number)),
            )
            for record, number in fitting[:count]
        ]
    return cases, too_long


def pieces(text: str) -> list[str]:
    """Cut a text into pieces of about `PIECE` characters, at line breaks, else after sentences."""
    lines = [
        part
        for line in text.split("\n")
        for part in ([line] if len(line) <= 2 * PIECE else _sentences(line))
        if part.strip()
    ]
    out: list[str] = []
    for line in lines:
        if out and len(out[-1]) + len(line) < PIECE:
            out[-1] += f"\n{line}"
        else:
            out.append(line)
    return out


def _sentences(line: str) -> list[str]:
    ends = sentence_bounds(line)
    return [line[a:b].strip() for a, b in zip([0, *ends], ends, strict=False)]


def _answers(record: Record, number: int) -> list[str]:
    answer = record["answers"][number]
    return [answer] if isinstance(answer, str) else list(answer)


def _answerable(record: Record) -> list[int]:
    """Return which questions have an answer of some length that stands in the context."""
    return [
        number
        for number in range(len(record["questions"]))
        if all(len(normalised(a)) >= SHORTEST_ANSWER for a in _answers(record, number))
        and survives(_answers(record, number), record["context"])
    ]


def _bin(length: int) -> str:
    top = next((top for top in BINS if length <= top), None)
    return f"texts up to {top // 1000}k" if top else "longer texts"
