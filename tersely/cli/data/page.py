"""What a survey says, as a page: tables and small pictures in the look of the evaluation's."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.data.survey import TENTHS, Survey, quartiles, tenths
from tersely.errors import SettingError
from tersely.evaluation.report.html import html
from tersely.evaluation.report.markdown import markdown
from tersely.evaluation.report.plots import DARK_BAR, DPI, LOOK, WIDTH
from tersely.evaluation.report.table import Cell, Column, Figure, Report, Section, Table

MOST_ROWS = 40
_LENGTHS = ("count", "least", "quarter", "median", "three_quarters", "most", "mean")


def as_text(found: Survey, sources: Sequence[str]) -> str:
    """Return the page as Markdown without pictures."""
    return markdown(_report(found, sources, pictures=False))


def write_page(found: Survey, file: Path, sources: Sequence[str]) -> list[Path]:
    """Write the page, and beside a Markdown file its pictures.

    Returns:
        The files.

    Raises:
        SettingError: The name ends in neither .md nor .html, or cannot be written.
        MissingDependency: matplotlib or jinja2 is not installed.
    """
    if file.suffix not in (".md", ".html"):
        raise SettingError(f"A page is a file ending in .md or .html, not {file.name!r}.")
    made = _report(found, sources, pictures=True)
    contents: dict[Path, bytes] = {}
    if file.suffix == ".html":
        contents[file] = html(made, {}).encode("utf-8", "replace")
    else:
        folder = file.with_name(f"{file.stem}_pictures")
        contents[file] = markdown(made, folder.name).encode("utf-8", "replace")
        contents |= {folder / f"{one.name}.png": one.draw("png") for one in made.figures}
    try:
        for path, content in contents.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise SettingError(f"{file} cannot be written: {error.strerror}.") from error
    return [*contents]


def _report(found: Survey, sources: Sequence[str], *, pictures: bool) -> Report:
    head = (
        ("Files", ", ".join(sources)),
        ("Rows", f"{found.rows:,d}, and {found.bad_lines:,d} lines that are none"),
        ("Passages", f"{found.passages:,d} different ones"),
        ("Tokens", found.tokenizer),
    )
    sections = [_lengths(found), _contents(found)]
    if found.answer_places or found.gold_places:
        sections.append(_answers(found))
    if found.kept_shares:
        sections.append(_labels(found))
    if not pictures:
        sections = [_without_figures(section) for section in sections]
    return Report(title="What is in the set", head=head, sections=tuple(sections))


def _lengths(found: Survey) -> Section:
    rows = [("all", found.all_tokens), *sorted(found.tokens.items())][:MOST_ROWS]
    table = Table(
        name="lengths",
        title="Tokens of a row's passages",
        columns=(
            Column(name="set", title="set"),
            *(Column(name=n, title=n.replace("_", " "), form=",.0f") for n in _LENGTHS),
        ),
        rows=tuple(
            (name, *((quartiles(counts) or {}).get(one) for one in _LENGTHS))
            for name, counts in rows
        ),
        notes=_more(len(found.tokens) + 1),
    )
    return Section(
        name="lengths",
        title="Domains and lengths",
        parts=(
            table,
            Figure(
                name="lengths",
                title="Lengths",
                alt="How many rows have how many tokens.",
                draw=_histogram(found.all_tokens, x="tokens", y="rows"),
            ),
        ),
    )


def _contents(found: Survey) -> Section:
    return Section(
        name="contents",
        title="Kinds, languages, faults",
        texts=(
            f"The same as an earlier row: {_share(found.duplicates, found.rows)}."
            f" Nearly the same: {_share(found.near_duplicates, found.rows)}.",
        ),
        parts=(
            _counted("kinds", "Kinds of rows", found.kinds, found.rows),
            _counted("languages", "Languages (und: cannot be told)", found.languages, found.rows),
            _counted("faults", "What tersely data clean would leave out", found.faults, found.rows),
        ),
    )


def _answers(found: Survey) -> Section:
    parts = tuple(
        Figure(
            name=name,
            title=title,
            alt=f"{title}, in tenths.",
            draw=_bars(tenths(places) or [], x="from the beginning (0) to the end (1)", y="rows"),
        )
        for name, title, places in (
            ("answer_places", "Where the answer begins", found.answer_places),
            ("gold_places", "Where the document with the answer stands", found.gold_places),
        )
        if places
    )
    return Section(
        name="answers",
        title="Where answers stand",
        texts=(f"{len(found.answer_places):,d} rows have an answer that stands in a passage.",),
        parts=parts,
    )


def _labels(found: Survey) -> Section:
    words = sum(found.values)
    kept = sum(found.values[TENTHS // 2 :])
    return Section(
        name="labels",
        title="Labels",
        texts=(
            f"{_share(kept, words)} of the words have a value of 0.5 and above;"
            f" one to {(words - kept) / max(1, kept):.1f}.",
        ),
        parts=(
            Figure(
                name="values",
                title="Values of words",
                alt="How many words have which value, in tenths.",
                draw=_bars(found.values, x="value", y="words"),
            ),
        ),
    )


def _counted(name: str, title: str, counts: Mapping[str, int], rows: int) -> Table:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    cells: list[tuple[Cell, ...]] = [(key, count, count / rows) for key, count in ordered]
    return Table(
        name=name,
        title=title,
        columns=(
            Column(name="name", title="name"),
            Column(name="rows", title="rows", form=",d"),
            Column(name="share", title="%", form=".1f", scale=100),
        ),
        rows=tuple(cells[:MOST_ROWS]),
        notes=_more(len(cells)),
    )


def _more(rows: int) -> tuple[str, ...]:
    return (f"{rows - MOST_ROWS} more are in the JSON.",) if rows > MOST_ROWS else ()


def _share(part: int, whole: int) -> str:
    return f"{part:,d} of {whole:,d} ({part / max(1, whole):.1%})"


def _without_figures(section: Section) -> Section:
    return Section(
        name=section.name,
        title=section.title,
        texts=section.texts,
        items=section.items,
        parts=tuple(section.tables),
    )


def _histogram(values: Sequence[int], *, x: str, y: str) -> Callable[[str], bytes]:
    return _drawn(lambda place: place.hist(values, bins=30, color=DARK_BAR), x=x, y=y)


def _bars(counts: Sequence[int], *, x: str, y: str) -> Callable[[str], bytes]:
    edges = [place / TENTHS for place in range(len(counts))]
    return _drawn(
        lambda place: place.bar(edges, counts, width=0.92 / TENTHS, align="edge", color=DARK_BAR),
        x=x,
        y=y,
    )


def _drawn(fill: Callable[[Any], object], *, x: str, y: str) -> Callable[[str], bytes]:
    def draw(form: str) -> bytes:
        mpl = need("matplotlib", extra="eval")
        mpl.use("Agg")
        pyplot = need("matplotlib.pyplot", extra="eval")
        with mpl.rc_context(LOOK):
            figure, place = pyplot.subplots(figsize=(0.62 * WIDTH, 2.4))
            fill(place)
            place.set_xlabel(x)
            place.set_ylabel(y)
            out = io.BytesIO()
            metadata = {"Date": None} if form == "svg" else {"Software": None}
            figure.savefig(out, format=form, dpi=DPI, metadata=metadata)
            pyplot.close(figure)
        return out.getvalue()

    return draw
