"""Which answers survive in passages that are compressed once, for questions nobody has seen?

`python -m benchmarks.agnostic.survival --classifier NAME=FOLDER` from the repository; what is done
is not done again, arm by arm. The data is not in the repository.
"""

from __future__ import annotations

import argparse

from benchmarks.agnostic import report
from benchmarks.agnostic.arms import SURPRISAL
from benchmarks.agnostic.records import arguments, passages_of, records_of, run, tools_of
from benchmarks.common import at_root


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    tools, passages = tools_of(options), passages_of(options)
    if not options.report:
        run(passages, options, tools)
    records = records_of(passages, options, tools)
    ours = options.ours or [*tools.folders] or [SURPRISAL]
    sections = [*report.tables(records, options.rates, ours), report.NOTES]
    text = report.document("Passages without a question", records, sections, options.threads)
    rows = report.numbers(records, options.rates, ours)
    report.publish(text, "agnostic", at_root(options.out), rows, write=options.write)


if __name__ == "__main__":
    parser = arguments(__doc__, "survival")
    parser.add_argument("--ours", nargs="*", help="arms compared with all others; the classifiers")
    parser.add_argument("--write", action="store_true", help="write docs/results/agnostic.md")
    main(parser.parse_args())
