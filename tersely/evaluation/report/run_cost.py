"""Track 4: what shortening a prompt takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from tersely.evaluation.arms import ENDS, FULL
from tersely.evaluation.records import Record
from tersely.evaluation.report.corpus import NOBODY, Corpus, Point
from tersely.evaluation.report.score import FORMULA, quadratic_mean, share_of_cost
from tersely.evaluation.report.table import Cell, Column, Section, Spread, Table

COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
    Column(name="prompts", title="prompts", form=",d"),
    Column(name="failed", title="failed", form=",d"),
    Column(name="ms", title="ms per 1,000", form=",.1f"),
    Column(name="cpu_ms", title="CPU-ms per 1,000", form=",.1f"),
    Column(name="model_tokens", title="model tokens per token", form=".2f"),
    Column(name="time_ratio", title="time", form=".3f", heat=True),
    Column(name="token_ratio", title="tokens", form=".3f", heat=True),
    Column(name="score", title="score", form=".3f"),
)
READER_COLUMNS = (
    Column(name="reader", title="reader"),
    Column(name="prompts", title="prompts", form=",d"),
    Column(name="ms", title="ms per 1,000", form=",.1f"),
    Column(name="tokens", title="tokens read and written per token", form=".2f"),
)
NOTES = (
    "Per 1,000 tokens of the contexts before they were shortened. Each prompt counts once, however"
    " many readers read it; failures are counted and have no cost.",
    "Time: R / (R + ms), where R are the milliseconds that reading the full prompt takes (last row"
    " of the next table). Tokens: T / (T + model tokens), T likewise.",
    FORMULA,
)
READER_NOTES = (
    "Median [lower quartile, upper quartile] over the full prompts, per 1,000 tokens of their"
    " contexts.",
)


def spread_of(values: Iterable[float]) -> Spread | None:
    """Return the median of the values that are numbers, between their quartiles."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    low, middle, high = np.percentile(finite, [25, 50, 75])
    return Spread(float(middle), float(low), float(high))


def per_token(read: Callable[[Record], float]) -> Callable[[Record], float]:
    """Return what divides a number of a record by its context tokens; NaN if there are none."""
    return lambda r: read(r) / r.context_tokens if r.context_tokens else math.nan


wall_ms = per_token(lambda record: 1e6 * record.seconds)
"""Milliseconds of the compression per 1,000 context tokens."""

cpu_ms = per_token(lambda record: 1e6 * record.cpu_seconds)
model_tokens = per_token(lambda record: record.model_tokens)
reader_ms = per_token(lambda record: 1e6 * record.reader_seconds)
reader_tokens = per_token(lambda record: record.reader_tokens)


def cpu_cost(corpus: Corpus, point: Point) -> float:
    """Return the median CPU-ms per 1,000 context tokens of an arm at a rate; NaN without any."""
    found = spread_of(map(cpu_ms, _made(corpus, point)))
    return math.nan if found is None else found.value


def run_cost(corpus: Corpus) -> Section:
    """Return the track."""
    read = _read_in_full(corpus)
    time = spread_of(map(reader_ms, read))
    tokens = spread_of(map(reader_tokens, read))
    rows = tuple(
        _row(corpus, point, time.value if time else math.nan, tokens.value if tokens else math.nan)
        for point in corpus.points
    )
    notes = NOTES if read else (*NOTES, "Nobody read the full prompt: there is nothing to compare.")
    cost = Table(
        name="cost", title="What shortening takes", columns=COLUMNS, rows=rows, notes=notes
    )
    return Section(
        name="run_cost",
        title="4 Run cost",
        texts=(
            "What each prompt costs before anybody reads it. Brackets are quartiles over prompts,"
            " not intervals of the median.",
        ),
        parts=(cost, _readers(corpus, read)) if read else (cost,),
    )


def _made(corpus: Corpus, point: Point) -> list[Record]:
    return [record for record in corpus.compressed_at(point) if not record.error]


def _read_in_full(corpus: Corpus) -> list[Record]:
    """Return the full prompts that somebody read."""
    found = corpus.all_at((FULL, ENDS[FULL]))
    return [r for r in found if not r.error and r.reader_seconds > 0 and r.context_tokens]


def _row(corpus: Corpus, point: Point, time: float, tokens: float) -> tuple[Cell, ...]:
    arm, rate = point
    all_of_them, made = corpus.compressed_at(point), _made(corpus, point)
    wall, cpu, model = (spread_of(map(read, made)) for read in (wall_ms, cpu_ms, model_tokens))
    ratios = [
        share_of_cost(time, wall.value) if wall else math.nan,
        share_of_cost(tokens, model.value) if model else math.nan,
    ]
    failed = len(all_of_them) - len(made)
    score = quadratic_mean(ratios)
    return (rate, arm, len(all_of_them), failed, wall, cpu, model, *ratios, score)


def _readers(corpus: Corpus, read: list[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for reader in [*corpus.readers, None]:
        same = [r for r in read if reader is None or r.reader == reader]
        name = "all" if reader is None else reader or NOBODY
        if same:
            times, tokens = map(reader_ms, same), map(reader_tokens, same)
            rows.append((name, len(same), spread_of(times), spread_of(tokens)))
    return Table(
        name="reading",
        title="What reading the full prompt takes",
        columns=READER_COLUMNS,
        rows=tuple(rows),
        notes=READER_NOTES,
    )
