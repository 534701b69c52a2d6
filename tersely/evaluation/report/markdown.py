"""A report as Markdown, with its pictures as files beside it."""

from __future__ import annotations

import html
import re

from tersely.evaluation.report.table import Column, Figure, Report, Section, Table

SPECIAL = re.compile(r"[\\`*<>|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])")
"""What Markdown would take for something else; [0.1, 0.2] and snake_case it takes as they are."""


def markdown(report: Report, pictures: str = "") -> str:
    """Return the report.

    Args:
        report: What is said.
        pictures: Path from the text to the folder of the PNG files, "" for the same folder.
    """
    lines = [f"# {escaped(report.title)}", ""]
    lines += [f"- {escaped(name)}: {escaped(value)}" for name, value in report.head]
    lines += ["", "Contents: " + " · ".join(_link(section) for section in report.sections), ""]
    for section in report.sections:
        lines += _section(section, pictures)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    plain = " ".join(text.split())
    return SPECIAL.sub(lambda match: "\\" + match[0], plain)


def _plain(text: str) -> str:
    return html.escape(" ".join(text.split()))


def _link(section: Section) -> str:
    anchor = re.sub(r"[^\w\- ]", "", section.title.lower()).replace(" ", "-")
    return f"[{section.title}](#{anchor})"


def _section(section: Section, pictures: str) -> list[str]:
    lines = [f"## {section.title}", ""]
    for text in section.texts:
        lines += [escaped(text), ""]
    if section.items:
        lines += [*(f"- {escaped(item)}" for item in section.items), ""]
    for part in section.parts:
        lines += _table(part) if isinstance(part, Table) else _figure(part, pictures)
    return lines


def _table(table: Table) -> list[str]:
    if table.folded:
        inner = _rows(table)
        summary = f"<summary>{_plain(table.title)}</summary>"
        return ["<details>", summary, "", *inner, "</details>", ""]
    return [f"### {escaped(table.title)}", "", *_rows(table)]


def _rows(table: Table) -> list[str]:
    lines: list[str] = []
    if not table.rows:
        return ["No rows.", ""]
    used = [
        i for i, _ in enumerate(table.columns) if any(_said(table, row, i) for row in table.rows)
    ]
    columns = [table.columns[i] for i in used]
    lines.append("| " + " | ".join(escaped(column.title) for column in columns) + " |")
    lines.append("| " + " | ".join(map(_rule, columns)) + " |")
    for row in table.rows:
        texts = table.texts(row)
        lines.append("| " + " | ".join(escaped(texts[i]) for i in used) + " |")
    lines.append("")
    for note in table.notes:
        lines += [escaped(note), ""]
    return lines


def _said(table: Table, row: tuple[object, ...], column: int) -> bool:
    return bool(table.texts(row)[column])  # type: ignore[arg-type]


def _rule(column: Column) -> str:
    return "---:" if column.form else "---"


def _figure(figure: Figure, pictures: str) -> list[str]:
    path = f"{pictures}/{figure.name}.png" if pictures else f"{figure.name}.png"
    lines = [f"### {escaped(figure.title)}", "", f"![{escaped(figure.alt)}]({path})", ""]
    for note in figure.notes:
        lines += [escaped(note), ""]
    return lines
