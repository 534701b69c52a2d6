"""Records -> tables in Markdown and numbers in JSON, with intervals that resample articles."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, circumstances, table
from benchmarks.soft.arms import FULL, NONE
from benchmarks.soft.asked import QUESTIONS, TEXTS, Item
from benchmarks.soft.published import published_em, published_f1
from benchmarks.soft.quality_records import Record
from benchmarks.soft.report import shown
from tersely.evaluation.metrics.answers import em, f1
from tersely.evaluation.metrics.overlap import bleu, rouge_l
from tersely.evaluation.statistics import (
    Estimate,
    mean_interval,
    paired_difference,
    ratio_interval,
)

NAME = "soft-quality"
Text = tuple[str, str]
"""Set and id."""
Column = dict[Text, float]
Columns = dict[tuple[str, int], Column]
"""Arm and slots -> its values."""
Score = Callable[[str, Sequence[str]], float]

SCORES: dict[str, Score] = {
    "F1": f1,
    "EM": em,
    "F1 as published": published_f1,
    "EM as published": published_em,
}
LEAST_SHARE = 0.25
"""A slot with less than this part of the mean is called unused."""

NOTES = """\
## How to read this

*Questions*: a window of the text that holds the answer is handed on, then the question is asked in
the form of the chat template; at most {most} tokens are written. *F1*, *EM*: as SQuAD has them
(case, punctuation and articles aside). *as published*: as the code of 500xCompressor scores
(`benchmarks/soft/published.py`), which keeps them. *nats*: mean surprisal of the first right
answer's tokens at that place; less is better, and it tells more than F1 where a small reader seldom
says the answer. *of full*: F1 over that behind the whole window. *normalised*: (arm - none) / (full
- none), of F1 and of nats; 0 is as good as nothing, 1 as good as the whole window. It is left out
where full is not better than none. Full is the reader as it is: an arm that was trained on
questions has also learnt what answers look like, which *of full* counts in its favour.

*Texts*: abstracts of 2025, title included, cut to the length. The reader is asked to repeat the
text; memories that were trained to give it back are read behind their own start token. *nats*: of
the text's own tokens. ROUGE-L and BLEU are of what is written, for the first {written} texts only.

*Slots*: where the attention of the tokens that predict the answer rests, over all layers and heads,
in %. *even*: exp(entropy) of the slots' shares over their number; 1 is all alike. *unused*: slots
with less than a quarter of the mean.

