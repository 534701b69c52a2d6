"""`tersely doctor`: what is installed, which models are here, how fast this machine scores."""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from tersely.cli.report import reported

_PACKAGES = ("openvino", "tokenizers", "tiktoken", "quicktok-v1", "torch", "transformers")
_SAMPLE = (
    "The ferry leaves at {hour}:15 with {seats} seats, of which a third are sold by noon; the"
    " captain asks whether {seats} is still right, and nobody knows. "
)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say what is installed, which models are here, and how fast this machine scores."""
    with reported():
        report = examine()
        if as_json:
            typer.echo(json.dumps(report))
            return
        typer.echo(f"tersely {report['tersely']}, Python {report['python']}, {report['machine']}")
        for name, found in report["packages"].items():
            typer.echo(f"  {name:<14} {found or 'not installed'}")
        typer.echo(f"models in {report['store']}")
        for name, here in report["models"].items():
            typer.echo(f"  {name:<14} {'here' if here else _hint(name)}")
        speed = report["speed"]
        if speed:
            typer.echo(
                f"speed: {speed['tokens_per_second']:.0f} tokens/s scored by {speed['model']}"
                f" (loaded in {speed['load_seconds']:.1f} s)"
            )


def examine() -> dict[str, Any]:
    """Return what `tersely doctor --json` prints."""
    from tersely import __version__
    from tersely.backends.manifest import MANIFEST
    from tersely.backends.store import is_pulled, models_dir

    here = {name: is_pulled(name) for name in MANIFEST}
    causal = (name for name in here if here[name] and MANIFEST[name].kind == "causal")
    return {
        "tersely": __version__,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "store": str(models_dir()),
        "models": here,
        "speed": next((_speed(name) for name in causal), None),
    }


def _hint(model: str) -> str:
    from tersely.backends.manifest import MANIFEST, PackagedSource

    if isinstance(MANIFEST[model].source, PackagedSource):
        return "not here, though it is a part of this package: install that again"
    return f"not here: tersely models pull {model}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _speed(model: str) -> dict[str, Any]:
    """Score 512 tokens twice and time the second: the first is slower."""
    from tersely.backends.load import load_causal

    started = time.perf_counter()
    backend = load_causal(model)
    loaded = time.perf_counter() - started
    text = "".join(_SAMPLE.format(hour=n % 24, seats=40 + n) for n in range(20))
    ids = backend.encode(text).ids[:512]
    backend.score([ids])
    started = time.perf_counter()
    backend.score([ids])
    seconds = time.perf_counter() - started
    return {"model": model, "load_seconds": loaded, "tokens_per_second": len(ids) / seconds}
