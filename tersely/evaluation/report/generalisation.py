"""Track 2: whether it holds for other tasks, readers, languages and places of the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tersely.evaluation.report.corpus import (
    NOBODY,
    SURVIVED,
    Case,
    Groups,
    Point,
    in_group,
    kind_of,
    role_of,
    slug_of,
)
from tersely.evaluation.report.measured import Measured, plain_mean
from tersely.evaluation.report.score import FORMULA, quadratic_mean
from tersely.evaluation.report.table import Cell, Column, Section, Table, row_of
from tersely.evaluation.statistics import LOWER_IS_BETTER

WORST_COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
    Column(name="task", title="worst task", form=".3f", heat=True),
    Column(name="task_name", title="which is"),
    Column(name="reader", title="worst reader", form=".3f", heat=True),
    Column(name="reader_name", title="which is"),
    Column(name="language", title="worst language", form=".3f", heat=True),
    Column(name="language_name", title="which is"),
    Column(name="score", title="score", form=".3f"),
)
WORST_NOTES = (
    "For each task the quality score of this task alone (track 1), and of these the least; likewise"
    " for readers and languages. Blank where there is only one.",
    FORMULA,
)
POINT_COLUMNS = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
)
Worth = Callable[[Point, str], float]


def generalisation(measured: Measured) -> Section:
    """Return the track without its pictures."""
    corpus = measured.corpus
    texts = ["How low it falls where it does worst: one good mean may hide a task that is lost."]
    if len(corpus.readers) == 1:
        only = corpus.readers[0] or NOBODY
        texts.append(f"There is one reader, {only}: nothing here says how others fare.")
    parts = [_worst(measured)]
    parts += [_matrix(measured, reader) for reader in corpus.readers]
    if len(corpus.readers) > 1:
        parts.append(_by_reader(measured))
    parts += [_by_group(measured, case) for case in corpus.cases if corpus.groups(case)]
    return Section(
        name="generalisation", title="2 Generalisation", texts=tuple(texts), parts=tuple(parts)
    )


def languages(measured: Measured) -> list[tuple[str, str]]:
    """Return each (task, language) pair of the tasks whose groups are languages."""
    return [
        (case.task, group)
        for case in measured.corpus.cases
        for groups in [measured.corpus.groups(case)]
        if groups and kind_of(groups) == "language"
        for group in groups
    ]


def _worst(measured: Measured) -> Table:
    corpus = measured.corpus
    ways: dict[str, list[tuple[str, dict[str, object]]]] = {
        "task": [(task, {"tasks": [task]}) for task in corpus.tasks],
        "reader": [(reader or NOBODY, {"readers": [reader]}) for reader in corpus.readers],
        "language": [
            (language, {"tasks": [task], "group": language})
            for task, language in dict.fromkeys(languages(measured))
        ],
    }
    rows = []
    for point in corpus.points:
        cells: dict[str, Cell] = {"arm": point[0], "rate": point[1]}
        for way, choices in ways.items():
            values = {
                name: quadratic_mean(measured.quality(point, **chosen).values())  # type: ignore[arg-type]
                for name, chosen in choices
            }
            finite = {name: value for name, value in values.items() if math.isfinite(value)}
            if len(finite) > 1 or (way == "task" and finite):
                worst = min(finite, key=lambda name: finite[name])
                cells |= {way: finite[worst], f"{way}_name": worst}
        least = [cells.get(way) for way in ways]
        cells["score"] = quadratic_mean(v for v in least if isinstance(v, float))
        rows.append(row_of(WORST_COLUMNS, cells))
    return Table(
        name="worst",
        title="Where each arm does worst",
        columns=WORST_COLUMNS,
        rows=tuple(rows),
        notes=WORST_NOTES,
    )


def _matrix(measured: Measured, reader: str) -> Table:
    """Arms x tasks: what is retained."""
    corpus = measured.corpus
    cases = [case for case in corpus.cases if case.reader == reader]
    columns = (
        *POINT_COLUMNS,
        *(
            Column(
                name=case.task,
                title=f"{case.task} ({measured.basis(case) or 'blank'})",
                form=".2f",
                heat=True,
            )
            for case in cases
        ),
        Column(name="worst_task", title="worst task"),
    )
    rows = []
    for point in corpus.points:
        kept = {
            case.task: found.value
            for case in cases
            if (basis := measured.basis(case)) and corpus.at(case, *point)
            if (found := measured.retained(case, point, basis).estimate)
        }
        cells: dict[str, Cell] = {"arm": point[0], "rate": point[1], **kept}
        if role_of(point[0]) != "reference" and len(kept) > 1:
            cells["worst_task"] = min(kept, key=lambda task: kept[task])
        rows.append(row_of(columns, cells))
    return Table(
        name=f"matrix-{slug_of(reader or NOBODY)}",
        title=f"What is retained, task by task, read by {reader or NOBODY}",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "The measure that retention is of stands in brackets; intervals stand in the tables of"
            " track 1. A blank column is a task where the context was not shown to help.",
        ),
    )


def _by_reader(measured: Measured) -> Table:
    readers = {reader or NOBODY: reader for reader in measured.corpus.readers}

    def worth(point: Point, name: str) -> float:
        return quadratic_mean(measured.quality(point, readers=[readers[name]]).values())

    return Table(
        name="readers",
        title="By reader: the quality score",
        columns=_grid_columns([*readers], heat=True),
        rows=_grid_rows(measured, [*readers], worth),
        notes=("The score of track 1, over the tasks that this reader read.",),
    )


def _by_group(measured: Measured, case: Case) -> Table:
    corpus, groups = measured.corpus, measured.corpus.groups(case)
    measure = group_measure(measured, case)
    words: dict[Groups, str] = {
        "language": "language",
        "position": "place of the answer",
        "kind": "kind",
    }

    def worth(point: Point, group: str) -> float:
        return plain_mean(in_group(corpus.at(case, *point), group), measure)

    return Table(
        name=f"groups-{case.slug}",
        title=f"By {words[kind_of(groups)]}: {measure}, {case.title}",
        columns=_grid_columns(groups, heat=measure not in LOWER_IS_BETTER),
        rows=_grid_rows(measured, groups, worth),
        notes=(f"Means of {measure}: {unit_of(measure)}.",),
        folded=True,
    )


def group_measure(measured: Measured, case: Case) -> str:
    """Return what a case is broken down by: survival if there is any, else the main measure."""
    found = measured.corpus.measures(case)
    return SURVIVED if SURVIVED in found else measured.corpus.main_measure(case)


def unit_of(measure: str) -> str:
    """Return in words what a measure's numbers are."""
    if measure in LOWER_IS_BETTER:
        return "nats per token of the answer, lower is better"
    return "shares in [0, 1], higher is better"


def _grid_columns(names: Sequence[str], *, heat: bool) -> tuple[Column, ...]:
    return (
        *POINT_COLUMNS,
        *(Column(name=name, title=name, form=".3f", heat=heat) for name in names),
    )


def _grid_rows(
    measured: Measured, names: Sequence[str], worth: Worth
) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (rate, arm, *(worth((arm, rate), name) for name in names))
        for arm, rate in measured.corpus.points
    )
