"""One JSON line for each example that a method has shortened and a reader has read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tersely.errors import SettingError

Key = tuple[str, str, str, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What came of one example, one method, one rate and one reader.

    Attributes:
        task: Name of the task.
        task_version: Its version.
        family: Its family.
        example: The example's id.
        cluster: What intervals resample.
        group: What tables break down by.
        arm: Which method, with its settings: "hybrid", "truncate:keep=tail", "full", "none".
        rate: The rate asked of the contexts; 1.0 for "full", 0.0 for "none".
        reader: Name of the reader; "" where nobody read.
        limit_tokens: The most that was allowed, of the whole prompt.
        tokens: Tokens of what was sent, cue not counted.
        whole_tokens: Tokens of the prompt before.
        context_tokens: How many of these were the contexts'.
        sha: The beginning of the SHA-256 of what was sent: equal texts have equal ones.
        scores: By measure, what it came to. "survived" (an answer stands in what is left, 0 or
            1), "nats" (mean surprisal of the answer's tokens; lower is better), and the task's own
            measures of the written answer, in [0, 1]. None is what could not be scored.
        kept: By class ("numbers", "negations", ...), the share of its occurrences in the contexts
            that is still there; None where there are none.
        answer: What the reader wrote; None where it did not.
        seconds: Wall time of the compression.
        cpu_seconds: Its processor time, over all threads.
        model_tokens: Tokens that the method put through its model.
        reader_seconds: Wall time of the reading.
        reader_tokens: Tokens that the reader read and wrote.
        error: What went wrong: "" or the kind and the message. Then there are no scores.
        versions: Of the package, its runtimes and Python.
        models: By name, the beginning of the SHA-256 of their files.
        seed: What chance was seeded with.
        made: When, in UTC, to the minute.
    """

    task: str
    task_version: int
    family: str
    example: str
    cluster: str
    group: str
    arm: str
    rate: float
    reader: str
    limit_tokens: int
    tokens: int
    whole_tokens: int
    context_tokens: int
    sha: str = ""
    scores: dict[str, float | None] = field(default_factory=dict)
    kept: dict[str, float | None] = field(default_factory=dict)
    answer: str | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    model_tokens: int = 0
    reader_seconds: float = 0.0
    reader_tokens: int = 0
    error: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    made: str = ""

    @property
    def key(self) -> Key:
        """What tells a record from all others of a run."""
        return self.task, self.example, self.arm, self.rate, self.reader

    @property
    def kept_context_tokens(self) -> int:
        """Tokens of what is left of the contexts; separators may make it a few more or fewer."""
        return max(0, self.tokens - (self.whole_tokens - self.context_tokens))

    @property
    def realised_rate(self) -> float:
        """The share of the contexts that is left; 1.0 where there was nothing."""
        return self.kept_context_tokens / self.context_tokens if self.context_tokens else 1.0

    def score(self, measure: str) -> float:
        """Return what a measure came to; NaN where it could not be scored."""
        value = self.scores.get(measure)
        return math.nan if value is None else value

    def to_json(self) -> str:
        """Return one line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=True, allow_nan=False)


NAMES = frozenset(one.name for one in fields(Record))


def from_json(line: str, where: str = "This") -> Record:
    """Return the record of a line; `where` is what an error calls it.

    Raises:
        SettingError: It is not one.
    """
    try:
        row: dict[str, Any] = json.loads(line)
        return Record(**{name: row[name] for name in NAMES & row.keys()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingError(f"{where} is not a record: {line[:80]!r} ({error}).") from error


def read_records(place: Path) -> Iterator[Record]:
    """Yield the records of a file, or of all files of a run's folder; of equal keys the last one.

    A last line without an end was being written when a run was killed: it is not there.

    Raises:
        SettingError: There is nothing to read, or a line is not a record.
    """
    files = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        raise SettingError(f"There are no records in {place}. Make them with tersely evaluate run.")
    found: dict[Key, Record] = {}
    for file in files:
        try:
            lines = file.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{file} cannot be read: {error}") from error
        for number, line in enumerate(lines[:-1], start=1):
            if line.strip():
                record = from_json(line, f"Line {number} of {file}")
                found[record.key] = record
    yield from found.values()


def drop_torn_line(file: Path) -> None:
    """Cut off a last line that has no end, so that a new one begins on a line of its own."""
    if file.is_file():
        data = file.read_bytes()
        if not data.endswith(b"\n"):
            file.write_bytes(data[: data.rfind(b"\n") + 1])


def select(
    records: Iterable[Record],
    *,
    task: str | None = None,
    arm: str | None = None,
    rate: float | None = None,
    reader: str | None = None,
) -> list[Record]:
    """Return the records that are of all that is given."""
    wanted = {"task": task, "arm": arm, "rate": rate, "reader": reader}
    asked = {name: value for name, value in wanted.items() if value is not None}
    return [r for r in records if all(getattr(r, name) == v for name, v in asked.items())]
