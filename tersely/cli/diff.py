"""Show a compression: the whole prompt, with what was dropped struck through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tersely.core.result import Compression


def print_diff(result: Compression) -> None:
    """Print kept text in bold and dropped text struck through; without colour, [-like this-]."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    colours = console.color_system is not None
    out = Text()
    for index, segment in enumerate(result.prompt.segments):
        if index:
            out.append(result.prompt.separators[index - 1])
        for text, kept in pieces(result, index):
            if kept:
                out.append(text, style="bold green" if colours else "")
            else:
                out.append(text if colours else f"[-{text}-]", style="strike dim red")
        del segment
    console.print(out)


def pieces(result: Compression, segment: int) -> list[tuple[str, bool]]:
    """Return the text of one segment in order, each piece with whether it was kept."""
    both = [(span, True) for span in result.kept] + [(span, False) for span in result.dropped]
    mine = sorted((span, kept) for span, kept in both if span.segment == segment)
    return [(result.prompt.read(span), kept) for span, kept in mine]