Every text is of a held-out group. Brackets: 95 % bootstrap intervals that resample articles,
papers and abstracts; differences are paired, and so is what is relative. *none* is the question
alone. Arms of one length with as many texts have the same; of one with fewer they are the first of
each set. Lengths share texts, and windows grow around the same answer.
"""


def columns_of(
    records: Sequence[Record], value: Callable[[Record], float | None], length: int
) -> Columns:
    """Return a value of each arm, by text."""
    found: Columns = {}
    for record in records:
        if record["length"] != length:
            continue
        got = value(record)
        if got is not None and not math.isnan(got):
            column = found.setdefault((record["arm"], _slots(record)), {})
            column[record["set"], record["id"]] = got
    return found


def values_of(items: Sequence[Item]) -> dict[str, Callable[[Record], float | None]]:
    """Return what is read off a record, by its name in the tables."""
    right = {(item.set, item.id): item.answers for item in items if item.task == QUESTIONS}

    def scored(score: Score) -> Callable[[Record], float | None]:
        def of(record: Record) -> float | None:
            answers = right.get((record["set"], record["id"]))
            if record["text"] is None or answers is None:
                return None
            return float(score(record["text"], answers))

        return of

    return {**{name: scored(score) for name, score in SCORES.items()}, "nats": _nats}


def given_back(
    originals: Mapping[tuple[str, str, int], str], score: Score
) -> Callable[[Record], float | None]:
    """Return what says how much a written text is like the original."""

    def of(record: Record) -> float | None:
        if record["text"] is None:
            return None
        return float(score(record["text"], [originals[_place(record)]]))

    return of


def mean_of(column: Column, groups: Mapping[Text, str]) -> Estimate:
    """Return the mean and its interval."""
    return mean_interval([*column.values()], [groups[text] for text in column])


def normalised(
    column: Column, none: Column, full: Column, groups: Mapping[Text, str], *, less: bool
) -> Estimate:
    """Return (arm - none) / (full - none); `less` where less is better."""
    common = [text for text in column if text in none and text in full]
    mine, without, whole = (
        np.asarray([some[text] for text in common]) for some in (column, none, full)
    )
    sign = -1 if less else 1
    clusters = [groups[text] for text in common]
    return ratio_interval(sign * (mine - without), sign * (whole - without), clusters)


def of_full(column: Column, full: Column, groups: Mapping[Text, str]) -> Estimate:
    """Return the share of what is reached behind the whole text."""
    common = [text for text in column if text in full]
    clusters = [groups[text] for text in common]
    return ratio_interval(
        [column[text] for text in common], [full[text] for text in common], clusters
    )


def tables(
    records: Sequence[Record],
    values: Mapping[str, Callable[[Record], float | None]],
    groups: Mapping[Text, str],
    length: int,
) -> tuple[str, list[dict[str, Any]]]:
    """Return the table of a task at one length, and all its numbers."""
    found = {name: columns_of(records, value, length) for name, value in values.items()}
    keys = dict.fromkeys(key for columns in found.values() for key in columns)
    lines, numbers = [], []
    for arm, slots in keys:
        cells: list[str] = [arm, "" if arm in (FULL, NONE) else str(slots)]
        cells.append(str(len(found["nats"].get((arm, slots), {}))))
        for name, columns in found.items():
            mean = mean_of(columns.get((arm, slots), {}), groups)
            cells.append(shown(mean, digits=2))
            numbers.append({"measure": name, "arm": arm, "slots": slots} | mean.numbers())
        for name, estimate in _relative(found, (arm, slots), groups).items():
            cells.append(shown(estimate, digits=2) if math.isfinite(estimate.value) else "")
            numbers.append({"measure": name, "arm": arm, "slots": slots} | estimate.numbers())
        lines.append(cells)
    relative = [*_relative(found, (NONE, 0), groups)]
    header = ["arm", "slots", "texts", *found, *relative]
    return table(header, lines), [{"length": length, **one} for one in numbers]


def _relative(
    found: Mapping[str, Columns], key: tuple[str, int], groups: Mapping[Text, str]
) -> dict[str, Estimate]:
    out: dict[str, Estimate] = {}
    for name in ("F1", "nats"):
        if name not in found:
            continue
        columns = found[name]
        mine, none, full = (columns.get(one, {}) for one in (key, (NONE, 0), (FULL, 0)))
        if name == "F1":
            out["F1 of full"] = of_full(mine, full, groups)
        less = name == "nats"
        out[f"{name} normalised"] = normalised(mine, none, full, groups, less=less)
    return out


def slots_used(records: Sequence[Record]) -> tuple[str, list[dict[str, Any]]]:
    """Return a table: where attention rests while an answer is written."""
    rows, numbers = [], []
    found: dict[tuple[str, int, int], list[Record]] = {}
    for record in records:
        if record["shares"]:
            key = record["arm"], record["slots"], record["length"]
            found.setdefault(key, []).append(record)
    for (arm, slots, length), some in found.items():
        shares = np.asarray([record["shares"] for record in some])  # (N, S)
        own = shares / shares.sum(axis=1, keepdims=True)
        entropy = -(own * np.log(np.maximum(own, 1e-12))).sum(axis=1)
        values = {
            "on slots": 100 * shares.sum(axis=1).mean(),
            "on the prefix": 100 * np.mean([record["before"] for record in some]),
            "even": float(np.mean(np.exp(entropy) / slots)),
            "first slot": 100 * own[:, 0].mean(),
            "last slot": 100 * own[:, -1].mean(),
            "unused": 100 * (own < LEAST_SHARE / slots).mean(),
        }
        head = {"arm": arm, "slots": slots, "length": length}
        numbers += [{"measure": k, **head, "value": round(float(v), 4)} for k, v in values.items()]
        cells = [f"{v:.2f}" if name == "even" else f"{v:.0f}" for name, v in values.items()]
        rows.append([arm, str(slots), str(length), *cells])
    header = ["arm", "slots", "length", "on slots, %", "on the prefix, %", "even"]
    header += ["first slot's part, %", "last slot's, %", "unused, %"]
    return table(header, rows), numbers


def sizes(records: Sequence[Record]) -> str:
    """Return a table: what memories take, in KiB."""
    found = {(r["arm"], _slots(r)): (r["bytes"], r["as_words"]) for r in records}
    rows = [
        [arm, str(slots), f"{held / 1024:,.1f}", f"{words / 1024:,.1f}" if words else ""]
        for (arm, slots), (held, words) in found.items()
        if arm not in (NONE, FULL)
    ]
    return table(["arm", "slots", "KiB", "KiB as word vectors"], rows)


def against(
    records: Sequence[Record],
    values: Mapping[str, Callable[[Record], float | None]],
    trained: Sequence[str],
    length: int,
) -> str:
    """Return a table: trained arms against each other, and keys-values against word vectors."""
    rows = []
    found = {name: columns_of(records, value, length) for name, value in values.items()}
    for first, second in combinations(trained, 2):
        for arm, slots in found["nats"]:
            if arm != first or (second, slots) not in found["nats"]:
                continue
            cells = []
            for columns in found.values():
                one, other = columns.get((first, slots), {}), columns.get((second, slots), {})
                common = [text for text in one if text in other]
                difference = paired_difference(
                    [one[text] for text in common], [other[text] for text in common]
                )
                cells.append(shown(difference, digits=2, signed=True))
            rows.append([first, second, str(slots), *cells])
    return table(["arm", "less", "slots", *values], rows) if rows else ""


def document(
    records: Sequence[Record],
    items: Sequence[Item],
    decode: Callable[[Sequence[int]], str],
    options: Any,
) -> tuple[str, list[dict[str, Any]]]:
    """Return the page, and all its numbers."""
    groups = {(item.set, item.id): item.group for item in items}
    originals = {
        (item.set, item.id, length): decode(ids)
        for item in items
        if item.task == TEXTS
        for length, ids in item.windows.items()
    }
    of_texts: dict[str, Callable[[Record], float | None]] = {
        "nats": _nats,
        "ROUGE-L": given_back(originals, rouge_l),
        "BLEU": given_back(originals, bleu),
    }
    parts: list[tuple[str, str, dict[str, Callable[[Record], float | None]]]] = [
        (QUESTIONS, "Questions", values_of(items)),
        (TEXTS, "Texts given back", of_texts),
    ]
    sections, numbers = [], []
    trained = [pair.partition("=")[0] for pair in options.adapter]
    for task, title, values in parts:
        mine = [record for record in records if record["task"] == task]
        for length in dict.fromkeys(record["length"] for record in mine):
            text, rows = tables(mine, values, groups, length)
            sections.append(f"## {title}, {length} tokens\n\n{text}\n")
            numbers += [{"task": task, **row} for row in rows]
            if pairs := against(mine, values, trained, length):
                sections.append(f"{pairs}\n")
    used, rows = slots_used(records)
    numbers += [{"task": QUESTIONS, **row} for row in rows]
    sections += [f"## Slots\n\n{used}\n", f"## Sizes\n\n{sizes(records)}\n"]
    sections.append(NOTES.format(most=options.answer_tokens, written=written_counts(records)))
    return "\n".join([*_head(records, options), *sections]), numbers


def written_counts(records: Sequence[Record]) -> str:
    """Return in words how many texts of each length were written; arms may differ."""
    found = Counter(
        (record["length"], record["arm"], record["slots"])
        for record in records
        if record["task"] == TEXTS and record["text"] is not None
    )
    by_length: dict[int, list[int]] = {}
    for (length, _, _), count in sorted(found.items()):
        by_length.setdefault(length, []).append(count)
    said = []
    for length, counts in by_length.items():
        some = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
        said.append(f"{some} of {length} tokens, by arm")
    return "; ".join(said) or "none"


def publish(
    records: Sequence[Record],
    items: Sequence[Item],
    decode: Callable[[Sequence[int]], str],
    options: Any,
) -> None:
    """Print the page, and write it and its numbers to the results if asked."""
    if not records:
        raise SystemExit("There are no records yet; run it without --report.")
    text, numbers = document(records, items, decode, options)
    print(text)
    if options.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{NAME}.md").write_text(text.rstrip() + "\n", "utf-8")
        rows = ",\n".join(json.dumps(row) for row in numbers)
        (RESULTS / f"{NAME}.json").write_text(f"[\n{rows}\n]\n", "utf-8")


def _head(records: Sequence[Record], options: Any) -> list[str]:
    kinds = dict.fromkeys((r["set"], r["id"]) for r in records)
    sets = [name for name, _ in kinds]
    counts = ", ".join(f"{sets.count(name)} of {name}" for name in dict.fromkeys(sets))
    days = sorted({record["day"] for record in records})
    makers = " and ".join(sorted({record["made_by"] for record in records}))
    versions = {
        "tersely": makers,
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    return [
        "# What is left of a text in a memory of it\n",
        circumstances(versions, options.threads),
        f"- Measured: {', '.join(dict.fromkeys([days[0], days[-1]]))}, in {options.dtype}",
        f"- Texts: {counts}, all of held-out groups\n",
    ]


def _nats(record: Record) -> float | None:
    return None if record["nats"] is None else float(record["nats"])


def _slots(record: Record) -> int:
    return 0 if record["arm"] in (FULL, NONE) else int(record["slots"])


def _place(record: Record) -> tuple[str, str, int]:
    return record["set"], record["id"], record["length"]
