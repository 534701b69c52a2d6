"""Which comments of source code may go, and which lines of the long ones."""

from __future__ import annotations

import re
from bisect import bisect_right

from tersely.content.code_lines import Claim, Lines, outermost

LONG_COMMENT = 400
"""Characters after which a comment or docstring of many lines goes line by line."""

SUMMARY = 1.0
"""What the first line of a long comment is worth more than a method thinks."""

_COOKIE = re.compile(r"coding[:=]")
_MARK = re.compile(r"/\*\*?")


def claim_comments(lines: Lines, taken: list[tuple[int, int]]) -> list[Claim]:
    """Return what may go of all comments.

    Args:
        lines: The source.
        taken: Characters [start, end) whose comments go with them or stay with them.
    """
    claims: list[Claim] = []
    taken = outermost(taken)
    for start, end in sorted(lines.remarks.items()):
        index = bisect_right(taken, (start, len(lines.text))) - 1
        if (index < 0 or taken[index][1] <= start) and not _is_head(lines, start, end):
            claims += _comment(lines, start, end)
    return claims


def claim_lines(lines: Lines, start: int, end: int) -> list[Claim]:
    """Return the lines between the marks of a comment or docstring, [start, end).

    The line break behind the first mark and the last line's mark stay, so that no line that is
    left can become part of a mark.
    """
    text = lines.text
    first = text.find("\n", start, end)
    if first < 0:
        return []
    claims: list[Claim] = []
    value = SUMMARY
    at = start
    while at < end:
        stop = first if at == start else min(lines.after(at), end)
        if text[at:stop].strip():
            claims.append(Claim(at, stop, "whole", value))
            value = 0.0
        elif at > start and stop < end:
            claims.append(Claim(at, stop, "blank"))
        at = stop + 1 if at == start else stop
    return claims


def _is_head(lines: Lines, start: int, end: int) -> bool:
    """Return whether a comment says what runs the file, or how its bytes are to be read."""
    text = lines.text
    if start == 0 and text.startswith("#!"):
        return True
    return lines.number(start) < 2 and _COOKIE.search(text, start, end) is not None


def _comment(lines: Lines, start: int, end: int) -> list[Claim]:
    text = lines.text
    end -= text[end - 1] == "\n"
    alone = lines.around(start, end)
    if alone is None:
        return _inline(lines, start, end)
    mark = _MARK.match(text, start)
    if mark and end - start > LONG_COMMENT:
        inside = text[start + 2 : end - 2]
        if "/*" not in inside and "*/" not in inside:  # none in it would end it
            return claim_lines(lines, mark.end(), end - 2)
    return [Claim(*alone, "whole")]


def _inline(lines: Lines, start: int, end: int) -> list[Claim]:
    """Return a comment that has its line not for itself, if what is around it stays apart."""
    text = lines.text
    first = start
    if not lines.opens(start):
        while first and text[first - 1] in " \t":
            first -= 1
    if end == len(text) or text[end] in "\r\n":
        return [Claim(first, end, "whole")]
    apart = text[end].isspace() and "\n" not in text[start:end]
    return [Claim(first, end, "whole")] if apart else []
