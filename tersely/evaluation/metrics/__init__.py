"""Measures of an answer, by name. Each is a pure function of it and of the right answers.

    f(answer: str, answers: Sequence[str], *, language: str = "en") -> float

in [0, 1], 1 being best; NaN is what cannot be scored. A measure says what that is for it: no right
answers, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from tersely.errors import UnknownName

_HERE = "tersely.evaluation.metrics"

MEASURES: dict[str, str] = {
    "em": f"{_HERE}.answers:em",
    "f1": f"{_HERE}.answers:f1",
    "accuracy": f"{_HERE}.answers:accuracy",
    "survived": f"{_HERE}.answers:survived",
    "contains": f"{_HERE}.answers:contains",
    "rouge1": f"{_HERE}.overlap:rouge1",
    "rouge2": f"{_HERE}.overlap:rouge2",
    "rouge_l": f"{_HERE}.overlap:rouge_l",
    "bleu": f"{_HERE}.overlap:bleu",
    "chrf": f"{_HERE}.overlap:chrf",
    "bertscore": f"{_HERE}.bertscore:bertscore",
}
"""Every measure: name -> "module:function"."""


class Measure(Protocol):
    """How good an answer is, in [0, 1]; NaN where that cannot be said."""

    def __call__(self, answer: str, answers: Sequence[str], *, language: str = "en") -> float:
        """Score what was written against what would be right, one of them enough."""
        ...


def measure(name: str) -> Measure:
    """Return the measure of a name, importing it now.

    Raises:
        UnknownName: No measure is called that; the message lists what there is.
    """
    if name not in MEASURES:
        raise UnknownName("measure", name, MEASURES)
    module, _, function = MEASURES[name].partition(":")
    found: Measure = getattr(import_module(module), function)
    return found
