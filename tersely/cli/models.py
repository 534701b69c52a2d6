"""`tersely models`: which models there are, and fetching them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.backends.manifest import Manifest

app = typer.Typer(help="List, fetch and export the small models that score.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="A short name, or a hub id such as HuggingFaceTB/SmolLM2-135M.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that have a short name."""
    with reported():
        from tersely.backends.manifest import MANIFEST

        rows = [_described(manifest) for manifest in MANIFEST.values()]
        if as_json:
            typer.echo(json.dumps(rows))
            return
        for row in rows:
            here = "here" if row["here"] else "not here"
            size = _megabytes(row["size_bytes"])
            typer.echo(f"{row['name']:<16} {here:<9} {size:>8}  {row['licence']}  {row['summary']}")


@app.command("pull")
def pull_model(
    name: Name,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing if it works.")] = False,
) -> None:
    """Fetch a model, unless it is here already, and print where it is."""
    with reported():
        from tersely.backends.pull import pull

        files = pull(name, say=None if quiet else lambda line: typer.echo(line, err=True))
        if not quiet:
            typer.echo(str(files.path))


@app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="A short name, a hub id, a folder or a .gguf file.")],
    as_json: AsJson = False,
) -> None:
    """Say what is known of a model, and where it is."""
    with reported():
        from tersely.backends.manifest import MANIFEST

        found = _described(MANIFEST[name]) if name in MANIFEST else _found(name)
        if as_json:
            typer.echo(json.dumps(found))
            return
        found["here"] = f"yes, {found['path']}" if found["here"] else "no"
        beside = found.pop("beside", {})
        for key, value in found.items():
            if key != "path":
                typer.echo(f"{key:<11} {value}")
        for file, sha256 in beside.items():
            typer.echo(f"{'beside':<11} {file}, sha256 {sha256}")


@app.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="A short name or a .gguf file.")],
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
) -> None:
    """Write a model as a Hugging Face folder that transformers reads."""
    with reported():
        from tersely.backends.export import export

        typer.echo(str(export(name, folder)))


def _described(manifest: Manifest) -> dict[str, Any]:
    from tersely.backends.store import is_pulled, pulled_path

    here = is_pulled(manifest.name)
    return {
        "name": manifest.name,
        "kind": manifest.kind,
        "summary": manifest.summary,
        "here": here,
        "path": str(pulled_path(manifest.name)) if here else None,
        "size_bytes": manifest.total_bytes,
        "parameters": manifest.parameters,
        "licence": manifest.licence,
        "source": f"{manifest.source}: {manifest.source.file}",
        "sha256": manifest.sha256,
        "beside": {file.name: file.sha256 for file in manifest.beside},
    }


def _found(name: str) -> dict[str, Any]:
    from tersely.backends.store import find_model

    files = find_model(name)
    size = sum(file.stat().st_size for file in files.files)
    return {"name": name, "here": True, "path": str(files.path), "size_bytes": size}


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
