"""Records -> tables in Markdown and numbers in JSON, with intervals that resample texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, circumstances, table
from benchmarks.soft.arms import FITTED, FULL, NONE
from benchmarks.soft.records import Record
from tersely.evaluation.statistics import (
    Estimate,
    mean_interval,
    paired_difference,
    ratio_interval,
)

Column = dict[tuple[str, str], float]
"""Set and passage -> nats."""
Columns = dict[tuple[str, int], Column]
"""Arm and slots -> its column."""
Rows = list[dict[str, Any]]

BASELINE = "truncate, last"
NAME = "soft-producers"

NOTES = """\
## How to read this

Every text is read once; each producer keeps so many slots of it, the same number in every layer and
head and in the same type, so that keys and values take the same bytes. Producers whose heads keep
different tokens store a position for each head besides: 1.6 % more in bfloat16. Then the same model
goes on reading the text behind the memory. *nats*: the mean surprisal of the tokens scored; less is
better. One token between memory and these is given to every arm. *none* is the text that goes on
with nothing before it but the prefix. Brackets: 95 % bootstrap intervals that resample texts.
Differences are paired; no correction is made for the number of comparisons.

*With the prefix*: the head of the chat template stands in front, uncompressed, as it does in
`tersely.soft`, when the text is read and when it goes on. *Without*: nothing does, so that the
text's own first token is what attention rests on; "truncate, first" and "anchors and token 0" keep
it, "truncate, last" and "anchors" do not.

