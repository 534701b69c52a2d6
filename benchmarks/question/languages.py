"""Questions in 14 languages on one paragraph among ten: does the answer survive?

`python -m benchmarks.question.languages` from the repository; `--shard i/n` runs one of several
processes. The data is not in the repository.
"""

from __future__ import annotations

import argparse

from benchmarks.common import at_root
from benchmarks.question import report
from benchmarks.question.arms import ARMS
from benchmarks.question.prompts import OTHERS, Record, language_cases
from benchmarks.question.run import arguments, records_of, run

RATES = (0.2,)
SETS = ("xquad", "drcd", "jsquad")
LEFT_OUT = ("full", "none", "hybrid-norepair", "hybrid+evaluator_heads")

NOTES = f"""\
Each prompt is the paragraph with the answer among {OTHERS} others of the same language, half of
them of the same article where it has so many, none with the answer. The XQuAD prompts (all
languages but ja and zh-Hant) are translations of each other: same questions, paragraphs and order.
ja is JSQuAD, zh-Hant is DRCD: their numbers are not comparable with the others'. The models are
English ones. Broken: cases with a U+FFFD that the prompt did not have.
"""


def breakage(records: list[Record]) -> list[list[str]]:
    """Return, by arm, in how many cases a character was broken."""
    lines = []
    for (rate, arm), mine in report.by_arm(records).items():
        made = [record for record in mine if "error" not in record]
        broken = [record for record in made if record["broken"]]
        where = sorted({record["group"] for record in broken})
        lines.append([f"{rate:g}", arm, f"{len(broken)} of {len(made)}", ", ".join(where)])
    return lines


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    if not options.report:
        cases = [
            case
            for name in options.sets
            for case in language_cases(options.data, name, options.cases, options.seed)
            if not options.languages or case.group in options.languages
        ]
        run(cases, options)
    records = records_of(options)
    groups = sorted({record["group"] for record in records})
    cells = (
        (
            "By language, % survived",
            ("rate", "arm", *groups),
            report.by_group(records, groups),
        ),
        ("All languages together", report.RATE_HEADER, report.by_rate(records)),
        *(
            (f"{group}", report.RATE_HEADER, report.by_rate(_only(records, group)))
            for group in groups
        ),
        ("Broken characters", ("rate", "arm", "cases", "languages"), breakage(records)),
        ("What a prompt costs", report.COST_HEADER, report.costs(records)),
    )
    sections = [report.section(*each) for each in cells]
    text = report.document("Questions by language", records, sections, options.threads, NOTES)
    report.publish(text, "languages", write=options.write)
    report.draw(records, at_root(options.out) / "curve.png")


def _only(records: list[Record], group: str) -> list[Record]:
    return [record for record in records if record["group"] == group]


if __name__ == "__main__":
    arms = [arm for arm in ARMS if arm not in LEFT_OUT]
    parser = arguments(__doc__, name="languages", arms=arms, rates=RATES)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--languages", nargs="+", default=[], help="all, if not given")
    main(parser.parse_args())
