"""`recover` without spans: find where the words of a compressed prompt stood in the original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tersely.core.prompt import Prompt, Span
from tersely.core.recover import recover
from tersely.core.units import Unit, word_units

BESIDE = 0.5
"""What a match beside the last one is worth more than any other, which is worth 1."""

PER_WORD, MOST = 0.02, 0.9
"""What each word that was dropped between two matches costs, and what all of them cost at most: so
that the nearest place is taken, and a far one is better than none."""


@dataclass(frozen=True, slots=True)
class _Match:
    """A word of the compressed text, found: its place in the original, and the match before."""

    place: int
    before: _Match | None


def recovered(original: str, compressed: str, response: str) -> str:
    """Return a response with the original wording put back.

    Args:
        original: The prompt before compression.
        compressed: The prompt after it; its words are the original's, in order. Words that are
            not are passed over.
        response: What a model wrote to the compressed one.
    """
    return recover(Prompt.of(original), aligned(original, compressed), response)


def aligned(original: str, compressed: str) -> tuple[Span, ...]:
    """Return which characters of an original its compressed form is made of.

    The words of the one are matched with equal words of the other, in order, as many as can be,
    gaps as few and as short as can be. In O(words of the one * words of the other).
    """
    units = word_units(original)
    places: dict[str, list[int]] = {}
    for place, unit in enumerate(units):
        if word := _word(original, unit):
            places.setdefault(word, []).append(place)
    found = _longest(
        [places.get(_word(compressed, unit), []) for unit in word_units(compressed)], len(units)
    )
    spans: list[Span] = []
    last = -1
    for place in found:
        unit = units[place]
        if place == last + 1 and spans:
            spans[-1] = Span(0, spans[-1].start, unit.end)
        else:
            spans.append(Span(0, unit.start if spans else unit.core, unit.end))
        last = place
    return tuple(spans)


def _word(text: str, unit: Unit) -> str:
    return text[unit.core : unit.end]


def _longest(candidates: list[list[int]], size: int) -> list[int]:
    """Return the places of the best chain of matches, ascending.

    Args:
        candidates: For each word of the compressed text, its places in the original.
        size: Words of the original.
    """
    best = np.full(size + 1, -np.inf)  # [place + 1]: the best chain that ends there
    best[0] = 0.0  # the empty one
    chains: list[_Match | None] = [None] * (size + 1)
    slope = PER_WORD * np.arange(size + 1)
    for places in candidates:
        if not places:
            continue
        near, near_from = _running_best(best + slope)
        far, far_from = _running_best(best)
        new = []
        for place in places:  # a chain that ends before this place goes on with it
            options = [(best[place] + BESIDE, place)] if place else []
            options += [
                (near[place] - slope[place], int(near_from[place])),
                (far[place] - MOST, int(far_from[place])),
                (0.0, 0),
            ]
            value, before = max(options)
            new.append((place, 1.0 + value, _Match(place, chains[before])))
        for place, value, match in new:
            if value > best[place + 1]:
                best[place + 1], chains[place + 1] = value, match
    found = []
    last = chains[int(np.argmax(best))]
    while last is not None:
        found.append(last.place)
        last = last.before
    return found[::-1]


def _running_best(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the highest value up to each place, and where it is."""
    running = np.maximum.accumulate(values)
    at = np.where(values >= running, np.arange(len(values)), 0)
    return running, np.maximum.accumulate(at)
