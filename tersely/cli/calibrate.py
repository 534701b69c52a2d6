"""`tersely calibrate`: measure a sample of a workload, for `compress --rate-mode corpus`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tersely.cli import options
from tersely.cli.compress import read_settings, read_text
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.prompting import Context


def calibrate(
    source: Annotated[
        str,
        typer.Argument(help='A JSONL file, or -; each line {"context": ..., "question": ...}.'),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")],
    method: options.Method = "auto",
    target: options.Target = "o200k_base",
    model: options.Model = None,
    setting: options.Setting = None,
    min_rate: Annotated[float, typer.Option("--min-rate", help="Least of a prompt to keep.")] = 0.0,
    max_rate: Annotated[float, typer.Option("--max-rate", help="Most of a prompt to keep.")] = 1.0,
    quiet: options.Quiet = False,
) -> None:
    """Measure which threshold keeps which share of the tokens of prompts like those in SOURCE.

    The context is a text or a list of texts. Answers are not needed; a hundred lines will do.
    """
    with reported():
        from tersely.api import calibrate as measure
        from tersely.cli.progress import progress_bar
        from tersely.errors import SettingError
        from tersely.loading import load
        from tersely.prompting import build_prompts, choose_one_method

        if not out.parent.is_dir():  # said now, not after minutes of reading
            raise SettingError(f"There is no folder {out.parent} to write {out.name} to.")
        prompts = build_prompts(read_pairs(source), instruction="", protect=[])
        name = choose_one_method(prompts, method, model=model)
        engine = load(name, model=model, **read_settings(setting or []))
        shown = not quiet and sys.stderr.isatty()
        with progress_bar("reading", shown=shown, of="prompts") as advance:
            made = measure(
                prompts,
                method=engine,
                tokenizer=target,
                min_rate=min_rate,
                max_rate=max_rate,
                progress=advance,
            )
        made.save(out)
        if not quiet:
            low, high = made.rates
            typer.echo(
                f"{out}: {made.method}, {made.prompts} prompts of {made.tokens} tokens, mean rates"
                f" from {low:.4f} to {high:.4f}",
                err=True,
            )


def read_pairs(source: str) -> list[tuple[Context, str]]:
    """Read contexts and questions, one JSON object on each line; blank lines are skipped.

    Raises:
        PromptError: The file cannot be read, or is empty, or a line is something else; the
            message names the line.
    """
    from tersely.errors import PromptError

    pairs: list[tuple[Context, str]] = []
    for number, line in enumerate(read_text(source).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            pairs.append((found["context"], found.get("question", "")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PromptError(
                f'{source}, line {number}, is not {{"context": text or list of texts, "question":'
                " text} in JSON."
            ) from error
    if not pairs:
        raise PromptError(f"{source} holds no prompts: it is empty.")
    return pairs
