"""JSON and JSON Lines: items, members and words go, and what is left is JSON.

The first item of an array and the first member of an object show what the others are like and
stay; each other one is a piece with the comma before it. What is too long to be one piece is read
from inside, where long prose loses single words. Keys are not renamed, and types do not change.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import ClassVar, Literal

import regex

from tersely.content.json_paths import Marks, mark_nodes, parse_path
from tersely.content.json_scan import Document, Node, decode_string, read_key, scan_json
from tersely.core.structure import Piece, PieceKind, Series, Structure
from tersely.core.units import LONGEST_WORD, word_units
from tersely.errors import PromptError, SettingError

Fate = Literal["fixed", "whole", "blank", "open"]
GOING = ("whole", "blank")

LAST_VALUE = 0.5
"""What the last item of an array is worth more: lists are read at both ends."""
OWN_VALUE = 1.0
"""What the members of the document's own object are worth more."""
PROSE_CHARS = 80
"""Characters up to which a string is not cut into words."""
CHARS_PER_BREAK = 25
"""A string with fewer blanks than one in so many characters is no prose."""

_ITEM_NOTE = ',"... {dropped} more"'
_LINE_NOTE = '\n"... {dropped} more"'
_MEMBER_NOTE = ',"%s":"{dropped} more"'

_BREAK = regex.compile(
    r"\s+|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
_NO_WORD = re.compile(rf"[!-~]{{{LONGEST_WORD},}}")  # base64, a list of ids: cut nowhere
_CHARACTER = regex.compile(r"\X")
_OPENING = re.compile(r'\ufeff?[ \t\n\r]*(?:\{[ \t\n\r]*["}]|\[[ \t\n\r]*[\[\]{"\-0-9tfnNI])')
_SMALLEST = 20


@dataclass(frozen=True, kw_only=True)
class JSON:
    """Says how JSON and JSON Lines may be shortened.

    Attributes:
        keep: Paths to values that stay as they are, such as `$.items[*].id`; see `json_paths`.
        drop: Paths to values that go whenever anything goes, such as `**.trace`. What `keep`
            names stays all the same.
        drop_members: Whether members of objects may go; those of the document's own go last.
        notes: Whether it is written where items and members are missing, and how many.
        whole_chars: Characters up to which an item goes or stays as one.
        member_chars: Characters up to which a member does, and up to which a first item just stays.
    """

    name: ClassVar[str] = "json"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    drop_members: bool = True
    notes: bool = True
    whole_chars: int = 400
    member_chars: int = 200

    def __post_init__(self) -> None:
        for setting in ("keep", "drop"):
            paths = getattr(self, setting)
            several = isinstance(paths, tuple | list)
            if not several or not all(isinstance(path, str) for path in paths):
                raise SettingError(f"{setting} is a tuple of paths, such as ('$.meta',).")
            object.__setattr__(self, setting, tuple(paths))
            for path in paths:
                steps = parse_path(path)
                if setting == "drop" and all(step.kind == "deep" for step in steps):
                    raise SettingError(f"drop={path!r} is the whole document: name what is in it.")
        for setting in ("whole_chars", "member_chars"):
            if getattr(self, setting) < 1:
                raise SettingError(f"{setting} is at least 1; not {getattr(self, setting)}.")

    def matches(self, text: str) -> bool:
        """Return whether the text is an array or an object, or has one on each line."""
        return _is_json(text)

    def read(self, text: str) -> Structure:
        """Say what may go.

        Raises:
            PromptError: The text is neither JSON nor JSON Lines.
        """
        document = scan_json(text)
        plan = _Plan(text, document, self, mark_nodes(text, document, self.keep, self.drop))
        plan.decide()
        pieces = tuple(_tile(len(text), plan.cuts, document.blanks))
        starts = [piece.start for piece in pieces]
        series = [
            Series(tuple(bisect_left(starts, start) for start in sorted(members)), note, at)
            for members, note, at in plan.series
        ]
        return Structure("json", pieces, tuple(series) if self.notes else ())


@dataclass
class _Group:
    """What lies side by side: items, members, or lines.

    Attributes:
        children: Indices of the nodes.
        fates: What becomes of each.
        note: What is said of those that are missing.
        note_at: Where it is said.
        gone: Whether what they are in is dropped but for what is to be kept.
        value: How much more each is worth.
    """

    children: Sequence[int]
    fates: list[Fate]
    note: str
    note_at: int
    gone: bool = False
    value: float = 0.0


@dataclass
class _Plan:
    """What becomes of each value of a document.

    Attributes:
        cuts: Pieces that are not fixed, beside the document's blanks; in any order.
        series: Where the members of each series start, their note and its place.
    """

    text: str
    document: Document
    settings: JSON
    marks: Marks
    cuts: list[Piece] = field(default_factory=list)
    series: list[tuple[list[int], str, int]] = field(default_factory=list)
    waiting: list[tuple[int, bool]] = field(default_factory=list)

    def decide(self) -> None:
        """Decide on everything, from the documents inwards; depth costs no stack."""
        roots = self.document.roots
        if self.document.lines:
            fates = [self._fate(root, part_of="line") for root in roots]
            end = self.document.nodes[roots[-1]].end
            self._lay_out(_Group(roots, fates, _LINE_NOTE, end))
        elif self._staying(roots[0]) == "open":
            self.waiting.append((roots[0], False))
        while self.waiting:
            index, gone = self.waiting.pop()
            kind = self.document.nodes[index].kind
            if kind == "string":
                self.cuts += _prose_pieces(self.text, self.document.nodes[index])
            elif kind == "array":
                self._open_array(index, gone)
            elif kind == "object":
                self._open_object(index, gone)

    def _open_array(self, index: int, gone: bool) -> None:
        """Decide on the items of an array."""
        items = list(self.document.inside(index))
        fates = [self._fate(item, part_of="array", gone=gone) for item in items]
        end = self.document.nodes[index].end - 1
        self._lay_out(_Group(items, fates, _ITEM_NOTE, end, gone))

    def _open_object(self, index: int, gone: bool) -> None:
        """Decide on the members of an object. A key that is there twice stays: the last counts."""
        node = self.document.nodes[index]
        own = node.parent < 0 and not self.document.lines
        members = list(self.document.inside(index))
        keys = [read_key(self.text, self.document.nodes[member]) for member in members]
        counts = Counter(keys)
        fates = [
            self._fate(member, part_of="twice" if counts[key] > 1 else "object", gone=gone)
            for member, key in zip(members, keys, strict=True)
        ]
        free = "..."
        while free in counts:
            free += "."
        value = OWN_VALUE if own else 0.0
        self._lay_out(_Group(members, fates, _MEMBER_NOTE % free, node.end - 1, gone, value))

    def _fate(self, index: int, *, part_of: str, gone: bool = False) -> Fate:
        """Return what becomes of an item, a line, or a member of an object."""
        if index in self.marks.kept:
            return "fixed"
        if part_of != "twice" and (gone or index in self.marks.dropped):
            return "open" if index in self.marks.above_kept else "blank"
        if index in self.marks.above:
            return "open"
        node = self.document.nodes[index]
        if part_of in ("array", "line"):
            long = node.size_chars > self.settings.whole_chars
            return "open" if long and self._opens(node) else "whole"
        if part_of == "twice" or not self.settings.drop_members:
            return self._staying(index)
        if node.kind == "string":
            return "open" if self._opens(node) else "whole"
        long = node.size_chars > self.settings.member_chars
        return "open" if long and self._opens(node) else "whole"

    def _staying(self, index: int, *, short_chars: int = 0) -> Fate:
        """Return what becomes of a value that stays, in whole or in part."""
        node = self.document.nodes[index]
        if index in self.marks.kept:
            return "fixed"
        return "open" if node.size_chars > short_chars and self._opens(node) else "fixed"

    def _opens(self, node: Node) -> bool:
        """Return whether something inside a value can go."""
        if node.kind == "string":
            return _is_prose(self.text, node)
        return node.kind in ("array", "object")

    def _lay_out(self, group: _Group) -> None:
        """Cut the pieces of one container, or of the lines, and say what its note counts."""
        nodes = [self.document.nodes[child] for child in group.children]
        fates, note = group.fates, group.note
        anchor = next((i for i, fate in enumerate(fates) if fate != "blank"), None)
        if anchor is None:
            note = note.removeprefix(",")
        elif fates[anchor] == "whole":
            short = self.settings.member_chars
            fates[anchor] = self._staying(group.children[anchor], short_chars=short)
        spans = [self._span(nodes, i, anchor) for i in range(len(nodes))]
        if self.settings.notes and "blank" not in fates and self._gain(spans, fates) <= len(note):
            fates = ["fixed" if fate == "whole" else fate for fate in fates]
        for child, fate in zip(group.children, fates, strict=True):
            if fate == "open":
                self.waiting.append((child, group.gone or child in self.marks.dropped))
        going = [i for i, fate in enumerate(fates) if fate in GOING]
        for i in going:
            kind: PieceKind = "whole" if fates[i] == "whole" else "blank"
            last = i == len(nodes) - 1 and nodes[i].begin == nodes[i].start
            value = group.value + (LAST_VALUE if last and kind == "whole" else 0.0)
            self.cuts.append(Piece(*spans[i], kind, value))
        if going:
            self.series.append(([spans[i][0] for i in going], note, group.note_at))

    def _gain(self, spans: Sequence[tuple[int, int]], fates: Sequence[Fate]) -> int:
        """Return the characters, blanks apart, of what can go."""
        return sum(
            len("".join(self.text[start:end].split()))
            for (start, end), fate in zip(spans, fates, strict=True)
            if fate == "whole"
        )

    def _span(self, nodes: Sequence[Node], i: int, anchor: int | None) -> tuple[int, int]:
        """Return the characters of an item or member with the comma, or line break, it needs."""
        node = nodes[i]
        if node.parent < 0:
            return (self.document.breaks[i - 1] if i else node.begin), node.end
        if anchor is not None and i > anchor:
            return self.text.index(",", nodes[i - 1].end), node.end
        if i + 1 < len(nodes):
            return node.begin, self.text.index(",", node.end) + 1
        return node.begin, node.end


def _is_json(text: str) -> bool:
    """Return whether a text is an array or an object, or has one on each line."""
    if len(text) < _SMALLEST or not _OPENING.match(text):
        return False
    if text.rstrip(" \t\n\r")[-1] not in "]}":
        return False
    try:
        json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):  # JSON Lines, long numbers, great depth; or not JSON
        try:
            document = scan_json(text)
        except PromptError:
            return False
        return all(document.nodes[i].kind in ("array", "object") for i in document.roots)
    return True


