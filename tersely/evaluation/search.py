"""What a prompt could be cut down to: all subsets of its units, or the best that a search finds.

Paper:    Nagle et al. 2024, "Fundamental Limits of Prompt Compression: A Rate-Distortion Framework
          for Black-Box Language Models", section 5. https://arxiv.org/abs/2407.15504
Code:     https://github.com/acnagle/fundamental-limits/tree/2fb729530c693cd113381afb388c4fb97f462d9f
Differs:  equal texts are read once, and the beam search never asks for more than its budget.
Cost:     2^u readings for u units; for the beam search, its budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tersely.core.units import phrase_units, sentence_units, word_units
from tersely.errors import SettingError, UnknownName
from tersely.evaluation.rate_distortion import Bound, Group, Label, distortion_rate

Distortion = Callable[[list[str]], list[float]]
"""Says how bad the answer is after each of some texts; lower is better, NaN is not scored."""

Progress = Callable[[int, int], None]
"""Called with (texts read, texts to read at most)."""

Mask = tuple[bool, ...]

MOST_UNITS = 12
"""The most units whose subsets are all tried: 4,096 readings."""

BEAMS = 5
READINGS = 4000
BATCH = 256

_CUTTERS = {"words": word_units, "phrases": phrase_units, "sentences": sentence_units}
GRANULARITIES = tuple(_CUTTERS)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The candidates of one prompt, each text once.

    Attributes:
        texts: (M,), what is left of the prompt.
        rates: (M,), its length over that of the whole.
        distortions: (M,), as they were read.
        label: "exact" if these are all subsets of the units, "best found" if only some of them
            were read, or some could not be scored.
        unscored: How many texts were left out because the reading gave no number.
    """

    texts: tuple[str, ...]
    rates: npt.NDArray[np.float64]
    distortions: npt.NDArray[np.float64]
    label: Label
    unscored: int = 0

    @property
    def curve(self) -> Bound:
        """D*(R) of this prompt; candidates are numbered as `texts`."""
        return distortion_rate([self.group], label=self.label)

    @property
    def group(self) -> Group:
        """The candidates as a group, to be merged with those of other prompts."""
        return Group(1.0, self.rates, self.distortions)

    def added(self, points: Iterable[tuple[str, float, float]]) -> Found:
        """Return these and more candidates, as (text, rate, distortion); known texts stay."""
        new = {text: (rate, cost) for text, rate, cost in points if text not in set(self.texts)}
        pairs = np.array([*new.values()], dtype=np.float64).reshape(-1, 2)
        return Found(
            (*self.texts, *new),
            np.concatenate([self.rates, pairs[:, 0]]),
            np.concatenate([self.distortions, pairs[:, 1]]),
            self.label,
            self.unscored,
        )


def cut(text: str, granularity: str) -> list[str]:
    """Cut a text into pieces that tile it: "words", "phrases" or "sentences".

    Raises:
        UnknownName: It is none of these.
        SettingError: The text is empty or blank.
    """
    if granularity not in _CUTTERS:
        raise UnknownName("kind of unit", granularity, _CUTTERS)
    pieces = [text[unit.start : unit.end] for unit in _CUTTERS[granularity](text)]
    if len(pieces) > 1 and not pieces[-1].strip():  # blanks at the end are no unit of their own
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    if not text.strip():
        raise SettingError("There is nothing to cut: the text is empty.")
    return pieces


def joined(units: Sequence[str], mask: Mask) -> str:
    """Return the units that a mask keeps, without blanks in front that nothing is left before."""
    text = "".join(unit for unit, kept in zip(units, mask, strict=True) if kept)
    return text if mask and mask[0] else text.lstrip()


def find(
    units: Sequence[str],
    distortion: Distortion,
    *,
    length: Callable[[str], float] | None = None,
    empty: bool = True,
    readings: int = READINGS,
    progress: Progress | None = None,
) -> Found:
    """Return all subsets of up to 12 units, and what a beam search finds of more.

    The arguments are those of `enumerate_subsets` and `search_beams`.
    """
    if len(units) <= MOST_UNITS:
        return enumerate_subsets(units, distortion, length=length, empty=empty, progress=progress)
    return search_beams(
        units, distortion, length=length, empty=empty, readings=readings, progress=progress
    )


def enumerate_subsets(
    units: Sequence[str],
    distortion: Distortion,
    *,
    length: Callable[[str], float] | None = None,
    empty: bool = True,
    progress: Progress | None = None,
) -> Found:
    """Read every subset of a prompt's units.

    Args:
        units: Pieces that tile the prompt, in order; at most 12.
        distortion: Reads a batch of texts.
        length: What a text's rate is measured in; None counts characters.
        empty: Whether nothing at all is a candidate, too.
        progress: Called after each batch.

    Raises:
        SettingError: There are no units, or too many.
    """
    if not 1 <= len(units) <= MOST_UNITS:
        raise SettingError(
            f"All subsets of {len(units)} units are too many or too few to try; 1 to {MOST_UNITS}"
            " can be. Take longer units, or search with search_beams."
        )
    book = _Book(units, distortion, length, progress)
    numbers = range(0 if empty else 1, 2 ** len(units))
    book.most = len(numbers)
    masks = [_mask(number, len(units)) for number in numbers]
    for start in range(0, len(masks), BATCH):
        book.read(masks[start : start + BATCH])
    return book.found("exact")


