"""The options of `tersely compress`, some of which other commands have too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[str, typer.Argument(help="A text file, or - for standard input.")]
Question = Annotated[str, typer.Option("--question", "-q", help="What the context is for.")]
Instruction = Annotated[
    str, typer.Option("--instruction", "-i", help="What to do with it; kept verbatim.")
]
Tokens = Annotated[
    int | None, typer.Option("--tokens", "-t", help="Most tokens of the final text.")
]
Rate = Annotated[
    float | None, typer.Option("--rate", "-r", help="Share of the tokens to keep, in (0, 1].")
]
RateMode = Annotated[
    str, typer.Option("--rate-mode", help="Whose rate: prompt, or corpus (its mean).")
]
QualityFloor = Annotated[
    float | None,
    typer.Option("--quality-floor", help="Keep only what is this likely to hold the answer."),
]
CalibrationFile = Annotated[
    Path | None, typer.Option("--calibration", help="What `tersely calibrate` wrote.")
]
MinRate = Annotated[
    float | None, typer.Option("--min-rate", help="Least to keep where the rate varies.")
]
MaxRate = Annotated[
    float | None, typer.Option("--max-rate", help="Most to keep where the rate varies.")
]
Method = Annotated[str, typer.Option("--method", "-m", help="See `tersely methods`.")]
Target = Annotated[
    str, typer.Option("--for", help="Model, tokenizer or tokenizer.json whose tokens count.")
]
Model = Annotated[
    str | None, typer.Option("--model", help="Small model that scores; see `tersely models`.")
]
Runtime = Annotated[str | None, typer.Option("--runtime", help="What runs it: openvino or torch.")]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="A setting of the method, as name=value; repeatable."),
]
Protect = Annotated[
    list[str] | None,
    typer.Option("--protect", "-p", help="Regular expression or class to keep; repeatable."),
]
Prefer = Annotated[
    list[str] | None,
    typer.Option("--prefer", help="The same for what rather should be kept; repeatable."),
]
Content = Annotated[
    str,
    typer.Option("--content", help="auto, text, json, code, log, table, diff, markdown, html."),
]
Markup = Annotated[
    bool, typer.Option("--markup", help="Heed tags: <tersely, rate=0.3>...</tersely>.")
]
OnlyIfItPays = Annotated[
    bool,
    typer.Option(
        "--only-if-it-pays",
        help="Print SOURCE as it is where shortening it will not pay; see `tersely payoff`.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print text and numbers as JSON.")]
Diff = Annotated[
    bool, typer.Option("--diff", help="Print the whole text, dropped parts struck through.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No numbers, no progress.")]
