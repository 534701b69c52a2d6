"""What of a few-shot maths prompt survives: numbers, operators, answer lines."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OPERATOR = re.compile(r"[+*/=%]|(?<![^\W\d_])[x×](?![^\W\d_])|[-–](?![^\W\d_])")
_ANSWER = re.compile(r"the answer is\D*(\d+(?:[.,]\d+)*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Survival:
    """Shares in [0, 1].

    Attributes:
        numbers: Of all numbers of the original, each as often as it stood there.
        operators: Of + - * / = x %; a hyphen or an x inside a word is none.
        answers: Of the lines "The answer is N": N still stands in a line that says "answer".
    """

    numbers: float
    operators: float
    answers: float


def survival(original: str, compressed: str) -> Survival:
    """Compare a prompt with what is left of it; what was not there before counts for nothing."""
    return Survival(
        _share(Counter(_NUMBER.findall(original)), Counter(_NUMBER.findall(compressed))),
        _share(Counter(_OPERATOR.findall(original)), Counter(_OPERATOR.findall(compressed))),
        _share(Counter(_ANSWER.findall(original)), _numbers_of_answers(compressed)),
    )


def _numbers_of_answers(text: str) -> Counter[str]:
    lines = (line for line in text.splitlines() if "answer" in line.casefold())
    return Counter(number for line in lines for number in set(_NUMBER.findall(line)))


def _share(before: Counter[str], after: Counter[str]) -> float:
    return (before & after).total() / max(1, before.total())
