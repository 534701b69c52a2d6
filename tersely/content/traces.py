"""Stack traces in a log: which lines are frames, and which frames matter.

Python, Java, Go, Node, .NET and Ruby write one frame to a line or two, one below the other, with
what went wrong above them (in Python below). Own code is what does not lie where libraries do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FRAME = re.compile(
    r"""
      \s+File\ "[^"]*",\ line\ \d+                           # Python
    | \s+at\ (?:[^\s(][^(]*\(|\S*:\d+)                       # Java, Node, .NET
    | \s+\.{3}\ \d+\ (?:more|common\ frames)                 # Java
    | \s+from\ \S+:\d+:in\                                   # Ruby
    | \s+\S[^\n]*\.go:\d+(?:\ \+0x[0-9a-f]+)?$               # Go, behind the line of the call
    """,
    re.VERBOSE,
)
_LIBRARY = re.compile(
    r"""
      site-packages | dist-packages | /lib/python\d | <frozen\ | importlib | node_modules | node:
    | \(internal/ | /usr/local/go/src/ | /go/pkg/mod/ | /gems/ | \.{3}\ \d
    | \sat\ (?:java|javax|jdk|sun|jakarta|scala|kotlin|org\.(?:apache|spring\w*|junit|hibernate)
             |io\.netty|akka|com\.sun|System|Microsoft|reactor)[./]
    """,
    re.VERBOSE,
)
_PYTHON_MORE = re.compile(r"\s{3,}\S|\s+\[Previous line repeated ")
_GO_CALL = re.compile(r"(?:created by )?[\w./*()\-\[\]{}]+\(.*\)|created by \S+")
_READ_CHARS = 400  # of a line that may be a frame


@dataclass(frozen=True, slots=True)
class Trace:
    """Frames of one stack, one below the other.

    Attributes:
        frames: Lines [first, last) of each.
        heads: Lines that say what went wrong, or that a stack follows.
        inner: Which frames matter most: those of own code nearest to where it went wrong.
        signature: The same for the same stack.
    """

    frames: tuple[tuple[int, int], ...]
    heads: tuple[int, ...]
    inner: tuple[int, ...]
    signature: str


def find_traces(lines: Sequence[str]) -> list[Trace]:
    """Return the stack traces of a log, in order.

    Args:
        lines: Its lines, without line breaks.
    """
    traces: list[Trace] = []
    at = 0
    while at < len(lines):
        if not _is_frame(lines[at]):
            at += 1
            continue
        first = _frame_start(lines, at, traces)
        frames: list[tuple[int, int]] = []
        while at < len(lines) and (end := _frame_end(lines, at)) > at:
            frames.append((first, end))
            first = at = end
        traces.append(_trace(lines, frames))
    return traces


def _is_frame(line: str) -> bool:
    return line[:1] in ("\t", " ") and _FRAME.match(line, 0, _READ_CHARS) is not None


def _is_go(line: str) -> bool:
    return ".go:" in line and line.startswith("\t")


def _frame_start(lines: Sequence[str], at: int, traces: Sequence[Trace]) -> int:
    """Return the first line of a stack's first frame: in Go, the call stands above the place."""
    taken = traces[-1].frames[-1][1] if traces else 0
    return at - 1 if _is_go(lines[at]) and at > taken and _GO_CALL.match(lines[at - 1]) else at


def _frame_end(lines: Sequence[str], at: int) -> int:
    """Return one past the last line of the frame that begins at a line; the line if none does."""
    if not _is_frame(lines[at]):
        below = at + 1 < len(lines) and _is_go(lines[at + 1])
        return at + 2 if below and _GO_CALL.match(lines[at], 0, _READ_CHARS) else at
    end = at + 1
    if lines[at].lstrip().startswith('File "'):
        while end < len(lines) and _PYTHON_MORE.match(lines[end]) and not _is_frame(lines[end]):
            end += 1
    return end


def _trace(lines: Sequence[str], frames: list[tuple[int, int]]) -> Trace:
    """Say what of a stack matters."""
    first, last = frames[0][0], frames[-1][1]
    python = 'File "' in lines[frames[0][0]]
    heads = [first - 1] if first > 0 and lines[first - 1].strip() else []
    if python and last < len(lines) and lines[last].strip():
        heads.append(last)
    order = range(len(frames) - 1, -1, -1) if python else range(len(frames))
    own = [k for k in order if not any(map(_LIBRARY.search, lines[slice(*frames[k])]))]
    inner = own[:2] or list(order)[:1]
    return Trace(tuple(frames), tuple(heads), tuple(inner), "\n".join(lines[first:last]))
