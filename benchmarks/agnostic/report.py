"""Records -> tables in Markdown and numbers in JSON, with intervals that resample passages."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.agnostic.arms import KNOWN
from benchmarks.agnostic.records import Record
from benchmarks.common import RESULTS, circumstances, table
from tersely.evaluation.statistics import Estimate, mean_interval, paired_difference

Asked = tuple[str, str, str]
"""Set, passage, question."""
Values = dict[Asked, float]
Cells = list[list[str]]
Rows = list[dict[str, Any]]

NOTES = """\
Every passage is compressed once, without any question; then it is looked up for each question
whether one of its answers still stands in what is left (*survived*: case, accents, punctuation and
articles aside). *words*: the share of the answer's words of content that stood in the passage and
still do; the only measure where answers are free text (pubmedqa, qmsum). The passages are of
articles, papers and meetings that no training has seen (`tersely.training.split.is_held_out`);
xquad has the same paragraphs in every language. Long texts are cut into windows from their
beginning, wherever answers stand (see benchmarks/agnostic/passages.py). Every arm has the same
limit in o200k_base tokens; *realised* is what was used of the passages. Brackets: 95 % bootstrap
intervals that resample passages with all their questions; a paragraph and its translations are
one. Differences are paired, over the questions both arms have; no correction is made for the
number of comparisons. A failure counts as nothing kept. *known answers* has seen the answers to
all questions: a bound, not a method. Word counts for rarity and, where bm25s has no list, stop
words are those of texts of the set that are not measured on.
"""


def values_of(records: Iterable[Record], measure: str) -> Values:
    """Return what each question came to; those that cannot be scored are left out.

    Args:
        records: Of one arm and one rate.
        measure: Which of their values.
    """
    return {
        (record["set"], record["passage"], question): float(value)
        for record in records
        for question, value in record.get(measure, {}).items()
        if value is not None
    }


def cluster(asked: Asked) -> str:
    """Return what a question shares with those of the same passage, in any language."""
    return asked[1].rpartition("@")[0]


def mean(values: Values, scale: float = 100) -> Estimate:
    """Return the mean over questions and its interval, in % unless `scale` says otherwise."""
    found = mean_interval([*values.values()], [cluster(asked) for asked in values])
    return _scaled(found, scale)


def difference(ours: Values, theirs: Values, scale: float = 100) -> Estimate:
    """Return the mean paired difference, over the questions both have, and its interval."""
    common = [asked for asked in ours if asked in theirs]
    first, second = [ours[a] for a in common], [theirs[a] for a in common]
    return _scaled(paired_difference(first, second, [cluster(a) for a in common]), scale)


def _scaled(found: Estimate, scale: float) -> Estimate:
    return replace(found, value=scale * found.value, low=scale * found.low, high=scale * found.high)


def by_arm(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each arm, in the order in which arms are met."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record["arm"]].append(record)
    return dict(found)


def shown(estimate: Estimate, *, digits: int = 1, signed: bool = False) -> str:
    """Return it as people write it; "" where there is nothing."""
    return estimate.text(digits=digits, signed=signed) if estimate.count else ""


def realised(records: Sequence[Record]) -> str:
    """Return which share of the passages' tokens was used, in %."""
    fine = [record for record in records if "error" not in record]
    share = sum(r["tokens"] for r in fine) / max(1, sum(r["whole"] for r in fine))
    return f"{100 * share:.1f}" if fine else ""


def at_rate(records: Iterable[Record], rate: float) -> list[Record]:
    """Return the records of one rate."""
    return [record for record in records if record["rate"] == rate]


def means(records: Sequence[Record], rates: Sequence[float], measure: str) -> Cells:
    """Return one line per arm: questions, the measure at every rate, realised rates, failures."""
    lines = []
    for arm, mine in by_arm(records).items():
        found = [at_rate(mine, rate) for rate in rates]
        estimates = [mean(values_of(some, measure)) for some in found]
        asked = max((one.count for one in estimates), default=0)
        used = " / ".join(filter(None, map(realised, found)))
        failed = str(sum("error" in record for record in mine))
        lines.append([arm, str(asked), *map(shown, estimates), used, failed])
    return lines


def differences(
    records: Sequence[Record], rates: Sequence[float], measure: str, ours: Sequence[str]
) -> Cells:
    """Return one line per pair of an arm of `ours` and any other: the paired difference."""
    groups = by_arm(records)
    lines = []
    for arm in ours:
        for other, theirs in groups.items():
            if arm not in groups or other in (arm, KNOWN):
                continue
            pairs = [(at_rate(groups[arm], rate), at_rate(theirs, rate)) for rate in rates]
            found = [difference(values_of(a, measure), values_of(b, measure)) for a, b in pairs]
            lines.append([arm, other, *(shown(one, signed=True) for one in found)])
    return lines


def by_language(records: Sequence[Record], rate: float, measure: str) -> tuple[list[str], Cells]:
    """Return the languages, and one line per arm: the mean in each of them, in %."""
    languages = sorted({record["language"] for record in records})
    lines = []
    for arm, mine in by_arm(at_rate(records, rate)).items():
        columns = [[r for r in mine if r["language"] == language] for language in languages]
        found = [[*values_of(column, measure).values()] for column in columns]
        lines.append([arm, *(f"{100 * np.mean(one):.1f}" if one else "" for one in found)])
    return languages, lines


