"""What one process says about itself; standard library only, for the workers of both tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, the CPU-seconds of all threads, and the wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def peak_mb() -> float:
    """Return the most memory this process has had resident so far, in MB (2**20 bytes)."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This kernel does not report VmHWM; the benchmark needs Linux.")


def reset_peak() -> float:
    """Let the peak start again from what is resident now, and return that, in MB."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return peak_mb()
