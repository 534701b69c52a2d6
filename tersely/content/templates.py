"""Log lines → templates: which lines say the same thing with other values in it.

Paper:    He et al. 2017, "Drain: An Online Log Parsing Approach with Fixed Depth Tree".
          https://doi.org/10.1109/ICWS.2017.13
Code:     https://github.com/logpai/Drain3 (not used here)
Differs:  timestamps, hosts and process ids are not cut off by a format that the user gives. What
          looks like a value is masked inside words too, and leads to no node of the tree; the
          first two words that remain and the severity do. Only words after those two are compared.
          Each leaf remembers its latest templates only, so that the time is linear.
Cost:     no model; about 5 microseconds for each line.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from operator import eq

MASK = "<>"
"""Stands for a value: a number, an address, a path, a quotation."""

READ_CHARS = 400
"""How much of a line decides what it is."""

_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*'(?!\w))""")
_VALUE = re.compile(
    r"""
      (?<![\w.<>])(?:[A-Za-z]:)?(?:[/\\][\w.$+~%-]+)+               # a path
    | \b0[xX][0-9a-fA-F]+
    | \b(?=[a-fA-F-]{0,40}\d)[0-9a-fA-F]{6,}(?:-[0-9a-fA-F]{4,})*\b  # a hash, a UUID
    | \d+(?:[.:,/+_-]\d+)*                                          # a number, an address, a date
    """,
    re.VERBOSE,
)
_DATE_WORDS = re.compile(
    r"[\[(]?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[,\])]?"
)
_LEAF_TEMPLATES = 32  # how many templates of a leaf a line is compared with


def masked(line: str) -> str:
    """Return the words of the beginning of a line, with `MASK` for each value in it."""
    line = line[:READ_CHARS]
    if '"' in line or "'" in line:
        line = _QUOTED.sub(MASK, line)
    return " ".join([_masked_word(word) for word in line.split()])


@lru_cache(maxsize=1 << 14)
def _masked_word(word: str) -> str:
    return MASK if _DATE_WORDS.fullmatch(word) else _VALUE.sub(MASK, word)


class TemplateMiner:
    """Says which lines have one template, line by line.

    Attributes:
        similarity: The share of a line's words that a template must have, in [0, 1].
        templates: Words of each template so far; `MASK` where its lines differ.
    """

    def __init__(self, *, similarity: float = 0.5) -> None:
        self.similarity = similarity
        self.templates: list[list[str]] = []
        self._seen: dict[tuple[Hashable, str], int] = {}
        self._leaves: dict[tuple[Hashable, ...], list[int]] = {}

    def add(self, line: str, *, kind: Hashable = None) -> int:
        """Return the number of the line's template, which it changes to fit the line.

        Args:
            line: A line as `masked` writes it.
            kind: Lines of different kinds have different templates.
        """
        key = (kind, line)
        number = self._seen.get(key)
        if number is None:
            number = self._seen[key] = self._place(line.split(), kind)
        return number

    def _place(self, words: list[str], kind: Hashable) -> int:
        """Find the template of words not seen before, or make it."""
        said = [at for at, word in enumerate(words) if MASK not in word][:2]
        body = said[-1] + 1 if said else 0
        leaf = self._leaves.setdefault((kind, len(words), *(words[at] for at in said)), [])
        number = self._nearest(words, body, leaf)
        if number is None:
            number = len(self.templates)
            self.templates.append(words)
            if len(leaf) == _LEAF_TEMPLATES:
                del leaf[0]
            leaf.append(number)
            return number
        template = self.templates[number]
        pairs = zip(template, words, strict=True)
        self.templates[number] = [a if a == b else MASK for a, b in pairs]
        return number

    def _nearest(self, words: list[str], body: int, leaf: list[int]) -> int | None:
        """Return the most similar template of a leaf, the oldest of equals."""
        said = [None if at < body or word == MASK else word for at, word in enumerate(words)]
        compared = len(said) - said.count(None)
        best, most = None, -1
        for number in leaf:
            same = sum(map(eq, said, self.templates[number]))
            if same > most and same >= self.similarity * compared:
                best, most = number, same
        return best
