"""Questions that need two paragraphs: are both still there, with and without dependency repair?

`python -m benchmarks.question.multihop` from the repository; `--shard i/n` runs one of several
processes. The data is not in the repository.
"""

from __future__ import annotations

import argparse

from benchmarks.common import at_root
from benchmarks.question import report
from benchmarks.question.arms import ARMS
from benchmarks.question.prompts import MULTIHOP, Record, multihop_cases
from benchmarks.question.run import arguments, records_of, run

RATES = (0.5, 0.3, 0.2)
HOPS = 2
"""Paragraphs that are needed; where a data set does not say which, there is nothing to measure."""

NOTES = f"""\
A paragraph counts as kept if at least one whole sentence of it stands in what is left, word for
word: methods that drop single words hardly ever leave one, and are better judged by the answer.
Only questions with {HOPS} known paragraphs count there (multihop_ircot names none), and questions
answered by yes or no count there only. Rates are of shorter prompts than in the single-hop table.
"""


def both_kept(record: Record) -> float | None:
    """Return whether each needed paragraph has a whole sentence left; None if they are unknown."""
    if record["needed"] != HOPS:
        return None
    return float("error" not in record and all(record["gold_kept"]))


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    if not options.report:
        run(multihop_cases(options.data, options.sets, options.cases, options.seed), options)
    records = records_of(options)
    groups = sorted({record["group"] for record in records})
    header = (*report.RATE_HEADER[:5], "both kept %", *report.RATE_HEADER[6:])
    cells = (
        ("Both paragraphs", header, report.by_rate(records, both_kept)),
        ("The answer", report.RATE_HEADER, report.by_rate(records)),
        (
            "Both paragraphs, by data set and kind of question, %",
            ("rate", "arm", *groups),
            report.by_group(records, groups, both_kept),
        ),
        (
            "The answer, by data set and kind of question, %",
            ("rate", "arm", *groups),
            report.by_group(records, groups),
        ),
        ("What a prompt costs", report.COST_HEADER, report.costs(records)),
    )
    sections = [report.section(*each) for each in cells]
    title = "Questions that need two paragraphs"
    text = report.document(title, records, sections, options.threads, NOTES)
    report.publish(text, "multihop", write=options.write)
    report.draw(records, at_root(options.out) / "curve.png", both_kept)


if __name__ == "__main__":
    parser = arguments(__doc__, name="multihop", arms=list(ARMS), rates=RATES)
    parser.add_argument("--sets", nargs="+", default=list(MULTIHOP), choices=MULTIHOP)
    main(parser.parse_args())
