"""`tersely evaluate bound`: how far a prompt can be cut, and how far methods are from that."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli import options
from tersely.cli.compress import print_json, read_text
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.evaluation.prompt_bound import PromptBound
    from tersely.evaluation.synthetic import Item, Pool, SyntheticCurves

SHOWN_CHARS = 60

Answer = Annotated[
    list[str] | None, typer.Option("--answer", "-a", help="A right answer; repeatable.")
]
Units = Annotated[
    str, typer.Option("--units", help="What is dropped: words, phrases, sentences; auto by length.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", "-m", help="NAME or NAME:a=1,b=2, to compare; repeatable."),
]
Rates = Annotated[
    list[float] | None,
    typer.Option("--rate", "-r", help="What methods are asked for; repeatable. 0.5, 0.25."),
]
Readings = Annotated[
    int, typer.Option("--readings", help="Most texts to read of more than 12 units.")
]
Synthetic = Annotated[
    bool, typer.Option("--synthetic", help="The bounds of the set of binary strings instead.")
]
Data = Annotated[
    Path | None, typer.Option("--data", help="With --synthetic: a set in the authors' form.")
]


def bound(
    source: options.Source = "",
    question: options.Question = "",
    answer: Answer = None,
    units: Units = "auto",
    method: Methods = None,
    rate: Rates = None,
    reader: Annotated[str, typer.Option("--reader", help="The local model that reads.")] = (
        "smollm2-135m"
    ),
    target: Annotated[str, typer.Option("--for", help="Whose tokens are counted.")] = "o200k_base",
    readings: Readings = 4000,
    synthetic: Synthetic = False,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Print the least distortion at each rate: of a text for a question, or of the binary set.

    All subsets of up to 12 units are read, and the bound is exact for them. Of more, a beam search
    reads as many as --readings allows; that is called best found.
    """
    with reported():
        if synthetic:
            _synthetic(data, as_json=as_json)
            return
        if not (source and question and answer):
            raise typer.BadParameter("Give a file, --question and --answer, or --synthetic.")
        from tersely.backends.load import load_causal
        from tersely.cli.progress import progress_bar
        from tersely.counting import load_counter
        from tersely.evaluation.prompt_bound import bound_prompt
        from tersely.evaluation.readers.local import LocalReader
        from tersely.evaluation.task import Example

        example = Example(
            id=source,
            contexts=(read_text(source).strip(),),
            question=f"Question: {question}",
            answers=tuple(answer),
        )
        counter, local = load_counter(target), LocalReader(load_causal(reader))
        with progress_bar("reading", shown=not quiet and sys.stderr.isatty(), of="texts") as tick:
            found = bound_prompt(
                example,
                local,
                counter,
                granularity=units,
                tries=[(name, share) for name in method or () for share in rate or (0.5, 0.25)],
                readings=readings,
                progress=tick,
            )
        print_json(as_dict(found) | {"reader": local.name}) if as_json else _print(found)


def as_dict(found: PromptBound) -> dict[str, Any]:
    """Return what `--json` prints; what is not known is null."""
    candidates = found.curve.hulls[0].tolist()
    return {
        "label": found.curve.label,
        "units": found.granularity,
        "unit_count": found.units,
        "texts": len(found.found.texts),
        "unscored": found.found.unscored,
        "whole_nats": found.whole,
        "none_nats": found.none,
        "curve": [
            {"rate": rate, "nats": nats, "text": found.found.texts[at]}
            for (rate, nats), at in zip(found.curve.points, candidates, strict=True)
        ],
        "methods": [
            {
                "method": one.method,
                "asked_rate": one.asked_rate,
                "rate": _number(one.rate),
                "nats": _number(one.nats),
                "bound": _number(one.bound),
                "gap_closed": _number(one.closed),
                "among_candidates": one.among,
                "text": one.text,
                "error": one.error,
            }
            for one in found.methods
        ],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print(found: PromptBound) -> None:
    plain = as_dict(found)
    typer.echo(
        f"{plain['unit_count']} {plain['units']}, {plain['texts']} texts read: {plain['label']}."
        f" Whole {found.whole:.3f} nats, without it {found.none:.3f}."
    )
    typer.echo("  rate   nats  text")
    for corner in plain["curve"]:
        typer.echo(f"{corner['rate']:6.3f} {corner['nats']:6.3f}  {_short(corner['text'])}")
    if found.methods:
        typer.echo("\nmethod               asked   rate   nats  bound  gap closed")
    for one in found.methods:
        if one.error:
            typer.echo(f"{one.method:20} {one.asked_rate:5.2f}  {one.error}")
            continue
        numbers = " ".join(_shown(value, 6) for value in (one.rate, one.nats, one.bound))
        outside = "" if one.among or plain["label"] != "exact" else "  cut inside units"
        typer.echo(
            f"{one.method:20} {one.asked_rate:5.2f} {numbers} {_shown(one.closed, 11)}{outside}"
        )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else line[: SHOWN_CHARS - 3] + "..."


def _shown(value: float, width: int) -> str:
    return f"{value:{width}.3f}" if math.isfinite(value) else f"{'-':>{width}}"


def _synthetic(data: Path | None, *, as_json: bool) -> None:
    from tersely.evaluation.synthetic import TABLE_RATES, curves, make_items, read_items

    items = read_items(data) if data else make_items()
    pools: tuple[Pool, ...] = ("all", "pruned")
    found = {pool: curves(items, pool) for pool in pools}
    if as_json:
        tables = {pool: _rows(curve, TABLE_RATES) for pool, curve in found.items()}
        print_json(_about(items, found["all"]) | {"rates": TABLE_RATES, "distortion": tables})
        return
    about = _about(items, found["all"])
    typer.echo(
        f"{about['items']} items, {about['contexts']} strings, least rate"
        f" {about['least_rate']:.3f}; share of wrong answers"
    )
    typer.echo(f"{'rate':30} " + " ".join(f"{rate:5.2f}" for rate in TABLE_RATES))
    names = {"all": "any shorter string", "pruned": "symbols dropped"}
    for pool, curve in found.items():
        typer.echo(names[pool])
        for name, values in _rows(curve, TABLE_RATES).items():
            cells = " ".join(_shown(math.nan if v is None else v, 5) for v in values)
            typer.echo(f"  {name[:28]:28} {cells}")


def _about(items: list[Item], found: SyntheticCurves) -> dict[str, Any]:
    return {
        "items": len(items),
        "contexts": len({item.context for item in items}),
        "least_rate": float(found.agnostic.rates[0]),
    }


def _rows(found: SyntheticCurves, rates: tuple[float, ...]) -> dict[str, list[float | None]]:
    named = {"agnostic": found.agnostic, "aware": found.aware} | found.by_query
    return {name: [_number(curve.at(rate)) for rate in rates] for name, curve in named.items()}
