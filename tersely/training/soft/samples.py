"""What is learnt from: texts to remember, and what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A text that is compressed, and what a reader of its memory says.

    Attributes:
        text: (L,) tokens that become a memory.
        following: (C,) tokens behind it: how the text goes on, or a question and its answer. None
            of them scored, or none at all, means that the text is only written again.
        scored: (C,) bool: which of these a reader has to say; never the first one, which has
            nothing in front of it but the memory.
    """

    text: Ints
    following: Ints
    scored: Flags

    @property
    def tokens(self) -> int:
        """What it costs to learn: L + C."""
        return len(self.text) + len(self.following)


def cut_document(tokens: Ints, *, context: int, continuation: int, least: int) -> list[Sample]:
    """Cut a document into windows side by side: a context, and how it goes on.

    A document, or an end of one, that is shorter than a window is divided as a window is, if its
    context has `least` tokens.

    Args:
        tokens: (T,) of the document.
        context: L of a whole window.
        continuation: C of a whole window; 0 where the text is only written again.
        least: The shortest context.
    """
    whole, samples = context + continuation, []
    for start in range(0, len(tokens), whole):
        part = tokens[start : start + whole].astype(np.int64)
        cut = -(-len(part) * context // whole)
        if cut < least:
            continue
        scored = np.ones(len(part) - cut, bool)
        scored[:1] = False
        samples.append(Sample(part[:cut], part[cut:], scored))
    return samples


def segments_of(text: Ints, longest: int) -> list[Ints]:
    """Cut a text into segments of at most `longest` tokens, as equal as can be."""
    count = max(1, -(-len(text) // longest))
    return [part for part in np.array_split(text, count) if len(part)]


@dataclass(frozen=True, slots=True)
class Step:
    """The samples of one step.

    Attributes:
        passes: Samples by number, those read at once together.
        slots: K of each segment.
    """

    passes: tuple[tuple[int, ...], ...]
    slots: int


def plan_steps(
    sizes: Sequence[int],
    *,
    batch_tokens: int,
    pass_tokens: int,
    epochs: int,
    budgets: Sequence[int],
    seed: int,
    most_steps: int | None = None,
) -> list[Step]:
    """Say in what order samples are learnt: each once an epoch, those of a length together.

    Args:
        sizes: Tokens of each sample.
        batch_tokens: The most tokens of a step, padding included; one sample may have more.
        pass_tokens: The most that are read at once, likewise.
        epochs: How often all are read.
        budgets: Numbers of slots; each step has one of them, drawn.
        seed: Of the order and the draws.
        most_steps: The first so many; None is all.
    """
    rng = np.random.default_rng((seed, 1))
    steps: list[Step] = []
    for _ in range(epochs):
        if most_steps is not None and len(steps) >= most_steps:
            break
        order = rng.permutation(len(sizes))
        # Sorted within stretches only, so that a step's samples differ from epoch to epoch.
        stretches = np.array_split(order, max(1, sum(sizes) // (batch_tokens * _STRETCH_STEPS)))
        batches = [
            batch
            for stretch in stretches
            for batch in filled(sorted(stretch, key=lambda i: sizes[i]), sizes, batch_tokens)
        ]
        for number in rng.permutation(len(batches)):
            slots = int(rng.choice(np.array(budgets)))
            passes = filled(batches[number], sizes, pass_tokens)
            steps.append(Step(tuple(map(tuple, passes)), slots))
    return steps[:most_steps]


_STRETCH_STEPS = 16


def filled(order: Sequence[int], sizes: Sequence[int], most: int) -> list[list[int]]:
    """Cut an order into groups whose samples, padded to their longest, have `most` tokens."""
    groups: list[list[int]] = []
    longest = 0
    for number in map(int, order):
        longest = max(longest, sizes[number])
        if groups and (len(groups[-1]) + 1) * longest <= most:
            groups[-1].append(number)
        else:
            groups.append([number])
            longest = sizes[number]
    return groups
