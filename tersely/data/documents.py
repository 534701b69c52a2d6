"""Documents around an answer: more of them, and in another order. The gold index follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tersely.data.kinds import answers, at, documents, kind_of, passages
from tersely.data.lines import Row
from tersely.data.similar import digest_of, normalised

MOST_TRIES = 20
"""How many documents are looked at for each that is wanted."""


class DocumentPool:
    """The different documents of all rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        found: dict[bytes, Any] = {}
        for row in rows:
            if kind_of(row) == "qa" and isinstance(row.get("documents"), list):
                for where in documents(row):
                    document = row["documents"][where[1]]
                    found.setdefault(digest_of(document["text"]), document)
        self._documents = [*found.items()]
        self._plain: dict[bytes, str] = {}

    def others(self, row: Row, count: int, rng: np.random.Generator) -> list[Any]:
        """Return up to `count` documents that are not in a row and hold none of its answers."""
        present = {digest_of(at(row, where)) for where in passages(row)}
        wanted = [normalised(answer) for answer in answers(row) if answer.strip()]
        chosen: list[Any] = []
        for _ in range(MOST_TRIES * count if self._documents else 0):
            digest, document = self._documents[int(rng.integers(len(self._documents)))]
            if digest in present or any(
                answer in self._text(digest, document) for answer in wanted
            ):
                continue
            present.add(digest)
            chosen.append(document)
            if len(chosen) == count:
                break
        return chosen

    def _text(self, digest: bytes, document: Any) -> str:
        if digest not in self._plain:
            self._plain[digest] = normalised(document["text"])
        return self._plain[digest]


def with_distractors(
    row: Row, pool: DocumentPool, count: int, rng: np.random.Generator
) -> Row | None:
    """Return a question with documents of other rows put in; None if there are none to put in.

    What is put in holds none of the answers. A question without an answer is left alone: another
    row's document might hold one.
    """
    if kind_of(row) != "qa" or not isinstance(row.get("documents"), list):
        return None
    if row.get("unanswerable") or not any(answer.strip() for answer in answers(row)):
        return None
    others = pool.others(row, count, rng)
    if not others:
        return None
    places = rng.choice(len(row["documents"]) + len(others), size=len(others), replace=False)
    old, new = iter(range(len(row["documents"]))), iter(range(len(others)))
    taken = {*places.tolist()}
    order = [  # of the old documents; -1 and below are the new ones
        -1 - next(new) if place in taken else next(old)
        for place in range(len(row["documents"]) + len(others))
    ]
    given = [row["documents"][nth] if nth >= 0 else others[-1 - nth] for nth in order]
    return _following(row, "documents", given, order)


def shuffled(row: Row, rng: np.random.Generator) -> Row | None:
    """Return a row with its documents, or its records, in another order; None for fewer than 2."""
    for name in ("documents", "records"):
        given = row.get(name)
        if isinstance(given, list) and len(given) > 1:
            order = rng.permutation(len(given)).tolist()
            return _following(row, name, [given[nth] for nth in order], order)
    return None


def _following(row: Row, name: str, given: list[Any], order: Sequence[int]) -> Row:
    now = {before: place for place, before in enumerate(order)}
    made = {**row, name: given}
    if isinstance(row.get("gold_index"), int):
        made["gold_index"] = now.get(row["gold_index"], row["gold_index"])
    if isinstance(row.get("gold_indices"), list):
        made["gold_indices"] = [now.get(before, before) for before in row["gold_indices"]]
    return made
