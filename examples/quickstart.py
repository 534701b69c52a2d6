"""Compress a meeting transcript in two lines, and see where the text came from.

python examples/quickstart.py
"""

from __future__ import annotations

from pathlib import Path

import tersely

transcript = (Path(__file__).parent / "meeting.txt").read_text("utf-8")
result = tersely.compress(transcript, rate=0.3, protect=["numbers"])
print(result.text)
print(f"{result.tokens_before} -> {result.tokens_after} tokens")
first = result.kept[0]
print(f"the first stretch kept is characters {first.start} to {first.end} of the transcript")
