"""Case x arm x rate -> one line of JSON each, in a folder; what is there already is not redone."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn as Bar
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import tersely
from benchmarks.common import DATA, MODEL, at_root, commit, say
from benchmarks.measure import peak_mb, reset_peak, timed
from benchmarks.question.arms import ARMS, FULL, NONE, REFERENCE, Arm, Tools
from benchmarks.question.prompts import Case, Record
from benchmarks.question.reader import Reader
from benchmarks.question.reference import Outcome
from tersely.core.budget import Budget
from tersely.counting import load_counter
from tersely.evaluation.metrics.answers import broken_characters, paragraphs_kept, survives

TOKENIZER = "o200k_base"
FIXED = {FULL: 1.0, NONE: 0.0}
"""Arms that have one rate, whatever is asked."""

Key = tuple[str, str, float]
"""Case, arm, rate."""


def arguments(
    doc: str | None, *, name: str, arms: Sequence[str], rates: Sequence[float], reader: str = "none"
) -> argparse.ArgumentParser:
    """Return the command line that all scripts share."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.question.{name}", description=doc)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--out", type=Path, default=Path("build/question") / name, help="folder of the records")
    add("--arms", nargs="+", default=list(arms), choices=list(ARMS), metavar="ARM")
    add("--rates", nargs="+", type=float, default=list(rates), metavar="RATE")
    add("--cases", type=int, help="questions per data set; all, if not given")
    add("--seed", type=int, default=0)
    add("--shard", default="0/1", help="i/n: this process takes every n-th question")
    add("--threads", type=int, default=1)
    add(
        "--precision", choices=["f32", "bf16"], help="of our models; their own choice, if not given"
    )
    add("--venv", type=Path, default=Path(".venv-llmlingua"), help="llmlingua's environment")
    add("--reader", choices=[MODEL, "none"], default=reader)
    add("--remember", action="store_true", help="read a text once for all rates: faster, no costs")
    add("--retry", action="store_true", help="run again what failed")
    add("--report", action="store_true", help="only print what the records say")
    add("--write", action="store_true", help=f"write docs/results/question_{name}.md")
    return parser


@dataclass(frozen=True)
class Work:
    """One record to make."""

    case: Case
    arm: str
    rate: float

    @property
    def key(self) -> Key:
        """What no two records share."""
        return self.case.id, self.arm, self.rate


def read_lines(folder: Path) -> dict[Key, Record]:
    """Return the records of all files of a folder; the later of two with one key counts.

    A last line without its end, as an interrupted process leaves it, is left out.
    """
    records: dict[Key, Record] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").split("\n")[:-1]:
            record = json.loads(line)
            records[record["case"], record["arm"], record["rate"]] = record
    return records


def drop_torn_line(file: Path) -> None:
    """Cut off what follows the last line break."""
    if file.exists():
        data = file.read_bytes()
        if not data.endswith(b"\n"):
            file.write_bytes(data[: data.rfind(b"\n") + 1])


def work_of(cases: Sequence[Case], options: argparse.Namespace) -> list[Work]:
    """Return what this process has to do, a case at a time, less what is done."""
    index, _, shards = options.shard.partition("/")
    clusters = {case.cluster: None for case in cases}
    mine = {c for number, c in enumerate(clusters) if number % int(shards) == int(index)}
    done = read_lines(at_root(options.out))

    def open_still(work: Work) -> bool:
        record = done.get(work.key)
        if record is None or ("error" in record and options.retry):
            return True
        return options.reader != "none" and "error" not in record and "nats" not in record

    everything = [
        Work(case, arm, rate)
        for case in cases
        if case.cluster in mine
        for arm in options.arms
        for rate in ([FIXED[arm]] if arm in FIXED else options.rates)
    ]
    return [work for work in everything if open_still(work)]


