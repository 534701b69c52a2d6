"""The literals of a text, and which of them are still in what is left of it.

Written apart from the package's own classes of what to protect, which are under test here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

KINDS: dict[str, re.Pattern[str]] = {
    "numbers": re.compile(r"(?<![\w.])\d[\d.,:/-]*\d(?![\w])|(?<![\w.])\d(?![\w.])"),
    "identifiers": re.compile(
        r"\b(?:[A-Za-z]+_\w+|\w*\d[A-Za-z]\w*|[A-Za-z]+\d\w*|[a-z]+(?:[A-Z][a-z]+)+)\b"
    ),
    "paths": re.compile(r"(?<!\w)(?:https?://[^\s\"'<>]+|(?:~|\.{1,2})?(?:/[\w.@+-]+){2,}/?)"),
}
ERROR = re.compile(
    r"\b(?:error|errors|err|fatal|fail|failed|failure|exception|critical|severe|panic|denied"
    r"|refused|timed out|invalid)\b",
    re.IGNORECASE,
)
LEAST_CHARS = 3
"""Shorter literals are found anywhere."""


def literals(text: str) -> dict[str, set[str]]:
    """Return the distinct literals of each kind, and the lines that speak of errors."""
    found = {
        kind: {match[0] for match in pattern.finditer(text) if len(match[0]) >= LEAST_CHARS}
        for kind, pattern in KINDS.items()
    }
    found["error lines"] = {line.strip() for line in text.splitlines() if ERROR.search(line)}
    return found


def there(literal: str, text: str) -> bool:
    """Return whether a literal stands in a text, and not as part of a longer one."""
    edge = r"(?<![^\W_])", r"(?![^\W_])"
    left = edge[0] if literal[:1].isalnum() else ""
    right = edge[1] if literal[-1:].isalnum() else ""
    return re.search(f"{left}{re.escape(literal)}{right}", text) is not None


def shares(wanted: Mapping[str, set[str]], text: str) -> dict[str, float]:
    """Return the share of each kind's literals that are in a text; kinds without any are out."""
    return {
        kind: sum(there(one, text) for one in some) / len(some)
        for kind, some in wanted.items()
        if some
    }


def needed_later(text: str, before: str, after: str) -> set[str]:
    """Return the literals that a text brought in and that are used after it."""
    found = set().union(*(some for kind, some in literals(text).items() if kind != "error lines"))
    return {one for one in found if there(one, after) and not there(one, before)}


def is_json(text: str) -> bool:
    """Return whether a text is one JSON document, or one on each line."""
    try:
        json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        return len(lines) > 1 and all(_is_document(line) for line in lines)
    return True


def _is_document(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
