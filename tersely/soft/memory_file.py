"""Files of tensors with one field of JSON beside them: what a memory is stored in, as safetensors.

A file appears in its place whole: it is written beside it and renamed, so that two processes can
write the same one. Everything in it is checked by a hash when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import BackendError

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")

FIELD = "tersely"
FORMAT = "tersely-memory-1"
_MOST_HEADER = 1_000_000


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
    target = place_to_write(path)
    beside = target.with_name(f".tersely-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except OSError as error:
        raise BackendError(f"{path} could not be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):  # where nothing can be written, there is nothing to take away
            beside.unlink(missing_ok=True)


def place_to_write(path: Path) -> Path:
    """Return the file that is written when a path is: links are followed, not replaced.

    Raises:
        BackendError: What stands there is no file, or may not be changed, or has no folder.
    """
    target, why = path, ""
    try:
        target = Path(os.path.realpath(path))
        kind = kind_of(target)
        if kind == "file" and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
            why = "it may only be read. Name another, or allow it with chmod u+w"
        elif kind not in ("file", ""):
            why = f"it is a {kind}. Name a file"
        elif not target.parent.is_dir():
            why = f"there is no folder {target.parent}"
    except (OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error)
    if why:
        raise BackendError(f"{path} could not be written: {why}.")
    return target


def kind_of(path: Path) -> str:
    """Return in a word what stands at a path, links followed; "" for nothing.

    Raises:
        OSError: It cannot be told, as for a name that is too long, or links in a circle.
        ValueError: The path is none.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "link to nothing" if path.is_symlink() else ""
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe"}
    kinds |= {stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


def read_parts(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_parts` wrote: tensors on the CPU, and what is said of them.

    Raises:
        BackendError: There is no such file, it is something else, or it is damaged.
    """
    safetensors = need("safetensors.torch", extra="torch")
    try:
        kind = kind_of(path)
        if kind != "file":
            what = f": it is a {kind}" if kind else ""
            raise BackendError(f"There is no memory file {path}{what}.")
        content = path.read_bytes()  # at once: another process may put a new file in its place
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BackendError(f"{path} cannot be read: {why}.") from error
    try:
        tensors: dict[str, Tensor] = safetensors.load(content)
    except need("safetensors", extra="torch").SafetensorError as error:
        raise BackendError(
            f"{path} is no memory, or only a part of one. Compress the text again."
        ) from error
    said = _said(content, path)
    if said.get("sha256") != content_sha256(tensors, said):
        raise BackendError(
            f"{path} is damaged: its content is not what was written. Compress the text again."
        )
    return tensors, said


def is_memory(path: Path) -> bool:
    """Return whether a file looks like a memory, whole or not; False for what is no file."""
    try:
        if kind_of(path) != "file":
            return False
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(8), "little"), _MOST_HEADER)
            return FORMAT.encode() in file.read(length)
    except (OSError, ValueError):
        return False


def content_sha256(tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> str:
    """Return a hash over the names, shapes, types and numbers of tensors, and what is said."""
    rest = {name: value for name, value in said.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for name, one in sorted(tensors.items()):
        digest.update(f"\n{name} {tuple(one.shape)} {one.dtype}\n".encode())
        digest.update(one.reshape(-1).view(torch.uint8).numpy())
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
