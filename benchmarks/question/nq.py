"""Single-hop questions on 20 documents, the answer's document at five places (lost in the middle).

`python -m benchmarks.question.nq` from the repository; `--shard i/n` runs one of several
processes. The data is not in the repository.
"""

from __future__ import annotations

import argparse

from benchmarks.common import at_root
from benchmarks.question import report
from benchmarks.question.arms import ARMS
from benchmarks.question.prompts import POSITIONS, nq_cases
from benchmarks.question.run import arguments, records_of, run

RATES = (0.5, 0.25, 0.1)
LEFT_OUT = ("hybrid-norepair",)


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    if not options.report:
        run(nq_cases(options.data, options.positions, options.cases, options.seed), options)
    records = records_of(options)
    groups = [str(position) for position in options.positions]
    cells = (
        ("What survives", report.RATE_HEADER, report.by_rate(records)),
        (
            "By place of the answer's document (0 is the first), % survived",
            ("rate", "arm", *groups, "highest - lowest"),
            report.by_group(records, groups, spread=True),
        ),
        (
            "What a reader makes of it: nats per token of the answer (lower is better)",
            report.READING_HEADER,
            report.reading(records),
        ),
        ("What a prompt costs", report.COST_HEADER, report.costs(records)),
    )
    sections = [report.section(*each) for each in cells]
    text = report.document("Questions on 20 documents", records, sections, options.threads, NOTES)
    report.publish(text, "nq", write=options.write)
    report.draw(records, at_root(options.out) / "curve.png")


NOTES = """\
The spread over places is never below 0, so chance alone makes it positive. The reader is the
135-million-parameter model that some of the arms compress with; it measures how likely it finds
the answer (the likeliest of the first three strings), not whether it would say it.
"""


if __name__ == "__main__":
    parser = arguments(
        __doc__,
        name="nq",
        arms=[arm for arm in ARMS if arm not in LEFT_OUT],
        rates=RATES,
        reader="smollm2-135m",
    )
    parser.add_argument("--positions", nargs="+", type=int, default=list(POSITIONS))
    main(parser.parse_args())
