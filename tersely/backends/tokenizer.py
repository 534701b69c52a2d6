"""A model's own tokenizer: text → ids with the characters each stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tersely.backends.base import Tokens
from tersely.core.units import clean
from tersely.errors import BackendError


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json` such that text which looks like a special token stays text.

    Raises:
        BackendError: There is no such file, or it is not a tokenizer.
    """
    if not path.is_file():
        raise BackendError(f"{path.parent} has no tokenizer.json; a model folder needs one.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise BackendError(f"{path} is not a tokenizer: {error}") from error
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> Tokens:
    """Cut a text into tokens that tile it; no special token is added.

    Args:
        tokenizer: As `read_tokenizer` returns it.
        text: Any text; a lone surrogate is read as U+FFFD.
    """
    encoding = tokenizer.encode(clean(text), add_special_tokens=False)
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)  # (T, 2)
    ids = np.array(encoding.ids, dtype=np.int64)
    starts, ends = _tile(offsets, len(text))
    return Tokens(ids, starts, ends)


def _tile(
    offsets: npt.NDArray[np.int64], length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Make (T, 2) offsets, which may overlap or leave gaps, tile [0, length)."""
    if len(offsets) == 0:
        return offsets[:, 0], offsets[:, 1]
    ends = offsets[:, 1].copy()
    # A token ends where the next one starts, so the bytes of one character leave all but the
    # last of their tokens empty, and whitespace no token claims goes to the token before it.
    ends[:-1] = offsets[1:, 0]
    ends[-1] = length
    ends = np.maximum.accumulate(np.minimum(ends, length))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    return starts, ends
