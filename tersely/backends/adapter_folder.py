"""What the folder of an adapter holds, and for which base it was made.

    adapter_config.json          what kind of adapter it is; peft writes both
    adapter_model.safetensors    its weights
    tersely.json                 for which base it was made, and how

Only the first two are needed; the note is written by `tersely train align`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tersely.errors import ModelMismatch, ModelNotFound

CONFIG, WEIGHTS, NOTE = "adapter_config.json", "adapter_model.safetensors", "tersely.json"


def adapter_files(folder: Path | None) -> list[Path]:
    """Return the files an adapter's numbers depend on; none of no adapter."""
    return [] if folder is None else [folder / CONFIG, folder / WEIGHTS]


def check_adapter(folder: Path) -> None:
    """Check that a folder holds the files of an adapter; what is in them is not looked at.

    Raises:
        ModelNotFound: There is no such folder.
        ModelMismatch: It lacks a file, or has its weights as a pickle only.
    """
    if not folder.is_dir():
        raise ModelNotFound(f"There is no adapter folder {folder} (what stands after the '+').")
    if lost := [file.name for file in adapter_files(folder) if not file.is_file()]:
        pickled = (folder / "adapter_model.bin").is_file()
        only = " Its weights are a pickle, which can run code and is not loaded." if pickled else ""
        raise ModelMismatch(
            f"{folder} has no {lost[0]}. An adapter folder holds {CONFIG} and {WEIGHTS}, as peft"
            f" writes them.{only}"
        )


def check_base(folder: Path, note: dict[str, Any], key: str, base: str) -> None:
    """Check that an adapter was made for this base, if the note beside it says for which.

    Args:
        folder: The adapter's.
        note: What tersely.json holds.
        key: Content key of the base.
        base: What errors call the base.

    Raises:
        ModelMismatch: It was made for another.
    """
    made_for = note.get("base")
    if not isinstance(made_for, dict) or made_for.get("sha256") in (None, key):
        return
    raise ModelMismatch(
        f"The adapter {folder} was made for the base {made_for.get('name')!r}, whose content is"
        f" {str(made_for['sha256'])[:12]}..., and that of {base} is {key[:12]}.... Use that base,"
        f" or take 'base' out of {folder / NOTE} to try the adapter on this one."
    )
