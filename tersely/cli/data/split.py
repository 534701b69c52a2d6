"""`tersely data split`: two sides that share no passage."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tersely.cli.data import options
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.data.splitting import Leakage, Split

SHOWN = 5


def split(
    source: options.Source,
    out_train: Annotated[Path, typer.Option("--out-train", help="The rows to learn from.")],
    out_test: Annotated[Path, typer.Option("--out-test", help="The rows to measure on.")],
    share: Annotated[float, typer.Option("--share", help="Share of the rows to learn from.")] = 0.8,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="A field that holds rows together; repeatable. group."),
    ] = None,
    near: options.Near = 0.7,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Share the rows of SOURCE out so that no passage is on both sides; look whether any is."""
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.data.lines import Place, check_files, read_lines, writing
        from tersely.data.splitting import Splitting, leakage, split_rows

        settings = Splitting(share=share, by=tuple(by or ("group",)), near=near, seed=seed)
        check_files([source], [out_train, out_test])
        bad: list[str] = []

        def tell(place: Place, why: str) -> None:
            bad.append(f"{place}: {why}")

        shown = not quiet and sys.stderr.isatty()
        with progress_bar("reading", shown=shown, of="bytes") as advance:
            lines = read_lines([source], on_bad=tell if skip_bad else None, progress=advance)
            found = split_rows(lines, settings)
        with writing(out_train) as to_train, writing(out_test) as to_test:
            again = read_lines([source], on_bad=(lambda *_: None) if skip_bad else None)
            for line, in_train in zip(again, found.in_train, strict=True):
                (to_train if in_train else to_test)(line.row)
        leaks = leakage(read_lines([out_train]), read_lines([out_test]), near=near)
        _print(found, leaks, bad, as_json=as_json, quiet=quiet)
        if leaks.same or leaks.near:
            from tersely.errors import SettingError

            raise SettingError(
                f"{leaks.same + leaks.near} passages are on both sides; a lower --near holds them"
                " together."
            )


def _print(found: Split, leaks: Leakage, bad: Sequence[str], *, as_json: bool, quiet: bool) -> None:
    train = sum(found.in_train)
    test = len(found.in_train) - train
    if as_json:
        numbers = {"train": train, "test": test, "groups": found.groups}
        numbers |= {"largest_group": found.largest, "bad_lines": len(bad)}
        typer.echo(json.dumps(numbers | {"leakage": asdict(leaks)}))
    if quiet:
        return
    for one in bad[:SHOWN]:
        typer.echo(one, err=True)
    typer.echo(
        f"{train:,d} rows to learn from, {test:,d} to measure on; {found.groups:,d} groups, the"
        f" largest of {found.largest:,d} rows; {len(bad)} bad lines\n"
        f"passages on both sides: {leaks.same} the same, {leaks.near} near, of"
        f" {leaks.train_passages:,d} and {leaks.test_passages:,d}; the closest of the rest"
        f" {leaks.closest:.2f}\n"
        f"test rows with any document in train: {leaks.documents:.1%}",
        err=True,
    )
