"""The records of one or several runs, by task, reader, arm and rate, in the report's order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from tersely._registry import COMPRESSORS
from tersely.errors import SettingError
from tersely.evaluation.arms import BASELINES, ENDS, FULL, NONE, REFERENCES
from tersely.evaluation.records import Key, Record

Role = Literal["method", "baseline", "reference"]
Groups = Literal["language", "position", "kind"]
Point = tuple[str, float]
"""An arm and a rate."""

SURVIVED, NATS, OPTION = "survived", "nats", "option"
SHARED = (SURVIVED, NATS, OPTION)
"""Scores that any task may have; all others are measures of a written answer."""

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
NOBODY = "nobody"
"""What the reader of records is called that nobody read."""


@dataclass(frozen=True, slots=True)
class Case:
    """One task, read by one reader.

    Attributes:
        task: Name of the task.
        reader: Name of the reader; "" for nobody.
    """

    task: str
    reader: str

    @property
    def title(self) -> str:
        """Both, for people."""
        return f"{self.task}, read by {self.reader or NOBODY}"

    @property
    def slug(self) -> str:
        """Both, for file names and anchors."""
        return slug_of(self.task, self.reader or NOBODY)


def slug_of(*parts: str) -> str:
    """Return parts as a name that a file, an anchor and a key can have."""
    return "-".join(re.sub(r"[^A-Za-z0-9]+", "_", part).strip("_") or "x" for part in parts)


def role_of(arm: str) -> Role:
    """Return whether an arm is a method under test, a baseline, or a reference."""
    name = arm.partition(":")[0]
    if name in REFERENCES:
        return "reference"
    return "baseline" if name in BASELINES else "method"


def kind_of(groups: Iterable[str]) -> Groups:
    """Return what the groups of a task are, from how they are written."""
    names = [*groups]
    if all(NUMBER.fullmatch(name) for name in names):
        return "position"
    return "language" if all(LANGUAGE.fullmatch(name) for name in names) else "kind"


@dataclass(frozen=True)
class Corpus:
    """Every record of a report.

    Attributes:
        records: At least one; of equal keys there is one.
    """

    records: tuple[Record, ...]
    _index: dict[tuple[Case, str, float], list[Record]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, records: Iterable[Record]) -> Corpus:
        """Return the corpus of some records; of equal keys the last one counts.

        Raises:
            SettingError: There is none, or one task has several versions.
        """
        found: dict[Key, Record] = {record.key: record for record in records}
        if not found:
            raise SettingError(
                "There are no records to report on. Make some with tersely evaluate run."
            )
        versions: dict[str, set[int]] = {}
        for record in found.values():
            versions.setdefault(record.task, set()).add(record.task_version)
        for task, numbers in versions.items():
            if len(numbers) > 1:
                raise SettingError(
                    f"The task {task!r} has records of the versions {sorted(numbers)}, which cannot"
                    " be compared. Run the older ones again, or report on them apart."
                )
        return cls(tuple(found.values()))

    def __post_init__(self) -> None:
        for record in self.records:
            at = Case(record.task, record.reader), record.arm, record.rate
            self._index.setdefault(at, []).append(record)

    @cached_property
    def cases(self) -> list[Case]:
        """Every task with every reader of it, in order of appearance."""
        return [*dict.fromkeys(case for case, _, _ in self._index)]

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks, in order of appearance."""
        return [*dict.fromkeys(case.task for case in self.cases)]

    @cached_property
    def readers(self) -> list[str]:
        """The readers, in order of appearance."""
        return [*dict.fromkeys(case.reader for case in self.cases)]

    @cached_property
    def rates(self) -> list[float]:
        """The rates that compressing arms were asked for, the highest first."""
        return sorted({rate for _, arm, rate in self._index if arm not in ENDS}, reverse=True)

    @cached_property
    def arms(self) -> list[str]:
        """Arms that compress: methods as they are registered, baselines, then the oracle."""
        found = {arm for _, arm, _ in self._index if arm not in ENDS}
        roles: tuple[Role, ...] = ("method", "baseline", "reference")
        names = [*COMPRESSORS, *BASELINES]

        def place(arm: str) -> tuple[int, int, str]:
            name = arm.partition(":")[0]
            known = names.index(name) if name in names else len(names)
            return roles.index(role_of(arm)), known, arm

        return sorted(found, key=place)

    @cached_property
    def points(self) -> list[Point]:
        """Every arm at every rate: `full`, then the highest rate first, then `none`."""
        there = {(arm, rate) for _, arm, rate in self._index}
        inner = [(arm, rate) for rate in self.rates for arm in self.arms]
        return [
            point for point in [(FULL, ENDS[FULL]), *inner, (NONE, ENDS[NONE])] if point in there
        ]

    def at(self, case: Case, arm: str, rate: float) -> list[Record]:
        """Return the records of one arm at one rate."""
        return self._index.get((case, arm, rate), [])

    def end(self, case: Case, arm: str) -> list[Record]:
        """Return the records of `full` or `none`."""
        return self.at(case, arm, ENDS[arm])

    def of_case(self, case: Case) -> list[Record]:
        """Return all records of one task and one reader."""
        return [record for key, same in self._index.items() if key[0] == case for record in same]

    def over_cases(self, point: Point) -> Iterator[tuple[Case, list[Record]]]:
        """Yield each task and reader in which an arm ran at a rate, with its records."""
        for case in self.cases:
            if same := self.at(case, *point):
                yield case, same

    def all_at(self, point: Point) -> list[Record]:
        """Return the records of an arm at a rate, over all tasks and readers."""
        return [record for _, same in self.over_cases(point) for record in same]

    def compressed_at(self, point: Point) -> list[Record]:
        """Return one record for each example that an arm shortened, whoever read it."""
        found: dict[tuple[str, str], Record] = {}
        for record in self.all_at(point):
            at = record.task, record.example
            if at not in found or (found[at].error and not record.error):
                found[at] = record
        return [*found.values()]

    @cached_property
    def _measures(self) -> dict[Case, list[str]]:
        names: dict[Case, dict[str, None]] = {case: {} for case in self.cases}
        for (case, _, _), same in self._index.items():
            for record in same:
                found = (name for name, value in record.scores.items() if value is not None)
                names[case].update(dict.fromkeys(found))
        return {case: [*found] for case, found in names.items()}

    def measures(self, case: Case) -> list[str]:
        """Return the scores that records of a case have, in the order of the records."""
        return self._measures[case]

    def main_measure(self, case: Case) -> str:
        """Return what a case is judged by; "" where nothing was scored.

        It is the first measure of the written answer; without one the option that is picked, then
        the surprisal of the answer, then whether the answer survives.
        """
        found = self.measures(case)
        written = [name for name in found if name not in SHARED]
        rest = [name for name in (OPTION, NATS, SURVIVED) if name in found]
        return next(iter([*written, *rest]), "")

    def groups(self, case: Case) -> list[str]:
        """Return a case's groups, numbers by value; none where there is only one."""
        names = {record.group for record in self.of_case(case)} - {""}
        if len(names) < 2:
            return []
        if kind_of(names) == "position":
            return sorted(names, key=float)
        return sorted(names)


def in_group(records: Sequence[Record], group: str | None) -> list[Record]:
    """Return the records of a group; all of them for None."""
    return [r for r in records if group is None or r.group == group]
