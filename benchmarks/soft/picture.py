"""docs/results/soft-producers.json -> a picture of it: `python -m benchmarks.soft.picture`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.common import RESULTS
from benchmarks.soft.report import NAME
from tersely.evaluation.report.plots import BASELINES, MARKERS, METHODS, Line, Panel, Style, panels

CHOOSING = ("expected_attention", "kvzip", "snapkv")
BY_PLACE = ("truncate, last", "truncate, first", "streaming", "anchors", "anchors and token 0")
TITLES = {
    True: "the chat head stands in front",
    False: "nothing stands in front: the sink effect",
}


def styles() -> dict[str, Style]:
    """Return how arms look: what chooses by attention in colour, what goes by place muted."""
    found = {
        arm: Style(METHODS[number], MARKERS[number])
        for number, arm in enumerate(("fitted", *CHOOSING))
    }
    for number, arm in enumerate(BY_PLACE):
        found[arm] = Style(BASELINES[number], MARKERS[4 + number], (0, (4, 2)), 1.2)
    return found


def panel(rows: Sequence[dict[str, Any]], *, prefix: bool) -> Panel:
    """Return one picture: what share of a text's worth is regained, by the number of slots."""
    mine = [row for row in rows if row["prefix"] == prefix and row["measure"] == "regained"]
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in mine):
        points = sorted((row["slots"], row) for row in mine if row["arm"] == arm)
        x, ends = [slots for slots, _ in points], ("value", "low", "high")
        y, low, high = (tuple(100 * row[end] for _, row in points) for end in ends)
        lines.append(Line(arm=arm, x=tuple(map(float, x)), y=y, low=low, high=high))
    return Panel(title=TITLES[prefix], lines=tuple(lines))


def main() -> None:
    """Write the picture beside the numbers."""
    rows = json.loads((RESULTS / f"{NAME}.json").read_text("utf-8"))
    rows = [row for row in rows if row["arm"] in styles() and row["value"] is not None]
    draw = panels(
        [panel(rows, prefix=True), panel(rows, prefix=False)],
        styles(),
        x="slots for 384 tokens",
        y="regained of what the text is worth, %",
    )
    (RESULTS / f"{NAME}.png").write_bytes(draw("png"))


if __name__ == "__main__":
    main()
