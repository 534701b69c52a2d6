"""Source code: comments, docstrings and statements of bodies go, the outline stays.

What may go is read from the syntax tree, so that whatever is dropped, the rest still parses. In
Python and Bash a body that loses statements says so in a statement (`...`, `: ...`), elsewhere in
a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from tersely.content.code_lines import made_up
from tersely.content.code_pieces import Cutter
from tersely.content.grammars import GRAMMARS
from tersely.core.structure import Structure
from tersely.core.units import clean
from tersely.errors import PromptError, SettingError

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LONE_RETURN = re.compile(r"\r(?!\n)")
_SAMPLE = 40_000  # characters in which a language is looked for
_MOSTLY = 0.5  # share from which on it is something else
_MISSING = 10  # characters of errors that a missing mark is as bad as
_CANDIDATES = 3  # languages that are tried
_WRONG = 0.02  # share of characters in errors up to which a text is certainly code
_LINES = 40  # of which at least one is only written in a certain language
_BACKTICKS = {"javascript", "typescript", "tsx", "go", "ruby", "php", "kotlin", "scala", "bash"}
_FENCE = re.compile(r"^(?:```|~~~)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Say what may go from source code.

    Attributes:
        language: One of the languages of `GRAMMARS`; None finds out.
        keep: Names of functions and classes whose bodies stay.
        bodies: Whether statements of bodies may go.
        comments: Whether comments and docstrings may go.
        notes: Whether a body that lacks statements says so.
    """

    name: ClassVar[str] = "code"
    language: str | None = None
    keep: tuple[str, ...] = ()
    bodies: bool = True
    comments: bool = True
    notes: bool = True

    def __post_init__(self) -> None:
        if self.language is not None and self.language not in GRAMMARS:
            known = ", ".join(sorted(GRAMMARS))
            raise SettingError(f"language is one of {known}, or None; not {self.language!r}.")
        if isinstance(self.keep, str) or not all(isinstance(name, str) for name in self.keep):
            raise SettingError(f"keep is a tuple of names of functions; not {self.keep!r}.")

    def matches(self, text: str) -> bool:
        """Return whether the text is a source file, or most of one; prose never is."""
        if self.language is not None:
            return _is_certain(text, self.language)
        return find_language(text) is not None

    def read(self, text: str) -> Structure:
        """Return what may go.

        Raises:
            PromptError: No language is recognised, or most of the text is not in the language.
        """
        language = self.language or find_language(text, strict=False)
        if language is None:
            raise PromptError(
                "Line 1, column 1: the text is in no programming language that is recognised."
                " Say which with the setting language."
            )
        root = parse(text, language)
        _refuse_other(root, len(text), language)
        cutter = Cutter(
            text=as_read(text),
            grammar=GRAMMARS[language],
            keep=frozenset(self.keep),
            bodies=self.bodies,
            comments=self.comments,
            notes=self.notes,
        )
        return cutter.cut(root)


def as_read(text: str) -> str:
    """Return the text as a parser is given it; every offset stays the same."""
    return clean(_LONE_RETURN.sub("\n", text) if "\r" in text else text)


def parse(text: str, language: str) -> SgNode:
    """Return the root of a text's syntax tree; its offsets are characters."""
    from ast_grep_py import SgRoot

    assert language in GRAMMARS, "an unknown one would end the process"
    return SgRoot(as_read(text), language).root()


def wrong_share(root: SgNode, length: int) -> float:
    """Return the share of a text of that many characters that could not be parsed, in [0, 1]."""
    wrong = sum(len(node.text()) for node in root.find_all(kind="ERROR"))  # nested ones count twice
    wrong += _MISSING * len(made_up(root))
    return min(1.0, wrong / max(1, length))


@lru_cache(maxsize=32)
def find_language(text: str, *, strict: bool = True) -> str | None:
    """Return the language of a source file, or None.

    Args:
        text: Any text.
        strict: Whether text that only might be code is none.
    """
    sample = as_read(text[:_SAMPLE])
    hits = {name: _cues(sample, name) for name in GRAMMARS}
    best = sorted((name for name in hits if hits[name] > 1), key=lambda name: -hits[name])
    tried = {name: wrong_share(parse(sample, name), len(sample)) for name in best[:_CANDIDATES]}
    if not tried:
        return None
    name = min(tried, key=lambda name: (round(tried[name], 3), -hits[name]))
    return name if not strict or _is_certain(text, name) else None


def _cues(sample: str, language: str) -> int:
    """Return how many lines, or starts of statements in long lines, only a language writes."""
    cues = _pattern(language)
    return sum(1 for line in _starts(sample) if cues.match(line))


def _starts(sample: str) -> Iterable[str]:
    for line in sample.split("\n"):
        stripped = line.strip()
        if len(stripped) > 300:
            yield from (part + ";" for part in stripped[:3000].split(";"))
        elif stripped:
            yield stripped


@lru_cache(maxsize=32)
def _pattern(language: str) -> re.Pattern[str]:
    return re.compile(GRAMMARS[language].cues)


def _is_certain(text: str, language: str) -> bool:
    """Return whether a text is in a language: it parses, and its lines look like it."""
    sample = as_read(text[:_SAMPLE])
    lines = sum(1 for _ in _starts(sample))
    if not lines or _cues(sample, language) * _LINES < lines:
        return False
    fenced = _FENCE.search(sample) is not None
    if fenced and language in _BACKTICKS:
        return False
    return wrong_share(parse(text, language), len(text)) <= (0.0 if fenced else _WRONG)


def _refuse_other(root: SgNode, length: int, language: str) -> None:
    if wrong_share(root, length) <= _MOSTLY:
        return
    wrong = [node.range().start for node in (*root.find_all(kind="ERROR"), *made_up(root))]
    place = min(wrong, key=lambda place: place.index)
    raise PromptError(
        f"Line {place.line + 1}, column {place.column + 1}: this is not {language},"
        " and most of the text is not. Set language to what it is written in."
    )
