r"""Which kind of label teaches most, on the same passages and in the same number of steps?

    python -m benchmarks.labels.kinds answers=build/labels/answer.jsonl:0.9 \
        places=build/labels/answer_places.jsonl:0.85 heads=build/labels/heads.jsonl:0.85 --write

The number behind a file is the threshold: values from there on are learnt as 1. The first is what
the others are compared with.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.common import at_root, circumstances, table
from benchmarks.labels.learning import (
    TOKENS,
    compared,
    kept,
    learnt,
    measured,
    parser_of,
    publish,
    read_rows,
    write_rows,
)


def main(options: argparse.Namespace) -> None:
    """Take what all files label, train, measure, report."""
    out: Path = at_root(options.out)
    given = {}
    for text in options.labels:
        name, _, rest = text.partition("=")
        file, _, threshold = rest.rpartition(":")
        given[name] = (read_rows(at_root(Path(file))), float(threshold))
    common = set.intersection(*({row["id"] for row in rows} for rows, _ in given.values()))
    passages, found = measured(options), {}
    for name, (rows, threshold) in given.items():
        file = write_rows([row for row in rows if row["id"] in common], out / f"{name}.jsonl")
        found[name] = list(kept(learnt(file, out / name, options, threshold), passages))
    first = next(iter(given))
    lines = compared(found, dict.fromkeys(given, len(common)), first)
    text = f"""# Which labels teach most

`python -m benchmarks.labels.kinds NAME=LABELS:THRESHOLD ... --write` makes this page again; the
labels are those of `OTHERS=1 runs/keep_l6_labels.sh DATA`.

{circumstances({}, options.threads)}

The same {len(common)} passages, labelled in different ways. Each training reads about {TOKENS:,}
tokens, so none is as good as the classifier of the package; measured on {len(found[first])}
questions of held-out passages of SQuAD and CovidQA, a third of the tokens kept. Brackets: 95 %
bootstrap intervals that resample passages; differences are paired. One seed.

{table(["labels", "rows", "answers kept, %", f"points more than {first}"], lines)}
"""
    publish(text, "learning_labels", write=options.write)


if __name__ == "__main__":
    parser = parser_of(__doc__.splitlines()[0])
    parser.set_defaults(out=Path("build/learning/kinds"))
    parser.add_argument("labels", nargs="+", help="NAME=FILE:THRESHOLD")
    main(parser.parse_args())
