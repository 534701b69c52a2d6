"""Memories as files: safetensors, with all that is known of the memory in one field of the header.

A file appears in its place whole: it is written beside it and renamed, so that two processes can
write the same one. Its tensors are checked by a hash when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import BackendError, SettingError
from tersely.soft.memory import Fingerprint, Memory

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")

FIELD = "tersely"
FORMAT = "tersely-memory-1"


def write_memory(memory: Memory, path: Path) -> None:
    """Write a memory to a file: the same bytes for the same memory.

    Raises:
        BackendError: It cannot be written.
    """
    pack = need("safetensors.torch", extra="torch").save
    tensors = _tensors(memory)
    said = {
        "format": FORMAT,
        "sha256": tensors_sha256(tensors),
        "source_tokens": memory.source_tokens,
        "places": memory.places,
        "fingerprint": asdict(memory.fingerprint),
        "prefix": memory.prefix,
        "made_by": dict(memory.made_by),
    }
    # one field, since safetensors writes several in any order
    content = pack(tensors, metadata={FIELD: json.dumps(said, sort_keys=True)})
    beside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise BackendError(f"{path} could not be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)


def read_memory(path: Path) -> Memory:
    """Read a memory from a file, onto the CPU; see `Memory.load`."""
    safetensors = need("safetensors.torch", extra="torch")
    if not path.is_file():
        raise BackendError(f"There is no memory file {path}.")
    try:
        content = path.read_bytes()  # at once: another process may put a new file in its place
        tensors = safetensors.load(content)
    except (OSError, need("safetensors", extra="torch").SafetensorError) as error:
        raise BackendError(
            f"{path} is no memory, or only a part of one: {error}. Compress the text again."
        ) from error
    said = _said(content, path)
    if said.get("sha256") != tensors_sha256(tensors):
        raise BackendError(
            f"{path} is damaged: its content is not what was written. Compress the text again."
        )
    try:
        return Memory(
            keys=tensors["keys"],
            values=tensors["values"],
            positions=tensors["positions"].to(torch.int64),
            key_scales=tensors.get("key_scales"),
            value_scales=tensors.get("value_scales"),
            source_tokens=said["source_tokens"],
            places=said["places"],
            fingerprint=Fingerprint(**said["fingerprint"]),
            prefix=said["prefix"],
            made_by=said["made_by"],
        )
    except (KeyError, TypeError, SettingError) as error:
        raise BackendError(f"{path} is not a whole memory: {error}.") from error


def _said(content: bytes, path: Path) -> dict[str, Any]:
    """Return what the header of a safetensors file says of a memory."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    try:
        said = json.loads(header["__metadata__"][FIELD])
        found = said["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise BackendError(
            f"{path} holds tensors, but no memory of tersely. Make one with: tersely soft compress"
        ) from error
    if found != FORMAT:
        raise BackendError(f"{path} is a memory of format {found!r}; this reads {FORMAT!r}.")
    return dict(said)


def _tensors(memory: Memory) -> dict[str, Tensor]:
    tensors = {
        "keys": memory.keys,
        "values": memory.values,
        "positions": memory.positions.to(torch.int32),
        "key_scales": memory.key_scales,
        "value_scales": memory.value_scales,
    }
    return {
        name: one.detach().cpu().contiguous() for name, one in tensors.items() if one is not None
    }


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return a hash over the names, shapes, types and numbers of tensors."""
    digest = hashlib.sha256()
    for name, one in sorted(tensors.items()):
        digest.update(f"{name} {tuple(one.shape)} {one.dtype}\n".encode())
        digest.update(one.contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()
