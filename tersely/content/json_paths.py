"""Paths to values of a JSON document, such as `$.items[*].id`, and what they lead to.

A path begins with `$` (the document) or `**` (anywhere), and goes on in steps:

    .name  ["name"]   the member of that key; in quotes, any key, written as in JSON
    [2]               the item of that number, counted from 0
    .*  [*]           every member; every item
    .**               any number of steps, none too
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from tersely.content.json_scan import Document, read_key
from tersely.errors import SettingError

_STEP = re.compile(
    r'(?P<deep>\.\*\*)|(?P<member>\.\*)|(?P<item>\[\*\])|\.(?P<name>[^.\[\]*"\s]+)'
    r'|\[(?P<index>[0-9]+)\]|\[(?P<key>"(?:[^"\\\x00-\x1f]|\\.)*")\]'
)
_STARTS = ("$", "**")

Label = str | int
"""How a value is reached from its container: by a key, or by a number."""
Place = tuple[int, int]
"""A path, and how many of its steps are taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path.

    Attributes:
        kind: "label" (one key or number), "member", "item" (any of them) or "deep".
        label: Of a "label": which.
    """

    kind: str
    label: Label = ""

    def takes(self, label: Label) -> bool:
        """Return whether the step leads there."""
        if self.kind == "label":
            return self.label == label and type(self.label) is type(label)
        return self.kind == "deep" or (self.kind == "member") == isinstance(label, str)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where paths lead, as indices of nodes.

    Attributes:
        kept: Values to keep.
        dropped: Values to drop; none is inside what is kept.
        above_kept: Containers with something to keep inside.
        above: Containers with anything marked inside.
    """

    kept: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    above_kept: set[int] = field(default_factory=set)
    above: set[int] = field(default_factory=set)


@cache
def parse_path(path: str) -> tuple[Step, ...]:
    """Read a path.

    Raises:
        SettingError: It is not one; the message says at which character.
    """
    start = next((start for start in _STARTS if path.startswith(start)), None)
    if start is None:
        raise SettingError(f"A path begins with $ or **; {path!r} does not.")
    steps = [Step("deep")] if start == "**" else []
    at = len(start)
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise SettingError(
                f'The path {path!r} goes wrong at character {at + 1}: .name, ["name"], [0], .*,'
                " [*] or .** is expected."
            )
        steps.append(_read_step(path, match))
        at = match.end()
    return tuple(steps)


def mark_nodes(text: str, document: Document, keep: Sequence[str], drop: Sequence[str]) -> Marks:
    """Find what paths lead to. What is to be kept and to be dropped is kept."""
    marks = Marks()
    paths = [parse_path(path) for path in (*keep, *drop)]
    if not paths:
        return marks
    walk = _Walk(paths)
    nodes = document.nodes
    reached: dict[int, frozenset[Place]] = {}
    numbers: dict[int, int] = {}
    index = 0
    while index < len(nodes):
        node = nodes[index]
        if node.parent < 0:
            places = walk.start()
        else:
            label: Label | None = read_key(text, node)
            if label is None:
                label = numbers.get(node.parent, 0)
                numbers[node.parent] = label + 1
            places = walk.go(reached[node.parent], label)
        ends = {path for path, taken in places if taken == len(paths[path])}
        keeps = any(path < len(keep) for path in ends)
        if ends:
            (marks.kept if keeps else marks.dropped).add(index)
            _mark_above(document, index, [marks.above, *([marks.above_kept] if keeps else [])])
        reached[index] = places
        index = node.stop if keeps or not places else index + 1
    return marks


class _Walk:
    """All paths at once, each wherever it may be."""

    def __init__(self, paths: Sequence[Sequence[Step]]) -> None:
        self.paths = paths
        self.known: dict[tuple[frozenset[Place], Label], frozenset[Place]] = {}

    def start(self) -> frozenset[Place]:
        """Return where the paths are at a document."""
        return self._spread((path, 0) for path in range(len(self.paths)))

    def go(self, places: frozenset[Place], label: Label) -> frozenset[Place]:
        """Return where the paths are one label further down."""
        found = self.known.get((places, label))
        if found is None:
            onward: set[Place] = set()
            for path, taken in places:
                if taken < len(self.paths[path]) and self.paths[path][taken].takes(label):
                    deep = self.paths[path][taken].kind == "deep"
                    onward.add((path, taken if deep else taken + 1))
            found = self.known[places, label] = self._spread(onward)
        return found

    def _spread(self, places: Iterable[Place]) -> frozenset[Place]:
        """Add the places that are reached by taking `**` for no step."""
        out: set[Place] = set()
        for path, taken in places:
            out.add((path, taken))
            while taken < len(self.paths[path]) and self.paths[path][taken].kind == "deep":
                taken += 1
                out.add((path, taken))
        return frozenset(out)


def _read_step(path: str, match: re.Match[str]) -> Step:
    """Return the step that was matched.

    Raises:
        SettingError: A key in quotes is not a JSON string.
    """
    if match["index"]:
        return Step("label", int(match["index"]))
    if match["name"]:
        return Step("label", match["name"])
    if match["key"]:
        try:
            return Step("label", json.loads(match["key"]))
        except ValueError as error:
            raise SettingError(
                f"The path {path!r} goes wrong at character {match.start() + 2}: the key is not"
                " a JSON string."
            ) from error
    assert match.lastgroup is not None, "one of the groups matched"
    return Step(match.lastgroup)


def _mark_above(document: Document, index: int, sets: Iterable[set[int]]) -> None:
    """Add the containers of a node to the sets, up to the first that is there already."""
    for marked in sets:
        above = document.nodes[index].parent
        while above >= 0 and above not in marked:
            marked.add(above)
            above = document.nodes[above].parent
