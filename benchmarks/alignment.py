"""What alignment does to compression: the same texts, shortened with and without an adapter.

    python -m benchmarks.alignment --data FOLDER --adapter build/align/sharegpt --write

`llmlingua` shortens what was said before in conversations whose answers the adapter has not seen,
and ten paragraphs with a question; the reader is the base. Differences are paired.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from pathlib import Path

from benchmarks.common import MODEL, RESULTS, circumstances, say, table
from tersely.backends.load import load_causal
from tersely.evaluation.pairs import Pairs, narrow, pair_arms
from tersely.evaluation.plan import Plan, versions
from tersely.evaluation.readers.local import LocalReader
from tersely.evaluation.records import read_records
from tersely.evaluation.runner import run
from tersely.evaluation.source import Source
from tersely.evaluation.statistics import paired_difference
from tersely.evaluation.tasks.fields import read_loose
from tersely.training.split import is_held_out

METHOD = "llmlingua"
TASKS = {"conversations": "nats", "squad2": "survived"}
"""What is measured on each: nats per token of the answer that was given, or whether it stands."""


def write_held_out(data: Path, out: Path) -> Path:
    """Write the conversations that nothing was learnt from as a data set of their own."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(row.row) + "\n"
        for row in read_loose(Source(str(data)), "sharegpt")
        if is_held_out(row.id.rpartition("_")[0])
    ]
    # Without the time of day: the same rows are the same file, and a run goes on.
    packed = gzip.compress("".join(lines).encode(), mtime=0)
    (out / "sharegpt.jsonl.gz").write_bytes(packed)
    return out


def measured(arguments: argparse.Namespace) -> list[list[str]]:
    """Make the records that are not there yet, and return the rows of the table."""
    aligned = f"{METHOD}:model={MODEL}+{arguments.adapter}"
    places = {"conversations": write_held_out(arguments.data, arguments.out / "data")}
    reader = LocalReader(load_causal(MODEL, threads=arguments.threads))
    rows = []
    for task, measure in TASKS.items():
        plan = Plan(
            tasks=(task,),
            arms=("none", METHOD, aligned),
            rates=tuple(arguments.rates),
            data=str(places.get(task, arguments.data)),
            count=arguments.count,
        )
        folder = arguments.out / task
        done = lambda made, of, task=task: say(f"{task}: {made} of {of}")  # noqa: E731
        run(plan, folder, reader=reader if measure == "nats" else None, progress=done)
        for rate in plan.rates:
            records = narrow(read_records(folder), rate=rate)
            (pairs,) = pair_arms(records, arm=aligned, against=METHOD, measure=measure)
            rows.append(_row(pairs, rate, measure))
    return rows


def _row(pairs: Pairs, rate: float, measure: str) -> list[str]:
    found = paired_difference(pairs.arm, pairs.reference, pairs.clusters)
    scale, form = (100, ".0f") if pairs.bounded else (pairs.sign, ".3f")
    differ = (found.value, found.low, found.high)
    value, low, high = ("-" if math.isnan(x) else f"{abs(scale) * x:+{form}}" for x in differ)
    return [
        f"{pairs.task}, {measure}",
        f"{rate:g}",
        str(len(pairs.arm)),
        f"{scale * pairs.reference.mean():{form}}",
        f"{scale * pairs.arm.mean():{form}}",
        f"{value} [{low}, {high}]",
    ]


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("build/align/fidelity"))
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.5, 0.25])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    head = ["task, measure", "rate", "pairs", "base", "with adapter", "better by"]
    text = table(head, measured(arguments))
    print(text)
    if arguments.write:
        card = json.loads((arguments.adapter / "tersely.json").read_text("utf-8"))
        told = circumstances(versions(), arguments.threads or 0)
        page = (
            f"# Alignment and fidelity\n\n{text}\n\n{told}\n- Adapter: {card['weights_sha256']}\n"
        )
        (RESULTS / "alignment.md").write_text(page, "utf-8")


if __name__ == "__main__":
    main()
