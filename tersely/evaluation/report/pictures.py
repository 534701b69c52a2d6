"""Which pictures a report has: rate and distortion, places, time, and cost beside quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tersely.evaluation.arms import ENDS, FULL, NONE
from tersely.evaluation.bound import RecordBound
from tersely.evaluation.report.acceleration import timed_pairs
from tersely.evaluation.report.corpus import (
    NATS,
    NOBODY,
    SURVIVED,
    Case,
    Corpus,
    Point,
    kind_of,
    role_of,
    slug_of,
)
from tersely.evaluation.report.generalisation import group_measure
from tersely.evaluation.report.measured import Measured
from tersely.evaluation.report.plots import (
    MOST_PANELS,
    Line,
    Panel,
    bars,
    chosen,
    panels,
    styles_of,
)
from tersely.evaluation.report.run_cost import cpu_cost
from tersely.evaluation.report.table import Figure
from tersely.evaluation.statistics import Estimate

BOUND_POINTS = 64
NO_POINT = 0.05
"""CPU-ms that an arm without any measurable cost is drawn at: the axis is logarithmic."""

SHOWN = (
    "At most eight arms are drawn: the methods and the baselines with the highest quality scores."
    " They are moved a little aside so that no bar hides another."
)
RATE_AXIS = "share of the contexts' tokens kept"


def rate_distortion(measured: Measured, bounds: Mapping[Case, RecordBound]) -> list[Figure]:
    """Return nats against the realised rate, a panel per task, a figure per reader."""
    found = []
    for reader in measured.corpus.readers:
        cases = [case for case in bounds if case.reader == reader]
        for number, some in enumerate(_batches(cases)):
            drawn = [
                Panel(
                    title=case.task,
                    lines=_lines_over_rates(measured, case, NATS),
                    levels=_levels(measured, case, NATS),
                    bound=_bound(bounds[case]),
                    aside=0.003,
                )
                for case in some
            ]
            found.append(
                Figure(
                    name="-".join(["rate_distortion", slug_of(reader or NOBODY), str(number + 1)]),
                    title=f"Rate and distortion, read by {reader or NOBODY}",
                    alt="Mean nats per token of the answer against the realised rate, by task.",
                    draw=panels(
                        drawn,
                        styles_of(measured.corpus),
                        x=RATE_AXIS,
                        y="nats per token of the answer",
                    ),
                    notes=(
                        "Lower is better. Bars are intervals. Best found: what a perfect choice"
                        " among all arms' outputs would reach at that mean rate. It knows the"
                        " answers, so it is no method; and better outputs may exist.",
                        SHOWN,
                    ),
                )
            )
    return found


def survival(measured: Measured) -> list[Figure]:
    """Return which share of the answers survives, a panel per task."""
    cases = {
        case.task: case
        for case in measured.corpus.cases
        if SURVIVED in measured.corpus.measures(case)
    }
    found = []
    for number, some in enumerate(_batches([*cases.values()])):
        drawn = [
            Panel(
                title=case.task,
                lines=_lines_over_rates(measured, case, SURVIVED, scale=100),
                levels=_levels(measured, case, SURVIVED, scale=100),
                aside=0.003,
            )
            for case in some
        ]
        draw = panels(drawn, styles_of(measured.corpus), x=RATE_AXIS, y="answers that survive, %")
        found.append(
            Figure(
                name=f"survival-{number + 1}",
                title="Answers that survive",
                alt="Share of answers that survive against the realised rate, by task.",
                draw=draw,
                notes=(SHOWN,),
            )
        )
    return found


def by_position(measured: Measured) -> list[Figure]:
    """Return what comes of an answer by where it stands, for tasks that know."""
    corpus = measured.corpus
    found = []
    for case in corpus.cases:
        groups = corpus.groups(case)
        if not groups or kind_of(groups) != "position":
            continue
        measure = group_measure(measured, case)
        scale = 1 if measure == NATS else 100
        drawn = []
        for rate in corpus.rates:
            arms = _shown(measured, case)
            lines = [_position_line(measured, case, (a, rate), groups, scale) for a in arms]
            there = tuple(line for line in lines if line)
            drawn.append(
                Panel(title=f"rate {rate:g}", lines=there, names=tuple(groups), aside=0.07)
            )
        unit = measure if scale == 1 else f"{measure}, %"
        found.append(
            Figure(
                name=f"position-{case.slug}",
                title=f"By place of the answer: {case.title}",
                alt=f"{measure} by the place of the answer, a panel per rate.",
                draw=panels(drawn, styles_of(corpus), x="place of the answer", y=unit),
                notes=("Bars are intervals.", SHOWN),
            )
        )
    return found


def frontier(measured: Measured) -> list[Figure]:
    """Return cost against quality, a panel per rate, with those that nothing dominates marked."""
    worth, label = quality_axis(measured)
    drawn = []
    for rate in measured.corpus.rates:
        points = {
            arm: (max(NO_POINT, cost), value)
            for arm in measured.corpus.arms
            if role_of(arm) != "reference"
            if math.isfinite(cost := cpu_cost(measured.corpus, (arm, rate)))
            and math.isfinite(value := worth((arm, rate)))
        }
        if points:
            lines = [Line(arm=arm, x=(x,), y=(y,)) for arm, (x, y) in points.items()]
            front = pareto([*points.values()])
            drawn.append(Panel(title=f"rate {rate:g}", lines=tuple(lines), front=tuple(front)))
    if not drawn:
        return []
    draw = panels(
        drawn,
        styles_of(measured.corpus),
        x="CPU-ms per 1,000 tokens of the contexts",
        y=label,
        log_x=True,
        joined=False,
    )
    return [
        Figure(
            name="frontier",
            title="Cost and quality",
            alt="CPU time against quality, a panel per rate; the Pareto set is marked.",
            draw=draw,
            notes=(
                "Up and to the left is better. Circled: no arm is both cheaper and better. An arm"
                f" below {NO_POINT:g} CPU-ms is drawn there.",
            ),
        )
    ]


def times(corpus: Corpus) -> list[Figure]:
    """Return shortening and reading as shares of reading everything, a panel per rate."""
    given = []
    for rate in corpus.rates:
        lines = []
        for arm in corpus.arms:
            pairs = timed_pairs(corpus, (arm, rate))
            whole = math.fsum(b.reader_seconds for _, b in pairs)
            if pairs and whole > 0:
                shorten = math.fsum(a.seconds for a, _ in pairs) / whole
                lines.append((arm, shorten, math.fsum(a.reader_seconds for a, _ in pairs) / whole))
        if lines:
            given.append((f"rate {rate:g}", lines))
    if not given:
        return []
    draw = bars(given, x="time / reading everything", parts=("shortening", "reading what is left"))
    alt = "Seconds of shortening and reading as a share of reading everything, by arm and rate."
    notes = ("Left of the dashed line it is faster than reading everything.",)
    return [Figure(name="time", title="Where the time goes", alt=alt, draw=draw, notes=notes)]


def quality_axis(measured: Measured) -> tuple[Callable[[Point], float], str]:
    """Return what cost is drawn against: retention, or without any the quality score."""
    points = [point for point in measured.corpus.points if point[0] not in ENDS]
    if any(math.isfinite(measured.retention(point)) for point in points):
        return measured.retention, "retained, mean over tasks"
    return measured.score, "quality score"


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (cost, worth) pairs that no other pair is cheaper and better than, by cost."""
    front: list[tuple[float, float]] = []
    for cost, worth in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not front or worth > front[-1][1]:
            front.append((cost, worth))
    return front


