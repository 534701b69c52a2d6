"""From records to a report, and from a report to files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tersely.errors import SettingError
from tersely.evaluation.records import Record
from tersely.evaluation.report.acceleration import acceleration
from tersely.evaluation.report.build_cost import build_cost
from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.generalisation import generalisation
from tersely.evaluation.report.html import html
from tersely.evaluation.report.markdown import markdown
from tersely.evaluation.report.measured import Measured
from tersely.evaluation.report.pictures import (
    by_position,
    frontier,
    rate_distortion,
    survival,
    times,
)
from tersely.evaluation.report.plots import styles_of
from tersely.evaluation.report.quality import quality
from tersely.evaluation.report.run_cost import run_cost
from tersely.evaluation.report.table import Figure, Report, Section
from tersely.evaluation.report.trust import trust
from tersely.evaluation.report.verdicts import verdicts

TITLE = "Evaluation"
MARKDOWN, PAGE, NUMBERS = "report.md", "report.html", "report.json"


def make_report(
    records: Iterable[Record],
    *,
    title: str = TITLE,
    head: tuple[tuple[str, str], ...] = (),
    confidence: float = 0.95,
) -> Report:
    """Return the report of six tracks. Its pictures are drawn when they are asked for.

    Args:
        records: Of one or several runs.
        title: Its heading.
        head: How the records were made; see `head_of`.
        confidence: Of all intervals.

    Raises:
        SettingError: There are no records, or of one task they have several versions.
        MissingDependency: SciPy is not installed.
    """
    corpus = Corpus.of(records)
    measured = Measured(corpus, confidence)
    first, bounds = quality(measured)
    sections = (
        _with(verdicts(measured), frontier(measured)),
        _with(first, rate_distortion(measured, bounds) + survival(measured), after=2),
        _with(generalisation(measured), by_position(measured)),
        build_cost(corpus),
        run_cost(corpus),
        _with(acceleration(corpus), times(corpus), after=1),
        trust(corpus),
    )
    return Report(title=title, head=head, sections=sections)


def write_report(report: Report, corpus: Corpus, folder: Path, *, page: bool = True) -> list[Path]:
    """Write a report: Markdown with its pictures, its numbers as JSON, and the page.

    Args:
        report: What is written.
        corpus: What it is of; arms get their colours by it.
        folder: Where; made if it is not there.
        page: Whether the HTML page is written, too.

    Returns:
        The files.

    Raises:
        SettingError: The folder cannot be written to.
        MissingDependency: matplotlib or jinja2 is not installed.
    """
    contents: dict[str, bytes] = {MARKDOWN: markdown(report).encode("utf-8", "replace")}
    contents |= {f"{figure.name}.png": figure.draw("png") for figure in report.figures}
    numbers = json.dumps(report.numbers, indent=1, allow_nan=False)
    contents[NUMBERS] = numbers.encode() + b"\n"
    if page:
        contents[PAGE] = html(report, styles_of(corpus)).encode("utf-8", "replace")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise SettingError(f"{folder} cannot be written to: {error.strerror}.") from error
    return [folder / name for name in contents]


def _with(section: Section, figures: list[Figure], after: int | None = None) -> Section:
    """Put figures into a section, behind so many of its parts; None is behind all."""
    at = len(section.parts) if after is None else after
    return replace(section, parts=(*section.parts[:at], *figures, *section.parts[at:]))