def _is_prose(text: str, node: Node) -> bool:
    """Return whether a string is long, has blanks in it (or a script without), and is no JSON."""
    if node.end - node.start <= PROSE_CHARS + 2:
        return False
    said, _ = decode_string(text, node.start + 1, node.end - 1)
    if len(said) <= PROSE_CHARS or _is_json(said):
        return False
    return len(_BREAK.findall(said)) * CHARS_PER_BREAK >= len(said)


def _prose_pieces(text: str, node: Node) -> Iterator[Piece]:
    """Cut the inside of a string: words, and words with escapes in them as pieces of their own.

    What a string says is cut, not how it is written: an escaped line break parts two words, an
    escaped letter is in the middle of one.
    """
    opening = _CHARACTER.match(text, node.start)  # the quote, with marks that combine with it
    assert opening is not None, "there is the quote"
    start, end = max(node.start + 1, opening.end()), node.end - 1
    said, places = decode_string(text, start, end)
    no_words = [match.span() for match in _NO_WORD.finditer(said)]
    run = begun = 0  # a run of words without escapes is one piece
    units = [(unit.start, unit.end) for unit in word_units(said)]
    for left, right in _joined(units, no_words):
        a = start + left if places is None else places[left]
        b = start + right if places is None else places[right]
        if b - a == right - left <= LONGEST_WORD:
            run, begun = (run, b) if run else (a, b)
            continue
        if run:
            yield Piece(run, begun, "words")
        run = 0
        yield Piece(a, b, "whole")
    if run:
        yield Piece(run, begun, "words")


