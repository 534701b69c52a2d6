"""What `protect=` understands: classes of text by name, and regular expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import regex

from tersely.core.prompt import Prompt, Span
from tersely.core.units import clean
from tersely.errors import PromptError

CLASSES: dict[str, str] = {
    "numbers": r"[+\-−]?[$€£¥]?\p{Nd}+(?:[.,:/\-]\p{Nd}+)*(?:\s?[%‰°])?",
    "negations": r"(?i:\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|unless"
    r"|except)\b|\b\w+n['’]t\b)",
    "urls": r"(?i:\b(?:https?|ftp)://|\bwww\.)[^\s<>\"']+[^\s<>\"'.,;:!?)\]}]",
    "identifiers": r"\b(?=\w*\d|\w*_)(?=\w*\p{L})\w+(?:[-.]\w+)*\b|\b\p{Lu}{2,}(?:-\w+)+\b"
    r"|\b\p{Ll}+(?:\p{Lu}\p{Ll}*)+\b",
    "code": r"(?s:```.*?```)|`[^`\n]+`",
}
SECONDS = 5.0
"""How long one pattern may search one segment."""


def protect_patterns(prompt: Prompt, patterns: Sequence[str | Span]) -> Prompt:
    """Return the prompt with everything that matches protected.

    Args:
        prompt: The prompt.
        patterns: Names of `CLASSES`, regular expressions (of the `regex` library), or spans.

    Raises:
        PromptError: A pattern is not a regular expression, or takes too long.
    """
    return prompt.protecting(pattern_spans(prompt, patterns))


def pattern_spans(prompt: Prompt, patterns: Sequence[str | Span]) -> Iterator[Span]:
    """Yield what matches, pattern by pattern; the arguments are those of `protect_patterns`."""
    if isinstance(patterns, str):
        raise PromptError("protect is a list of patterns, not one str; put it in brackets.")
    for pattern in patterns:
        yield from _spans(prompt, pattern)


def _spans(prompt: Prompt, pattern: str | Span) -> Iterable[Span]:
    if isinstance(pattern, Span):
        return [pattern]
    if not isinstance(pattern, str):
        raise PromptError(f"A pattern to protect is a str or a Span, not {pattern!r}.")
    try:
        compiled = regex.compile(CLASSES.get(pattern, pattern))
    except regex.error as error:
        raise PromptError(
            f"{pattern!r} is neither a regular expression ({error}) nor one of the classes:"
            f" {', '.join(CLASSES)}."
        ) from error
    return _matches(prompt, compiled, pattern)


def _matches(prompt: Prompt, compiled: regex.Pattern[str], pattern: str) -> Iterator[Span]:
    for index, segment in enumerate(prompt.segments):
        try:
            for match in compiled.finditer(clean(segment.text), timeout=SECONDS):
                if match.end() > match.start():
                    yield Span(index, match.start(), match.end())
        except TimeoutError:
            raise PromptError(
                f"The pattern {pattern!r} takes more than {SECONDS:g} s on segment {index}."
            ) from None
