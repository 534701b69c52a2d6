"""Memory that is free goes back to the system."""

import sys

import numpy as np
import pytest

from tersely.backends.memory import release_memory

MEGABYTE = 1_000_000


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and glibc are Linux's")
def test_gaps_between_what_is_left_are_given_back():
    release_memory()
    before = resident()
    parts = [np.ones(12_000) for _ in range(2_000)]  # 96 kB each, below what is mapped apart
    kept = parts[::50]
    del parts
    release_memory()
    assert resident() - before < 60 * MEGABYTE
    assert len(kept) == 40


def test_it_can_be_called_anywhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    release_memory()
