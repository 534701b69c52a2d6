"""Where each value, key and blank of a JSON text is: a scanner that gives characters, not values.

It accepts what Python's `json.loads` accepts (NaN, Infinity and -Infinity too), and besides: a
byte order mark, numbers of any length, any depth, and JSON Lines, one document on each line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from tersely.errors import PromptError

NodeKind = Literal["object", "array", "string", "other"]

_SPACE = r"[ \t\n\r]*+"
_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_OTHER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+|true|false|null|NaN|-?Infinity"
_VALUE = re.compile(rf"{_SPACE}(?:({_STRING})|({_OTHER})|(\[)|(\{{))")
_KINDS: tuple[NodeKind, ...] = ("other", "string", "other", "array", "object")  # by its groups
_KEY = re.compile(rf"{_SPACE}({_STRING})({_SPACE}):")
_NEXT = re.compile(rf"{_SPACE}([,\]}}])")
_BLANKS = re.compile(_SPACE)
_CLOSE = {"array": "]", "object": "}"}
_HALF_STRING = re.compile(_STRING.removesuffix('"'))
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|.)")


@dataclass(slots=True)
class Node:
    """One value of a JSON text, [start, end).

    Attributes:
        kind: "other" is a number or a literal.
        start: First character of the value.
        end: One past its last.
        begin: First character of its key; of the value where it has none.
        parent: Index of the container it is in; -1 for a document.
        stop: Index of the first node that is not inside it.
    """

    kind: NodeKind
    start: int
    end: int
    begin: int
    parent: int
    stop: int

    @property
    def size_chars(self) -> int:
        """Characters of the value, with its key."""
        return self.end - self.begin


@dataclass(slots=True)
class Document:
    """A text of one JSON document, or of one on each line.

    Attributes:
        nodes: Its values, each before what is in it, in reading order.
        blanks: Characters [start, end) of insignificant whitespace, ascending; none is empty.
        roots: Indices of the documents in `nodes`.
        breaks: First character of the line break before each document of JSON Lines but the first.
        lines: Whether it is JSON Lines.
    """

    nodes: list[Node] = field(default_factory=list)
    blanks: list[tuple[int, int]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    lines: bool = False

    def inside(self, index: int) -> Iterator[int]:
        """Yield the indices of the values right inside a container."""
        child = index + 1
        while child < self.nodes[index].stop:
            yield child
            child = self.nodes[child].stop


def scan_json(text: str) -> Document:
    """Find every value of a JSON document, or of JSON Lines.

    Raises:
        PromptError: The text is neither; the message says where it stops being so.
    """
    document = Document()
    start = 1 if text.startswith("\ufeff") else 0
    _add_blank(document, 0, start)
    end = _scan_value(text, document, start, len(text))
    rest = _skip_blanks(text, end)
    if rest == len(text):
        document.roots.append(0)
        _add_blank(document, end, rest)
        return document
    if "\n" not in text[end:rest] or "\n" in text[document.nodes[0].start : end]:
        _refuse(text, rest, "more follows the end of the document, and it is not JSON Lines")
    return _scan_lines(text, start)


def decode_string(text: str, start: int, end: int) -> tuple[str, list[int] | None]:
    """Return what the inside [start, end) of a JSON string says, and where each character is.

    Returns:
        The characters, and the place in the text of each and of the end; None where the string
        has no escapes and each is where it seems.
    """
    if text.find("\\", start, end) < 0:
        return text[start:end], None
    out: list[str] = []
    places: list[int] = []
    at = start
    for match in _ESCAPE.finditer(text, start, end):
        out.append(text[at : match.start()])
        places.extend(range(at, match.start() + 1))
        out.append(json.loads(f'"{match[0]}"'))
        at = match.end()
    out.append(text[at:end])
    places.extend(range(at, end + 1))
    return "".join(out), places


def read_key(text: str, node: Node) -> str | None:
    """Return the key of a member; None for what has none."""
    if node.begin == node.start:
        return None
    match = _KEY.match(text, node.begin)
    assert match is not None, "the scanner found it"
    return decode_string(text, match.start(1) + 1, match.end(1) - 1)[0]


def _scan_value(text: str, document: Document, at: int, end: int) -> int:
    """Scan one document of [at, end), and return where it ends. Depth costs no stack."""
    nodes = document.nodes
    opened: list[int] = []
    while True:
        inside = opened[-1] if opened else -1
        key = -1
        if opened and nodes[inside].kind == "object":
            key, at = _scan_key(text, document, at, end)
        match = _VALUE.match(text, at, end)
        if match is None or match.lastindex is None:
            _refuse_value(text, _skip_blanks(text, at, end), end)
        start = match.start(match.lastindex)
        _add_blank(document, at, start)
        at = match.end()
        kind = _KINDS[match.lastindex]
        index = len(nodes)
        nodes.append(Node(kind, start, at, start if key < 0 else key, inside, index + 1))
        if match.lastindex > 2:
            first = _skip_blanks(text, at, end)
            opened.append(index)
            if not text.startswith(_CLOSE[kind], first, end):
                continue
        at = _close(text, document, opened, at, end)
        if not opened:
            return at


def _scan_key(text: str, document: Document, at: int, end: int) -> tuple[int, int]:
    """Return where a key begins, and where the colon behind it ends."""
    match = _KEY.match(text, at, end)
    if match is None:
        _refuse_key(text, _skip_blanks(text, at, end), end)
    _add_blank(document, at, match.start(1))
    _add_blank(document, match.start(2), match.end(2))
    return match.start(1), match.end()


def _close(text: str, document: Document, opened: list[int], at: int, end: int) -> int:
    """Close the containers that end here, and return what is behind them or the next comma."""
    while opened:
        node = document.nodes[opened[-1]]
        mark = _CLOSE[node.kind]
        match = _NEXT.match(text, at, end)
        if match is None or match[1] not in ("," + mark):
            _refuse(text, _skip_blanks(text, at, end), f"',' or '{mark}' is expected")
        _add_blank(document, at, match.start(1))
        at = match.end()
        if match[1] == ",":
            break
        node.end, node.stop = at, len(document.nodes)
        opened.pop()
    return at


def _scan_lines(text: str, start: int) -> Document:
    """Scan a text with one document on each line; lines of nothing but blanks are blank."""
    document = Document(lines=True)
    _add_blank(document, 0, start)
    done = at = start
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if _skip_blanks(text, at, end) < end:
            if document.roots:
                break_start = at - 2 if text.startswith("\r\n", at - 2) else at - 1
                document.breaks.append(break_start)
                _add_blank(document, done, break_start)
            else:
                _add_blank(document, done, at)
            document.roots.append(len(document.nodes))
            done = _scan_value(text, document, at, end)
            rest = _skip_blanks(text, done, end)
            if rest < end:
                _refuse(text, rest, "more follows the document of this line")
        at = end + 1
    _add_blank(document, done, len(text))
    return document


def _add_blank(document: Document, start: int, end: int) -> None:
    """Note whitespace, joined to the whitespace before it."""
    if start < end:
        if document.blanks and document.blanks[-1][1] == start:
            start = document.blanks.pop()[0]
        document.blanks.append((start, end))


def _skip_blanks(text: str, at: int, end: int | None = None) -> int:
    """Return the first character from there that is not whitespace of JSON."""
    match = _BLANKS.match(text, at, len(text) if end is None else end)
    assert match is not None, "it matches the empty string"
    return match.end()


def _refuse_key(text: str, at: int, end: int) -> NoReturn:
    """Say why no key and colon begin there."""
    if not text.startswith('"', at, end):
        _refuse(text, at, "a key in double quotes is expected")
    whole = re.compile(_STRING).match(text, at, end)
    if whole is None:
        _refuse_string(text, at, end)
    _refuse(text, _skip_blanks(text, whole.end(), end), "':' is expected")


def _refuse_value(text: str, at: int, end: int) -> NoReturn:
    """Say why no value begins there."""
    if text.startswith('"', at, end):
        _refuse_string(text, at, end)
    _refuse(text, at, "a value is expected")


def _refuse_string(text: str, at: int, end: int) -> NoReturn:
    """Say where a string goes wrong."""
    half = _HALF_STRING.match(text, at, end)
    assert half is not None, "it begins with a quote"
    if half.end() == end:
        _refuse(text, at, "a string begins that is not closed")
    what = "is no escape" if text[half.end()] == "\\" else "is a bare control character"
    _refuse(text, half.end(), f"inside a string, there {what}")


def _refuse(text: str, at: int, what: str) -> NoReturn:
    """Raise the error, with the place.

    Raises:
        PromptError: Always.
    """
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    raise PromptError(f"The text is not JSON: at line {line}, column {column}, {what}.")