class Bench:
    """Runs arms on cases, and says what came of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Load what is needed before the first case."""
        self._counter = load_counter(TOKENIZER)
        self.tools = Tools(
            counter=self._counter,
            threads=options.threads,
            precision=options.precision,
            seed=options.seed,
            venv=options.venv,
            remember=options.remember,
        )
        self._reader = Reader(self.tools.causal) if options.reader != "none" else None
        self._versions = {
            "tersely": f"{tersely.__version__} {commit()}",
            "openvino": version("openvino"),
            "our models": options.precision or "bf16 where the processor has it",
        }

    def build(self, names: Sequence[str]) -> dict[str, Arm]:
        """Return the arms that can be built; the others are named, with the reason."""
        arms = {}
        for name in names:
            try:
                arms[name] = ARMS[name](self.tools)
            except (tersely.Error, ImportError, AttributeError, OSError, RuntimeError) as error:
                say(f"{name} is left out: {type(error).__name__}: {str(error).splitlines()[0]}")
        return arms

    def record(self, work: Work, arm: Arm) -> Record:
        """Run one arm on one case, and measure what came out."""
        case, count = work.case, self._counter.count
        whole, documents = count(case.prompt.text), count(case.text)
        limit = whole - documents
        if work.rate:
            limit += Budget(rate=work.rate).limit(documents)
        made = {
            "case": case.id,
            "cluster": case.cluster,
            "group": case.group,
            "arm": work.arm,
            "rate": work.rate,
            "limit": limit,
            "whole": whole,
            "answerable": survives(case.answers, case.text),  # else survival says nothing
            "needed": len(case.gold),
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "versions": self._versions
            | (self.tools.reference.versions if work.arm == REFERENCE else {}),
        }
        before, hits = reset_peak(), self.tools.hits()
        try:
            outcome, cpu, wall = timed(lambda: arm(case, limit))
        except Exception as error:  # noqa: BLE001 - a failure is a record, and is counted
            return made | {"error": f"{type(error).__name__}: {error}"}
        peak = peak_mb()
        cost: Record = (
            {}
            if self.tools.hits() > hits
            else {
                "cpu_seconds": round(cpu + outcome.worker_cpu, 4),
                "seconds": round(wall, 4),
                "peak_mb": round(outcome.peak_mb or peak, 1),
                "more_mb": round(outcome.more_mb if outcome.peak_mb else peak - before, 1),
            }
        )
        return made | cost | self._measured(case, outcome)

    def _measured(self, case: Case, outcome: Outcome) -> Record:
        text = outcome.text
        made: Record = {
            "tokens": outcome.tokens,
            "survived": survives(case.answers, text),
            "gold_kept": paragraphs_kept(case.gold, text),
            "broken": broken_characters(case.prompt.text, text),
            "sha": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            "model_tokens": outcome.model_tokens,
        }
        if outcome.worker_cpu:
            made["worker_cpu"] = round(outcome.worker_cpu, 4)
            made["calibration_cpu"] = round(outcome.calibration_cpu, 4)
            made["calls"], made["cut"] = outcome.calls, outcome.cut
        if self._reader:
            made["nats"] = self._reader.nats(case, text)
        return made


def run(cases: Sequence[Case], options: argparse.Namespace) -> None:
    """Make the records that are not there yet."""
    folder = at_root(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    work = work_of(cases, options)
    if not work:
        return
    bench = Bench(options)
    arms = bench.build(list(dict.fromkeys(w.arm for w in work)))
    work = [w for w in work if w.arm in arms]
    file = folder / f"{options.shard.replace('/', '-of-')}.jsonl"
    drop_torn_line(file)
    try:
        with file.open("a", encoding="utf-8") as out:
            for w in _watched(work):
                record = bench.record(w, arms[w.arm])
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
                out.flush()
    finally:
        bench.tools.close()


def _watched(work: list[Work]) -> Iterator[Work]:
    """Yield work, and show how far it is."""
    columns = (TextColumn("{task.description}"), Bar(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(work))
        for w in work:
            progress.update(task, description=f"{w.arm} {w.rate:g}")
            yield w
            progress.advance(task)


def records_of(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the records that the options ask about: their arms and rates."""
    rates = {*options.rates, *FIXED.values()}
    return [
        record
        for record in read_lines(at_root(options.out)).values()
        if record["arm"] in options.arms and record["rate"] in rates
    ]
