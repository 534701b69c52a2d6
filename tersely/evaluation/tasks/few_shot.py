"""Few-shot classification: what a small base model can do with worked examples, and not without.

Data:     titles of arXiv papers with their field, and first turns of the schema-guided dialogues
          (https://github.com/google-research-datasets/dstc8-schema-guided-dialogue) with the
          service that is asked for.
Licence:  CC0 (arXiv's metadata), CC BY-SA 4.0 (dialogues).
Reader:   five worked examples of each of six labels in random order, "Title: ... / Field: ..." or
          "User: ... / Service: ..."; then one whose label is asked for. The labels are the
          options, so chance is 1 in 6. Each question has worked examples of its own, from a part
          of the set that is not asked about. The group is the kind: "fields" or "services".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tersely.evaluation.source import Source, number_of
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, present, read_fields

PER_LABEL = 5
SHOWN = 30
"""How many of each label are only ever shown."""

ASKED = 40
"""How many of each label are asked about at most."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One set of labelled texts.

    Attributes:
        name: The group.
        words: What a text and its label are called.
        labels: What the set calls a label, and what it is here.
        labelled: Returns a row's text and label; None where it has none.
    """

    name: str
    words: tuple[str, str]
    labels: dict[str, str]
    labelled: Callable[[Fields], tuple[str, str] | None]

    def asked(self, text: str) -> str:
        return f"{self.words[0]}: {text}"

    def worked(self, text: str, label: str) -> str:
        return f"{self.asked(text)}\n{self.words[1]}: {self.labels[label]}"


def _title(row: Fields) -> tuple[str, str] | None:
    categories = row.row.get("categories")
    title = " ".join(row.text("title", empty=True).split())
    return (title, str(categories[0])) if title and categories else None


def _request(row: Fields) -> tuple[str, str] | None:
    services, turns = row.texts("services"), row.rows("turns")
    if len(services) != 1 or not turns:
        return None
    return " ".join(turns[0].text("text").split()), services[0].partition("_")[0]


KINDS = {
    "arxiv_abstracts": _Kind(
        "fields",
        ("Title", "Field"),
        {
            "cs.CV": "vision",
            "cs.CL": "language",
            "cs.RO": "robots",
            "cs.CR": "security",
            "cs.SE": "software",
            "cs.IR": "retrieval",
        },
        _title,
    ),
    "sgd_dialogues": _Kind(
        "services",
        ("User", "Service"),
        {
            "Flights": "flights",
            "Homes": "homes",
            "Restaurants": "restaurants",
            "Events": "events",
            "Hotels": "hotels",
            "RentalCars": "cars",
        },
        _request,
    ),
}


def read(source: Source) -> Iterator[Example]:
    """Yield questions of both kinds, as many of each label.

    Raises:
        SettingError: Neither set is there, or a row is not as it should be.
    """
    for name in present(source, tuple(KINDS)):
        kind = KINDS[name]
        shown, asked = _parts(kind, read_fields(source, name))
        for label, found in asked.items():
            for row, text in found:
                yield Example(
                    id=row.id,
                    contexts=_demonstrations(kind, shown, row.id),
                    question=kind.asked(text),
                    cue=f"\n{kind.words[1]}:",
                    answers=(kind.labels[label],),
                    role="demonstration",
                    options=tuple(kind.labels.values()),
                    group=kind.name,
                )


Labelled = dict[str, list[tuple[Fields, str]]]


def _parts(kind: _Kind, rows: Iterable[Fields]) -> tuple[Labelled, Labelled]:
    """Return what is shown and what is asked about, by label; no text is there twice."""
    found: Labelled = {label: [] for label in kind.labels}
    seen: set[str] = set()
    for row in rows:
        pair = kind.labelled(row)
        if pair and pair[1] in found and pair[0] not in seen:
            seen.add(pair[0])
            found[pair[1]].append((row, pair[0]))
        if min(map(len, found.values())) >= SHOWN + ASKED:
            break
    count = min(ASKED, *(len(some) - SHOWN for some in found.values()))
    shown = {label: some[:SHOWN] for label, some in found.items()}
    return shown, {label: some[SHOWN:][: max(0, count)] for label, some in found.items()}


def _demonstrations(kind: _Kind, shown: Labelled, key: str) -> tuple[str, ...]:
    rng = np.random.default_rng(number_of(key))
    blocks = [
        kind.worked(some[i][1], label)
        for label, some in shown.items()
        for i in rng.permutation(len(some))[:PER_LABEL].tolist()
    ]
    return tuple(blocks[i] for i in rng.permutation(len(blocks)).tolist())


TASK = Task(
    name="few_shot",
    version=1,
    family="few-shot",
    data=tuple(KINDS),
    read=read,
    measures=("em",),
    answer_tokens=4,
    source="https://arxiv.org/abs/1909.05855",
)
