"""Logs: lines stay or go; the first of its kind, errors and what is around them stay longest."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from tersely.content.table import Table
from tersely.content.templates import READ_CHARS, TemplateMiner, masked
from tersely.content.traces import Trace, find_traces
from tersely.core.structure import Piece, Series, Structure
from tersely.errors import SettingError

_BLANK = r"(?:(?>\r\n|\r|\n)[^\S\r\n]*+(?=[\r\n]|\Z))++"  # lines with nothing in them
_LINE = re.compile(rf"({_BLANK}|\r\n|\r|\n|\A)([^\r\n]*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEAD_CHARS = 160  # of a masked line, where its level is

_QUIET, _PLAIN, _WARNING, _ERROR = range(4)
_LEVEL_NAMES = {
    _QUIET: "V D I T TRACE VERBOSE DEBUG FINE INFO INFORMATION NOTICE",
    _WARNING: "W WARN WARNING",
    _ERROR: "E F ERR ERROR SEVERE FATAL CRIT CRITICAL ALERT EMERG PANIC",
}
_LEVELS = {name: level for level, names in _LEVEL_NAMES.items() for name in names.split()}
_NAMES = "|".join(sorted((name for name in _LEVELS if len(name) > 1), key=len, reverse=True))
_LEVEL = re.compile(
    rf"""
      (?<![\w.])({_NAMES})(?![\w.=])
    | (?i:(?:[\[<(|,]\s*|\blevel[\s"]*[=:][\s"]*)({_NAMES})(?!\w))
    | (?:^|<>\ )([VDIWEF])(?=<>\ |/[\w.]|\ [\w.\-]+\s*:)
    """,
    re.VERBOSE,
)
_BAD = re.compile(
    r"\b(?:fatal|errors?|exception|panic|traceback|fail(?:ed|ures?|s|ing)?|critical|crash(?:ed)?"
    r"|segfault|abort(?:ed|ing)?|out of memory|core dumped)\b|(?<=[a-z])(?-i:Error|Exception)\b",
    re.IGNORECASE,
)
_DOUBTFUL = re.compile(
    r"\b(?:warn(?:ing)?s?|denied|refused|unable|cannot|could not|invalid|timed? ?out|timeout"
    r"|unreachable|corrupt(?:ed)?|killed|lost|rejected|retry(?:ing)?|unavailable)\b",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(
    r"\b(?:no|0|without|zero)\s+(?:\w+\s+)?(?:errors?|failures?|exceptions?|fatal)\b"
    r"|\b(?:errors?|failures?|failed|exceptions?)[\"']?\s*[=:]\s*(?:0\b|none|null|false)",
    re.IGNORECASE,
)

_DATE = (
    r"\d{4}[-/.]\d\d?[-/.]\d\d?[T _:,\-]{1,2}\d\d[:.]\d\d"
    r"|\d{1,2}[-/.]\d{1,2}(?:[-/.]\d{2,4})?[ T,]{1,2}\d\d:\d\d:\d\d"
    r"|(?:[A-Z][a-z]{2},? )?[A-Z][a-z]{2} {1,2}\d{1,2},? (?:\d{4} )?\d\d:\d\d:\d\d"
    r"|\d{1,2}[/ -][A-Z][a-z]{2}[/ -]\d{2,4}[: ]\d\d:\d\d|\d{8}[-T]\d\d?:?\d\d?:?\d\d?"
).replace(" ", r"\ ")  # it becomes part of a verbose pattern
_START = re.compile(
    rf"""
      (?:[\[<(*\-]\ ?|\S{{1,60}}\ +(?:\|\ )?)?(?:{_DATE})
    | (?:[\-\[]\ ?|\S{{1,30}}\ )?1\d{{9}}(?:\d{{3}})?(?:\.\d+)?\ | \d+\ \S+\ \S+\ \S+\ 1\d{{9}}[ ]
    | \d{{6}}\ \d{{6}}\ \d+\ [A-Z] | \[\ *\d+\.\d{{3,6}}\][ ]
    | [IWEF]\d{{4}}\ \d\d:\d\d | [VDIWEF]/[\w.]+\ *\(
    | \S+\ \S+\ \S+\ \[\d\d/[A-Z][a-z]{{2}}/\d{{4}}:
    | (?:time|ts|timestamp|level|lvl)="?\S
    | \[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)\]?\s*[\s:|\-]
    """,
    re.VERBOSE,
)
_SAMPLE_LINES, _SAMPLE_CHARS = 300, 100_000

_FIRST = {_QUIET: 1.5, _PLAIN: 1.5, _WARNING: 4.0, _ERROR: 8.0}
_AGAIN = {_QUIET: -1.0, _PLAIN: -1.0, _WARNING: -0.5, _ERROR: 1.0}
_EDGE, _BESIDE = 2.0, 1.0  # the first and the last line; lines beside a new error
_INNER, _OUTER, _OLD = 4.0, -1.5, -3.0  # frames: near what went wrong, others, of a known stack


@dataclass(frozen=True, kw_only=True)
class Log:
    """Keeps or drops the lines of a log; lines of one template say how many of them are missing.

    Attributes:
        notes: Whether to write ` [+3 similar]`, ` [+12 frames]` and a last line on all others.
        similarity: The share of its words that a line has in common with its template.
        long_chars: Lines longer than this lose words instead of going whole.
    """

    name: ClassVar[str] = "log"
    notes: bool = True
    similarity: float = 0.5
    long_chars: int = 2000

    def __post_init__(self) -> None:
        if not 0 < self.similarity <= 1:
            raise SettingError(f"similarity is above 0 and at most 1; not {self.similarity!r}.")
        if self.long_chars < 1:
            raise SettingError(f"long_chars is at least 1; not {self.long_chars!r}.")

    def matches(self, text: str) -> bool:
        """Return whether most lines begin as log lines do, or are frames of stack traces."""
        sample = [line.text for line in _lines(text[:_SAMPLE_CHARS])][:_SAMPLE_LINES]
        own = [line for line in sample if line[:1] not in ("", " ", "\t")]
        starts = sum(_START.match(line) is not None for line in own)
        if starts >= 3 and starts >= 0.6 * len(own):
            return not Table().matches(text)
        traces = find_traces(sample)
        in_traces = sum(
            len(trace.heads) + trace.frames[-1][1] - trace.frames[0][0] for trace in traces
        )
        filled = sum(bool(line.strip()) for line in sample)
        return any(len(trace.frames) > 1 for trace in traces) and in_traces >= 0.6 * filled

    def read(self, text: str) -> Structure:
        """Say what each line is worth. Every text is a log of some kind."""
        return _Reader(self, text).structure()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: its break is the one before it; `text` is what it says, without colours."""

    start: int
    core: int
    end: int
    text: str


def _lines(text: str) -> Iterator[_Line]:
    coloured = "\x1b" in text
    for match in _LINE.finditer(text):
        start, end = match.span()
        if start < end:
            said = match[2][: 2 * READ_CHARS]
            yield _Line(start, match.end(1), end, _COLOUR.sub("", said) if coloured else said)


def _severities(words: str) -> tuple[int, int]:
    """Say how bad a masked line is, and how bad if what it counts or names are no errors."""
    named = _LEVEL.search(words, 0, _HEAD_CHARS)
    level = None if named is None else _LEVELS[(named[1] or named[2] or named[3]).upper()]
    if level in (_WARNING, _ERROR):
        return level, level
    if level is not None:
        return (_WARNING if _BAD.search(words) else level), level
    calm = _WARNING if _DOUBTFUL.search(words) else _PLAIN
    return (_ERROR if _BAD.search(words) else calm), calm


@dataclass(slots=True)
class _Reader:
    """What is found out about one log, line by line."""

    log: Log
    text: str
    lines: list[_Line] = field(init=False)
    values: list[float] = field(init=False)
    templates: list[int] = field(init=False)  # of each line; -1 for frames and blank lines

    def structure(self) -> Structure:
        self.lines = list(_lines(self.text))
        self.values = [0.0] * len(self.lines)
        self.templates = [-1] * len(self.lines)
        traces = find_traces([line.text for line in self.lines])
        frames = self._value_frames(traces)
        self._value_lines(frames, {head for trace in traces for head in trace.heads})
        pieces: list[Piece] = []
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        at = 0
        while at < len(self.lines):
            trace, end = frames.get(at, (-1, at + 1))
            group = ("frame", trace) if trace >= 0 else ("line", self.templates[at])
            if self._cut(pieces, at, end):
                groups[group].append(len(pieces) - 1)
            at = end
        return Structure("log", tuple(pieces), self._series(groups) if self.log.notes else ())

    def _value_frames(self, traces: list[Trace]) -> dict[int, tuple[int, int]]:
        """Value the frames; return, for the first line of each, its trace and where it ends."""
        frames: dict[int, tuple[int, int]] = {}
        known: set[str] = set()
        for number, trace in enumerate(traces):
            new = trace.signature not in known
            known.add(trace.signature)
            for place, (first, last) in enumerate(trace.frames):
                frames[first] = number, last
                self.values[first] = _OUTER if new else _OLD
                if new and place in trace.inner:
                    self.values[first] = _INNER
        return frames

    def _value_lines(self, frames: dict[int, tuple[int, int]], heads: set[int]) -> None:
        """Value what is no frame, by what it says and whether it is new."""
        miner = TemplateMiner(similarity=self.log.similarity)
        known: dict[str, tuple[int, int]] = {}
        seen: set[int] = set()
        new_errors: list[int] = []
        end = 0
        for at, line in enumerate(self.lines):
            if at in frames:
                end = frames[at][1]
            if at < end or not line.text.strip():
                continue
            words = masked(line.text)
            if words not in known:
                known[words] = _severities(words)
            severity, calm = known[words]
            if severity != calm and _NO_ERROR.search(line.text):  # the 0 of "0 errors" is masked
                severity = calm
            if at in heads:
                severity = _ERROR
            template = self.templates[at] = miner.add(words, kind=severity)
            new = template not in seen
            seen.add(template)
            self.values[at] += (_FIRST if new else _AGAIN)[severity]
            if new and severity == _ERROR:
                new_errors.append(at)
        self._value_places(new_errors)

    def _value_places(self, new_errors: list[int]) -> None:
        """Value lines for where they stand: first, last, beside something bad."""
        said = [at for at, line in enumerate(self.lines) if line.text.strip()]
        for edge in {*said[:1], *said[-1:]}:
            self.values[edge] += _EDGE
        beside = {at + step for at in new_errors for step in (-1, 1)} - {*new_errors}
        for at in beside:
            if 0 <= at < len(self.lines):
                self.values[at] += _BESIDE

    def _cut(self, pieces: list[Piece], first: int, last: int) -> bool:
        """Add the pieces of lines [first, last); return whether it is one that stays or goes."""
        line, end = self.lines[first], self.lines[last - 1].end
        value = self.values[first]
        if not self.text[line.start : end].strip():
            pieces.append(Piece(line.start, end, "blank"))
        elif end - line.core <= self.log.long_chars:
            pieces.append(Piece(line.start, end, "whole", value))
            return True
        else:
            if line.start < line.core:
                pieces.append(Piece(line.start, line.core, "fixed"))
            cut = max(self.text.rfind(" ", line.core + 1, line.core + READ_CHARS), line.core)
            if cut > line.core:
                pieces.append(Piece(line.core, cut, "words", value))
            pieces.append(Piece(cut, end, "words", min(value, _OUTER)))
        return False

    def _series(self, groups: dict[tuple[str, int], list[int]]) -> tuple[Series, ...]:
        """Return what is written where lines are missing."""
        out = [
            Series(
                tuple(members),
                " [+{dropped} frames]" if kind == "frame" else " [+{dropped} similar]",
            )
            for (kind, _), members in groups.items()
            if len(members) > 1
        ]
        alone = sorted(members[0] for members in groups.values() if len(members) == 1)
        if alone:
            out.append(Series(tuple(alone), "\n[+{dropped} other lines]", at=len(self.text)))
        return tuple(out)
