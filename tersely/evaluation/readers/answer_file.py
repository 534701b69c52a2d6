"""Answers that a server gave, in a file, so that no question is paid for twice."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock

Answer = dict[str, Any]
_FILE = "answers.jsonl"


class AnswerFile:
    """One JSON line per answer, in a folder; any number of threads and processes may use it.

    A line that was being written when its process was killed is not there.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made when there is something to keep.

        Args:
            folder: Holds answers.jsonl.
        """
        self._path = folder / _FILE
        self._lock = FileLock(folder / f".{_FILE}.lock", thread_local=False)
        self._known: dict[str, Answer] = {}
        self._read_bytes = 0  # so far; others write more
        self._mutex = threading.Lock()

    def find(self, key: str) -> Answer | None:
        """Return a kept answer, also one that another process has kept meanwhile."""
        with self._mutex:
            if key not in self._known:
                self._read_more()
            return self._known.get(key)

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer."""
        line = json.dumps({"key": key} | answer).encode() + b"\n"
        with self._mutex:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, self._path.open("ab+") as file:
                if file.tell() and not self._ends_a_line():
                    file.write(b"\n")  # what was torn off stays a line of its own
                file.write(line)
            self._known[key] = answer

    def _ends_a_line(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"

    def _read_more(self) -> None:
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                self._known[row.pop("key")] = row
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn off, or not ours


def key_of(*parts: object) -> str:
    """Return a key for a question: all that its answer depends on, as JSON holds it."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
