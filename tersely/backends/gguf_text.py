"""One text of a GGUF file's header, without reading the other fields into Python.

Opening a file with `gguf` makes an object of each of its 49,152 tokens and as many merges, which
takes seconds. What is skipped here are counts and lengths.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from tersely.errors import BackendError

_STRING, _ARRAY = 8, 9
_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def read_text(path: Path, key: str) -> str:
    """Return a text field of a GGUF file; "" if it has none of that name.

    Raises:
        BackendError: It is not a GGUF file of version 2 or 3.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF" or _number(file, 4) not in (2, 3):
                raise ValueError("it does not begin like one")
            _number(file, 8)  # how many tensors
            for _ in range(_number(file, 8)):
                name, kind = _text(file), _number(file, 4)
                if name == key and kind == _STRING:
                    return _text(file)
                _skip(file, kind)
    except (ValueError, OSError, KeyError, struct.error) as error:
        raise BackendError(f"{path} is not a GGUF file: {error}") from error
    return ""


def _number(file: BinaryIO, size: int) -> int:
    number: int = struct.unpack("<I" if size == 4 else "<Q", file.read(size))[0]
    return number


def _text(file: BinaryIO) -> str:
    size = _number(file, 8)
    found = file.read(size)
    if len(found) < size:
        raise ValueError("it breaks off")
    return found.decode("utf-8")


def _skip(file: BinaryIO, kind: int) -> None:
    """Go to behind a value."""
    if kind == _STRING:
        file.seek(_number(file, 8), 1)
    elif kind == _ARRAY:
        of, count = _number(file, 4), _number(file, 8)
        if of in _BYTES:
            file.seek(_BYTES[of] * count, 1)
        else:
            for _ in range(count):
                _skip(file, of)
    else:
        file.seek(_BYTES[kind], 1)
