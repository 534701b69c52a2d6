"""How likely a small model finds the answers after what is left: nats per token of the answer.

`python -m benchmarks.agnostic.reading` from the repository, after benchmarks.agnostic.survival: it
reads what that script's records say is left, with each question behind it. Resumes, arm by arm.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rich.progress import track

from benchmarks.agnostic import report
from benchmarks.agnostic.arms import SURPRISAL, Tools
from benchmarks.agnostic.passages import Asked, Passage
from benchmarks.agnostic.records import (
    Record,
    arguments,
    file_of,
    passages_of,
    records_of,
    sha,
    tools_of,
)
from benchmarks.common import MODEL, at_root, table
from tersely.backends.load import load_causal
from tersely.evaluation.readers.base import Ask, Reader
from tersely.evaluation.readers.local import LocalReader
from tersely.evaluation.records import drop_torn_line

FULL, NONE = "full", "none"
ENDS = {FULL: 1.0, NONE: 0.0}
MOST_QUESTIONS = 2
"""How many of a passage's questions are read, the first ones by id."""

NOTES = """\
The reader is {model}, which some of the arms also compress with: it measures how likely it finds
an answer after the compressed passage, the question and "Answer:", not whether it would say it.
Nats are the mean over the answer's tokens, of the likeliest of its first three forms; less is
better. Of each passage at most {most} questions are read. *full* is the whole passage, *none* the
question alone. Brackets: 95 % bootstrap intervals that resample passages; differences are paired.
"""


def ask_of(left: str, one: Asked) -> Ask:
    """Return what the reader is given: what is left, the question, and the answers."""
    asked = f"Question: {one.question}\nAnswer:"
    text = f"{left}\n\n{asked}" if left else asked
    return Ask(text=text, answers=tuple(f" {answer.strip()}" for answer in one.answers))


def questions_of(passage: Passage) -> list[Asked]:
    """Return which of a passage's questions are read."""
    return sorted(passage.asked, key=lambda one: one.id)[:MOST_QUESTIONS]


def texts_of(passages: Sequence[Passage], records: Sequence[Record]) -> Iterator[Record]:
    """Yield what is to be read: what arms left, and the passages themselves and nothing."""
    yield from (record for record in records if "left" in record)
    for passage in passages:
        for arm, rate in ENDS.items():
            yield {
                "set": passage.set,
                "passage": passage.id,
                "group": passage.group,
                "language": passage.language,
                "arm": arm,
                "rate": rate,
                "left": passage.text if arm == FULL else "",
                "model": "",
            }


def run(
    passages: Sequence[Passage], options: argparse.Namespace, tools: Tools
) -> dict[tuple[str, ...], Any]:
    """Read what has not been read yet; return nats by set, passage, question, and text left."""
    folder = at_root(options.out) / "reading"
    folder.mkdir(parents=True, exist_ok=True)
    file = file_of(folder, MODEL)
    drop_torn_line(file)
    done = _read(options)
    by_id = {(p.set, p.id): p for p in passages}
    work: dict[tuple[str, ...], dict[tuple[str, ...], Ask]] = defaultdict(dict)
    for record in texts_of(passages, records_of(passages, options, tools)):
        passage = by_id[record["set"], record["passage"]]
        for one in questions_of(passage):
            key = (passage.set, passage.id, one.id, sha(record["left"]))
            if key not in done:
                work[passage.set, passage.id, key[-1]][key] = ask_of(record["left"], one)
    if work:
        reader: Reader = LocalReader(load_causal(MODEL, threads=options.threads))
        with file.open("a", encoding="utf-8") as out:
            for asks in track(list(work.values()), description="reading"):
                readings = reader.read(list(asks.values()))  # what they begin with is read once
                found = {key: one.nats for key, one in zip(asks, readings, strict=True)}
                out.writelines(json.dumps([*key, nats]) + "\n" for key, nats in found.items())
                out.flush()
                done |= found
    return done


def _read(options: argparse.Namespace) -> dict[tuple[str, ...], Any]:
    file = file_of(at_root(options.out) / "reading", MODEL)
    lines = file.read_text("utf-8").split("\n")[:-1] if file.is_file() else []
    return {tuple(key): nats for *key, nats in map(json.loads, lines)}


def with_nats(
    passages: Sequence[Passage], records: Sequence[Record], nats: dict[tuple[str, ...], Any]
) -> list[Record]:
    """Return the records that were read, each with "nats" of its questions."""
    by_id = {(p.set, p.id): p for p in passages}
    out = []
    for record in texts_of(passages, records):
        passage = by_id[record["set"], record["passage"]]
        name, text = (passage.set, passage.id), sha(record["left"])
        found = {one.id: nats.get((*name, one.id, text)) for one in questions_of(passage)}
        if any(value is not None for value in found.values()):
            out.append(record | {"nats": found})
    return out


def section(records: Sequence[Record], rates: Sequence[float], ours: Sequence[str]) -> str:
    """Return the table of a set: nats of each arm, and by how much `ours` differ from others."""
    groups = report.by_arm(records)
    lines = []
    for arm, mine in groups.items():
        some = [ENDS[arm]] if arm in ENDS else rates
        values = [report.values_of(report.at_rate(mine, rate), "nats") for rate in some]
        found = [report.shown(report.mean(one, scale=1), digits=3) for one in values]
        lines.append([arm, str(max(map(len, values))), *found * (len(rates) if arm in ENDS else 1)])
    out = table(["arm", "questions", *(f"nats at {rate:g}" for rate in rates)], lines) + "\n"
    pairs = [
        [arm, other, *_differences(groups[arm], groups[other], other, rates)]
        for arm in ours
        for other in groups
        if arm in groups and arm != other
    ]
    if pairs:
        header = ["arm", "less", *(f"nats at {rate:g}" for rate in rates)]
        out += "\n" + report.left(table(header, pairs)) + "\n"
    return out


def _differences(
    ours: Sequence[Record], theirs: Sequence[Record], other: str, rates: Sequence[float]
) -> Iterator[str]:
    for rate in rates:
        mine = report.values_of(report.at_rate(ours, rate), "nats")
        against = report.values_of(report.at_rate(theirs, ENDS.get(other, rate)), "nats")
        yield report.shown(report.difference(mine, against, scale=1), digits=3, signed=True)


def main(options: argparse.Namespace) -> None:
    """Read what has not been read yet, and report."""
    tools, passages = tools_of(options), passages_of(options)
    nats = _read(options) if options.report else run(passages, options, tools)
    records = with_nats(passages, records_of(passages, options, tools), nats)
    ours = options.ours or [*tools.folders] or [SURPRISAL]
    sections = [
        f"## {name}\n\n{section(mine, options.rates, ours)}"
        for name, mine in report.parts_of(records).items()
    ]
    notes = NOTES.format(model=MODEL, most=MOST_QUESTIONS)
    text = report.document(
        "What a reader makes of it", records, [*sections, notes], options.threads
    )
    rows = report.numbers(records, [*options.rates, *ENDS.values()], ours, ["nats"], scale=1)
    report.publish(text, "agnostic_reading", at_root(options.out), rows, write=options.write)


if __name__ == "__main__":
    parser = arguments(__doc__, "reading")
    parser.add_argument("--ours", nargs="*", help="arms compared with all others; the classifiers")
    parser.add_argument("--write", action="store_true", help="write docs/results")
    main(parser.parse_args())
