"""More rows from those there are, with labels that still hold.

    augment(rows, Augmenting(ways=("distractors", "shuffle")))

makes of each row one more, changed in each of the ways in turn. What cannot be done to a row
without making it wrong is not done.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from tersely.data.documents import DocumentPool, shuffled, with_distractors
from tersely.data.kinds import at, kind_of, with_text
from tersely.data.lines import Row
from tersely.data.noise import changeable, noisy, resentenced
from tersely.data.swaps import NamePool, standing, swapped
from tersely.errors import SettingError, UnknownName

Way = Literal["distractors", "shuffle", "swap", "noise", "sentences", "rewrite"]
Rewrite = Callable[[str], str]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmenting:
    """What is done to a row.

    Attributes:
        ways: In this order, each at most once.
        copies: How many rows are made of one.
        seed: What chance depends on, with the row and the number of the copy.
        distractors: How many documents of other rows are put in.
        noise: Share of the words with a mistake.
    """

    ways: tuple[Way, ...]
    copies: int = 1
    seed: int = 0
    distractors: int = 3
    noise: float = 0.03

    def __post_init__(self) -> None:
        for way in self.ways:
            if way not in WAYS:
                raise UnknownName("way to augment", way, WAYS)
        if not self.ways or len({*self.ways}) < len(self.ways):
            raise SettingError(f"ways are one or more, each once; got {list(self.ways)}.")
        for name in ("copies", "distractors"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is at least 1; got {getattr(self, name)}.")
        if not 0 < self.noise <= 1:
            raise SettingError(f"noise is in (0, 1]; got {self.noise}.")


@dataclass(slots=True)
class Done:
    """Counts rows: how many were made, in which ways, and how many nothing could be done to."""

    made: int = 0
    left: int = 0
    ways: Counter[str] = field(default_factory=Counter)


def augment(
    rows: Sequence[Row],
    settings: Augmenting,
    *,
    rewrite: Rewrite | None = None,
    done: Done | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Row]:
    """Yield the rows made of others; the others are not among them.

    Each says with "augmented" what was done, and has the id of its source with "~" and a number.
    Their group stays, so a split holds them together. All rows are in memory.

    Args:
        rows: Of any kind.
        settings: What is done.
        rewrite: Says a text in other words, for the way "rewrite": a model that translates there
            and back. It is given passages, one at a time. What it returns is taken if every
            answer stands where it stood. Label rows and pairs cannot follow, and are left.
        done: Counts what is done.
        progress: Called with how many rows have been looked at, and of how many.

    Raises:
        SettingError: "rewrite" is among the ways, and there is no `rewrite`.
    """
    if "rewrite" in settings.ways and rewrite is None:
        raise SettingError('The way "rewrite" needs a function, or an endpoint, that rewrites.')
    maker = _Maker(rows, settings, rewrite)
    done = done if done is not None else Done()
    for nth, row in enumerate(rows):
        for copy in range(settings.copies):
            made, ways = maker.make(row, nth, copy)
            done.ways.update(ways)
            if not ways:
                done.left += 1
                continue
            done.made += 1
            name = f"{row.get('id', nth)}~{copy + 1}"
            yield {**made, "id": name, "augmented": [*ways]}
        if progress:
            progress(nth + 1, len(rows))


class _Maker:
    def __init__(self, rows: Sequence[Row], settings: Augmenting, rewrite: Rewrite | None) -> None:
        self._settings, self._rewrite = settings, rewrite
        self._documents = DocumentPool(rows if "distractors" in settings.ways else [])
        self._names = NamePool(rows if "swap" in settings.ways else [])

    def make(self, row: Row, nth: int, copy: int) -> tuple[Row, list[str]]:
        """Return a row changed in as many of the ways as can be, and which these are."""
        ways = []
        for way in self._settings.ways:
            rng = _generator(self._settings.seed, row.get("id", nth), copy, way)
            changed = self._changed(way, row, rng)
            if changed is not None and changed != row:
                row = changed
                ways.append(str(way))
        return row, ways

    def _changed(self, way: Way, row: Row, rng: np.random.Generator) -> Row | None:
        if way == "distractors":
            return with_distractors(row, self._documents, self._settings.distractors, rng)
        if way == "shuffle":
            return shuffled(row, rng)
        if way == "swap":
            return swapped(row, self._names, rng)
        if way == "noise":
            return noisy(row, self._settings.noise, rng)
        return resentenced(row, rng) if way == "sentences" else self._rewritten(row)

    def _rewritten(self, row: Row) -> Row | None:
        assert self._rewrite is not None, "checked before the first row"
        if kind_of(row) in ("label", "pair"):
            return None
        made = row
        for where in changeable(row):
            said = self._rewrite(at(row, where))
            tried = with_text(made, where, said)
            if said.strip() and standing(tried) == standing(made):
                made = tried
        return made


def _generator(*parts: object) -> np.random.Generator:
    text = " ".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()[:8]))
