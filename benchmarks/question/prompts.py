"""Data sets -> cases: a question, documents, and what is known of the answer."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import at_root
from tersely.core.prompt import JOINER, Prompt
from tersely.evaluation.metrics.answers import survives

Record = dict[str, Any]
POSITIONS = (0, 4, 9, 14, 19)
MULTIHOP = ("hotpotqa_distractor100", "hotpotqa500", "multihop_ircot")
OTHERS = 9
"""How many other paragraphs stand around the one with the answer, by language."""


@dataclass(frozen=True)
class Case:
    """One prompt.

    Attributes:
        id: Unlike any other of the run.
        cluster: What cases of the same question share; intervals resample these, not cases.
        group: What a table breaks results down by: position, language, kind of question.
        question: The question, plain.
        documents: What may be shortened, in order.
        answers: Strings that answer it; one of them is enough.
        gold: The paragraphs that hold what is needed, where known; each in one of the documents.
    """

    id: str
    cluster: str
    group: str
    question: str
    documents: tuple[str, ...]
    answers: tuple[str, ...]
    gold: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The documents as one string."""
        return JOINER.join(self.documents)

    @property
    def asked(self) -> str:
        """The question as it stands in the prompt."""
        return f"Question: {self.question}"

    @property
    def prompt(self) -> Prompt:
        """What is compressed: the documents, then the question, which is kept."""
        return Prompt.of(self.documents, question=self.asked)


def read_records(data: Path, name: str) -> list[Record]:
    """Return the records of a data set, or end with one line that says what is missing."""
    place = at_root(data) / f"{name}.jsonl.gz"
    if not place.is_file():
        raise SystemExit(f"There is no {name}.jsonl.gz in {data}. Name the folder with --data.")
    with gzip.open(place, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def number_of(*parts: object) -> int:
    """Return a number in [0, 2**32) that depends on nothing but what is given."""
    text = " ".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4])


def sample(records: Sequence[Record], count: int | None, seed: int) -> list[Record]:
    """Return `count` records (None: all) in an order that depends on their ids and the seed."""
    return sorted(records, key=lambda record: number_of(seed, record["id"]))[:count]


def placed(documents: Sequence[Record], position: int) -> list[Record]:
    """Move the first document to a position; the others keep their order."""
    others = list(documents[1:])
    others.insert(position, documents[0])
    return others


def titled(documents: Iterable[Record]) -> tuple[str, ...]:
    """Write documents out as lost-in-the-middle does, numbered from 1."""
    return tuple(
        f"Document [{number}](Title: {document['title']}) {document['text']}"
        for number, document in enumerate(documents, start=1)
    )


def nq_cases(
    data: Path,
    positions: Sequence[int],
    count: int | None,
    seed: int,
    *,
    name: str = "nq20_original",
) -> list[Case]:
    """Return each question once per position of the document that answers it."""
    return [
        Case(
            id=f"{record['id']}@{position}",
            cluster=record["id"],
            group=str(position),
            question=record["question"],
            documents=titled(placed(record["documents"], position)),
            answers=tuple(record["answers"]),
            gold=(record["documents"][0]["text"],),
        )
        for record in sample(read_records(data, name), count, seed)
        for position in positions
    ]


def multihop_cases(data: Path, names: Sequence[str], count: int | None, seed: int) -> list[Case]:
    """Return up to `count` questions of each data set, the documents in the order they are in."""
    return [
        Case(
            id=record["id"],
            cluster=record["id"],
            group=f"{name} {record.get('type') or record.get('source')}",
            question=record["question"],
            documents=titled(record["documents"]),
            answers=tuple(a for a in record["answers"] if a.lower() not in ("yes", "no")),
            gold=tuple(record["documents"][i]["text"] for i in record.get("gold_indices") or ()),
        )
        for name in names
        for record in sample(read_records(data, name), count, seed)
    ]


@dataclass
class Paragraph:
    """One paragraph, in one language or in several."""

    title: str
    texts: dict[str, str] = field(default_factory=dict)


def language_cases(data: Path, name: str, count: int | None, seed: int) -> list[Case]:
    """Return questions on one paragraph among `OTHERS`, the same ones in every language.

    Half of the others are of the same article, where there are so many; none holds the answer, in
    any of the languages.
    """
    paragraphs: dict[str, Paragraph] = {}
    asked: dict[str, tuple[str, dict[str, Record]]] = {}
    for record in read_records(data, name):
        number = record["id"].removeprefix(f"{name}-").removeprefix(f"{record['lang']}-")
        document = record["documents"][0]
        key, by_language = asked.setdefault(number, (document["text"], {}))
        by_language[record["lang"]] = record
        home = paragraphs.setdefault(key, Paragraph(document["title"]))
        home.texts[record["lang"]] = document["text"]
    cases = []
    for number in sorted(asked, key=lambda number: number_of(seed, number))[:count]:
        key, by_language = asked[number]
        order = _among(paragraphs, key, by_language, np.random.default_rng(number_of(seed, number)))
        cases += [
            Case(
                id=record["id"],
                cluster=f"{name}-{number}",
                group=language,
                question=record["question"],
                documents=tuple(paragraph.texts[language] for paragraph in order),
                answers=tuple(record["answers"]),
                gold=(record["documents"][0]["text"],),
            )
            for language, record in sorted(by_language.items())
        ]
    return cases


def _among(
    paragraphs: dict[str, Paragraph],
    key: str,
    by_language: dict[str, Record],
    rng: np.random.Generator,
) -> list[Paragraph]:
    """Return the paragraph of a question and others around it, in random order."""
    home = paragraphs[key]
    candidates = [other for name, other in paragraphs.items() if name != key]
    shuffled = [candidates[i] for i in rng.permutation(len(candidates)).tolist()]
    chosen: list[Paragraph] = []
    for wanted, same in ((OTHERS // 2, True), (OTHERS, False)):
        for other in shuffled:
            if len(chosen) >= wanted:
                break
            if (other.title == home.title) == same and _silent(other, by_language):
                chosen.append(other)
    both = [home, *chosen]
    return [both[i] for i in rng.permutation(len(both)).tolist()]


def _silent(paragraph: Paragraph, by_language: dict[str, Record]) -> bool:
    """Return whether a paragraph is there in all the languages and answers in none of them."""
    return all(
        language in paragraph.texts and not survives(record["answers"], paragraph.texts[language])
        for language, record in by_language.items()
    )
