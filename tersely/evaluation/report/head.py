"""How the records of a report were made: the lines at its top."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tersely.errors import SettingError
from tersely.evaluation.plan import RUN_FILE
from tersely.evaluation.records import Record

Line = tuple[str, str]
SHORT = 12
"""How many hex digits of a fingerprint are shown."""


def read_run(place: Path) -> dict[str, Any]:
    """Return what a run noted of itself; nothing where it did not.

    Raises:
        SettingError: The note cannot be read.
    """
    file = place / RUN_FILE
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SettingError(f"{file} is not the note of a run: it is no JSON object.")
    return found


def head_of(
    records: Sequence[Record],
    runs: Sequence[Mapping[str, Any]] = (),
    *,
    command: str = "",
    commit: str = "",
) -> tuple[Line, ...]:
    """Return what the records say of how they were made, and what their runs noted.

    Args:
        records: All of them.
        runs: What each run noted; whatever keys there are.
        command: How this report was started.
        commit: Of the working copy; "" where there is none.
    """
    days = sorted({record.made[:10] for record in records if record.made})
    lines = (
        [("Measured", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}")] if days else []
    )
    lines.append(("Records", f"{len(records):,d}"))
    lines.append(("Readers", ", ".join(sorted({r.reader or "nobody" for r in records}))))
    lines.append(("Versions", _versions(records)))
    lines.append(("Seeds", ", ".join(map(str, sorted({r.seed for r in records})))))
    for number, run in enumerate(runs, start=1):
        of = f" (run {number})" if len(runs) > 1 else ""
        lines += [
            (f"{name.replace('_', ' ').capitalize()}{of}", text)
            for name, value in run.items()
            if name not in ("versions", "seed") and (text := _said(value))
        ]
    lines += [("Report", command), ("Commit", commit)]
    return tuple(line for line in lines if line[1])


def commit_of(folder: Path) -> str:
    """Return the commit of a working copy, and whether it has changes; "" where there is none."""
    try:
        asked = [
            "git",
            "-C",
            str(folder),
            "describe",
            "--always",
            "--abbrev=8",
            "--dirty= with changes",
        ]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):  # git is not here: the line is left out
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def _versions(records: Iterable[Record]) -> str:
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, value in record.versions.items():
            found[name].add(value)
    return ", ".join(
        f"{name} {' and '.join(sorted(texts))}" for name, texts in sorted(found.items())
    )


def _said(value: Any) -> str:
    """Return what a note says as one line; fingerprints are cut short."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text}" for key, one in value.items() if (text := _said(one)))
    if isinstance(value, list | tuple):
        return "; ".join(text for one in value if (text := _said(one)))
    text = "" if value is None else str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return text[:SHORT] if is_hash else text
