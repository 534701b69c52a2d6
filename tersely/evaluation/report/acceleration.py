"""Track 5: whether shortening and reading takes less time than reading everything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from tersely.evaluation.records import Record
from tersely.evaluation.report.corpus import Corpus, Point
from tersely.evaluation.report.measured import WHOLE, pairs_of
from tersely.evaluation.report.score import FORMULA, quadratic_mean
from tersely.evaluation.report.table import Cell, Column, Section, Table, row_of
from tersely.evaluation.statistics import Estimate, ratio_interval

Pair = tuple[Record, Record]
LENGTHS = (0, 500, 1000, 2000, 4000, 8000)
"""Prompts are sorted by length into bins that begin at these numbers of tokens."""

COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
    Column(name="prompts", title="prompts", form=",d"),
    Column(name="failed", title="failed", form=",d"),
    Column(name="compress", title="shortening s", form=".3f"),
    Column(name="read", title="reading s", form=".3f"),
    Column(name="full", title="reading all s", form=".3f"),
    Column(name="even_ms", title="breaks even at ms per 1,000", form=",.0f"),
    Column(name="reader_ms", title="reader takes", form=",.0f"),
    Column(name="even_tokens", title="pays from tokens"),
    Column(name="speedup", title="speed-up", form=".2f"),
    Column(name="not_slower", title="not slower", form=".3f", heat=True),
    Column(name="score", title="score", form=".3f"),
)
NOTES = (
    "Means over the prompts that this arm and the full prompt both got through, of all tasks and"
    " readers. Speed-up: the sum of reading everything / the sum of shortening and reading what is"
    " left, with its interval. Not slower: the share of prompts where the two together took no"
    " longer. Above 1 is faster than the full prompt: an arm that drops much without thought has a"
    " high score here. Read it beside track 1.",
    FORMULA,
    "Break-even: shortening pays for a reader that takes longer per 1,000 tokens of a prompt than"
    " this: milliseconds of shortening / tokens saved * 1,000. Beside it is what this run's readers"
    " took. Pays from: the shortest bin of the next table from which on every bin is faster.",
)
LENGTH_NOTES = ("Blank: fewer than 3 prompts of this length. 1.00 is as fast as the full prompt.",)


def acceleration(corpus: Corpus) -> Section:
    """Return the track without its picture."""
    pairs = {point: timed_pairs(corpus, point) for point in corpus.points}
    text = "End to end: the time to shorten and then read, against the time to read everything."
    if not any(pairs.values()):
        missing = "No reader's time is known for full prompts, so nothing can be compared."
        return Section(
            name="acceleration", title="5 Acceleration and break-even", texts=(text, missing)
        )
    rows = tuple(row_of(COLUMNS, _cells(corpus, point, pairs[point])) for point in corpus.points)
    table = Table(name="time", title="End to end", columns=COLUMNS, rows=rows, notes=NOTES)
    return Section(
        name="acceleration",
        title="5 Acceleration and break-even",
        texts=(text,),
        parts=(table, _by_length(corpus, pairs)),
    )


def timed_pairs(corpus: Corpus, point: Point) -> list[Pair]:
    """Return the records of an arm with those of the full prompts, where both were timed."""
    return [
        (mine, whole)
        for case, records in corpus.over_cases(point)
        for mine, whole in pairs_of(records, corpus.at(case, *WHOLE))
        if not mine.error and not whole.error and whole.reader_seconds > 0
    ]


def spent(record: Record) -> float:
    """Return the seconds of shortening and reading."""
    return record.seconds + record.reader_seconds


def speedup(pairs: Sequence[Pair]) -> Estimate | None:
    """Return how many times faster than reading everything; None without pairs."""
    if not pairs:
        return None
    whole, mine = [spent(b) for _, b in pairs], [spent(a) for a, _ in pairs]
    return ratio_interval(whole, mine, [f"{a.task} {a.cluster}" for a, _ in pairs])


def _cells(corpus: Corpus, point: Point, pairs: Sequence[Pair]) -> dict[str, Cell]:
    arm, rate = point
    failed = sum(bool(record.error) for record in corpus.all_at(point))
    cells: dict[str, Cell] = {"rate": rate, "arm": arm, "prompts": len(pairs), "failed": failed}
    faster = speedup(pairs)
    if faster is None:
        return cells
    saved = sum(whole.tokens - mine.tokens for mine, whole in pairs)
    seconds = math.fsum(mine.seconds for mine, _ in pairs)
    read = math.fsum(whole.reader_seconds for _, whole in pairs)
    not_slower = sum(spent(mine) <= spent(whole) for mine, whole in pairs) / len(pairs)
    return cells | {
        "compress": seconds / len(pairs),
        "read": math.fsum(mine.reader_seconds for mine, _ in pairs) / len(pairs),
        "full": read / len(pairs),
        "even_ms": 1e6 * seconds / saved if saved > 0 else None,
        "reader_ms": 1e6 * read / sum(whole.tokens for _, whole in pairs),
        "even_tokens": "" if point == WHOLE else pays_from(pairs),
        "speedup": faster,
        "not_slower": not_slower,
        "score": quadratic_mean([faster.value, not_slower]),
    }


def pays_from(pairs: Sequence[Pair]) -> str:
    """Return from which length on prompts are faster in every bin.

    "never here" if in none; "" if no bin has enough of them.
    """
    found = [(low, speed) for low, speed in _binned(pairs) if speed is not None]
    first = "never here" if found else ""
    for low, speed in reversed(found):
        if speed <= 1:
            break
        first = f"{low:,d}"
    return first


def _binned(pairs: Sequence[Pair]) -> list[tuple[int, float | None]]:
    """Return for each bin of lengths its beginning and the speed-up in it."""
    found: list[tuple[int, float | None]] = []
    for low, high in zip(LENGTHS, (*LENGTHS[1:], math.inf), strict=True):
        same = [(a, b) for a, b in pairs if low <= b.whole_tokens < high]
        mine = math.fsum(spent(a) for a, _ in same)
        enough = len(same) >= 3 and mine > 0
        found.append((low, math.fsum(spent(b) for _, b in same) / mine if enough else None))
    return found


def _by_length(corpus: Corpus, pairs: dict[Point, list[Pair]]) -> Table:
    bins = [*pairwise(LENGTHS), (LENGTHS[-1], 0)]
    columns = (
        Column(name="rate", title="rate", form="g"),
        Column(name="arm", title="arm"),
        *(
            Column(
                name=f"from_{low}",
                title=f"{low:,d} to {high - 1:,d}" if high else f"{low:,d} and more",
                form=".2f",
            )
            for low, high in bins
        ),
    )
    rows = tuple(
        (rate, arm, *(speed for _, speed in _binned(pairs[arm, rate])))
        for arm, rate in corpus.points
    )
    return Table(
        name="lengths",
        title="Speed-up by length of the prompt, in tokens",
        columns=columns,
        rows=rows,
        notes=LENGTH_NOTES,
        folded=True,
    )
