"""Where the rows of a data set come from: a folder of JSON lines, one file, or a hub."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.errors import SettingError

Row = dict[str, Any]
HUB = "hub:"
ENDINGS = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """A place that data sets are read from.

    Attributes:
        place: A folder with NAME.jsonl or NAME.jsonl.gz, a file of that kind, or
            "hub:ID[:CONFIG[:SPLIT]]", which is loaded through `datasets`. A file and a hub's set
            stand for whatever set is asked for.
    """

    place: str

    @property
    def is_hub(self) -> bool:
        """Whether the rows have the fields that the hub's set has, rather than ours."""
        return self.place.startswith(HUB)

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of a data set, in its order.

        Raises:
            SettingError: It is not there, or a line is not a JSON object.
            MissingDependency: A hub's set is asked for, and `datasets` is not installed.
        """
        if self.is_hub:
            yield from self._hub_rows()
            return
        yield from read_rows(self.file(name))

    def file(self, name: str) -> Path:
        """Return the file of a data set.

        Raises:
            SettingError: There is none.
        """
        place = Path(self.place)
        if place.is_file():
            return place
        for ending in ENDINGS:
            if (file := place / f"{name}{ending}").is_file():
                return file
        raise SettingError(
            f"There is no {name}.jsonl or {name}.jsonl.gz in {self.place}."
            " Name the folder, or the file, with --data, or ask for what is there (--task, --set)."
        )

    def text(self, path: str) -> str:
        """Return a text file that lies beside the data sets, or in the folder above them.

        Raises:
            SettingError: There is none, or the source is not a folder.
        """
        place = Path(self.place)
        for file in [] if self.is_hub else (place / path, place / ".." / path):
            if file.is_file():
                return file.read_text("utf-8").strip()
        raise SettingError(f"There is no {path} in {self.place}. Name the folder with --data.")

    def sha256(self, name: str) -> str:
        """Return the hash of a data set's file; "" for a hub's set."""
        if self.is_hub:
            return ""
        with self.file(name).open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()

    def _hub_rows(self) -> Iterator[Row]:
        parts = self.place.removeprefix(HUB).split(":")
        if not parts[0] or len(parts) > 3:
            raise SettingError(
                f"A hub's set is hub:ID, hub:ID:CONFIG or hub:ID:CONFIG:SPLIT, not {self.place!r}."
            )
        datasets = need("datasets", extra="hub")
        config = parts[1] if len(parts) > 1 and parts[1] else None
        split = parts[2] if len(parts) > 2 else "test"
        yield from datasets.load_dataset(parts[0], config, split=split)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a file of JSON lines, gzipped if it ends in ".gz".

    Raises:
        SettingError: The file cannot be read, or a line is not a JSON object.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(file, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error


def _row(file: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise SettingError(f"Line {number} of {file} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise SettingError(f"Line {number} of {file} is not a JSON object but {line[:40]!r}.")
    return row


def number_of(*parts: object) -> int:
    """Return a number in [0, 2**32) that depends on nothing but what is given."""
    text = " ".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4])
