"""Item x length x arm -> one line of JSON; what is there is not made again."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tersely
from benchmarks.common import at_root, commit
from benchmarks.soft.answering import (
    Heard,
    Made,
    arms_of,
    asking,
    giving_back,
    heard,
    make,
    written,
)
from benchmarks.soft.arms import FULL, Arm
from benchmarks.soft.asked import QUESTIONS, Item
from tersely.evaluation.records import drop_torn_line
from tersely.soft.base import Producer
from tersely.soft.host import Host
from tersely.soft.memory import Memory

Record = dict[str, Any]
Key = tuple[str, str, str, int, str, int]
"""Task, set, id, length, arm, slots."""
NAMES = ("task", "set", "id", "length", "arm", "slots")


def file_of(options: argparse.Namespace) -> Path:
    """Return the file of all records."""
    return at_root(options.out) / "quality.jsonl"


def read_lines(file: Path) -> dict[Key, Record]:
    """Return the records of a file; the later of two with one key counts."""
    if not file.is_file():
        return {}
    lines = file.read_text("utf-8").split("\n")[:-1]
    found = map(json.loads, lines)
    return {tuple(record[name] for name in NAMES): record for record in found}  # type: ignore[misc]


def key_of(item: Item, length: int, arm: Arm) -> Key:
    """Return what tells a record from all others."""
    return item.task, item.set, item.id, length, arm.name, arm.slots


class Bench:
    """Hands items on by every arm, and notes what the reader makes of them."""

    def __init__(
        self, host: Host, trained: Mapping[str, Producer], options: argparse.Namespace
    ) -> None:
        """Take a reader, the trained producers by name, and the options of the command line."""
        self.host, self.trained, self.options = host, trained, options
        self._made_by = f"{tersely.__version__} {commit()}"

    def arms(self, length: int) -> list[Arm]:
        """Return all arms of a length."""
        return arms_of(length, self.options.slots, self.trained, self.options.arms)

    def stamp(self, item: Item, length: int, arm: Arm) -> Record:
        """Return what a record has to say to be of this item, this model and this arm."""
        own = self.trained.get(arm.name)
        return {
            "of": item.of(length),
            "model": self.host.fingerprint.model[:16],
            "dtype": str(self.host.dtype).removeprefix("torch."),
            "adapter": str(own.settings.get("adapter_sha256", ""))[:16] if own else "",
        }

    def is_done(self, found: Record | None, item: Item, length: int, arm: Arm) -> bool:
        """Say whether a record is there, current, and has what is wanted of it."""
        stamp = self.stamp(item, length, arm)
        if found is None or any(found[name] != value for name, value in stamp.items()):
            return False
        return found["text"] is not None or not self._writes(item, length)

    def records(self, item: Item, length: int, arms: Sequence[Arm]) -> Iterator[Record]:
        """Yield one record for each arm that can have so many slots."""
        made = make(self.host, item.windows[length], arms, self.trained)
        if not made:
            return
        memories = [*made.values()]
        if item.task == QUESTIONS:
            past, prompts = asking(self.host, memories, item.question)
            answer = self.host.encode(item.answers[0])
            slots = [0 if arm.name == FULL else arm.slots for arm in made]
            ears = heard(self.host, past, prompts, answer, slots)
            most = self.options.answer_tokens
        else:
            past, prompts = giving_back(self.host, memories)
            ears = heard(self.host, past, prompts, item.windows[length])
            most = length
        texts: list[str] | list[None] = [None] * len(made)
        if self._writes(item, length):
            texts = written(self.host, past, prompts, most)
        yield from self._lines(item, length, made, ears, texts)

    def _lines(
        self,
        item: Item,
        length: int,
        made: Made,
        ears: Sequence[Heard],
        texts: Sequence[str | None],
    ) -> Iterator[Record]:
        for (arm, memory), ear, text in zip(made.items(), ears, texts, strict=True):
            yield {
                **dict(zip(NAMES, key_of(item, length, arm), strict=True)),
                "group": item.group,
                "bytes": memory.bytes if memory else 0,
                "as_words": self._as_words(arm, memory),
                "nats": round(ear.nats, 6) if math.isfinite(ear.nats) else None,
                "text": text,
                "shares": [round(one, 6) for one in ear.shares],
                "before": round(ear.before, 6),
                **self.stamp(item, length, arm),
                "made_by": self._made_by,
                "day": f"{datetime.now(UTC):%Y-%m-%d}",
            }

    def _as_words(self, arm: Arm, memory: Memory | None) -> int:
        """Return what a memory of word vectors takes as such, in bytes; 0 for all others."""
        own = self.trained.get(arm.name)
        if memory is None or own is None or own.name == "compressor500x":
            return 0
        return int(memory.slots * self.host.width * self.host.dtype.itemsize)

    def _writes(self, item: Item, length: int) -> bool:
        return item.task == QUESTIONS or (item.id, length) in self.options.written_places


def run(items: Sequence[Item], bench: Bench, options: argparse.Namespace) -> None:
    """Make the records that are not there yet, an item and length at a time."""
    from rich.progress import track

    file = file_of(options)
    file.parent.mkdir(parents=True, exist_ok=True)
    drop_torn_line(file)
    done = read_lines(file)
    work = [(item, length) for item in items for length in item.windows]
    for item, length in track(work, description="reading"):
        wanted = [
            arm
            for arm in bench.arms(length)
            if not bench.is_done(done.get(key_of(item, length, arm)), item, length, arm)
        ]
        if wanted:
            with file.open("a", encoding="utf-8") as out:
                lines = [json.dumps(one) + "\n" for one in bench.records(item, length, wanted)]
                out.writelines(lines)


def records_of(items: Sequence[Item], bench: Bench, options: argparse.Namespace) -> list[Record]:
    """Return the current records of some items, in the order of items and arms."""
    done = read_lines(file_of(options))
    return [
        record
        for item in items
        for length in item.windows
        for arm in bench.arms(length)
        if (record := done.get(key_of(item, length, arm))) is not None
        and all(record[k] == v for k, v in bench.stamp(item, length, arm).items())
    ]
