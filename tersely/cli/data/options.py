"""The options that the commands of `tersely data` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sources = Annotated[
    list[Path], typer.Argument(help="Files of JSON lines; gzipped if they end in .gz.")
]
Source = Annotated[Path, typer.Argument(help="A file of JSON lines; gzipped if it ends in .gz.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="The file to write; gzipped if it ends in .gz.")
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Count lines that are no rows, and go on.")
]
Near = Annotated[
    float, typer.Option("--near", help="Share of word runs from which two texts are the same.")
]
Seed = Annotated[int, typer.Option("--seed", help="What chance depends on.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]
