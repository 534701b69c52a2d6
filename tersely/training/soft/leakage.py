"""Texts of the training data that share wording with the texts that are measured on.

A text is cut into runs of eight words, without case and signs. What is measured on gives a set of
runs; a training text that has more than a share of its own runs in that set is left out, so that a
number measured later is not a number remembered.

Source: Brown et al. 2020, GPT-3, appendix C, which looks for runs of 13 words.
        https://arxiv.org/abs/2005.14165
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

RUN_WORDS = 8
MOST_SHARED = 0.2
"""Of a text's runs; a text with more is left out. One quotation does not make a copy."""

EXAMPLES = 5

_WORDS = re.compile(r"\w+")


def runs_of(text: str) -> Iterator[int]:
    """Yield a number for each run of words; a text of fewer words is one run."""
    words = _WORDS.findall(text.casefold())
    for at in range(max(1, len(words) - RUN_WORDS + 1)) if words else ():
        run = " ".join(words[at : at + RUN_WORDS])
        digest = hashlib.blake2b(run.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        yield int.from_bytes(digest)


def texts_in(value: Any) -> Iterator[str]:
    """Yield every string in a row, however deep it lies."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)


@dataclass(slots=True)
class Leakage:
    """Finds texts that share wording with what is measured on, and counts them.

    Attributes:
        measured: Runs of the texts that are measured on.
        checked: Training texts looked at.
        dropped: Those of them that share too much.
        examples: The beginnings of a few, with the share.
    """

    measured: frozenset[int]
    checked: int = 0
    dropped: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Leakage:
        """Take in what is measured on. Texts shorter than a run say nothing."""
        long = (text for text in texts if len(_WORDS.findall(text)) >= RUN_WORDS)
        return cls(frozenset(run for text in long for run in runs_of(text)))

    def share(self, text: str) -> float:
        """Return the share of a text's runs that are measured on."""
        runs = list(runs_of(text))
        return sum(run in self.measured for run in runs) / len(runs) if runs else 0.0

    def leaks(self, text: str) -> bool:
        """Return whether to leave a training text out; remember that it was asked."""
        self.checked += 1
        share = self.share(text) if self.measured else 0.0
        if share <= MOST_SHARED:
            return False
        self.dropped += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({"text": text[:80], "share": round(share, 3)})
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the report."""
        return {
            "runs_measured": len(self.measured),
            "run_words": RUN_WORDS,
            "most_shared": MOST_SHARED,
            "checked": self.checked,
            "dropped": self.dropped,
            "examples": self.examples,
        }
