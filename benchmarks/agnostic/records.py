"""Passage x arm x rate -> one line of JSON in the arm's file; what is there is not made again."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import track

import tersely
from benchmarks.agnostic.arms import ARMS, KNOWN, Make, Tools, build, fingerprint, read_folders
from benchmarks.agnostic.passages import SETS, Passage, read_passages
from benchmarks.agnostic.words import words_kept
from benchmarks.common import DATA, at_root, commit, say
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.counting import TokenCounter, load_counter
from tersely.evaluation.metrics.answers import survived
from tersely.evaluation.records import drop_torn_line
from tersely.evaluation.source import Source

Record = dict[str, Any]
Key = tuple[str, str, float]
"""Set, passage, rate."""

RATES = (0.5, 0.33, 0.2)
TOKENIZER = "o200k_base"
COUNTS = {"squad2": 115, "xquad": 45, "covidqa": 73, "pubmedqa": 150, "qmsum": 80}
"""How many passages of a set are measured if nothing is said; of xquad, for each language."""


def arguments(doc: str | None, name: str) -> argparse.ArgumentParser:
    """Return the command line that all scripts share."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.agnostic.{name}", description=doc)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--out", type=Path, default=Path("build/agnostic"), help="folder of all records")
    add(
        "--classifier",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER[,SETTING=VALUE]",
        help="can be repeated",
    )
    add("--arms", nargs="*", default=None, metavar="ARM", help="of those without a folder; all")
    add("--rates", nargs="+", type=float, default=list(RATES), metavar="RATE")
    add("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    add("--languages", nargs="+", default=[], help="of xquad; all, if not given")
    add("--passages", type=int, help=f"of each set and language, if not {COUNTS}")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    add("--report", action="store_true", help="only print what the records say")
    return parser


def passages_of(options: argparse.Namespace) -> list[Passage]:
    """Return the passages that the options ask for."""
    return [
        passage
        for name in options.sets
        for passage in read_passages(
            name,
            Source(str(at_root(options.data))),
            count=options.passages or COUNTS[name],
            seed=options.seed,
        )
        if not options.languages or passage.language in options.languages
    ]


def tools_of(options: argparse.Namespace) -> Tools:
    """Return what the arms are built of."""
    folders = read_folders(options.classifier)
    return Tools(Source(str(at_root(options.data))), options.threads, options.seed, folders)


def arms_of(options: argparse.Namespace, tools: Tools) -> list[str]:
    """Return the names of the arms that the options ask for."""
    named = list(ARMS) if options.arms is None else list(options.arms)
    return [*tools.folders, *named]


def sha(text: str) -> str:
    """Return 16 hex digits of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def file_of(folder: Path, arm: str) -> Path:
    """Return the file of an arm's records."""
    return folder / f"{re.sub('[^a-z0-9]+', '-', arm.lower())}.jsonl"


def read_lines(file: Path) -> dict[Key, Record]:
    """Return the records of a file; the later of two with one key counts.

    A last line without its end, as an interrupted process leaves it, is left out.
    """
    records: dict[Key, Record] = {}
    if file.is_file():
        for line in file.read_text("utf-8").split("\n")[:-1]:
            record = json.loads(line)
            records[record["set"], record["passage"], record["rate"]] = record
    return records


@dataclass(frozen=True)
class Bench:
    """Compresses passages and says what is left for their questions.

    Attributes:
        counter: Whose tokens limits are in.
        made_by: What records say they were made by.
    """

    counter: TokenCounter
    made_by: str

    @classmethod
    def here(cls) -> Bench:
        """Return one for this checkout."""
        return cls(load_counter(TOKENIZER), f"tersely {tersely.__version__} {commit()}")

    def stamp(self) -> Record:
        """Return what every record says of its making."""
        return {"day": f"{datetime.now(UTC):%Y-%m-%d}", "made_by": self.made_by}

    def record(self, passage: Passage, arm: str, make: Make, rate: float, model: str) -> Record:
        """Compress a passage once, and look for the answers to each question."""
        whole = self.counter.count(passage.text)
        limit = Budget(rate=rate).limit(whole)
        made: Record = {
            "set": passage.set,
            "passage": passage.id,
            "group": passage.group,
            "language": passage.language,
            "arm": arm,
            "rate": rate,
            "limit": limit,
            "whole": whole,
            "of": sha(passage.text),
            "model": model,
            **self.stamp(),
        }
        started = time.perf_counter()
        try:
            prompt, budget = Prompt.of([passage.text]), Budget(tokens=limit)
            result = make(passage).compress(prompt, budget, counter=self.counter)
        except Exception as error:  # noqa: BLE001 - a failure is a record, and is counted
            failed = {one.id: 0.0 for one in passage.asked}
            reason = f"{type(error).__name__}: {error}"
            return made | {"error": reason, "survived": failed, "words": failed}
        seconds = time.perf_counter() - started
        return (
            made
            | left_of(passage, result.text)
            | {
                "tokens": result.tokens_after,
                "seconds": round(seconds, 4),
                "left": result.text,
            }
        )


def left_of(passage: Passage, left: str) -> Record:
    """Return, by question, whether an answer survived and which share of its words did."""
    words = {
        one.id: words_kept(passage.text, left, one.answers, passage.language)
        for one in passage.asked
    }
    made: Record = {"words": {k: None if math.isnan(v) else v for k, v in words.items()}}
    if passage.extractive:
        made["survived"] = {one.id: survived(left, one.answers) for one in passage.asked}
    return made


def run(passages: Sequence[Passage], options: argparse.Namespace, tools: Tools) -> None:
    """Make the records that are not there yet, a passage at a time."""
    folder = at_root(options.out) / "survival"
    folder.mkdir(parents=True, exist_ok=True)
    models = {name: fingerprint(place) for name, place in tools.folders.items()}
    work = list(_open_work(passages, options, tools, folder, models))
    makes = built(dict.fromkeys(arm for _, arm, _ in work), tools)
    bench = Bench.here() if makes else None
    for arm in makes:
        drop_torn_line(file_of(folder, arm))
    for passage, arm, rate in track(work, description="compressing"):
        if bench is not None and arm in makes:
            record = bench.record(passage, arm, makes[arm], rate, models.get(arm, ""))
            with file_of(folder, arm).open("a", encoding="utf-8") as out:
                out.write(json.dumps(record, ensure_ascii=False) + "\n")


def _open_work(
    passages: Sequence[Passage],
    options: argparse.Namespace,
    tools: Tools,
    folder: Path,
    models: dict[str, str],
) -> Iterator[tuple[Passage, str, float]]:
    """Yield what has no record, or one of another text or another model, or a failure."""
    done = {arm: read_lines(file_of(folder, arm)) for arm in arms_of(options, tools)}
    for passage in passages:
        for arm, records in done.items():
            if arm == KNOWN and not passage.extractive:
                continue
            for rate in options.rates:
                record = records.get((passage.set, passage.id, rate), {})
                same = record.get("of") == sha(passage.text)
                if not same or record["model"] != models.get(arm, "") or "error" in record:
                    yield passage, arm, rate


def built(names: Iterable[str], tools: Tools) -> dict[str, Make]:
    """Return the arms that can be built; the others are named, with the reason."""
    makes = {}
    for name in names:
        try:
            makes[name] = build(name, tools)
        except (tersely.Error, ImportError, OSError, RuntimeError) as error:
            say(f"{name} is left out: {type(error).__name__}: {str(error).splitlines()[0]}")
    return makes


def records_of(
    passages: Sequence[Passage], options: argparse.Namespace, tools: Tools
) -> list[Record]:
    """Return the records of some passages: of the arms and rates that the options ask for."""
    folder = at_root(options.out) / "survival"
    texts = {(p.set, p.id): sha(p.text) for p in passages}
    models = {name: fingerprint(place) for name, place in tools.folders.items()}
    return [
        record
        for arm in arms_of(options, tools)
        for (name, passage, rate), record in read_lines(file_of(folder, arm)).items()
        if rate in options.rates
        and texts.get((name, passage)) == record["of"]
        and record["model"] == models.get(arm, "")
    ]
