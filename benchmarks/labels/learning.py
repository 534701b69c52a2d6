"""One training and one measurement, the same for all labels that are compared."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tersely
from benchmarks.agnostic.passages import Passage, read_passages
from benchmarks.common import DATA, RESULTS, at_root, say
from tersely.counting import load_counter
from tersely.evaluation.metrics.answers import survived
from tersely.evaluation.source import Source
from tersely.evaluation.statistics import Estimate, mean_interval, paired_difference
from tersely.training.token_classifier import Settings, train

Row = dict[str, Any]
Asked = tuple[str, float]
"""A passage, and whether an answer of one of its questions survived."""

RATE = 1 / 3
TOKENS = 150_000
"""About what each training reads, whatever the number of its rows."""

TOKENS_PER_WORD = 1.4
SETS = ("squad2", "covidqa")


def parser_of(description: str) -> argparse.ArgumentParser:
    """Return the options that all of these have."""
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev")
    add("--out", type=Path, default=Path("build/learning"))
    add("--passages", type=int, default=120, help="of each set that is measured on")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    add("--write", action="store_true", help="write the page in docs/results")
    return parser


def write_rows(rows: Sequence[Row], file: Path) -> Path:
    """Write rows as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def read_rows(file: Path) -> list[Row]:
    """Read JSON lines."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def learnt(file: Path, out: Path, options: argparse.Namespace, threshold: float) -> Path:
    """Train a classifier; one that is there already is not trained again.

    Args:
        file: Its labels.
        out: Its folder.
        options: Seed and threads.
        threshold: From where on values are 1.
    """
    words = sum(len(row["words"]) for row in read_rows(file))
    settings = Settings(
        labels=(file,),
        out=out,
        threshold=threshold,
        best_by="kept",
        mark_capitals=True,
        precision="bfloat16",
        learning_rate=3e-4,
        epochs=max(1, round(TOKENS / (TOKENS_PER_WORD * words))),
        patience=99,
        seed=options.seed,
        threads=options.threads,
        device="cpu",
    )
    train(settings, progress=_say_steps(out.name))
    return out


def _say_steps(name: str) -> Callable[[int, int], None]:
    return lambda done, of: say(f"{name}: step {done} of {of}") if done % 50 == 0 else None


def measured(options: argparse.Namespace) -> list[Passage]:
    """Return held-out passages of every set."""
    source = Source(str(at_root(options.data)))
    return [
        passage
        for name in SETS
        for passage in read_passages(name, source, count=options.passages, seed=options.seed)
    ]


def kept(folder: Path, passages: Sequence[Passage]) -> Iterator[Asked]:
    """Yield, for each question, whether one of its answers survives at a third."""
    arm = tersely.load("llmlingua2", model=str(folder), threads=1)
    counter = load_counter("o200k_base")
    for passage in passages:
        left = tersely.compress(passage.text, rate=RATE, method=arm, tokenizer=counter).text
        for one in passage.asked:
            yield passage.id, survived(left, one.answers)


def compared(
    found: Mapping[str, Sequence[Asked]], rows: Mapping[str, int], beside: str
) -> list[list[str]]:
    """Return the rows of a table: answers kept, and how many points more than beside one of them.

    Args:
        found: For each name what it kept, of the same questions.
        rows: For each name how many label rows it learnt from.
        beside: A name.
    """
    base = [value for _, value in found[beside]]
    lines = []
    for name, pairs in found.items():
        values, groups = [value for _, value in pairs], [passage for passage, _ in pairs]
        more = "" if name == beside else _points(paired_difference(values, base, groups), sign=True)
        lines.append([name, str(rows[name]), _points(mean_interval(values, groups)), more])
    return lines


def _points(found: Estimate, *, sign: bool = False) -> str:
    scaled = {end: 100 * getattr(found, end) for end in ("value", "low", "high")}
    return replace(found, **scaled).text(digits=1, signed=sign)


def publish(text: str, name: str, *, write: bool) -> None:
    """Print a page, and write it if that is wanted."""
    say(text)
    if write:
        (RESULTS / f"{name}.md").write_text(text, "utf-8")
