"""Rows that were there before: the same, or nearly so. The first stays."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tersely.data.kinds import identity
from tersely.data.lines import Row
from tersely.data.similar import NearIndex, digest_of, likeness, signature_of


@dataclass(frozen=True, slots=True)
class Twin:
    """The row that was there first.

    Attributes:
        nth: Its number among the rows that were shown.
        likeness: 1.0 if both are the same but for case and blanks.
        exact: Whether they are.
    """

    nth: int
    likeness: float
    exact: bool


class Seen:
    """Remembers rows, some 19 kB for each different passage, and finds a row's twin.

    Rows on one passage with different questions are no twins; nor are rows whose answers, or
    whose kinds of label, differ. What a row is made of is said by `identity`.
    """

    def __init__(self, near: float | None) -> None:
        """Look for equal rows, and for near ones if `near` is a threshold in (0, 1].

        Raises:
            MissingDependency: Near ones are wanted, and datasketch is not installed.
        """
        self._near = near
        self._exact: dict[bytes, int] = {}
        self._index = NearIndex(near) if near is not None else None
        self._passages: dict[bytes, int] = {}
        self._rows: dict[tuple[int, bytes], list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        self._count = 0

    def show(self, row: Row) -> Twin | None:
        """Return a row's twin; remember the row if it has none."""
        same, parts = identity(row)
        nth, self._count = self._count, self._count + 1
        digest = digest_of(same, *parts)
        if (before := self._exact.get(digest)) is not None:
            return Twin(before, 1.0, exact=True)
        if self._index is None:
            self._exact[digest] = nth
            return None
        kin = digest_of(same)
        passage, signature = self._passage(parts[0])
        near = dict(self._index.near(signature)) if signature is not None else {}
        for key, alike in sorted({passage: 1.0, **near}.items()):
            for earlier, others in self._rows.get((key, kin), ()):
                if all(map(self._alike, others, parts[1:])) and alike >= self._index.threshold:
                    return Twin(earlier, alike, exact=False)
        if signature is not None and passage not in near:
            self._index.add(passage, signature)
        self._exact[digest] = nth
        self._rows[passage, kin].append((nth, parts[1:]))
        return None

    def _passage(self, text: str) -> tuple[int, Any]:
        key = self._passages.setdefault(digest_of(text), len(self._passages))
        return key, signature_of(text)

    def _alike(self, first: str, second: str) -> bool:
        """Return whether two questions, or two compressed texts, are the same or near."""
        if digest_of(first) == digest_of(second):
            return True
        one, other = signature_of(first), signature_of(second)
        if one is None or other is None or self._near is None:
            return False
        return likeness(one, other) >= self._near
