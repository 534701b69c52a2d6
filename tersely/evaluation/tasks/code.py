"""Code: the next line of a function, from what the file has before it.

Data:     Python files of public repositories, among them SWE-bench/SWE-bench,
          sierra-research/tau2-bench and EleutherAI/lm-evaluation-harness.
Licence:  each repository's own; records say which.
Reader:   the file up to the function, which is shortened as code; the function up to the line,
          at most 25 lines, which is kept; then the line, with its indentation, is the answer.
          One line per file, chosen by the hash of its name among those that use a name which the
          file has before the function and the function has not used yet: so the context counts.
Gold:     the lines in which these names stand first.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tersely.evaluation.source import Source, number_of
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import read_fields

BEFORE = (2_000, 9_000)
"""Fewest and most characters before the function."""

FUNCTION_LINES = (2, 25)
LINE_CHARS = (20, 120)

_NAME = re.compile(r"(?<![\w\"'])[A-Za-z_]\w{5,}")
_DEF = re.compile(r"(?P<indent> *)(?:async )?def \w+")
_DECORATED = re.compile(r" *@")


@dataclass(frozen=True, slots=True)
class _Place:
    """A line to be written: its number, and that of its function's first line."""

    function: int
    line: int
    names: tuple[str, ...]


def read(source: Source) -> Iterator[Example]:
    """Yield one line of each Python file that has one.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "code_files"):
        title = row.text("title")
        if not title.endswith(".py"):
            continue
        lines = row.text("text").splitlines()
        places = list(_places(lines))
        if not places:
            continue
        place = places[number_of(row.id) % len(places)]
        before = lines[: place.function]
        yield Example(
            id=row.id,
            contexts=("\n".join(before).strip("\n"),),
            instruction=f"# {title}",
            question="\n".join(lines[place.function : place.line]),
            cue="\n",
            answers=(lines[place.line].rstrip(),),
            gold=_first_lines(before, place.names),
            group=str(row.row.get("repo", "")),
        )


def _places(lines: list[str]) -> Iterator[_Place]:
    """Yield the lines that use a name from before their function."""
    size, known = 0, set[str]()
    for start, head in enumerate(lines):
        match = _DEF.match(head)
        if match and BEFORE[0] <= size <= BEFORE[1]:
            first = start
            while first > 0 and _DECORATED.match(lines[first - 1]):
                first -= 1
            before = known.difference(*(_NAME.findall(line) for line in lines[first:start]))
            yield from _within(lines, first, start, len(match["indent"]), before)
        size += len(head) + 1
        known.update(_NAME.findall(head))


def _within(
    lines: list[str], first: int, start: int, indent: int, known: set[str]
) -> Iterator[_Place]:
    used = set(_NAME.findall(lines[start]))
    quoted = False
    for at in range(start + 1, min(len(lines), first + FUNCTION_LINES[1])):
        line = lines[at]
        bare = line.strip()
        if bare and len(line) - len(line.lstrip()) <= indent and not bare.startswith(")"):
            return
        marks = bare.count('"""') + bare.count("'''")
        found = [n for n in _NAME.findall(bare) if not keyword.iskeyword(n)]
        new = tuple(dict.fromkeys(name for name in found if name in known and name not in used))
        plain = not quoted and not marks and not bare.startswith(("#", '"', "'"))
        fits = LINE_CHARS[0] <= len(bare) <= LINE_CHARS[1] and at - start >= FUNCTION_LINES[0]
        if plain and fits and new:
            yield _Place(first, at, new)
        used.update(found)
        quoted ^= marks % 2 == 1


def _first_lines(before: list[str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first line in which each name stands, in the file's order."""
    found = {
        next(at for at, line in enumerate(before) if name in _NAME.findall(line)) for name in names
    }
    return tuple(before[at].strip() for at in sorted(found))


TASK = Task(
    name="code",
    version=1,
    family="code",
    data=("code_files",),
    read=read,
    measures=("chrf", "em"),
    answer_tokens=48,
    content="auto",
    source="https://github.com/SWE-bench/SWE-bench",
)
