"""Passages as they stand in a prompt, and one among others that do not answer the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tersely.evaluation.source import number_of
from tersely.evaluation.tasks.fields import Fields


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with a title.

    Attributes:
        title: May be empty.
        text: Is not.
    """

    title: str
    text: str

    @classmethod
    def of(cls, row: Fields) -> Passage:
        """Read one from its row.

        Raises:
            SettingError: It has no title or no text.
        """
        return cls(row.text("title", empty=True), row.text("text"))


def titled(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Write passages out, numbered from 1.

    Source: "Lost in the Middle", https://github.com/nelson-liu/lost-in-the-middle
    """
    return tuple(
        f"Document [{number}](Title: {passage.title}) {passage.text}"
        for number, passage in enumerate(passages, start=1)
    )


def placed(passages: Sequence[Passage], position: int) -> list[Passage]:
    """Move the first passage to a position; the others keep their order."""
    others = list(passages[1:])
    others.insert(position, passages[0])
    return others


@dataclass
class Pool:
    """All passages of a set, from which the others around one are taken.

    Attributes:
        passages: Without repetition, in the set's order; a key's value is its index.
    """

    passages: dict[Passage, int] = field(default_factory=dict)

    def add(self, passage: Passage) -> None:
        """Take one in, if it is new."""
        self.passages.setdefault(passage, len(self.passages))

    def around(
        self, home: Passage, answers: Sequence[str], *, kin: int, others: int, most: int, key: str
    ) -> list[Passage]:
        """Return a passage and others that hold none of the answers, in random order.

        Args:
            home: The one with the answer.
            answers: What the others must not hold.
            kin: How many may be of the same title.
            others: How many there are at most.
            most: Bytes of UTF-8 of all together; at least one other is taken.
            key: What chance depends on.
        """
        rng = np.random.default_rng(number_of(key))
        known = list(self.passages)
        shuffled = [known[i] for i in rng.permutation(len(known)).tolist()]
        same = [p for p in shuffled if p != home and p.title and p.title == home.title]
        foreign = [p for p in shuffled if p != home and not (p.title and p.title == home.title)]
        chosen: list[Passage] = []
        size = _size(home)
        for limit, candidates in ((kin, same), (others, foreign)):
            for passage in candidates:
                if len(chosen) >= limit:
                    break
                fits = not chosen or size + _size(passage) <= most
                if fits and not _holds(passage, answers):
                    chosen.append(passage)
                    size += _size(passage)
        both = [home, *chosen]
        return [both[i] for i in rng.permutation(len(both)).tolist()]


def _size(passage: Passage) -> int:
    return len(passage.text.encode("utf-8", "surrogatepass"))


def _holds(passage: Passage, answers: Sequence[str]) -> bool:
    text = passage.text.casefold()
    return any(answer.casefold() in text for answer in answers)
