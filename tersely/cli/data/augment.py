"""`tersely data augment`: more rows from those there are, with labels that still hold."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast

import typer

from tersely.cli.data import options
from tersely.cli.report import reported

PROMPT = "Say the following in other words. Keep all facts, names and numbers.\n\n"
ANSWER_TOKENS = 2_000

Ways = Annotated[
    str, typer.Option("--with", help="Some of distractors,shuffle,swap,noise,sentences,rewrite.")
]
Copies = Annotated[int, typer.Option("--copies", help="Rows made of one.")]
Distractors = Annotated[
    int, typer.Option("--distractors", help="Documents of other rows to put in.")
]
Noise = Annotated[float, typer.Option("--noise", help="Share of words with a mistake.")]
OnlyNew = Annotated[bool, typer.Option("--only-new", help="Leave out the rows that were there.")]
RewriteUrl = Annotated[
    str | None, typer.Option("--rewrite-url", help="An OpenAI-compatible server, for rewrite.")
]
RewriteModel = Annotated[
    str, typer.Option("--rewrite-model", help="Name of the model on that server.")
]
RewritePrompt = Annotated[
    str, typer.Option("--rewrite-prompt", help="What it is told before the text.")
]
RewriteCache = Annotated[
    Path | None, typer.Option("--rewrite-cache", help="A folder that keeps its answers.")
]


def augment(
    source: options.Source,
    out: options.Out,
    ways: Ways,
    copies: Copies = 1,
    distractors: Distractors = 3,
    noise: Noise = 0.03,
    only_new: OnlyNew = False,
    rewrite_url: RewriteUrl = None,
    rewrite_model: RewriteModel = "",
    rewrite_prompt: RewritePrompt = PROMPT,
    rewrite_cache: RewriteCache = None,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the rows of SOURCE and, of each, others changed in the ways given, one after another.

    The key of a server is read from OPENAI_API_KEY.
    """
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.data import augmenting
        from tersely.data.lines import check_files, read_lines, writing

        settings = augmenting.Augmenting(
            ways=cast("tuple[augmenting.Way, ...]", tuple(ways.split(","))),
            copies=copies,
            seed=seed,
            distractors=distractors,
            noise=noise,
        )
        check_files([source], [out])
        bad: list[str] = []
        lines = read_lines(
            [source], on_bad=(lambda place, _: bad.append(str(place))) if skip_bad else None
        )
        rows = [line.row for line in lines]
        rewrite = None
        if rewrite_url:
            rewrite = _server(rewrite_url, rewrite_model, rewrite_prompt, rewrite_cache)
        done = augmenting.Done()
        shown = not quiet and sys.stderr.isatty()
        with (
            progress_bar("augmenting", shown=shown, of="rows") as advance,
            writing(out) as write,
        ):
            for row in [] if only_new else rows:
                write(row)
            for row in augmenting.augment(
                rows, settings, rewrite=rewrite, done=done, progress=advance
            ):
                write(row)
        if not quiet:
            said = ", ".join(f"{way} {count:,d}" for way, count in sorted(done.ways.items()))
            typer.echo(
                f"{out}: {done.made:,d} rows made of {len(rows):,d} ({said}); nothing could be done"
                f" {done.left:,d} times; {len(bad)} bad lines",
                err=True,
            )


def _server(url: str, model: str, prompt: str, cache: Path | None) -> Callable[[str], str]:
    """Return what asks a server to rewrite a text; its first failure ends the command."""
    from tersely.errors import BackendError
    from tersely.evaluation.readers.base import Ask
    from tersely.evaluation.readers.endpoint import EndpointReader

    reader = EndpointReader(url, model, cache=cache, key_from="OPENAI_API_KEY")

    def rewrite(text: str) -> str:
        ask = Ask(text=prompt + text, answer_tokens=ANSWER_TOKENS, stop=())
        (reading,) = reader.read([ask])
        if reading.error:
            raise BackendError(reading.error)
        return reading.answer or ""

    return rewrite
