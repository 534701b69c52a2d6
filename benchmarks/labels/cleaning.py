r"""What dirt in labels costs a token classifier, and what `tersely data clean` gives back.

    python -m benchmarks.labels.cleaning build/labels/answer.jsonl \
        --foreign build/labels/answer_de.jsonl --write

Of the labels some rows are taken; dirt is planted among them (copies, labels that slipped against
their text, rows whose words are all alike, another language). Three classifiers are trained in the
same number of steps: on the rows as they were, on all with the dirt, and on what cleaning left.
What each keeps is measured on held-out passages.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.common import at_root, circumstances, say, table
from benchmarks.labels.learning import (
    TOKENS,
    Row,
    compared,
    kept,
    learnt,
    measured,
    parser_of,
    publish,
    read_rows,
    write_rows,
)

ROWS, COPIED, COPIES, SLIPPED, ALIKE, FOREIGN = 500, 5, 40, 200, 50, 50
SLIP_WORDS = 7  # a label that belongs so many words further on


def slipped(row: Row, rng: random.Random) -> Row:
    """Return a row whose words begin a few characters late, as after an edit of the text."""
    by = rng.choice((2, 3, 5))
    words = [[a + by, b + by] for a, b in row["words"] if b + by <= len(row["text"])]
    turned = (row["values"][SLIP_WORDS:] + row["values"][:SLIP_WORDS])[: len(words)]
    return row | {"id": f"{row['id']}-slipped", "words": words, "values": turned}


def copied(row: Row, number: int, rng: random.Random) -> Row:
    """Return nearly the same row: one word is another one, and the labels are shuffled."""
    values = list(row["values"])
    rng.shuffle(values)
    start, end = rng.choice([(a, b) for a, b in row["words"] if row["text"][a:b].isalpha()])
    text = row["text"][:start] + "x" * (end - start) + row["text"][end:]
    return row | {"id": f"{row['id']}-copy{number}", "text": text, "values": values}


def planted(rows: list[Row], foreign: list[Row], rng: random.Random) -> list[Row]:
    """Return the rows and the dirt; the dirt comes after them."""
    dirt = [copied(row, n, rng) for row in rows[:COPIED] for n in range(COPIES)]
    dirt += [slipped(row, rng) for row in rng.sample(rows, SLIPPED)]
    alike = rng.sample(rows, ALIKE)
    dirt += [r | {"id": f"{r['id']}-alike", "values": [1.0] * len(r["words"])} for r in alike]
    dirt += foreign[:FOREIGN]
    rng.shuffle(dirt)
    return [*rows, *dirt]


def cleaned(file: Path, out: Path) -> Counter[str]:
    """Clean a file with the command, and return how many rows it left out for which reason."""
    command = [sys.executable, "-c", "from tersely.cli import main; main()", "data", "clean"]
    subprocess.run([*command, file, "--out", out, "--lang", "en"], check=True, capture_output=True)
    return Counter(json.loads(Path(f"{out}.report.json").read_text("utf-8"))["by_reason"])


def main(options: argparse.Namespace) -> None:
    """Plant, clean, train, measure, report."""
    out: Path = at_root(options.out)
    rng = random.Random(options.seed)  # noqa: S311 - a seed, not a secret
    rows = rng.sample(read_rows(at_root(options.labels)), ROWS)
    files = {name: out / f"{name}.jsonl" for name in ("clean", "dirty", "cleaned")}
    write_rows(rows, files["clean"])
    write_rows(planted(rows, read_rows(at_root(options.foreign)), rng), files["dirty"])
    reasons = cleaned(files["dirty"], files["cleaned"])
    left = read_rows(files["cleaned"])
    lost = sum(row not in left for row in rows)
    say(f"left out {dict(reasons)}; {lost} good rows lost")
    passages = measured(options)
    found = {
        name: list(kept(learnt(file, out / name, options, 0.9), passages))
        for name, file in files.items()
    }
    lines = compared(found, {name: len(read_rows(file)) for name, file in files.items()}, "dirty")
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    text = f"""# Learning from dirty labels

`python -m benchmarks.labels.cleaning LABELS --foreign LABELS --write` makes this page again.

{circumstances({}, options.threads)}

{ROWS} label rows. Planted: {COPIED * COPIES} near copies of {COPIED} rows with their labels
shuffled, {SLIPPED} rows whose labels slipped against the text, {ALIKE} rows with one value only,
{FOREIGN} rows in another language. `tersely data clean --lang en` left out: {said}. Good rows
lost: {lost}. Each training reads about {TOKENS:,} tokens; measured on {len(found["clean"])}
questions of held-out passages of SQuAD and CovidQA, a third of the tokens kept. Brackets: 95 %
bootstrap intervals that resample passages; differences are paired. One seed.

{table(["learnt from", "rows", "answers kept, %", "points more than dirty"], lines)}
"""
    publish(text, "learning_cleaned", write=options.write)


if __name__ == "__main__":
    parser = parser_of(__doc__.splitlines()[0])
    parser.set_defaults(out=Path("build/learning/cleaning"))
    parser.add_argument("labels", type=Path, help="label rows, as tersely train label writes them")
    parser.add_argument("--foreign", type=Path, required=True, help="rows in another language")
    main(parser.parse_args())
