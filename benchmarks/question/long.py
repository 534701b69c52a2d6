"""Long contexts, to 50,000 tokens: does the answer survive, how long does it take, how much memory?

`python -m benchmarks.question.long` from the repository; `--shard i/n` runs one of several
processes. For the memory of one arm alone, run it alone: `--arms hybrid --out FOLDER`. The data is
not in the repository.
"""

from __future__ import annotations

import argparse
from statistics import mean, median

from benchmarks.common import at_root, say
from benchmarks.question import report
from benchmarks.question.arms import ARMS
from benchmarks.question.long_prompts import needle_cases, text_cases
from benchmarks.question.prompts import Case, Record
from benchmarks.question.run import TOKENIZER, arguments, records_of, run
from tersely.counting import load_counter

RATES = (0.2, 0.05)
LENGTHS = (4_000, 16_000, 32_000, 50_000)
LEFT_OUT = ("full", "none", "hybrid-norepair")
COST_HEADER = (
    "rate",
    "arm",
    "group",
    "cases",
    "tokens before",
    "CPU s",
    "wall s",
    "peak MB",
    "more",
)

NOTES = """\
Needles: RULER's niah_multikey_3 (one line of some fifty per record holds the identifier that is
asked for), a record among other records, at a random place. Texts: the questions of L-Eval and
LongBench whose answer stands in the context word for word. Texts are given as pieces of about
1,000 characters, cut at line breaks. CPU and wall seconds are medians. Peak is the whole process's
memory during the compression (of llmlingua, its own process), what was loaded before included;
more is the peak less what was used before it, which can be memory that an earlier prompt needed.
"""


def by_length(records: list[Record], groups: list[str]) -> list[list[str]]:
    """Return one line per rate, arm and group: time and memory."""
    lines = []
    for (rate, arm), mine in report.by_arm(records).items():
        for group in groups:
            made = [r for r in mine if r["group"] == group and "error" not in r]
            if not made:
                continue
            lines.append(
                [
                    f"{rate:g}",
                    arm,
                    group,
                    f"{len(made)}",
                    f"{mean(r['whole'] for r in made):,.0f}",
                    f"{median(r['cpu_seconds'] for r in made):.2f}",
                    f"{median(r['seconds'] for r in made):.2f}",
                    f"{max(r['peak_mb'] for r in made):,.0f}",
                    f"{max(r['more_mb'] for r in made):,.0f}",
                ]
            )
    return lines


def cases_of(options: argparse.Namespace) -> list[Case]:
    """Return all cases, and say what is left out."""
    count = load_counter(TOKENIZER).count
    needles = needle_cases(options.data, options.lengths, options.cases, options.seed, count)
    longest = max(options.lengths)
    texts, too_long = text_cases(options.data, longest, options.cases, options.seed, count)
    say(f"{len(needles)} needle and {len(texts)} text questions; {too_long} texts were too long")
    return needles + texts


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    if not options.report:
        run(cases_of(options), options)
    records = records_of(options)
    groups = sorted({r["group"] for r in records}, key=lambda g: (g[:4], int("0" + _digits(g))))
    cells = (
        ("What survives", report.RATE_HEADER, report.by_rate(records)),
        (
            "By kind and length, % survived",
            ("rate", "arm", *groups),
            report.by_group(records, groups),
        ),
        ("Time and memory by length", COST_HEADER, by_length(records, groups)),
    )
    sections = [report.section(*each) for each in cells]
    text = report.document("Long contexts", records, sections, options.threads, NOTES)
    report.publish(text, "long", write=options.write)
    report.draw(records, at_root(options.out) / "curve.png")


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


if __name__ == "__main__":
    arms = [arm for arm in ARMS if arm not in LEFT_OUT]
    parser = arguments(__doc__, name="long", arms=arms, rates=RATES)
    parser.add_argument("--lengths", nargs="+", type=int, default=list(LENGTHS))
    main(parser.parse_args())
