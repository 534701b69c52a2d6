"""How far a prompt can be cut before a reader loses the answer, and how far methods are from that.

Every shorter version is given to a reader, and its distortion is how much the right answer
surprises the reader then: the mean over its tokens, in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tersely.core.budget import Budget
from tersely.counting import TokenCounter
from tersely.errors import BackendError, Error, SettingError
from tersely.evaluation.arms import Arm, load_arm
from tersely.evaluation.rate_distortion import Bound, gap_closed
from tersely.evaluation.readers.base import Ask, Reader
from tersely.evaluation.search import (
    GRANULARITIES,
    MOST_UNITS,
    READINGS,
    Distortion,
    Found,
    Progress,
    cut,
    find,
)
from tersely.evaluation.task import Example

AUTO = "auto"
"""The shortest units of which there are at most 12, or sentences."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a method at one rate lies.

    Attributes:
        method: Its name, with its settings.
        asked_rate: The rate it was asked for.
        text: What it left; "" where it failed.
        rate: Which share of the prompt's tokens that is.
        nats: The distortion then.
        bound: The bound at that rate.
        closed: How much of the way from the prompt without its context to the bound it has come.
        among: Whether what it left is one of the candidates of the search. A text that is cut
            elsewhere, inside of units, may lie below an exact bound.
        error: What went wrong, "" if nothing did.
    """

    method: str
    asked_rate: float
    text: str = ""
    rate: float = math.nan
    nats: float = math.nan
    bound: float = math.nan
    closed: float = math.nan
    among: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class PromptBound:
    """The bound of one prompt.

    Attributes:
        granularity: "words", "phrases" or "sentences".
        units: How many there are.
        found: All candidates. Where not all subsets could be tried, those of the methods, too.
        curve: The bound over them.
        whole: Distortion of the whole prompt.
        none: Distortion without the context.
        methods: The methods, as they were asked for.
    """

    granularity: str
    units: int
    found: Found
    curve: Bound
    whole: float
    none: float
    methods: tuple[Placed, ...]


def bound_prompt(
    example: Example,
    reader: Reader,
    counter: TokenCounter,
    *,
    granularity: str = AUTO,
    tries: Sequence[tuple[str, float]] = (),
    readings: int = READINGS,
    progress: Progress | None = None,
) -> PromptBound:
    """Find the bound of a prompt with one context, and where methods lie beside it.

    Args:
        example: One context, a question, and answers, of which the likeliest counts.
        reader: Reads what is left; it has to say how likely the answer is.
        counter: Whose tokens rates are in.
        granularity: What is kept or dropped: "words", "phrases", "sentences" or "auto".
        tries: Methods to compare: the name of an arm, with its settings, and the rate it is asked
            for.
        readings: The most texts that are read where not all subsets can be.
        progress: Called now and then with the texts read and the most there will be.

    Raises:
        SettingError: There is more than one context, or it is blank, or there is no answer.
        UnknownName: Nothing is called like a method or the units.
        BackendError: The reader could not read the whole prompt, or the one without its context.
    """
    if len(example.contexts) != 1 or not example.answers:
        raise SettingError("A prompt's bound needs one context and an answer.")
    text = example.contexts[0]
    granularity, units = _units(text, granularity)
    # Before the reading, so that a mistake is said now and not after minutes.
    arms = {name: load_arm(name, counter) for name, _ in tries}
    left = [_shortened(example, counter, arms[name], name, rate) for name, rate in tries]
    cost = nats_after(example, reader)
    whole, none = cost([text, ""])
    if not (math.isfinite(whole) and math.isfinite(none)):
        raise BackendError(
            f"{reader.name} cannot say how likely the answer is after this prompt. Is it too long"
            " for it?"
        )

    def length(piece: str) -> float:
        return float(counter.count(piece)) if piece else 0.0

    found = find(units, cost, length=length, readings=readings, progress=progress)
    known = dict(zip(found.texts, found.distortions.tolist(), strict=True))
    new = [*dict.fromkeys(p.text for p in left if not p.error and p.text not in known)]
    known |= dict(zip(new, cost(new) if new else [], strict=True))
    placed = [
        p if p.error else replace(p, nats=known[p.text], among=p.text in set(found.texts))
        for p in left
    ]
    if found.label != "exact":
        foreign = [p for p in placed if not p.error and not p.among and math.isfinite(p.nats)]
        found = found.added((p.text, p.rate, p.nats) for p in foreign)
    curve = found.curve
    beside = tuple(_beside(p, curve, none) for p in placed)
    return PromptBound(granularity, len(units), found, curve, whole, none, beside)


def nats_after(example: Example, reader: Reader) -> Distortion:
    """Return what says how surprising the answer is after each of some contexts, in nats.

    A text that the reader could not read is NaN.
    """
    answers = tuple(example.after_cue(answer) for answer in example.answers)

    def cost(texts: list[str]) -> list[float]:
        prompts = [
            replace(example, contexts=(text,)).prompt.text if text.strip() else example.bare
            for text in texts
        ]
        asks = [Ask(text=prompt + example.cue, answers=answers) for prompt in prompts]
        readings = reader.read(asks)
        return [
            math.nan if reading.error or reading.nats is None else reading.nats
            for reading in readings
        ]

    return cost


def _units(text: str, granularity: str) -> tuple[str, list[str]]:
    if granularity != AUTO:
        return granularity, cut(text, granularity)
    for name in GRANULARITIES:
        units = cut(text, name)
        if len(units) <= MOST_UNITS:
            break
    return name, units


def _shortened(example: Example, counter: TokenCounter, arm: Arm, name: str, rate: float) -> Placed:
    """Run one method; a failure is a result, too."""
    if not arm.fits(example):
        return Placed(name, rate, error="It asks for a question, or for where the answer stands.")
    whole, bare = counter.count(example.prompt.text), counter.count(example.bare)
    limit = bare + Budget(rate=rate).limit(max(0, whole - bare))
    try:
        left = arm(example, limit).left.strip()
    except Error as error:
        return Placed(name, rate, error=f"{type(error).__name__}: {error}")
    share = counter.count(left) / counter.count(example.contexts[0]) if left else 0.0
    return Placed(name, rate, left, share)


def _beside(placed: Placed, curve: Bound, none: float) -> Placed:
    if not math.isfinite(placed.nats):
        return placed
    bound = curve.at(placed.rate)
    return replace(placed, bound=bound, closed=gap_closed(none, placed.nats, bound))
