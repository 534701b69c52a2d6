"""Answers broken by word- and token-level compression: how many does `result.recover` mend?

`python -m benchmarks.question.recovery` from the repository. The data is not in it.

A prompt of ten paragraphs is compressed. Where the answer stood, what is left of it is taken for
what a model would copy out. It is intact, gone, or broken; a broken one is given to `recover`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import tersely
from benchmarks.common import DATA, at_root, say, table
from benchmarks.question.prompts import Case, multihop_cases
from tersely.core.budget import Budget
from tersely.core.result import Compression
from tersely.counting import load_counter
from tersely.hard.base import HardCompressor

METHODS = {
    "random_drop": ("random_drop", {}),
    "llmlingua, words": ("llmlingua", {}),
    "llmlingua, tokens": ("llmlingua", {"unit": "token"}),
    "longllmlingua": ("longllmlingua", {}),
}


def left_of(result: Compression, segment: int, start: int, end: int) -> str:
    """Return what is left of [start, end) of a segment."""
    return "".join(
        result.prompt.read(span)[max(0, start - span.start) : max(0, end - span.start)]
        for span in result.kept
        if span.segment == segment and span.start < end and span.end > start
    )


def outcome(result: Compression, case: Case) -> str | None:
    """Return what became of the answer where it first stands; None if it stands nowhere."""
    for index, text in enumerate(case.documents):
        for answer in case.answers:
            start = text.find(answer)
            if start < 0:
                continue
            copied = left_of(result, index, start, start + len(answer)).strip()
            if copied == answer:
                return "intact"
            if not copied:
                return "gone"
            return "mended" if answer in result.recover(copied) else "broken"
    return None


def main(options: argparse.Namespace) -> None:
    """Measure, and print a table."""
    names = ("hotpotqa_distractor100", "hotpotqa500")
    cases = multihop_cases(at_root(options.data), names, options.cases, 0)
    counter = load_counter("o200k_base")
    rows = []
    for label, (name, settings) in METHODS.items():
        say(label)
        method: HardCompressor = tersely.load(name, **settings)
        found: Counter[str] = Counter()
        for case in cases:
            budget = Budget(rate=options.rate)
            result = method.compress(case.prompt, budget, counter=counter)
            if what := outcome(result, case):
                found[what] += 1
        broken = found["mended"] + found["broken"]
        share = f"{found['mended'] / broken:.0%}" if broken else ""
        cells = [found[what] for what in ("intact", "gone", "broken", "mended")]
        rows.append([label, str(found.total()), *map(str, cells), share])
    header = ("method", "answers", "intact", "gone", "broken", "mended", "of the broken")
    print(table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    parser.add_argument("--cases", type=int, default=60, help="questions per data set")
    parser.add_argument("--rate", type=float, default=0.5)
    main(parser.parse_args())
