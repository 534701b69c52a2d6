"""What the commands that run a model on memories have in common: options, the model, files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely._words import counted

if TYPE_CHECKING:
    from tersely.soft.host import Host
    from tersely.soft.memory import Memory


def path(given: str) -> Path:
    """Return a path as typed; click would take "" for the folder we are in."""
    if not given:
        raise typer.BadParameter("The name of a file is empty.")
    return Path(given)


Memories = Annotated[
    list[Path],
    typer.Argument(help="Files that `tersely soft compress` wrote, in order.", parser=path),
]
Model = Annotated[str, typer.Option("--model", help="The causal model; see `tersely models`.")]
System = Annotated[
    str | None, typer.Option("--system", help="The system's turn before memories; the template's.")
]
Prefix = Annotated[
    str | None,
    typer.Option("--prefix", help="What stands before memories: chat (the template) or start."),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")]
Precision = Annotated[
    str | None, typer.Option("--precision", help="f32 or bf16; f32 on a cpu, bf16 elsewhere.")
]
Threads = Annotated[int | None, typer.Option("--threads", help="Of the processor.")]
MostTokens = Annotated[int, typer.Option("--tokens", "-t", help="The most tokens to write.")]
Temperature = Annotated[
    float, typer.Option("--temperature", help="0 writes the likeliest; more draws.")
]
TopP = Annotated[
    float, typer.Option("--top-p", help="Draw from the likeliest tokens of this share.")
]
TopK = Annotated[int, typer.Option("--top-k", help="Draw from so many of the likeliest; 0 is all.")]
Seed = Annotated[
    int | None, typer.Option("--seed", help="Of what is drawn; without one it differs each time.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print text and numbers as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No numbers, no progress.")]

_DTYPES: dict[str | None, Any] = {None: None, "f32": "float32", "bf16": "bfloat16"}


def load_model(
    model: str,
    *,
    system: str | None,
    prefix: str | None,
    device: str,
    precision: str | None,
    threads: int | None,
) -> Host:
    """Load the model that reads memories.

    Raises:
        ModelNotFound: It is not on this machine.
        SettingError: An option is out of range.
    """
    from tersely.errors import SettingError
    from tersely.soft.host import load_host

    if precision not in _DTYPES:
        raise SettingError(f"--precision is f32 or bf16, not {precision!r}.")
    if threads is not None:
        import torch

        if threads < 1:
            raise SettingError(f"--threads is at least 1; got {threads}.")
        torch.set_num_threads(threads)
    given: Any = prefix
    return load_host(model, device=device, dtype=_DTYPES[precision], system=system, prefix=given)


def check_tokens(tokens: int | None) -> None:
    """Refuse a number of tokens to write that is none.

    Raises:
        SettingError: It is less than 1.
    """
    from tersely.errors import SettingError

    if tokens is not None and tokens < 1:
        raise SettingError(f"--tokens is at least 1; got {tokens}.")


def load_memories(paths: Sequence[Path]) -> list[Memory]:
    """Read memories; done before a model is loaded, which takes seconds.

    Raises:
        BackendError: A file is not there, damaged, or no memory.
    """
    from tersely.soft.memory import Memory

    return [Memory.load(path) for path in paths]


def check_model(memories: Sequence[Memory], paths: Sequence[Path], host: Host) -> None:
    """Refuse memories of another model or prefix, and name the file.

    Raises:
        ModelMismatch: A memory was made by another model or tokenizer.
        SettingError: It stood behind another prefix.
    """
    from tersely.errors import ModelMismatch, SettingError

    for memory, path in zip(memories, paths, strict=True):
        try:
            memory.fingerprint.check(host.fingerprint, str(path))
        except ModelMismatch as error:
            raise ModelMismatch(f"{error} Here {host.name} reads; --model names another.") from (
                error
            )
        if memory.prefix != host.prefix_sha256:
            raise SettingError(
                f"{path} stood behind another prefix ({memory.prefix[:12] or 'none'}) than there"
                f" is here ({host.prefix_sha256[:12]}). Give --system and --prefix as they were"
                " when it was made."
            )


def sources(memories: Sequence[Memory], paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what `--json` says of the memories that were read."""
    return [
        {"file": str(path), "slots": one.slots, "source_tokens": one.source_tokens}
        for one, path in zip(memories, paths, strict=True)
    ]


def read_from(memories: Sequence[Memory]) -> str:
    """Return in words what was read."""
    slots = sum(one.slots for one in memories)
    tokens = sum(one.source_tokens for one in memories)
    return f"{counted(slots, 'slot')} for {counted(tokens, 'token')}"
