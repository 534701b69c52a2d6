"""Passage x arm -> one line of JSON; what is there is not made again."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tersely
from benchmarks.common import at_root, commit
from benchmarks.soft.arms import FITTED, FULL, Arm, arms_of
from benchmarks.soft.passages import Passage
from benchmarks.soft.reading import Made, fitted, memories_of, nats_behind, past_of
from tersely.evaluation.records import drop_torn_line
from tersely.soft.host import Host

Record = dict[str, Any]
Key = tuple[str, str, str, bool, int]
"""Set, passage, arm, bare, slots."""


def key_of(record: Record) -> Key:
    """Return what tells a record from all others."""
    return (
        record["set"],
        record["passage"],
        record["arm"],
        record["bare"],
        record["slots"],
    )


def read_lines(file: Path) -> dict[Key, Record]:
    """Return the records of a file; the later of two with one key counts.

    A last line without its end, as an interrupted process leaves it, is left out.
    """
    if not file.is_file():
        return {}
    lines = file.read_text("utf-8").split("\n")[:-1]
    return {key_of(record): record for record in map(json.loads, lines)}


class Bench:
    """Hands passages on by every arm, and says how surprising what follows is."""

    def __init__(self, host: Host, *, context: int, scored: int) -> None:
        """Take a reader.

        Args:
            host: The reader.
            context: How many tokens of a passage are handed on.
            scored: How many are predicted; the one between is given to all.
        """
        self.host, self.context, self.scored = host, context, scored
        self.kind = str(host.dtype).removeprefix("torch.")
        self._stamp = {
            "model": host.fingerprint.model[:16],
            "dtype": self.kind,
            "made_by": f"{tersely.__version__} {commit()}",
        }

    def records(self, passage: Passage, arms: Sequence[Arm]) -> list[Record]:
        """Return one record for each arm; those that read the text alike share one reading."""
        made: list[Record] = []
        source = passage.ids[: self.context]
        for bare in (False, True):
            if mine := [arm for arm in arms if arm.bare == bare and arm.name != FITTED]:
                memories = memories_of(self.host, source, mine, bare=bare)
                made += self._scored(passage, memories, bare=bare)
        if mine := [arm for arm in arms if arm.name == FITTED]:
            made += self._scored(passage, fitted(self.host, source, mine), bare=False)
        return made

    def _scored(self, passage: Passage, memories: Made, *, bare: bool) -> list[Record]:
        source, rest = passage.ids[: self.context], passage.ids[self.context :]
        arms = [*memories]
        nats: dict[Arm, float] = {}
        for group in ([a for a in arms if a.name == FULL], [a for a in arms if a.name != FULL]):
            if group:  # the full text apart, or all other rows would be filled up to its length
                past = past_of(self.host, [memories[a][0] for a in group], len(source), bare=bare)
                nats |= dict(zip(group, nats_behind(self.host, past, rest), strict=True))
        return [
            {
                "set": passage.set,
                "passage": passage.id,
                "arm": arm.name,
                "bare": arm.bare,
                "slots": arm.slots,
                "tokens": len(source),
                "scored": self.scored,
                "nats": round(nats[arm], 6) if math.isfinite(nats[arm]) else None,
                "bytes": memories[arm][0].bytes if memories[arm][0] else 0,
                "choosing_seconds": round(memories[arm][1], 3),
                "of": passage.of,
                **self._stamp,
                "day": f"{datetime.now(UTC):%Y-%m-%d}",
            }
            for arm in arms
        ]


def all_work(
    passages: Sequence[Passage], options: argparse.Namespace
) -> list[tuple[Passage, list[Arm]]]:
    """Return each passage with its arms; what has fewer passages comes with or after the others."""
    arms = arms_of(options.context, options.times, bare=False)
    bare = arms_of(options.context, options.times, bare=True)
    work = [
        (passage, arms + (bare if number < options.bare else []))
        for number, passage in enumerate(passages)
    ]
    slow = [Arm(FITTED, options.context // one) for one in options.fitted_times]
    return work + [(passage, slow) for passage in passages[: options.fitted]]


def is_current(record: Record, passage: Passage, model: str, kind: str) -> bool:
    """Say whether a record is of this passage, this model and this type of numbers."""
    return (record["of"], record["model"], record["dtype"]) == (passage.of, model[:16], kind)


def run(passages: Sequence[Passage], host: Host, options: argparse.Namespace) -> None:
    """Make the records that are not there yet, a passage at a time."""
    from rich.progress import track

    file = file_of(options)
    file.parent.mkdir(parents=True, exist_ok=True)
    drop_torn_line(file)
    done = read_lines(file)
    bench = Bench(host, context=options.context, scored=options.scored)
    model = host.fingerprint.model
    for passage, arms in track(all_work(passages, options), description="reading"):
        wanted = [
            arm
            for arm in arms
            if (found := done.get(_key(passage, arm))) is None
            or not is_current(found, passage, model, bench.kind)
        ]
        lines = [json.dumps(record) + "\n" for record in bench.records(passage, wanted)]
        with file.open("a", encoding="utf-8") as out:
            out.writelines(lines)


def records_of(
    passages: Sequence[Passage], model: str, options: argparse.Namespace
) -> list[Record]:
    """Return the records of some passages, in the order of passages and arms."""
    done = read_lines(file_of(options))
    found = (
        (passage, done.get(_key(passage, arm)))
        for passage, arms in all_work(passages, options)
        for arm in arms
    )
    return [
        record
        for passage, record in found
        if record is not None and is_current(record, passage, model, options.dtype)
    ]


def _key(passage: Passage, arm: Arm) -> Key:
    return passage.set, passage.id, arm.name, arm.bare, arm.slots


def file_of(options: argparse.Namespace) -> Path:
    """Return the file of all records."""
    return at_root(options.out) / "producers.jsonl"
