"""What the tables come to, in words; written by rule, so that no row is left out."""

from __future__ import annotations

import math

from tersely.evaluation.arms import FULL, NONE, ORACLE
from tersely.evaluation.report.acceleration import speedup, timed_pairs
from tersely.evaluation.report.corpus import NOBODY, Corpus, role_of
from tersely.evaluation.report.measured import Comparison, Measured
from tersely.evaluation.report.table import Cell, Column, Section, Table, row_of
from tersely.evaluation.statistics import LOWER_IS_BETTER

WORDS = ("better", "not told apart", "worse")
COUNT_COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="method"),
    Column(name="score", title="quality score", form=".3f"),
    Column(name="retained", title="retained, mean", form=".2f"),
    *(Column(name=word, title=word, form="d") for word in WORDS),
    Column(name="speedup", title="speed-up", form=".2f"),
    Column(name="worse_on", title="worse on"),
)
EVERY_COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="method"),
    Column(name="task", title="task"),
    Column(name="reader", title="reader"),
    Column(name="measure", title="by"),
    Column(name="baseline", title="best baseline"),
    Column(name="gain", title="better by", form="+.3f"),
    Column(name="verdict", title="verdict"),
)
COUNT_NOTES = (
    "Better and worse: on how many tasks (with each reader) the 95 % interval of the paired"
    " difference to the best baseline lies above or below 0: by the measure that retention is of,"
    " and where that is blank by the task's main one. The best baseline is the one with the best"
    " mean in the very same table, which favours it a little. No correction is made for the number"
    " of comparisons: of 40 true ties, 2 look like something.",
)


def verdicts(measured: Measured) -> Section:
    """Return what stands at the top: a sentence for each rate, and every comparison behind it."""
    corpus = measured.corpus
    found = comparisons(measured)
    items = missing(corpus)
    items += [line for rate in corpus.rates for line in _of_rate(measured, rate, found)]
    items += [_failures(corpus)]
    items += _retention(measured)
    parts = (_counts(measured, found), _every(found)) if found else ()
    return Section(
        name="verdicts",
        title="In words",
        texts=(
            "Methods are compared with the best of the baselines, task by task; full, none and"
            " oracle are references. Written by rule from the tables below, the bad rows too.",
        ),
        items=tuple(items),
        parts=parts,
    )


def missing(corpus: Corpus) -> list[str]:
    """Return what was not run, and what is blank for want of it."""
    arms = {record.arm for record in corpus.records}
    roles = {role_of(arm) for arm in arms}
    lines = {
        "No full prompts were run: there are no scores, no retention and no speed-up.": FULL
        in arms,
        "No prompts without contexts were run (none): there is no retention.": NONE in arms,
        "No method was run.": "method" in roles,
        "No baseline was run: nothing is compared.": "baseline" in roles,
        "Nobody read: what is left was only searched for answers.": any(corpus.readers),
        "Nothing is scored.": any(corpus.main_measure(case) for case in corpus.cases),
    }
    return [line for line, there in lines.items() if not there]


def comparisons(measured: Measured) -> list[Comparison]:
    """Return every method beside the best baseline of each task, reader and rate."""
    corpus = measured.corpus
    return [
        compared
        for arm, rate in corpus.points
        if role_of(arm) == "method"
        for case, _ in corpus.over_cases((arm, rate))
        if (compared := measured.compared(case, (arm, rate)))
    ]


def _of_rate(measured: Measured, rate: float, found: list[Comparison]) -> list[str]:
    scores = {
        arm: score
        for arm in measured.corpus.arms
        if role_of(arm) != "reference" and math.isfinite(score := measured.score((arm, rate)))
    }
    if not scores:
        return [f"At rate {rate:g}: there is no quality score."]
    best = {
        role: max((a for a in scores if role_of(a) == role), key=lambda a: scores[a], default="")
        for role in ("method", "baseline")
    }
    oracle = measured.score((ORACLE, rate))
    beside = f" The oracle has {oracle:.3f}." if math.isfinite(oracle) else ""
    if not best["method"]:
        arm = best["baseline"]
        return [
            f"At rate {rate:g}: no method ran. Best baseline: {arm}, {scores[arm]:.3f}.{beside}"
        ]
    arm = best["method"]
    line = (
        f"At rate {rate:g}: the method with the highest quality score is {arm}, {scores[arm]:.3f}"
    )
    if best["baseline"]:
        other = best["baseline"]
        word = "above" if scores[arm] > scores[other] else "not above"
        line += f", {word} the best baseline's, {other}, {scores[other]:.3f}"
    lines = [f"{line}.{beside} {_against(found, arm, rate)}".rstrip()]
    worse = [c for c in found if c.point[1] == rate and c.word == "worse"]
    if worse:
        lines.append(
            f"At rate {rate:g}, clearly worse than the best baseline: {_listed(worse, found)}."
        )
    return lines


