"""`tersely soft show`: what a memory is, without any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely._words import counted
from tersely.cli.compress import print_json
from tersely.cli.methods import settings_line
from tersely.cli.report import reported
from tersely.cli.soft import options

if TYPE_CHECKING:
    from tersely.soft.memory import Memory

MOST_PLACES = 16
"""How many positions are printed, at most; `--json` has all."""


def show(
    memory: Annotated[
        Path,
        typer.Argument(help="A file that `tersely soft compress` wrote.", parser=options.path),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print what a memory is: its size, what it was made by, where its slots stand."""
    with reported():
        from tersely.soft.memory import Memory

        read = Memory.load(memory)
        said = {"file": str(memory), "file_bytes": memory.stat().st_size, **as_dict(read)}
        if as_json:
            print_json(said)
            return
        for name, value in _lines(said):
            typer.echo(f"{name:<12} {value}")


def as_dict(memory: Memory) -> dict[str, Any]:
    """Return what is known of a memory, for JSON."""
    layers, heads, slots, width = memory.keys.shape
    return {
        "slots": slots,
        "source_tokens": memory.source_tokens,
        "rate": round(memory.rate, 6),
        "bytes": memory.bytes,
        "dtype": str(memory.keys.dtype).removeprefix("torch."),
        "layers": layers,
        "kv_heads": heads,
        "head_width": width,
        "model_sha256": memory.fingerprint.model,
        "tokenizer_sha256": memory.fingerprint.tokenizer,
        "adapter_sha256": memory.fingerprint.adapter,
        "prefix_sha256": memory.prefix,
        "made_by": dict(memory.made_by),
        "places": memory.places,
        "positions": memory.positions.tolist(),
    }


def summary(memory: Memory) -> str:
    """Return one line of numbers."""
    times = memory.source_tokens / memory.slots
    tokens, slots = (
        counted(memory.source_tokens, "token"),
        counted(memory.slots, "slot"),
    )
    name = memory.made_by.get("name", "unknown")
    return f"{tokens} -> {slots} ({times:.1f}x), {memory.bytes:,} bytes, {name}"


def _lines(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    maker = said["made_by"]
    settings = dict(maker.get("settings", {}))
    shape = settings.pop("shape", None)
    slots, tokens = said["slots"], said["source_tokens"]
    yield "slots", f"{slots:,} for {counted(tokens, 'token')} ({tokens / slots:.1f}x)"
    yield "bytes", f"{said['bytes']:,} in {said['dtype']}; the file has {said['file_bytes']:,}"
    yield (
        "shape",
        f"{said['layers']} layers, {said['kv_heads']} key-value heads of {said['head_width']}",
    )
    yield "positions", _places(said["positions"])
    if said["places"] != tokens:
        yield "places", f"{said['places']:,}: what follows stands there, not behind {tokens:,}"
    yield "made by", f"{maker.get('name', 'unknown')} {settings_line(settings)}".rstrip()
    if isinstance(shape, Mapping):
        yield "trained as", settings_line({name: _listed(one) for name, one in shape.items()})
    trigger = maker.get("trigger")
    yield "gives back", "when asked to" if trigger is None else f"after token {trigger}"
    yield "model", said["model_sha256"]
    yield "tokenizer", said["tokenizer_sha256"]
    yield "adapter", said["adapter_sha256"] or "none"
    yield "prefix", said["prefix_sha256"] or "none"


def _listed(value: Any) -> Any:
    """Return a list as words with commas, and all else as it is."""
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _places(positions: list[Any]) -> str:
    """Return where slots stand; of heads that differ, where the first and the last do."""
    if not isinstance(positions[0], list):
        shown = " ".join(map(str, positions[:MOST_PLACES]))
        more = len(positions) - MOST_PLACES
        return f"{shown} and {more:,} more" if more > 0 else shown
    every = [place for layer in positions for head in layer for place in head]
    return f"{min(every)} to {max(every)}, each head its own"
