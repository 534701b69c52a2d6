"""Files of JSON lines, plain or gzipped: rows with the place they came from, and back to a file.

One line at a time is in memory. What is wrong with a line is said with its file and number.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tersely.errors import SettingError

Row = dict[str, Any]
OnBad = Callable[["Place", str], None]
OnBytes = Callable[[int, int], None]

MOST_LINE_BYTES = 64_000_000
"""What a line may have; a longer one is not read, so that memory stays bounded."""

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row was read.

    Attributes:
        file: As it was named.
        line: Counted from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row and its place."""

    place: Place
    row: Row


def read_lines(
    files: Sequence[Path], *, on_bad: OnBad | None = None, progress: OnBytes | None = None
) -> Iterator[Line]:
    """Yield the rows of files in order; empty lines are passed over.

    Args:
        files: JSON lines in UTF-8; gzipped if the name ends in ".gz".
        on_bad: Told of each line that is no row, which is then left out. None raises.
        progress: Called with the bytes read so far and those of all files.

    Raises:
        SettingError: A file cannot be opened; or, without `on_bad`, a line is no JSON object, is
            not UTF-8, holds half a character, is too long, or the file is cut off.
    """
    sizes = [_size(file) for file in files]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        with file.open("rb") as raw:
            for place, text in _texts(file, raw):
                row = _row(text) if isinstance(text, bytes) else text
                if isinstance(row, _Wrong):
                    _tell(place, row.why, on_bad)
                elif row is not None:
                    yield Line(place, row)
                if progress and place.line % 64 == 0:
                    progress(before + raw.tell(), sum(sizes))
        before += size
    if progress:
        progress(before, before)


@contextmanager
def writing(file: Path) -> Iterator[Callable[[Row], None]]:
    """Give what writes one row; the file is there when all are written, and not before.

    Gzipped if the name ends in ".gz"; the same rows give the same bytes.

    Raises:
        SettingError: The file cannot be written, or a row has what JSON cannot say (NaN).
    """
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as raw, _packed(raw, file) as stream:
            yield lambda row: _write(stream, row)
        part.replace(file)
    except OSError as error:
        raise SettingError(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def check_files(sources: Iterable[Path], targets: Iterable[Path]) -> None:
    """Refuse to write over what is read, twice to one file, or into no folder.

    Raises:
        SettingError: It would.
    """
    seen = {file.resolve() for file in sources}
    for target in targets:
        if not target.parent.is_dir():
            raise SettingError(f"There is no folder {target.parent} to write {target.name} to.")
        if target.is_dir():
            raise SettingError(f"{target} is a folder; name the file to write.")
        if target.resolve() in seen:
            raise SettingError(f"{target} is named twice; name another file to write.")
        seen.add(target.resolve())


def as_json(row: Row) -> str:
    """Return a row as one line of JSON.

    Raises:
        ValueError: It has NaN or an infinity, which JSON cannot say.
    """
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class _Wrong:
    why: str


def _size(file: Path) -> int:
    if not file.is_file():
        raise SettingError(f"There is no file {file}.")
    return file.stat().st_size


def _tell(place: Place, why: str, on_bad: OnBad | None) -> None:
    if on_bad is None:
        raise SettingError(f"{place}: {why} Mend it, or leave such lines out with --skip-bad.")
    on_bad(place, why)


def _texts(file: Path, raw: IO[bytes]) -> Iterator[tuple[Place, bytes | _Wrong | None]]:
    """Yield each line, or what is wrong with it; None for an empty one."""
    packed = file.suffix == ".gz"
    stream: Any = gzip.open(raw, "rb") if packed else raw  # noqa: SIM115 (raw is closed)
    number = 0
    while True:
        place = Place(str(file), number + 1)
        try:
            text = stream.readline(MOST_LINE_BYTES + 1)
            too_long = len(text) > MOST_LINE_BYTES
            while too_long and text and not text.endswith(b"\n"):
                text = stream.readline(MOST_LINE_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            yield place, _Wrong(f"the file cannot be read from here on ({error}).")
            return
        number += 1
        if not text and not too_long:
            return
        if number == 1:  # what Windows puts first
            text = text.removeprefix(_BOM)
        if too_long:
            yield place, _Wrong(f"the line is longer than {MOST_LINE_BYTES:,d} bytes.")
        else:
            yield place, text if text.strip() else None


def _row(text: bytes) -> Row | _Wrong:
    try:
        row = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _Wrong(f"not UTF-8 (byte {error.start + 1} of the line).")
    except RecursionError:
        return _Wrong("not readable: nested too deep.")
    except ValueError as error:
        torn = "" if text.endswith(b"\n") else " The file ends inside this line."
        return _Wrong(f"not JSON ({error}).{torn}")
    if not isinstance(row, dict):
        return _Wrong(f"not a JSON object but a {type(row).__name__}.")
    if b"\\u" in text and _SURROGATE.search(json.dumps(row, ensure_ascii=False)):
        return _Wrong("half a character (a lone surrogate) is in a text.")
    return row


def _packed(raw: IO[bytes], file: Path) -> AbstractContextManager[Any]:
    if file.suffix == ".gz":
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
    return io.BufferedWriter(raw)


def _write(stream: IO[bytes], row: Row) -> None:
    try:
        stream.write(as_json(row).encode("utf-8") + b"\n")
    except ValueError as error:
        raise SettingError(f"Row {row.get('id', '')!r} cannot be written: {error}.") from error
