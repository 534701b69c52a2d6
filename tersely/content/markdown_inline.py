"""What of a Markdown paragraph must not be cut: code, links, tags, emphasis, what starts a block.

Source:  https://spec.commonmark.org/0.31.2/#inlines, and GitHub's strikethrough and footnotes.
Differs: what is kept together is a little more than what a renderer makes a link or a span of:
         `[words]` too, without looking whether it is defined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]

LONGEST_SPAN = 200
"""Characters above which emphasis or bare brackets are cut inside; their marks then stay."""

_SPECIAL = re.compile(
    r"""
      \\[!-/:-@\[-`{-~]                       # an escape
    | (?P<ticks>`+)
    | (?P<open>!?\[)
    | (?P<close>\])
    | <(?P<angle>)
    | &(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});
    | (?P<run>\*+|_+|~+)
    | (?P<url>(?:https?://|ftp://|www\.)(?:[!-~](?<![<>\[\]()`*"]))+)
    """,
    re.VERBOSE,
)
_TAG = re.compile(
    r"""<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>          # <https://...>
         |[^\s<>@]+@[^\s<>@]+>
         |!--.*?-->|\?.*?\?>
         |/?[A-Za-z][A-Za-z0-9-]*+
          (?:\s++[^\s<>"'=/]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s<>"'=`]++))?+)*+\s*+/?>)
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED = r"\\.|[^\s()\\]"
for _ in range(4):  # brackets in brackets in an address
    _NESTED = rf"\\.|[^\s()\\]|\((?:{_NESTED})*+\)"
_TARGET = re.compile(
    rf"""\(\s*+(?:<[^<>\n]{{0,2000}}+>|(?:{_NESTED}){{0,2000}}+)
        (?:\s++(?:"[^"]{{0,2000}}+"|'[^']{{0,2000}}+'|\([^()]{{0,2000}}+\)))?+\s*+\)""",
    re.VERBOSE,
)
_LABEL = re.compile(r"\[[^\[\]]{0,999}\]")
_LONGEST_TAG = 2000
_LOOK_BACK = 40  # how many unclosed marks a closing one is compared with

# At the beginning of a line these would start a block that is not there.
_RISK = re.compile(
    r"(?<![!-~])(?:\d{1,9}[.)](?![!-~])|[-+*_=#]+(?![!-~])|>|`{3}|~{3}|</?[A-Za-z]|<[!?]"
    r"|\[[^\[\]\n]{1,200}\]:)"
)
_INDENT = re.compile(r"[ \t]*+(?:    |\t)[ \t]*")
_QUOTED = re.compile(r"(?:\r\n?|\n)[ \t]*>[ \t>]*")
_LINE = re.compile(r"(?:\r\n?|\n|\A)[ \t>]*")


@dataclass(slots=True)
class _Run:
    """Asterisks, underscores or tildes that may open or close emphasis."""

    at: int
    count: int
    mark: str
    opens: bool
    closes: bool
    used: int = 0  # of its left end, by what it closed


@dataclass(frozen=True, slots=True)
class Inline:
    """What a paragraph's words may not be cut through.

    Attributes:
        atoms: Characters [start, end) that stay or go as one, ascending.
        joined: Characters whose word must not begin a line: it goes with the word before it.
        marks: Ends of long emphasis; they always stay, ascending.
        loose: Whether it has a mark that would pair with one of another paragraph.
    """

    atoms: list[Span]
    joined: list[int]
    marks: list[Span]
    loose: bool


def read_inline(text: str, start: int, end: int) -> Inline:
    """Find what must not be cut in one paragraph, characters [start, end) of a text.

    Linear in its length. The prefixes of its lines (`> `) are part of the paragraph.
    """
    part = text[start:end]
    atoms, runs, loose = _scan(part)
    marks: list[Span] = []
    for left, right, width in _emphasis(runs):
        if right - left <= LONGEST_SPAN:
            atoms.append((left, right))
        else:
            marks += [(left, left + width), (right - width, right)]
    joined = [match.start() for match in _RISK.finditer(part)]
    joined += [m.end() - 1 for m in _INDENT.finditer(part) if m.end() < len(part)]
    for match in _QUOTED.finditer(part):
        atoms.append((match.start(), min(match.end() + 1, len(part))))
    atoms += _risky_lines(part, joined)
    moved = [(start + left, start + right) for left, right in sorted(atoms + marks)]
    return Inline(
        atoms=moved,
        joined=sorted(start + at for at in joined),
        marks=sorted((start + left, start + right) for left, right in marks),
        loose=loose,
    )


def _risky_lines(part: str, joined: list[int]) -> Iterator[Span]:
    """Yield what is risky, and the lines that begin with it: the rest of the line made it safe."""
    for match in _RISK.finditer(part):
        yield match.span()
    risky = set(joined)
    for match in _LINE.finditer(part):
        if match.end() in risky:
            stop = part.find("\n", match.end(), match.end() + LONGEST_SPAN)
            yield match.end(), min(len(part), match.end() + LONGEST_SPAN) if stop < 0 else stop


def _scan(part: str) -> tuple[list[Span], list[_Run], bool]:
    """Return atoms, the runs that may be emphasis, and whether a mark found no partner."""
    atoms: list[Span] = []
    runs: list[_Run] = []
    opened: list[int] = []
    closers = _tick_runs(part)
    loose = False
    at = 0
    while (match := _SPECIAL.search(part, at)) is not None:
        left, at = match.span()
        kind = match.lastgroup
        if kind in ("ticks", "angle"):
            ticks = kind == "ticks"
            stop = _closing_ticks(closers, left, at) if ticks else _tag_end(part, left)
            loose |= stop is None and (ticks or part[at : at + 1] not in ("", " ", "="))
            if stop is not None:
                atoms.append((left, stop))
                at = stop
        elif kind == "open":
            opened.append(left)
        elif kind == "close":
            at = _close(part, opened, at, atoms)
        elif kind == "run":
            runs.append(_run(part, left, at))
        else:
            atoms.append((left, at))
    return atoms, runs, loose


def _tag_end(part: str, left: int) -> int | None:
    """Return where the tag or the address that a `<` opens ends; None if it opens none."""
    match = _TAG.match(part, left, left + _LONGEST_TAG)
    return None if match is None else match.end()


def _close(part: str, opened: list[int], at: int, atoms: list[Span]) -> int:
    """Note what a bracket that closes before `at` ends; return where to read on."""
    if not opened:
        return at
    left = opened.pop()
    target = _TARGET.match(part, at) or _LABEL.match(part, at)
    if target is not None:
        at = target.end()
    elif part.startswith("(", at):  # without some of its words it could become an address
        closing = part.find(")", at, left + LONGEST_SPAN)
        at = at if closing < 0 else closing + 1
    if target is not None or at - left <= LONGEST_SPAN:
        atoms.append((left, at))
    return at


def _tick_runs(part: str) -> dict[int, list[int]]:
    """Return where runs of backticks start, by their length, last first."""
    runs: dict[int, list[int]] = {}
    for match in re.finditer("`+", part):
        runs.setdefault(len(match[0]), []).append(match.start())
    for starts in runs.values():
        starts.reverse()
    return runs


def _closing_ticks(runs: dict[int, list[int]], left: int, at: int) -> int | None:
    """Return where the code that a run of backticks opens ends."""
    starts = runs.get(at - left, [])
    while starts and starts[-1] < at:
        starts.pop()
    return starts[-1] + at - left if starts else None


def _run(part: str, left: int, right: int) -> _Run:
    """Say whether a run of marks can open or close emphasis."""
    before, after = part[left - 1 : left] or " ", part[right : right + 1] or " "
    gap_before, gap_after = before.isspace(), after.isspace()
    mark_before, mark_after = _is_mark(before), _is_mark(after)
    opens = not gap_after and (not mark_after or gap_before or mark_before)
    closes = not gap_before and (not mark_before or gap_after or mark_after)
    if part[left] == "_":
        opens, closes = opens and (not closes or mark_before), closes and (not opens or mark_after)
    return _Run(left, right - left, part[left], opens, closes)


def _is_mark(char: str) -> bool:
    return not char.isalnum() and not char.isspace()


def _emphasis(runs: list[_Run]) -> Iterator[tuple[int, int, int]]:
    """Pair marks; yield start, end and width of the marks of each span."""
    stack: list[_Run] = []
    for run in runs:
        while run.closes and run.count:
            depth = _opener(stack, run)
            if depth is None:
                break
            opener = stack[depth]
            del stack[depth + 1 :]
            width = 2 if opener.count > 1 and run.count > 1 else 1
            opener.count -= width
            run.count -= width
            right = run.at + run.used + width
            run.used += width
            yield opener.at + opener.used + opener.count, right, width
            if not opener.count:
                stack.pop()
        if run.opens and run.count:
            stack.append(run)


def _opener(stack: list[_Run], run: _Run) -> int | None:
    """Return the place of the mark that a closing one pairs with."""
    for depth in range(len(stack) - 1, max(-1, len(stack) - 1 - _LOOK_BACK), -1):
        opener = stack[depth]
        if opener.mark != run.mark:
            continue
        both = opener.closes or run.opens
        total = opener.count + opener.used + run.count + run.used
        if not both or total % 3 or not (opener.count + opener.used) % 3:
            return depth
    return None
