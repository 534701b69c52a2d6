"""`tersely train pairs`: have a large model shorten texts, for labels of the published kind."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tersely.cli.report import reported
from tersely.cli.train.label import Count, Data, Lang, Quiet, Sets, Side

if TYPE_CHECKING:
    from tersely.evaluation.readers.base import Reader
    from tersely.training.label.pairs import Window, Write, Written

Out = Annotated[Path, typer.Option("--out", "-o", help="The file of pairs to write, *.jsonl.")]
Endpoint = Annotated[
    str, typer.Option("--endpoint", help="Base address of an OpenAI-compatible server.")
]
Model = Annotated[str, typer.Option("--model", help="The model to ask for there.")]
KeyFrom = Annotated[
    str, typer.Option("--key-from", help="Environment variable with the endpoint's key.")
]
WindowTokens = Annotated[
    int, typer.Option("--window-tokens", help="The most tokens of a text sent at once.")
]
Target = Annotated[str, typer.Option("--for", help="Whose tokens are counted.")]
PerMinute = Annotated[
    float | None, typer.Option("--requests-per-minute", help="The most requests per minute.")
]


def pairs(
    out: Out,
    data: Data,
    set_: Sets,
    endpoint: Endpoint,
    model: Model,
    key_from: KeyFrom = "OPENAI_API_KEY",
    window_tokens: WindowTokens = 512,
    target: Target = "o200k_base",
    requests_per_minute: PerMinute = None,
    count: Count = None,
    side: Side = "train",
    lang: Lang = "en",
    quiet: Quiet = False,
) -> None:
    """Write (original, compressed) pairs; `tersely train label --pairs` makes labels of them.

    What is in the file is not asked for again: start the same command to go on.
    """
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.evaluation.readers.endpoint import EndpointReader, Limits
        from tersely.training.label.pairs import write_pairs

        windows = _windows(data, set_ or [], count, side, lang, window_tokens, target)
        reader = EndpointReader(
            endpoint,
            model,
            key_from=key_from,
            cache=out.parent / f"{out.stem}.answers",
            limits=Limits(requests_per_minute=requests_per_minute),
        )
        with progress_bar("asking", shown=not quiet and sys.stderr.isatty(), of="windows") as tick:
            write = _asking(reader, 2 * window_tokens)
            made = write_pairs(windows, write, out, model=model, progress=tick)
        if not quiet:
            refused = f"; {made.refused} answers were no compression" if made.refused else ""
            typer.echo(
                f"{out}: {made.pairs} new pairs of {len(windows)} windows{refused}", err=True
            )


def _windows(
    data: str,
    names: list[str],
    count: int | None,
    side: str,
    lang: str,
    most: int,
    target: str,
) -> list[Window]:
    """Return windows of the sets' texts, mixed, `count` of them."""
    from tersely.cli.train.label import allowed_on, passages_of
    from tersely.counting.load import load_counter
    from tersely.training.label.pairs import Window, cut_windows
    from tersely.training.label.passages import Cut

    cut = Cut(least_words=20, most_words=2000, most_per_text=4, lang=lang)
    counter = load_counter(target)
    windows: list[Window] = []
    for passage in passages_of(data, names, cut, allowed_on(side), count)[0]:
        for number, text in enumerate(cut_windows(passage.text, counter, most_tokens=most)):
            windows.append(Window(f"{passage.id}.{number}", passage.group, text, passage.lang))
    return windows if count is None else windows[:count]


def _asking(reader: Reader, most_tokens: int) -> Write:
    """Return what sends prompts to a reader."""
    from tersely.evaluation.readers.base import Ask
    from tersely.training.label.pairs import Written

    def write(prompts: Sequence[str]) -> list[Written]:
        asks = [Ask(text=prompt, answer_tokens=most_tokens) for prompt in prompts]
        return [Written(found.answer or "", found.error) for found in reader.read(asks)]

    return write
