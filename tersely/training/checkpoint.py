"""What a training leaves on disk: the best weights so far, and where it was when it stopped.

    OUT/
    ├── config.json, tokenizer.json, model.safetensors   the best weights: a Hugging Face folder
    ├── tersely.json         settings, data, held-out numbers, and what it was run on
    ├── held_out.jsonl       a few texts that nothing was learnt from, to check an export on
    └── state/0001-0000123/  after step 123, in the second epoch: weights, optimiser and random
                             numbers to go on from; gone at the end

Each file, and each state, appears in its place whole: it is made beside it and then renamed. The
tensors are safetensors, so that nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.backends.store import file_hash, read_json
from tersely.errors import BackendError, ModelMismatch, SettingError

CARD = "tersely.json"
WEIGHTS = "model.safetensors"
TEXTS = "held_out.jsonl"
_STATE = "state"
MAKING = ".making-"
"""How the names of files begin that are not whole yet."""

_MOST_DIFFERENCES = 3
_MOST_SHOWN = 60  # characters of a value

Tensors = dict[str, Any]  # name → torch.Tensor
Notes = dict[str, Any]


def open_folder(out: Path) -> None:
    """Make the folder of a training, or see that it is one.

    Raises:
        SettingError: It is something else, or cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in out.iterdir() if not path.name.startswith(MAKING)]
        ours = (out / CARD).is_file() or (out / _STATE).is_dir()
    except FileExistsError as error:
        raise SettingError(f"{out} is a file. Name a new folder.") from error
    except OSError as error:
        raise SettingError(f"{out} cannot be written: {error.strerror}.") from error
    if others and not ours:
        raise SettingError(
            f"{out} is there, and holds {sorted(others)[0]} but no training. Name a new folder."
        )


@contextmanager
def unless_empty(folder: Path) -> Iterator[None]:
    """Delete what a block made of a folder and those above it, if nothing is in them in the end."""
    try:
        made = [one for one in (folder, *folder.parents) if not one.exists()]
    except OSError as error:
        raise SettingError(f"{folder} cannot be read: {error.strerror}.") from error
    try:
        yield
    finally:
        with suppress(OSError):  # something is in it, or it was never made
            for one in made:
                one.rmdir()


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, and rename it.

    Raises:
        BackendError: It cannot be written.
    """
    beside = path.with_name(f"{MAKING}{os.getpid()}-{path.name}")
    try:
        beside.touch()
        mode = beside.stat().st_mode
        write(beside)
        beside.chmod(mode)  # safetensors writes files that nobody else may read
        beside.replace(path)
    except OSError as error:
        raise BackendError(f"{path} could not be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)


def write_notes(path: Path, notes: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    text = json.dumps(notes, indent=2, ensure_ascii=False) + "\n"
    write_file(path, lambda place: place.write_text(text, "utf-8"))


def write_weights(path: Path, tensors: Tensors) -> str:
    """Write tensors, and return the file's SHA-256: the same for the same numbers."""
    safetensors = need("safetensors", extra="train")
    save_file = need("safetensors.torch", extra="train").save_file
    plain = {name: one.detach().cpu().contiguous() for name, one in sorted(tensors.items())}
    try:
        write_file(path, lambda place: save_file(plain, place, metadata={"format": "pt"}))
    except safetensors.SafetensorError as error:  # a full disk, for one
        raise BackendError(f"{path} could not be written: {error}.") from error
    return file_hash(path)


def read_card(out: Path) -> Notes | None:
    """Return what `tersely.json` of a folder says; None if there is none."""
    return read_json(out / CARD) if (out / CARD).is_file() else None


def save_state(out: Path, name: str, tensors: Tensors, notes: Notes) -> None:
    """Keep where a training is; what was kept before is deleted.

    Args:
        out: The folder of the training.
        name: Of the state; a later one comes later in the alphabet.
        tensors: What it is made of.
        notes: What else there is to know.

    Raises:
        BackendError: It cannot be written.
    """
    place = out / _STATE / name
    if place.is_dir():  # it is of the same moment
        return
    beside = out / _STATE / f"{MAKING}{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise BackendError(f"{beside} could not be made: {error.strerror}.") from error
    write_weights(beside / "state.safetensors", tensors)
    write_notes(beside / "state.json", notes)
    beside.rename(place)
    for other in (out / _STATE).iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def load_state(out: Path) -> tuple[Tensors, Notes] | None:
    """Return what the last `save_state` kept; None if there is nothing.

    Raises:
        BackendError: It is damaged.
    """
    states = sorted(path for path in (out / _STATE).glob("[0-9]*") if path.is_dir())
    if not states:
        return None
    safetensors = need("safetensors", extra="train")
    load_file = need("safetensors.torch", extra="train").load_file
    try:
        return load_file(states[-1] / "state.safetensors"), read_json(states[-1] / "state.json")
    except (OSError, safetensors.SafetensorError, ModelMismatch) as error:
        raise BackendError(
            f"{states[-1]} is damaged: {error} Delete {out / _STATE} to begin anew."
        ) from error


def drop_state(out: Path) -> None:
    """Delete what only a training that goes on needs."""
    shutil.rmtree(out / _STATE, ignore_errors=True)


def check_same(found: Notes, wanted: Notes, out: Path) -> None:
    """Check that a folder holds the training that is to go on in it.

    Args:
        found: Settings, data and base of what is there, by name.
        wanted: The same of what was asked for.
        out: The folder.

    Raises:
        SettingError: They differ.
    """
    if differing := differences(found, wanted):
        raise SettingError(
            f"{out} holds another training: {differing}. Name a new folder, or delete it."
        )


def differences(found: Notes, wanted: Notes) -> str:
    """Return in words where settings differ: at most three of them, and how many more; "" if not.

    Args:
        found: Those of what is there, by name.
        wanted: Those of what was asked for.
    """
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    said = [
        f"{name} differs"
        if name.endswith("_sha256")
        else f"{name} {_shortened(found.get(name))} there, {_shortened(wanted.get(name))} now"
        for name in names[:_MOST_DIFFERENCES]
    ]
    more = len(names) - len(said)
    return "; ".join(said + ([f"and {more} more"] if more else []))


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
