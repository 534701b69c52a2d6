"""Files that rows are appended to: held by one process, and whole after a kill."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tersely.errors import SettingError


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Hold a file for this process.

    Raises:
        SettingError: It cannot be written there, is not named *.jsonl, or is held by another.
    """
    if out.suffix != ".jsonl":
        raise SettingError(f"Rows go to a file named *.jsonl, not {out.name}; gzip it later.")
    if not out.parent.is_dir():
        raise SettingError(f"There is no folder {out.parent} to write {out.name} to.")
    if out.is_dir():
        raise SettingError(f"{out} is a folder; name the file to write.")
    lock = FileLock(out.parent / f".{out.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SettingError(f"Another process is writing {out}.") from error
    try:
        yield
    finally:
        lock.release()


def drop_torn_line(file: Path) -> None:
    """Cut off a last line that has no end: it was being written when its process was killed."""
    if file.is_file():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
