"""Sources of rows that are written in the tests; and the real ones, where they are."""

import json
from pathlib import Path

import pytest

from tersely.evaluation.source import Source

DATA = Path(__file__).parents[2] / "shared" / "data" / "dev"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no data sets in {DATA}")


def folder(path, **sets):
    """Write sets of rows, and return their source."""
    for name, rows in sets.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (path / f"{name}.jsonl").write_text(text, "utf-8")
    return Source(str(path))


def hub(monkeypatch, rows, place="hub:some/set"):
    """Return a hub's source that has these rows."""
    monkeypatch.setattr(Source, "rows", lambda self, name: iter(rows))
    return Source(place)
