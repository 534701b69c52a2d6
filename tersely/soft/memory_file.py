"""Files of tensors with one field of JSON beside them: what a memory is stored in, as safetensors.

A file appears in its place whole: it is written beside it and renamed, so that two processes can
write the same one. Everything in it is checked by a hash when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import BackendError

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")

FIELD = "tersely"
FORMAT = "tersely-memory-1"


def write_parts(path: Path, tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> None:
    """Write tensors and what is said of them to a file: the same bytes for the same content.

    Args:
        path: The file.
        tensors: By name.
        said: Anything that JSON holds.

    Raises:
        BackendError: It cannot be written.
    """
    pack = need("safetensors.torch", extra="torch").save
    stored = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    whole = {**said, "format": FORMAT}
    whole["sha256"] = content_sha256(stored, whole)
    # one field, since safetensors writes several in any order
    content = pack(stored, metadata={FIELD: json.dumps(whole, sort_keys=True)})
    beside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise BackendError(f"{path} could not be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)


def read_parts(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_parts` wrote: tensors on the CPU, and what is said of them.

    Raises:
        BackendError: There is no such file, it is something else, or it is damaged.
    """
    safetensors = need("safetensors.torch", extra="torch")
    if not path.is_file():
        raise BackendError(f"There is no memory file {path}.")
    try:
        content = path.read_bytes()  # at once: another process may put a new file in its place
        tensors: dict[str, Tensor] = safetensors.load(content)
    except (OSError, need("safetensors", extra="torch").SafetensorError) as error:
        raise BackendError(
            f"{path} is no memory, or only a part of one: {error}. Compress the text again."
        ) from error
    said = _said(content, path)
    if said.get("sha256") != content_sha256(tensors, said):
        raise BackendError(
            f"{path} is damaged: its content is not what was written. Compress the text again."
        )
    return tensors, said


def content_sha256(tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> str:
    """Return a hash over the names, shapes, types and numbers of tensors, and what is said."""
    rest = {name: value for name, value in said.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for name, one in sorted(tensors.items()):
        digest.update(f"\n{name} {tuple(one.shape)} {one.dtype}\n".encode())
        digest.update(one.contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def _said(content: bytes, path: Path) -> dict[str, Any]:
    """Return what the header of a safetensors file says."""
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