This measures how well a text goes on, where what stood last helps most. Finding an answer that
stood somewhere in the middle is another question.
"""


def columns_of(records: Iterable[Record]) -> Columns:
    """Return the nats of each arm, by text; what is not a number is left out."""
    found: Columns = {}
    for record in records:
        column = found.setdefault((record["arm"], record["slots"]), {})
        if record["nats"] is not None:
            column[record["set"], record["passage"]] = float(record["nats"])
    return found


def paired(*columns: Column) -> list[list[float]]:
    """Return the values of the texts that all columns have, in one order."""
    common = [text for text in columns[0] if all(text in column for column in columns)]
    return [[column[text] for text in common] for column in columns]


def regained(column: Column, none: Column, full: Column) -> Estimate:
    """Return which share of what the full text gains over none is left."""
    mine, without, whole = (np.asarray(values) for values in paired(column, none, full))
    return ratio_interval(without - mine, without - whole)


def table_of(records: Sequence[Record], tokens: int, times: Sequence[int]) -> str:
    """Return a table: a line per arm, and its nats at every number of slots."""
    columns = columns_of(records)
    names = list(dict.fromkeys(record["arm"] for record in records))
    header = ["arm", *(f"nats at {one}x ({tokens // one} slots)" for one in times)]
    lines = []
    for name in names:
        sizes = [tokens if name == FULL else 0] if name in (FULL, NONE) else _sizes(tokens, times)
        cells = [shown(mean_of(columns.get((name, size), {})), digits=3) for size in sizes]
        lines.append([name, *cells, *[""] * (len(times) - len(cells))])
    return table(header, lines)


def gains(records: Sequence[Record], tokens: int, times: Sequence[int]) -> str:
    """Return a table: by how much each arm beats truncation, and what it regains of the text."""
    columns = columns_of(records)
    none, full = columns[NONE, 0], columns[FULL, tokens]
    names = dict.fromkeys(name for name, _ in columns if name not in (FULL, NONE))
    header = [
        "arm",
        *(f"nats less than {BASELINE}, {one}x" for one in times),
        *(f"regained % at {one}x" for one in times),
    ]
    lines = []
    for name in names:
        mine = [columns.get((name, size), {}) for size in _sizes(tokens, times)]
        base = [columns.get((BASELINE, size), {}) for size in _sizes(tokens, times)]
        less = [
            shown(paired_difference(*reversed(paired(a, b))), digits=3, signed=True)
            if name != BASELINE and a and b
            else ""
            for a, b in zip(mine, base, strict=True)
        ]
        share = [_percent(regained(one, none, full)) if one else "" for one in mine]
        lines.append([name, *less, *share])
    return table(header, lines)


def by_set(records: Sequence[Record], tokens: int, times: Sequence[int]) -> str:
    """Return a table: the means of each data set, without intervals."""
    sets = list(dict.fromkeys(record["set"] for record in records))
    header = ["arm", *(f"{name}, {one}x" for name in sets for one in times)]
    lines = []
    for arm in dict.fromkeys(record["arm"] for record in records):
        cells = []
        for name in sets:
            columns = columns_of(r for r in records if r["set"] == name and r["arm"] == arm)
            ends = {FULL: [tokens], NONE: [0]}.get(arm, _sizes(tokens, times))
            means = [_plain(columns.get((arm, size), {})) for size in ends]
            cells += means + [""] * (len(times) - len(means))
        lines.append([arm, *cells])
    return table(header, lines)


def costs(records: Sequence[Record], tokens: int, times: Sequence[int]) -> str:
    """Return a table: what choosing the slots took, and what a memory occupies."""
    lines = []
    for arm in dict.fromkeys(record["arm"] for record in records if record["arm"] != NONE):
        mine = [record for record in records if record["arm"] == arm]
        seconds = np.median([record["choosing_seconds"] for record in mine])
        taken = {record["slots"]: f"{record['bytes'] / 1024:,.0f}" for record in mine}
        sizes = [tokens, *_sizes(tokens, times)]
        lines.append([arm, f"{seconds:.2f}", *(taken.get(size, "") for size in sizes)])
    header = ["arm", "processor seconds to choose", "KiB whole", *(f"{one}x" for one in times)]
    return table(header, lines)


def document(records: Sequence[Record], options: Any) -> str:
    """Return the page."""
    tokens, times = options.context, options.times
    with_prefix = [r for r in records if not r["bare"] and r["arm"] != FITTED]
    without = [r for r in records if r["bare"]]
    sections = [
        "## With the prefix\n",
        table_of(with_prefix, tokens, times) + "\n",
        gains(with_prefix, tokens, times) + "\n",
    ]
    if without:
        texts = {(r["set"], r["passage"]) for r in without}
        sections += [
            f"## Without: the sink effect ({len(texts)} texts)\n",
            table_of(without, tokens, times) + "\n",
        ]
    few = [r for r in records if r["arm"] == FITTED]
    if few:
        texts = {(r["set"], r["passage"]) for r in few}
        same = [r for r in records if not r["bare"] and (r["set"], r["passage"]) in texts]
        sections += [
            f"## A few gradient steps on each text ({len(texts)} texts)\n",
            table_of(same, tokens, options.fitted_times) + "\n",
            gains(same, tokens, options.fitted_times) + "\n",
        ]
    sections += [
        "## By data set\n",
        by_set(with_prefix, tokens, times) + "\n",
        "## Costs\n",
        costs([r for r in records if not r["bare"]], tokens, times) + "\n",
        NOTES,
    ]
    return "\n".join([*_head(records, options), *sections])


def numbers(records: Sequence[Record], options: Any) -> Rows:
    """Return all that the tables say, one object per number."""
    out: Rows = []
    for bare in (False, True):
        columns = columns_of(record for record in records if record["bare"] == bare)
        none, full = columns.get((NONE, 0), {}), columns.get((FULL, options.context), {})
        for (arm, slots), column in columns.items():
            head = {"prefix": not bare, "arm": arm, "slots": slots}
            out.append(head | {"measure": "nats"} | mean_of(column).numbers())
            if arm not in (FULL, NONE):
                share = regained(column, none, full)
                out.append(head | {"measure": "regained"} | share.numbers())
            base = columns.get((BASELINE, slots))
            if base and arm != BASELINE:
                less = paired_difference(*reversed(paired(column, base)))
                out.append(head | {"measure": f"nats less than {BASELINE}"} | less.numbers())
    return out


def publish(records: Sequence[Record], options: Any) -> None:
    """Print the page, and write it and its numbers to the results if asked."""
    text = document(records, options)
    print(text)
    if options.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{NAME}.md").write_text(text.rstrip() + "\n", "utf-8")
        rows = json.dumps(numbers(records, options), indent=1)
        (RESULTS / f"{NAME}.json").write_text(rows + "\n", "utf-8")


def mean_of(column: Column) -> Estimate:
    """Return the mean over texts and its interval."""
    return mean_interval([*column.values()])


def shown(estimate: Estimate, *, digits: int, signed: bool = False) -> str:
    """Return it as people write it; "" where there is nothing, no interval of one text."""
    if estimate.count == 1:
        return f"{estimate.value:{'+' if signed else ''}.{digits}f}"
    return estimate.text(digits=digits, signed=signed) if estimate.count else ""


def _percent(found: Estimate) -> str:
    if math.isnan(found.value):
        return ""
    return f"{100 * found.value:.0f} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def _plain(column: Column) -> str:
    return f"{np.mean([*column.values()]):.3f}" if column else ""


def _sizes(tokens: int, times: Sequence[int]) -> list[int]:
    return [tokens // one for one in times]


def _head(records: Sequence[Record], options: Any) -> list[str]:
    texts = dict.fromkeys((r["set"], r["passage"]) for r in records)
    sets = [name for name, _ in texts]
    counts = ", ".join(f"{sets.count(name)} of {name}" for name in dict.fromkeys(sets))
    days = sorted({record["day"] for record in records})
    makers = " and ".join(sorted({record["made_by"] for record in records}))
    versions = {
        "tersely": makers,
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    return [
        "# What memories without training are worth\n",
        circumstances(versions, options.threads),
        f"- Measured: {days[0]} to {days[-1]}, in {options.dtype}",
        f"- Texts: {counts}; the first {options.context} tokens are handed on, one is given,"
        f" {options.scored} are scored",
        "- Abstracts are those of 2025 with enough tokens, title included; few have them, and"
        " openings of articles (title, abstract, text) complete the number\n",
    ]
