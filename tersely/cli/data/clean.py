"""`tersely data clean`: leave out what is no good to learn from, mask what is personal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tersely.cli.data import options
from tersely.cli.report import reported

EVERYTHING, NOTHING = "all", "none"

ReportFile = Annotated[
    Path | None,
    typer.Option("--report", help="Where to say what became of each row; OUT.report.json."),
]
Near = Annotated[
    float,
    typer.Option("--near", help="Share of word runs from which two rows are one; 0 is off."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option("--lang", help="Leave out what is surely in no such language; repeatable."),
]
MinWords = Annotated[int, typer.Option("--min-words", help="Fewer are too short.")]
MaxWords = Annotated[int | None, typer.Option("--max-words", help="More are too long.")]
Masks = Annotated[
    str, typer.Option("--mask", help="all, none, or some of email,iban,card,ip,ssn,phone.")
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", help="Of phone numbers without a country code; repeatable. US."),
]
AnyAnswer = Annotated[
    bool, typer.Option("--any-answer", help="An answer need not stand in its documents.")
]
NewWords = Annotated[
    float,
    typer.Option("--new-words", help="Most words of a compressed text not in its original."),
]


def clean(
    sources: options.Sources,
    out: options.Out,
    report: ReportFile = None,
    near: Near = 0.8,
    lang: Languages = None,
    min_words: MinWords = 5,
    max_words: MaxWords = None,
    mask: Masks = EVERYTHING,
    region: Regions = None,
    any_answer: AnyAnswer = False,
    new_words: NewWords = 0.1,
    skip_bad: options.SkipBad = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the rows of SOURCES that are fit to learn from; say what became of the others."""
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.data import cleaning
        from tersely.data.lines import check_files, read_lines, writing
        from tersely.data.personal import MASKS

        kinds: dict[str, tuple[str, ...]] = {EVERYTHING: tuple(MASKS), NOTHING: ()}
        settings = cleaning.Cleaning(
            near=near or None,
            languages=tuple(lang or ()),
            min_words=min_words,
            max_words=max_words,
            masks=kinds.get(mask, tuple(mask.split(","))),
            regions=tuple(region or ("US",)),
            check_answers=not any_answer,
            new_words=new_words,
        )
        report_file = report or out.with_name(f"{out.name}.report.json")
        check_files(sources, [out, report_file])
        made = cleaning.CleaningReport(settings)
        shown = not quiet and sys.stderr.isatty()
        with (
            progress_bar("reading", shown=shown, of="bytes") as advance,
            writing(out) as write,
        ):
            on_bad = made.add_bad if skip_bad else None
            lines = read_lines(sources, on_bad=on_bad, progress=advance)
            for row in cleaning.clean(lines, settings, made.add):
                write(row)
                made.kept += 1
        numbers = made.numbers()
        with writing(report_file) as write:
            write(numbers)
        rows = numbers.pop("rows")
        if as_json:
            typer.echo(json.dumps(numbers))
        if not quiet:
            reasons = "".join(f"\n  {name} {count:,d}" for name, count in made.reasons.items())
            typer.echo(
                f"{out}: {made.kept:,d} of {numbers['read']:,d} rows kept,"
                f" {numbers['changed']:,d} of them masked; {report_file} says of {len(rows):,d}"
                f" what and why{reasons}",
                err=True,
            )
