"""`tersely evaluate gate`: exit with 0 only if a method is shown to lose little."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.evaluation.gate import Finding, Judgement
    from tersely.evaluation.pairs import Pairs
    from tersely.evaluation.records import Record

NOT_SHOWN, UNUSABLE = 1, 2


def gate(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a file of its records.")],
    arm: Annotated[str, typer.Option("--arm", "-a", help="The method, as the run names it.")],
    measure: Annotated[str, typer.Option("--measure", help="f1, accuracy, survived, nats, ...")],
    against: Annotated[
        str, typer.Option("--against", help="Another arm of the run; or an older run, for its arm.")
    ] = "full",
    max_drop: Annotated[
        float, typer.Option("--max-drop", help="Most to lose, in points: hundredths.")
    ] = 1.0,
    confidence: Annotated[
        float, typer.Option("--confidence", help="Of the bound, which is one-sided.")
    ] = 0.95,
    task: Annotated[
        list[str] | None, typer.Option("--task", "-T", help="A task; repeatable. All if none.")
    ] = None,
    rate: Annotated[float | None, typer.Option("--rate", "-r", help="Only this rate.")] = None,
    reader: Annotated[str | None, typer.Option("--reader", help="Only this reader.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No table.")] = False,
) -> None:
    """Show that an arm of RUN is no more than --max-drop points worse than its reference.

    Exit codes: 0 it is shown, 1 it is not, 2 it could not be judged.
    """
    with reported(), _unusable():
        from tersely.evaluation.gate import Margin, judge
        from tersely.evaluation.pairs import narrow
        from tersely.evaluation.records import read_records

        margin = Margin(max_drop=max_drop, confidence=confidence)
        choose = partial(narrow, tasks=task or (), rate=rate, reader=reader)
        chosen = choose(read_records(run))
        pairs = _pairs(chosen, against, arm, measure, choose)
        found = judge(pairs, measure=measure, margin=margin)
        judged = {finding.task for finding in found.tasks}
        left_out = sorted({record.task for record in chosen} - judged)
        if as_json:
            names = {"arm": arm, "against": against}
            typer.echo(json.dumps(names | found.numbers() | {"not_compared": left_out}))
        else:
            if not quiet:
                print_table(found, left_out)
            typer.echo(sentence(found, arm, against))
        if not found.passed:
            raise typer.Exit(NOT_SHOWN)


@contextmanager
def _unusable() -> Iterator[None]:
    """Exit with 2 for our errors: in a pipeline, 1 has to mean that it was not shown."""
    from tersely.errors import Error

    try:
        yield
    except Error as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    except (typer.Exit, KeyboardInterrupt):
        raise
    except Exception as error:  # a defect of ours must not pass for a verdict
        traceback.print_exc()
        raise typer.Exit(UNUSABLE) from error


def _pairs(
    chosen: list[Record], against: str, arm: str, measure: str, choose: Callable[..., list[Record]]
) -> list[Pairs]:
    from tersely.errors import UnknownName
    from tersely.evaluation.pairs import pair_arms, pair_runs
    from tersely.evaluation.records import read_records

    arms = {record.arm for record in chosen}
    if against in arms:
        return pair_arms(chosen, arm=arm, against=against, measure=measure)
    if not Path(against).exists():
        raise UnknownName("arm or older run", against, arms)
    return pair_runs(chosen, choose(read_records(Path(against))), arm=arm, measure=measure)


def sentence(found: Judgement, arm: str, against: str) -> str:
    """Say in one line what was found."""
    margin, overall = found.margin, found.overall
    points = "point" if margin.max_drop == 1 else "points"
    claim = f"{arm} is less than {margin.max_drop:g} {points} of {found.measure} below {against}"
    sure = f"at {100 * margin.confidence:g} % confidence"
    if overall.verdict != "shown":
        return f"not shown: {claim}, {sure}: {overall.reason}"
    if found.worse:
        return f"not shown: {claim} over all tasks, {sure}, but not on {', '.join(found.worse)}"
    if overall.same:
        return f"shown: {claim}: all {overall.difference.count} texts are the same"
    estimate = overall.difference
    return f"shown: {claim}, {sure}: {estimate.value:+.2f}, at worst {estimate.low:+.2f}"


def print_table(found: Judgement, left_out: list[str]) -> None:
    """Print each task and the mean of all to standard error."""
    from rich.console import Console
    from rich.table import Table

    sure = f"{100 * found.margin.confidence:g} %"
    table = Table(box=None, pad_edge=False)
    for title in ("task", found.measure, "reference", "points", "at worst", "at best"):
        table.add_column(title, justify="left" if title == "task" else "right")
    table.add_column("pairs", justify="right")
    table.add_column("failed", justify="right")
    table.add_column("verdict")
    for finding in (*found.tasks, found.overall):
        table.add_row(*_cells(finding))
    console = Console(stderr=True, highlight=False)
    console.print(table)
    console.print(f"at worst, at best: bounds at {sure} each; failed: arm and reference")
    unscored, unpaired = found.overall.difference.unscored, found.overall.unpaired
    if unscored or unpaired:
        console.print(f"left out: {unscored} pairs not scored, {unpaired} records with no partner")
    if left_out:
        console.print(f"not compared: {', '.join(left_out)}")


def _cells(finding: Finding) -> list[str]:
    estimate = finding.difference
    return [
        finding.task,
        *(_plain(mean, ".3f") for mean in (finding.arm, finding.reference)),
        *(_plain(end, "+.2f") for end in (estimate.value, estimate.low, estimate.high)),
        str(estimate.count),
        f"{finding.failed}, {finding.reference_failed}",
        finding.verdict,
    ]


def _plain(number: float, form: str) -> str:
    return "" if math.isnan(number) else f"{number:{form}}"
