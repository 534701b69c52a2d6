"""Track 1: what an answer is still worth after the prompt was shortened."""

from __future__ import annotations

import math

from tersely.evaluation.arms import ENDS, FULL, NONE, ORACLE
from tersely.evaluation.bound import RecordBound, bound_of_records
from tersely.evaluation.report.corpus import (
    NATS,
    SHARED,
    SURVIVED,
    Case,
    Point,
    role_of,
)
from tersely.evaluation.report.measured import KINDS, WHOLE, Measured
from tersely.evaluation.report.score import FORMULA, quadratic_mean
from tersely.evaluation.report.table import Cell, Column, Section, Table, row_of
from tersely.evaluation.statistics import LOWER_IS_BETTER, mean_interval

BASES = ("random_sentences", "random_drop")
"""What the gap to the bound is measured from: the first of these that ran at the rate."""

TITLES = {"survived": "survived", "nats": "nats", "option": "option", "answer": "answer"}
SCORE_COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
    *(Column(name=kind, title=TITLES[kind], form=".3f", heat=True) for kind in KINDS),
    Column(name="score", title="score", form=".3f"),
    Column(name="retained", title="retained, mean", form=".2f"),
)
SCORE_NOTES = (
    "Survived, nats, option, answer: the mean with this arm / the mean with the full prompt (of"
    " nats, full / arm), over the examples both have, and the quadratic mean of these over tasks"
    " and readers. Options and answers count only on tasks where they are better with the contexts"
    " than without: elsewhere it would be noise over noise. Above 1 is better than the full"
    " prompt.",
    FORMULA,
    "Retained is not part of the score: it is the plain mean over the tasks where it is defined.",
)
HELP_COLUMNS = (
    Column(name="task", title="task"),
    Column(name="reader", title="reader"),
    Column(name="measure", title="measure"),
    Column(name="full", title="full", form=".3f"),
    Column(name="none", title="none", form=".3f"),
    Column(name="helps_by", title="full is better by", form="+.3f"),
    Column(name="helps", title="the context helps"),
    Column(name="retention", title="retention is of this"),
)
HELP_NOTES = (
    "Retention is (arm - none) / (full - none). It means something only where the interval of full"
    " - none lies above 0. It is of the first measure, in this order, where that is so.",
)


def quality(measured: Measured) -> tuple[Section, dict[Case, RecordBound]]:
    """Return the track without its pictures, and the best found bound of each case."""
    corpus = measured.corpus
    bounds = {
        case: bound_of_records(corpus.of_case(case), NATS)
        for case in corpus.cases
        if NATS in corpus.measures(case)
    }
    tables = [
        _scores(measured),
        _helps(measured),
        *(_case_table(measured, case, bounds.get(case)) for case in corpus.cases),
    ]
    section = Section(
        name="quality",
        title="1 Quality",
        texts=(
            "What of the answer survives, how likely a reader finds it (nats per token of the right"
            " answer; lower is better), and what it writes.",
        ),
        items=tuple(blanks(measured)),
        parts=tuple(tables),
    )
    return section, bounds


def blanks(measured: Measured) -> list[str]:
    """Return, as sentences, where retention is blank or not of the main measure, and why."""
    lines = []
    for case in measured.corpus.cases:
        measures, basis = measured.judges(case), measured.basis(case)
        if not measures:
            lines.append(f"{case.title}: nothing is scored that retention could be of.")
        elif not measured.corpus.at(case, *WHOLE):
            lines.append(f"{case.title}: retention is blank, since the full prompt was not read.")
        elif not basis:
            reasons = [f"{m}: {measured.retained(case, WHOLE, m).reason}" for m in measures]
            lines.append(f"{case.title}: retention is blank. By {'; by '.join(reasons)}.")
        elif basis != measures[0]:
            reason = measured.retained(case, WHOLE, measures[0]).reason
            lines.append(f"{case.title}: retention is of {basis}, not of {measures[0]} ({reason}).")
    return lines


def _scores(measured: Measured) -> Table:
    rows = []
    for point in measured.corpus.points:
        shares = measured.quality(point)
        cells: dict[str, Cell] = {"arm": point[0], "rate": point[1], **shares}
        cells |= {"score": quadratic_mean(shares.values()), "retained": measured.retention(point)}
        rows.append(row_of(SCORE_COLUMNS, cells))
    return Table(
        name="scores",
        title="Over all tasks",
        columns=SCORE_COLUMNS,
        rows=tuple(rows),
        notes=SCORE_NOTES,
    )


def _helps(measured: Measured) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for case in measured.corpus.cases:
        for measure in measured.judges(case):
            whole = measured.mean(case, WHOLE, measure)
            none = measured.mean(case, (NONE, ENDS[NONE]), measure)
            found = measured.retained(case, WHOLE, measure) if whole else None
            gained = found.gained if found and found.gained.count else None
            helps = "" if gained is None else "yes" if found and found.estimate else "not shown"
            used = "yes" if measure == measured.basis(case) else ""
            reader = case.reader or "nobody"
            rows.append((case.task, reader, measure, whole, none, gained, helps, used))
    return Table(
        name="helps",
        title="Where the context helps its reader",
        columns=HELP_COLUMNS,
        rows=tuple(rows),
        notes=HELP_NOTES,
    )


