"""Task x arm x rate -> records, one file per process; a run that was killed goes on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from filelock import FileLock, Timeout

from tersely.backends.memory import release_memory
from tersely.core.budget import Budget
from tersely.counting import TokenCounter, load_counter
from tersely.errors import Error, SettingError
from tersely.evaluation.arms import ENDS, Arm, Outcome, load_arm
from tersely.evaluation.metrics import measure
from tersely.evaluation.metrics.survival import kept_shares
from tersely.evaluation.plan import Plan, model_hashes, versions, write_run
from tersely.evaluation.readers.base import Ask, Reader, Reading
from tersely.evaluation.records import Key, Record, drop_torn_line, read_records
from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import present
from tersely.evaluation.tasks.registry import load_task

Progress = Callable[[int, int], None]
"""Called with (records made or found, records wanted)."""

STOPS = ("\n\n",)


@dataclass(frozen=True, slots=True)
class Shard:
    """A share of the examples.

    Attributes:
        index: Which one, in [0, count).
        count: Of how many.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.index < self.count:
            raise SettingError(f"A shard is 1/N to N/N, not {self.index + 1}/{self.count}.")

    @property
    def file(self) -> str:
        """Name of the file its records go to."""
        return f"records-{self.index + 1}-of-{self.count}.jsonl"


def run(
    plan: Plan,
    folder: Path,
    *,
    reader: Reader | None = None,
    shard: Shard | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> int:
    """Make the records that are not in a folder yet.

    Args:
        plan: What is wanted.
        folder: Where records go; made if it is not there.
        reader: Who reads what is left; None only shortens.
        shard: Which of the examples; None is all.
        command: How the run was started, for the report.
        progress: Called after each example.

    Returns:
        How many records were made.

    Raises:
        SettingError: The plan does not go with what is in the folder, or another process is
            writing this shard's records.
        UnknownName: No task or arm is called that.
    """
    source, shard = Source(plan.data), shard or Shard()
    tasks = [load_task(name) for name in plan.tasks]
    counter = load_counter(plan.tokenizer)
    examples = [task.examples(source, count=plan.count, seed=plan.seed) for task in tasks]
    hashes = {
        name: source.sha256(name) if name in there else ""
        for task in tasks
        for there in [present(source, task.data)]
        for name in task.data
    }
    for name in set(plan.arms) - {key[2] for key in known(folder)}:
        load_arm(name, counter, seed=plan.seed)  # what cannot be had is said before a mark is left
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"{folder} cannot be made a folder: {error}") from error
    with _locked(folder / f".{shard.file}.lock"):
        with _locked(folder / ".run.lock", wait=True):
            write_run(folder, plan, hashes, command)
        drop_torn_line(folder / shard.file)
        done = known(folder, retry_failed=plan.retry_failed)
        # The first example of every task, then the second, ...: what a stopped run has is even.
        work = [
            (task, examples[row][number], wanted(task, examples[row][number], plan, reader))
            for number in range(shard.index, max(map(len, examples)), shard.count)
            for row, task in enumerate(tasks)
            if number < len(examples[row])
        ]
        return _make(plan, work, done, folder / shard.file, counter, reader, progress)


def wanted(task: Task, example: Example, plan: Plan, reader: Reader | None) -> list[Key]:
    """Return the keys of all that a plan asks for of one example; the arm to match first."""
    name = reader.name if reader else ""
    arms = sorted(plan.arms, key=lambda arm: arm != plan.match)
    return [
        (task.name, example.id, arm, rate, name)
        for arm in arms
        for rate in ([ENDS[arm]] if arm in ENDS else plan.rates)
    ]


def known(folder: Path, *, retry_failed: bool = False) -> dict[Key, Record]:
    """Return the records that a folder holds."""
    if not any(folder.glob("*.jsonl")):
        return {}
    records = {record.key: record for record in read_records(folder)}
    return {k: r for k, r in records.items() if not (retry_failed and r.error)}


def _make(
    plan: Plan,
    work: Sequence[tuple[Task, Example, list[Key]]],
    done: dict[Key, Record],
    file: Path,
    counter: TokenCounter,
    reader: Reader | None,
    progress: Progress | None,
) -> int:
    total, seen, made = sum(len(keys) for _, _, keys in work), 0, 0
    benches: dict[str, Bench] = {}
    with file.open("a", encoding="utf-8") as out:
        for task, example, keys in work:
            if any(key not in done for key in keys):
                if task.name not in benches:
                    benches[task.name] = Bench(task, plan, counter, reader)
                records = benches[task.name].records(example, keys, done)
                write(out, records)
                release_memory()
                made += len(records)
            seen += len(keys)
            if progress:
                progress(seen, total)
    return made


def write(out: TextIO, records: Sequence[Record]) -> None:
    """Append records, all or none as far as a killed process goes."""
    out.write("".join(record.to_json() + "\n" for record in records))
    out.flush()