def search_beams(
    units: Sequence[str],
    distortion: Distortion,
    *,
    length: Callable[[str], float] | None = None,
    empty: bool = True,
    beams: int = BEAMS,
    readings: int = READINGS,
    progress: Progress | None = None,
) -> Found:
    """Drop one chunk after the other, and go on from the best few texts of each length.

    Neighbouring units are joined to as many chunks as the budget of readings can pay for. All that
    was read on the way is a candidate, not only what was gone on from.

    Args:
        units: Pieces that tile the prompt, in order.
        distortion: Reads a batch of texts.
        length: What a text's rate is measured in; None counts characters.
        empty: Whether nothing at all is a candidate, too.
        beams: How many texts of each length are gone on from.
        readings: The most texts that are read.
        progress: Called after each length.

    Raises:
        SettingError: There are no units, fewer than one beam, or fewer than two
            readings.
    """
    if not units or beams < 1 or readings < 2:
        raise SettingError(
            "A beam search needs at least 1 unit, 1 beam and 2 readings; got"
            f" {len(units)}, {beams} and {readings}."
        )
    count = min(len(units), most_chunks(readings, beams))
    chunks = ["".join(part) for part in _split(units, count)]
    book = _Book(chunks, distortion, length, progress)
    book.most = 1 + count + beams * count * (count - 1) // 2
    alive: list[Mask] = [(True,) * count]
    book.read(alive)
    for _ in range(count if empty else count - 1):
        shorter = dict.fromkeys(next_ for mask in alive for next_ in _one_less(mask))
        costs = book.read([*shorter])
        # Where nothing could be scored there is no telling; sorting is stable.
        order = np.argsort(np.nan_to_num(costs, nan=math.inf), kind="stable")
        masks = [*shorter]
        alive = [masks[at] for at in order[:beams].tolist()]
    return book.found("best found")


def most_chunks(readings: int, beams: int) -> int:
    """Return how many chunks a beam search can drop one by one with so many readings.

    The whole is read first, then n texts with one chunk less, then for each length n - 1 to 1 at
    most that many from each beam.
    """
    count = 1
    while 1 + (count + 1) + beams * count * (count + 1) // 2 <= readings:
        count += 1
    return count


class _Book:
    """Reads texts, each once, and notes what was read."""

    def __init__(
        self,
        units: Sequence[str],
        distortion: Distortion,
        length: Callable[[str], float] | None,
        progress: Progress | None,
    ) -> None:
        self.most = 0
        self._units, self._distortion, self._progress = units, distortion, progress
        self._length = length or (lambda text: float(len(text)))
        self._costs: dict[str, float] = {}

    def read(self, masks: Sequence[Mask]) -> list[float]:
        """Return the distortion of each mask's text."""
        texts = [joined(self._units, mask) for mask in masks]
        new = [*dict.fromkeys(text for text in texts if text not in self._costs)]
        costs = self._distortion(new) if new else []
        if len(costs) != len(new):
            raise SettingError(
                f"The distortion gave {len(costs)} numbers for {len(new)} texts; it gives one each."
            )
        self._costs.update(zip(new, costs, strict=True))
        if self._progress:
            self._progress(len(self._costs), self.most)
        return [self._costs[text] for text in texts]

    def found(self, label: Label) -> Found:
        """Return what could be scored."""
        whole = self._length("".join(self._units))
        if not whole > 0:
            raise SettingError("The whole prompt has no length, so nothing has a rate.")
        scored = {text: cost for text, cost in self._costs.items() if math.isfinite(cost)}
        if not scored:
            raise SettingError("Not one of the texts could be scored.")
        return Found(
            tuple(scored),
            np.array([self._length(text) / whole for text in scored]),
            np.array([*scored.values()]),
            label if len(scored) == len(self._costs) else "best found",
            len(self._costs) - len(scored),
        )


def _mask(number: int, count: int) -> Mask:
    return tuple(bool(number >> place & 1) for place in range(count))


def _one_less(mask: Mask) -> Iterator[Mask]:
    for place, kept in enumerate(mask):
        if kept:
            yield (*mask[:place], False, *mask[place + 1 :])


def _split(units: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    edges = [len(units) * part // count for part in range(count + 1)]
    for start, end in pairwise(edges):
        yield units[start:end]
