"""Write docs/cli.md from what `--help` says.

Run it: python docs/write_cli.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.main import get_command

from tersely.cli import app

HEAD = """# The command

Written from `--help` by `python docs/write_cli.py`; a test compares the two.
"""
TAIL = """
Every option can be set from the environment:
`TERSELY_COMPRESS_METHOD=truncate tersely compress prompt.txt --tokens 500`.
Exit codes: 0 done, 1 an error with a message, 2 wrong usage, 130 interrupted.
"""
PAGE = Path(__file__).with_name("cli.md")


def page() -> str:
    """Return the page: each command, its arguments and options."""
    context = typer.Context(get_command(app), info_name="tersely")
    return HEAD + "".join(sections(context)) + TAIL


def sections(context: typer.Context) -> Iterator[str]:
    """Yield one section for a command and each below it."""
    command = context.command
    children = getattr(command, "commands", {})
    if not children:
        yield f"\n## {context.command_path}\n\n{command.help}\n\n"
        yield "| argument or option | default | meaning |\n| --- | --- | --- |\n"
        for parameter in command.params:
            yield row(parameter)
    for name, child in children.items():
        yield from sections(typer.Context(child, info_name=name, parent=context))


def row(parameter: object) -> str:
    """Return one line of a table."""
    names = getattr(parameter, "opts", [])
    is_option = any(name.startswith("-") for name in names)
    shown = ", ".join(f"`{name}`" for name in names) if is_option else f"`{names[0].upper()}`"
    default = getattr(parameter, "default", None)
    usual = "" if default in (None, False, "") or callable(default) else f"`{default}`"
    meaning = " ".join((getattr(parameter, "help", "") or "").split()).replace("|", "\\|")
    return f"| {shown} | {usual} | {meaning} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