class Bench:
    """Runs one task's arms on examples."""

    def __init__(
        self, task: Task, plan: Plan, counter: TokenCounter, reader: Reader | None
    ) -> None:
        """Load the arms."""
        self._task, self._plan, self._counter, self._reader = task, plan, counter, reader
        self._arms: dict[str, Arm] = {
            name: load_arm(name, counter, content=task.content, seed=plan.seed)
            for name in plan.arms
        }
        self._versions = versions()

    def records(
        self, example: Example, keys: Sequence[Key], done: dict[Key, Record]
    ) -> list[Record]:
        """Return the records of one example that are not there yet, of all arms that fit it."""
        whose = (self._task.name, example.id, self._match)
        reader = self._reader.name if self._reader else ""
        matched = {
            k[3]: r for k, r in done.items() if k[:3] == whose and k[4] == reader and not r.error
        }
        blank, made = self._blank(example), []
        outcomes: list[Outcome | None] = []
        for key in keys:
            _, _, arm, rate, _ = key
            if key in done or not self._arms[arm].fits(example):
                continue
            record, outcome = self._compressed(example, replace(blank, arm=arm, rate=rate), matched)
            if arm == self._match and not record.error:
                matched[rate] = record
            made.append(record)
            outcomes.append(outcome)
        return self._read(example, made, outcomes)

    @property
    def _match(self) -> str:
        return self._plan.match

    def _blank(self, example: Example) -> Record:
        prompt = example.prompt
        whole, bare = self._counter.count(prompt.text), self._counter.count(example.bare)
        return Record(
            task=self._task.name,
            task_version=self._task.version,
            family=self._task.family,
            example=example.id,
            cluster=example.cluster or example.id,
            group=example.group,
            arm="",
            rate=1.0,
            reader=self._reader.name if self._reader else "",
            limit_tokens=whole,
            tokens=0,
            whole_tokens=whole,
            context_tokens=max(0, whole - bare),
            versions=self._versions,
            models=self._reader.models if self._reader else {},
            seed=self._plan.seed,
            made=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        )

    def _compressed(
        self, example: Example, record: Record, matched: dict[float, Record]
    ) -> tuple[Record, Outcome | None]:
        """Run one arm; a failure is a record, too."""
        fixed = record.whole_tokens - record.context_tokens
        limit = fixed + Budget(rate=record.rate).limit(record.context_tokens) if record.rate else 0
        if record.arm in ENDS:
            limit = record.whole_tokens
        elif record.rate in matched and record.arm != self._match:
            limit = matched[record.rate].tokens
        record = replace(record, limit_tokens=limit)
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            outcome = self._arms[record.arm](example, limit)
        except (Error, ArithmeticError, LookupError, ValueError, RuntimeError) as error:
            return replace(record, error=f"{type(error).__name__}: {error}"), None
        return replace(
            record,
            seconds=round(time.perf_counter() - wall, 6),
            cpu_seconds=round(time.process_time() - cpu, 6),
            tokens=outcome.tokens,
            model_tokens=outcome.model_tokens,
            models=record.models | model_hashes(outcome.model),
            sha=hashlib.sha256(outcome.text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            scores=self._survived(example, outcome),
            kept=kept_shares("\n\n".join(example.contexts), outcome.left),
        ), outcome

    def _survived(self, example: Example, outcome: Outcome) -> dict[str, float | None]:
        if not (self._task.extractive and example.answers):
            return {}
        value = measure("survived")(outcome.left, example.answers, language=example.language)
        return {"survived": _plain(value)}

    def _read(
        self, example: Example, records: list[Record], outcomes: list[Outcome | None]
    ) -> list[Record]:
        """Let the reader read what is left, all arms in one call."""
        if self._reader is None:
            return records
        asks = [self._ask(example, outcome) for outcome in outcomes if outcome]
        readings = iter(self._reader.read(asks))
        return [
            self._scored(example, record, next(readings)) if outcome else record
            for record, outcome in zip(records, outcomes, strict=True)
        ]

    def _ask(self, example: Example, outcome: Outcome) -> Ask:
        return Ask(
            text=outcome.text + example.cue,
            answers=tuple(example.after_cue(answer) for answer in example.answers),
            options=tuple(example.after_cue(option) for option in example.options),
            answer_tokens=self._task.answer_tokens,
            stop=STOPS if self._task.family in ("summary", "conversation") else ("\n",),
        )

    def _scored(self, example: Example, record: Record, reading: Reading) -> Record:
        scores = dict(record.scores) | {"nats": reading.nats}
        if example.options:
            right = {example.after_cue(answer) for answer in example.answers}
            scores["option"] = None if reading.option is None else float(reading.option in right)
        if reading.answer is not None:
            for name in self._task.measures:
                value = measure(name)(reading.answer, example.answers, language=example.language)
                scores[name] = _plain(value)
        return replace(
            record,
            scores=scores if not reading.error else {},
            answer=reading.answer,
            error=reading.error,
            reader_seconds=round(reading.seconds, 6),
            reader_tokens=reading.tokens,
        )


def _plain(value: float) -> float | None:
    return None if value != value else float(value)  # NaN is what JSON has no number for


@contextmanager
def _locked(file: Path, *, wait: bool = False) -> Iterator[None]:
    lock = FileLock(file, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout as error:
        raise SettingError(
            f"Another process is writing to {file.parent}. Wait for it, or start both with a share"
            " of their own (--shard 1/2, --shard 2/2)."
        ) from error
    except OSError as error:
        raise SettingError(f"{file.parent} cannot be written to: {error}") from error
    try:
        yield
    finally:
        lock.release()
