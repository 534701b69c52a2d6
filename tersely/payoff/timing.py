"""Time a method on this machine: two lengths of generated text, and the line through them."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from tersely.core.budget import Budget
from tersely.counting.base import TokenCounter
from tersely.errors import SettingError
from tersely.hard.base import HardCompressor
from tersely.payoff.speed import Speed
from tersely.prompting import build_prompt

LENGTHS = (400, 1600)
"""Tokens, about: long enough for a model to read in windows, short enough to be done soon."""
ROUNDS = 3
RATE = 0.5
QUESTION = "What did the office decide about the old bridge?"

_WHO = "the engineer|the council|a farmer|our office|the new owner|the museum|a pilot|the school"
_DID = "sold|measured|painted|moved|described|repaired|opened|forgot"
_WHAT = "the old bridge|a row of houses|the northern pump|two maps|the library|a letter|the engine"
_WHEN = "before the winter|in the third year|after a long debate|without any notice|on Friday"
_SO = "which pleased nobody|so that work could go on|although it was dear|as the plan had said"


def sample_text(sentences: int, *, seed: int = 1) -> str:
    """Return made-up prose, six sentences to a paragraph; the same for the same numbers."""
    random = Random(seed)  # noqa: S311 - no secret
    parts = [choices.split("|") for choices in (_WHO, _DID, _WHAT, _WHEN, _SO)]

    def sentence() -> str:
        who, did, what, when, so = (random.choice(choices) for choices in parts)
        return f"{who.capitalize()} {did} {what} {when}, {so}, {random.randint(2, 990)} times."

    lines = [sentence() for _ in range(sentences)]
    return "\n\n".join(" ".join(lines[at : at + 6]) for at in range(0, len(lines), 6))


def measure_speed(
    compressor: HardCompressor,
    *,
    counter: TokenCounter,
    lengths: tuple[int, int] = LENGTHS,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Return how long a compressor takes here, by the medians of a few runs at two lengths.

    Each run has another text, as in use. The first of each length is not counted: models warm up.

    Args:
        compressor: The method, its model loaded.
        counter: Whose tokens lengths are in.
        lengths: About how many tokens the two texts have, ascending.
        rounds: Runs of each.
        clock: Says the seconds.

    Raises:
        SettingError: There are no rounds, or not two lengths.
    """
    if rounds < 1 or len(lengths) != 2:
        raise SettingError(f"Give two lengths and a round at least; got {lengths!r} and {rounds}.")
    per_sentence = counter.count(sample_text(60)) / 60
    points = []
    for length in lengths:
        runs = []
        for turn in range(rounds + 1):
            text = sample_text(max(1, round(length / per_sentence)), seed=turn)
            prompt = build_prompt(text, question=QUESTION)
            tokens = counter.count(prompt.text)
            started = clock()
            compressor.compress(prompt, Budget(rate=RATE), counter=counter)
            runs.append((clock() - started, tokens))
        seconds, tokens = sorted(runs[1:])[rounds // 2]
        points.append((tokens, seconds))
    return Speed.through(points)