def _against(found: list[Comparison], arm: str, rate: float) -> str:
    mine = [c for c in found if c.point == (arm, rate)]
    if not mine:
        return ""
    if len(mine) == 1:
        return f"Beside {mine[0].baseline} it is {mine[0].word} on {mine[0].case.task}."
    parts = []
    for word in WORDS:
        names = [_where(c, mine) for c in mine if c.word == word]
        listed = f" ({', '.join(names)})" if names and word != "not told apart" else ""
        parts.append(f"{word} on {len(names)}{listed}")
    total = f"{len(mine)} tasks"
    if len({c.case.reader for c in mine}) > 1:
        total = f"{len(mine)} pairs of a task and a reader"
    return f"Beside the best baseline of each of {total} it is {', '.join(parts)}."


def _where(compared: Comparison, among: list[Comparison]) -> str:
    """Name a case; its reader only where there are several."""
    several = len({c.case.reader for c in among}) > 1
    return f"{compared.case.task}/{compared.case.reader}" if several else compared.case.task


def _listed(worse: list[Comparison], found: list[Comparison]) -> str:
    """Say of each arm on how many it is worse, and where most."""
    texts = []
    for point in dict.fromkeys(c.point for c in worse):
        mine = [c for c in worse if c.point == point]
        of = sum(c.point == point for c in found)
        most = min(mine, key=lambda c: c.gain.value)
        nats = most.measure in LOWER_IS_BETTER
        by = f"{most.gain.value:+.3f} nats" if nats else f"{100 * most.gain.value:+.1f} points"
        where = f"{_where(most, found)}, {by} of {most.measure}".replace(" nats of nats", " nats")
        texts.append(f"{point[0]} on {len(mine)} of {of} (most on {where})")
    return "; ".join(texts)


def _failures(corpus: Corpus) -> str:
    failed = [record for record in corpus.records if record.error]
    over = [r for r in corpus.records if not r.error and r.rate > 0 and r.tokens > r.limit_tokens]
    total = len(corpus.records)
    if not failed and not over:
        return f"Of {total:,d} records none failed and none exceeds its limit."
    arms = sorted({r.arm for r in failed})
    whose = f" ({', '.join(arms)})" if arms else ""
    broken = sorted({r.arm for r in over})
    by = f" ({', '.join(broken)})" if broken else ""
    return (
        f"Of {total:,d} records {len(failed):,d} failed{whose} and {len(over):,d} exceed their"
        f" limit{by}."
    )


def _retention(measured: Measured) -> list[str]:
    """Say where retention is blank; why, and by how much, stands in track 1."""
    cases = measured.corpus.cases
    several = len(measured.corpus.readers) > 1
    names = {case: f"{case.task}/{case.reader}" if several else case.task for case in cases}
    blank = [names[case] for case in cases if measured.judges(case) and not measured.basis(case)]
    unread = [names[case] for case in cases if not measured.judges(case)]
    other = [
        f"{names[case]} ({measured.basis(case)})"
        for case in cases
        if measured.basis(case) and measured.basis(case) != measured.judges(case)[0]
    ]
    lines = []
    if blank:
        lines.append(
            f"Retention is blank for {', '.join(blank)}: there the full prompt is not shown to be"
            " better than the prompt without its contexts."
        )
    if unread:
        lines.append(
            f"Retention is blank for {', '.join(unread)}: no answer of a reader is scored."
        )
    if other:
        lines.append(f"Retention is not of the main measure for {', '.join(other)}.")
    return lines


def _counts(measured: Measured, found: list[Comparison]) -> Table:
    rows = []
    for point in dict.fromkeys(c.point for c in found):
        mine = [c for c in found if c.point == point]
        faster = speedup(timed_pairs(measured.corpus, point))
        cells: dict[str, Cell] = {
            "rate": point[1],
            "arm": point[0],
            "score": measured.score(point),
            "retained": measured.retention(point),
            "worse_on": ", ".join(_where(c, mine) for c in mine if c.word == "worse"),
            "speedup": faster,
            **{word: sum(c.word == word for c in mine) for word in WORDS},
        }
        rows.append(row_of(COUNT_COLUMNS, cells))
    return Table(
        name="counts",
        title="Methods beside the best baseline of each task",
        columns=COUNT_COLUMNS,
        rows=tuple(rows),
        notes=COUNT_NOTES,
    )


def _every(found: list[Comparison]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            c.point[1],
            c.point[0],
            c.case.task,
            c.case.reader or NOBODY,
            c.measure,
            c.baseline,
            c.gain,
            c.word,
        )
        for c in found
    ]
    return Table(
        name="every",
        title="Every comparison",
        columns=EVERY_COLUMNS,
        rows=tuple(rows),
        folded=True,
    )