def _joined(
    units: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Join the units that lie in the same span."""
    waiting = iter(spans)
    span = next(waiting, None)
    at = 0
    while at < len(units):
        left, right = units[at]
        at += 1
        while span is not None and span[1] <= left:
            span = next(waiting, None)
        if span is not None and right > span[0]:
            while at < len(units) and units[at][0] < span[1]:
                right = units[at][1]
                at += 1
        yield left, right


def _tile(length: int, cuts: Sequence[Piece], blanks: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """Yield the blanks, and what is between them: whole pieces as groups, words, what is fixed."""
    gaps = sorted([*blanks, *((cut.start, cut.end) for cut in cuts if cut.kind == "blank")])
    groups = count()
    nth = 0
    for outer in _filled(length, [cut for cut in cuts if cut.kind != "blank"]):
        at, group = outer.start, -1
        if outer.kind == "whole" and nth < len(gaps) and gaps[nth][0] < outer.end:
            group = next(groups)
        while nth < len(gaps) and gaps[nth][0] < outer.end:
            start, end = gaps[nth]
            nth += 1
            if start < at:
                continue  # a blank in what is blank
            if at < start:
                yield replace(outer, start=at, end=start, group=group)
            yield Piece(start, end, "blank")
            at = end
        if at < outer.end:
            yield replace(outer, start=at, group=group)


def _filled(length: int, cuts: Sequence[Piece]) -> Iterator[Piece]:
    """Yield the cuts in order, and fixed pieces in between."""
    at = 0
    for cut in sorted(cuts, key=lambda cut: cut.start):
        if at < cut.start:
            yield Piece(at, cut.start, "fixed")
        yield cut
        at = cut.end
    if at < length:
        yield Piece(at, length, "fixed")