def _batches(cases: Sequence[Case]) -> list[list[Case]]:
    return [[*cases[at : at + MOST_PANELS]] for at in range(0, len(cases), MOST_PANELS)]


def _shown(measured: Measured, case: Case) -> list[str]:
    """Return the arms that a panel draws: the same in every panel, if they ran there."""
    corpus = measured.corpus

    def worth(arm: str) -> float:
        found = [score for r in corpus.rates if math.isfinite(score := measured.score((arm, r)))]
        return math.fsum(found) / len(found) if found else -math.inf

    return [
        arm for arm in chosen(corpus, worth) if any(corpus.at(case, arm, r) for r in corpus.rates)
    ]


def _lines_over_rates(
    measured: Measured, case: Case, measure: str, scale: float = 1.0
) -> tuple[Line, ...]:
    corpus = measured.corpus
    lines = []
    for arm in _shown(measured, case):
        found: list[tuple[float, Estimate]] = []
        for rate in corpus.rates:
            made = [record for record in corpus.at(case, arm, rate) if not record.error]
            mean = measured.mean(case, (arm, rate), measure)
            if made and mean:
                found.append((math.fsum(r.realised_rate for r in made) / len(made), mean))
        if found:
            lines.append(_line(arm, found, scale))
    return tuple(lines)


def _position_line(
    measured: Measured, case: Case, point: Point, groups: Sequence[str], scale: float
) -> Line | None:
    measure = group_measure(measured, case)
    means = [measured.mean(case, point, measure, group) for group in groups]
    found = [(float(at), mean) for at, mean in enumerate(means) if mean]
    return _line(point[0], found, scale) if found else None


def _line(arm: str, found: Sequence[tuple[float, Estimate]], scale: float) -> Line:
    return Line(
        arm=arm,
        x=tuple(x for x, _ in found),
        y=tuple(scale * mean.value for _, mean in found),
        low=tuple(scale * mean.low for _, mean in found),
        high=tuple(scale * mean.high for _, mean in found),
    )


def _levels(
    measured: Measured, case: Case, measure: str, scale: float = 1.0
) -> tuple[tuple[str, float], ...]:
    ends = {end: measured.mean(case, (end, ENDS[end]), measure) for end in (FULL, NONE)}
    return tuple((end, scale * mean.value) for end, mean in ends.items() if mean)


def _bound(bound: RecordBound) -> tuple[tuple[float, float], ...]:
    """Return so many points of the best found curve as a picture needs."""
    if bound.curve is None:
        return ()
    rates = bound.curve.rates
    marks = np.linspace(float(rates[0]), min(1.0, float(rates[-1])), BOUND_POINTS)
    return tuple((float(rate), bound.curve.at(float(rate))) for rate in marks)