def parts_of(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return what gets a table of its own: every set, xquad in English and in other languages."""
    english = [record for record in records if record["language"] == "en"]
    extractive = [record for record in english if record["set"] in ("squad2", "xquad", "covidqa")]
    several = len({record["set"] for record in extractive}) > 1
    found = {"all English with extractive answers": extractive if several else []}
    for name in dict.fromkeys(record["set"] for record in records):
        mine = [record for record in records if record["set"] == name]
        if name == "xquad":
            found["xquad, English"] = [r for r in mine if r["language"] == "en"]
            found["xquad, other languages"] = [r for r in mine if r["language"] != "en"]
        else:
            found[name] = mine
    return {name: some for name, some in found.items() if some}


def counted(records: Sequence[Record]) -> str:
    """Return how much a table is made of."""
    passages = {(record["set"], record["passage"]): record for record in records}
    asked = sum(len(record["words"]) for record in passages.values())
    tokens = np.median([record["whole"] for record in passages.values()])
    groups = len({record["group"] for record in records})
    size = f"{len(passages)} passages of {groups} groups (median {tokens:.0f} tokens)"
    return f"{size}, {asked} questions."


def tables(records: Sequence[Record], rates: Sequence[float], ours: Sequence[str]) -> list[str]:
    """Return the sections of the page.

    Args:
        records: Of all arms.
        rates: The columns.
        ours: The arms that are compared with all others.
    """
    out = []
    for name, mine in parts_of(records).items():
        out.append(f"## {name}\n\n{counted(mine)}\n")
        measures = [m for m in ("survived", "words") if values_of(mine, m)]
        out += [_two_tables(mine, rates, measure, ours) for measure in measures]
    xquad = [record for record in records if record["set"] == "xquad"]
    middle = sorted(rates)[len(rates) // 2] if rates else 0.0
    if len({record["language"] for record in xquad}) > 1:
        languages, lines = by_language(xquad, middle, "survived")
        out.append(f"## xquad by language, survived % at {middle:g}\n")
        out += [table(["arm", *languages], lines), ""]
    return out


def _two_tables(
    records: Sequence[Record], rates: Sequence[float], measure: str, ours: Sequence[str]
) -> str:
    """Return what each arm comes to, and by how much `ours` differ from the others."""
    at = [f"{measure} % at {rate:g}" for rate in rates]
    header = ["arm", "questions", *at, "realised %", "failed"]
    out = table(header, means(records, rates, measure)) + "\n"
    lines = differences(records, rates, measure, ours)
    if lines:
        at = [f"{measure}, points at {rate:g}" for rate in rates]
        out += "\n" + left(table(["arm", "less", *at], lines)) + "\n"
    return out


def left(text: str) -> str:
    """Return a table whose second column stands to the left, too."""
    lines = text.split("\n")
    lines[1] = lines[1].replace("| ---: ", "| --- ", 1)
    return "\n".join(lines)


def numbers(
    records: Sequence[Record],
    rates: Sequence[float],
    ours: Sequence[str],
    measures: Sequence[str] = ("survived", "words"),
    *,
    scale: float = 100,
) -> Rows:
    """Return all that the tables say, one object per number, for JSON."""
    out: Rows = []
    for name, mine in parts_of(records).items():
        groups = by_arm(mine)
        for measure, rate in product(measures, rates):
            found = {arm: values_of(at_rate(some, rate), measure) for arm, some in groups.items()}
            there = {arm: values for arm, values in found.items() if values}
            head = {"part": name, "measure": measure, "rate": rate}
            out += [head | {"arm": a} | mean(v, scale).numbers() for a, v in there.items()]
            out += [
                head | {"arm": a, "less": b} | difference(there[a], there[b], scale).numbers()
                for a in ours
                for b in there
                if a in there and a != b
            ]
    return out


def document(title: str, records: Sequence[Record], sections: Sequence[str], threads: int) -> str:
    """Return a page: how it was made, the tables, and how to read them."""
    days = sorted({record["day"] for record in records if "day" in record})
    makers = {record["made_by"] for record in records if "made_by" in record}
    made = " and ".join(sorted(maker.removeprefix("tersely ") for maker in makers))
    models = {record["arm"]: record["model"] for record in records if record["model"]}
    failures = sorted({f"{r['arm']}: {r['error'][:120]}" for r in records if "error" in r})
    return "\n".join(
        [
            f"# {title}\n",
            circumstances({"tersely": made}, threads),
            f"- Measured: {days[0]} to {days[-1]}" if days else "- Measured: nothing",
            *(f"- Classifier {arm}: sha256 {model}" for arm, model in models.items()),
            *(f"- Failure: {failure}" for failure in failures[:10]),
            "",
            *sections,
        ]
    )


def publish(text: str, name: str, out: Path, rows: Rows, *, write: bool) -> None:
    """Print a page, write its numbers beside the records, and the page to the results if asked."""
    print(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    if write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text.rstrip() + "\n", "utf-8")
