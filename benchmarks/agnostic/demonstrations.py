"""What is left of few-shot maths prompts: numbers, operators, answer lines.

`python -m benchmarks.agnostic.demonstrations --classifier NAME=FOLDER` from the repository; it
resumes, arm by arm. The prompts are the published ones of GSM8K, where they are beside the data,
and sets of eight worked problems that no training has seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.progress import track

from benchmarks.agnostic import report
from benchmarks.agnostic.arms import KNOWN, SURPRISAL, Make, Tools, fingerprint
from benchmarks.agnostic.passages import Passage, read_demonstrations
from benchmarks.agnostic.records import (
    Bench,
    Record,
    arguments,
    arms_of,
    built,
    file_of,
    read_lines,
    sha,
    tools_of,
)
from benchmarks.common import at_root, demonstrations_of, table
from benchmarks.survival import survival
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.evaluation.records import drop_torn_line
from tersely.evaluation.source import Source

PUBLISHED = ("hardest", "mid", "original", "simple")
MEASURES = ("numbers", "operators", "answers")

NOTES = """\
Shares of what stood in the prompt, each number and operator as often as it stood there (*answers*:
the number of an answer line still stands in a line that says "answer"). All demonstrations are
compressed together to the share of their o200k_base tokens that stands above a column. Brackets: 95
% bootstrap intervals that resample prompts; differences are paired.
"""


def prompts_of(options: argparse.Namespace) -> list[Passage]:
    """Return the prompts: published ones, and sets of held-out problems."""
    data = at_root(options.data)
    found = []
    for name in PUBLISHED:
        file: Path = data.parent / "prompts" / f"gsm8k_prompt_{name}.txt"
        if file.is_file():
            text = file.read_text("utf-8").strip()
            found.append(Passage(f"{name}@en", "gsm8k", name, "en", text, (), extractive=False))
    made = read_demonstrations(Source(str(data)), sets=options.prompts, seed=options.seed)
    return [*found, *made]


def record(bench: Bench, prompt: Passage, arm: str, make: Make, rate: float) -> Record:
    """Compress one prompt, and say what is left of it."""
    demonstrations = Prompt.of(demonstrations=demonstrations_of(prompt.text))
    limit = Budget(rate=rate).limit(bench.counter.count(demonstrations.text))
    made: Record = {"set": prompt.set, "passage": prompt.id, "arm": arm, "rate": rate}
    made |= {"group": prompt.group, "language": "en", "of": sha(prompt.text)} | bench.stamp()
    try:
        result = make(prompt).compress(demonstrations, Budget(tokens=limit), counter=bench.counter)
    except Exception as error:  # noqa: BLE001 - a failure is a record, and is counted
        lost = {measure: {prompt.id: 0.0} for measure in MEASURES}
        return made | lost | {"error": f"{type(error).__name__}: {error}"}
    shares = asdict(survival(demonstrations.text, result.text))
    return (
        made
        | {measure: {prompt.id: shares[measure]} for measure in MEASURES}
        | {
            "tokens": result.tokens_after,
            "whole": result.tokens_before,
        }
    )


def run(prompts: Sequence[Passage], options: argparse.Namespace, tools: Tools) -> None:
    """Make the records that are not there yet."""
    folder = at_root(options.out) / "demonstrations"
    folder.mkdir(parents=True, exist_ok=True)
    models = {name: fingerprint(place) for name, place in tools.folders.items()}
    makes = built([arm for arm in arms_of(options, tools) if arm != KNOWN], tools)
    bench = Bench.here()
    for arm, make in makes.items():
        file = file_of(folder, arm)
        drop_torn_line(file)
        done, model = read_lines(file), models.get(arm, "")
        with file.open("a", encoding="utf-8") as out:
            for prompt in track(prompts, description=arm):
                for rate in options.rates:
                    known = done.get((prompt.set, prompt.id, rate), {})
                    if (known.get("of"), known.get("model")) == (sha(prompt.text), model):
                        continue
                    made = record(bench, prompt, arm, make, rate) | {"model": model}
                    out.write(json.dumps(made, ensure_ascii=False) + "\n")
                    out.flush()


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    tools, prompts = tools_of(options), prompts_of(options)
    if not options.report:
        run(prompts, options, tools)
    wanted = {prompt.id: sha(prompt.text) for prompt in prompts}
    folder = at_root(options.out) / "demonstrations"
    records = [
        found
        for arm in arms_of(options, tools)
        for found in read_lines(file_of(folder, arm)).values()
        if wanted.get(found["passage"]) == found["of"] and found["rate"] in options.rates
    ]
    ours = options.ours or [*tools.folders] or [SURPRISAL]
    sections = []
    for measure in MEASURES:
        at = [f"{measure} % at {rate:g}" for rate in options.rates]
        lines = report.means(records, options.rates, measure)
        sections.append(f"## {measure.capitalize()}\n")
        sections.append(table(["arm", "prompts", *at, "realised %", "failed"], lines) + "\n")
        at = [f"{measure}, points at {rate:g}" for rate in options.rates]
        pairs = report.differences(records, options.rates, measure, ours)
        sections.append(report.left(table(["arm", "less", *at], pairs)) + "\n")
    text = report.document("Few-shot maths prompts", records, [*sections, NOTES], options.threads)
    rows = report.numbers(records, options.rates, ours, MEASURES)
    out = at_root(options.out)
    report.publish(text, "agnostic_demonstrations", out, rows, write=options.write)


if __name__ == "__main__":
    parser = arguments(__doc__, "demonstrations")
    parser.add_argument("--prompts", type=int, default=30, help="sets of eight problems")
    parser.add_argument("--ours", nargs="*", help="arms compared with all others; the classifiers")
    parser.add_argument("--write", action="store_true", help="write docs/results")
    main(parser.parse_args())
