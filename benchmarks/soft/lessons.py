"""Write questions to learn from: windows of texts that the quality table does not ask about.

`python -m benchmarks.soft.lessons --out build/soft/questions.jsonl`, then `tersely train
soft-finetune --data build/soft/questions.jsonl`. The data is not in the repository.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.common import DATA, MODEL, at_root
from benchmarks.soft.asked import read_questions
from tersely.evaluation.source import Source
from tersely.soft.host import load_host


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soft.lessons", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--out", type=Path, default=Path("build/soft/questions.jsonl"))
    add("--questions", type=int, default=2000, help="how many of each set, at most")
    add("--tokens", type=int, default=96, help="of a window around the answer")
    return parser


def main(options: argparse.Namespace) -> None:
    """Write the rows, each set's in the order of hashes of its ids."""
    host = load_host(MODEL, device="cpu", dtype="bfloat16")
    items = read_questions(
        Source(str(at_root(options.data))),
        host.tokenizer,
        count=options.questions,
        lengths=[options.tokens],
        held_out=False,
    )
    rows = [
        {
            "id": item.id,
            "question": item.question,
            "answers": list(item.answers),
            "context": host.decode(item.windows[options.tokens]),
        }
        for item in items
    ]
    file = at_root(options.out)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    print(f"{len(rows)} questions in {options.out}")


if __name__ == "__main__":
    main(arguments().parse_args())
