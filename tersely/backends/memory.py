"""Give memory back that was used and is free again."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def release_memory() -> None:
    """Give free memory back to the system, where the C library can (glibc).

    Caches of prompts of every length come and go, and glibc keeps the gaps between what is left: a
    run grew to 12 GB in 50 minutes.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such function
            ctypes.CDLL(None).malloc_trim(0)