def _case_table(measured: Measured, case: Case, bound: RecordBound | None) -> Table:
    corpus = measured.corpus
    main, basis = corpus.main_measure(case), measured.basis(case)
    judge = measured.judged_by(case)
    columns = _case_columns(corpus.measures(case), main, basis, judge)
    closed = gaps_closed(bound) if bound else {}
    rows = []
    for point in corpus.points:
        if corpus.at(case, *point):
            cells = _case_cells(measured, case, point, main, basis)
            cells["closed"] = closed.get(point)
            rows.append(row_of(columns, cells))
    return Table(
        name=case.slug,
        title=case.title,
        columns=columns,
        rows=tuple(rows),
        notes=tuple(_case_notes(measured, case, main, basis)),
        folded=True,
    )


def _case_columns(measures: list[str], main: str, basis: str, judge: str) -> tuple[Column, ...]:
    shown = [name for name in (SURVIVED, NATS, *measures) if name in measures]
    shown = [name for name in dict.fromkeys(shown) if name in SHARED or name == main]
    percent = judge not in LOWER_IS_BETTER
    return (
        Column(name="rate", title="rate", form="g"),
        Column(name="arm", title="arm"),
        Column(name="prompts", title="prompts", form=",d"),
        Column(name="failed", title="failed", form=",d"),
        Column(name="tokens", title="tokens", form=",.0f"),
        Column(name="kept", title="kept %", form=".1f", scale=100),
        *(
            Column(name=name, title=name, form=".3f")
            if name in LOWER_IS_BETTER
            else Column(name=name, title=f"{name} %", form=".1f", scale=100)
            for name in shown
        ),
        Column(name="retained", title=f"retained ({basis})" if basis else "retained", form=".2f"),
        Column(
            name="gain",
            title=f"{judge} gained on best baseline",
            form="+.1f" if percent else "+.3f",
            scale=100 if percent else 1,
        ),
        Column(name="baseline", title="which is"),
        Column(name="closed", title="gap closed", form=".2f"),
    )


def _case_cells(
    measured: Measured, case: Case, point: Point, main: str, basis: str
) -> dict[str, Cell]:
    records = measured.corpus.at(case, *point)
    made = [record for record in records if not record.error]
    clusters = [record.cluster for record in made]
    tokens = math.fsum(record.tokens for record in made) / len(made) if made else None
    kept = mean_interval([r.realised_rate for r in made], clusters).value if made else None
    cells: dict[str, Cell] = {
        "rate": point[1],
        "arm": point[0],
        "prompts": len(records),
        "failed": len(records) - len(made),
        "tokens": tokens,
        "kept": kept,
    }
    for measure in measured.corpus.measures(case):
        cells[measure] = measured.mean(case, point, measure)
    if basis:
        cells["retained"] = measured.retained(case, point, basis).estimate
    if compared := measured.compared(case, point):
        cells |= {"gain": compared.gain, "baseline": compared.baseline}
    return cells


def _case_notes(measured: Measured, case: Case, main: str, basis: str) -> list[str]:
    notes = []
    if not basis:
        notes.append("Retention is blank: " + (_why_blank(measured, case) or "nothing is scored."))
    unscored = {
        measure: mean.unscored
        for measure in measured.corpus.measures(case)
        for mean in [measured.mean(case, WHOLE, measure)]
        if mean and mean.unscored
    }
    if unscored:
        counts = ", ".join(f"{count} of {name}" for name, count in unscored.items())
        notes.append(f"Cannot be scored with the full prompt, and are left out: {counts}.")
    if not any(role_of(a) == "baseline" for a in measured.corpus.arms):
        notes.append("There is no baseline among the arms.")
    if not main:
        notes.append("Nothing is scored.")
    return notes


def _why_blank(measured: Measured, case: Case) -> str:
    if not measured.corpus.at(case, *WHOLE):
        return "the full prompt was not run."
    reasons = [measured.retained(case, WHOLE, m).reason for m in measured.judges(case)]
    return f"{reasons[0]}." if reasons else ""


def gaps_closed(bound: RecordBound) -> dict[Point, float]:
    """Return how much of the way from random sentences (or words) to the bound each arm comes."""
    reached = {(point.arm, point.asked_rate): point.distortion for point in bound.arms}
    found = {}
    for point in bound.arms:
        bases = [
            reached[base, point.asked_rate] for base in BASES if (base, point.asked_rate) in reached
        ]
        if bases and point.arm not in (FULL, NONE, ORACLE):
            found[point.arm, point.asked_rate] = point.gap_closed(bases[0])
    return found
