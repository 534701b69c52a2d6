"""Read many sequences in few forward passes: short ones share a pass, long ones take several.

No model is run here. A backend says how one `Packed` pass is read, and everything else (which
sequences share a pass, how far back a long one looks) is decided here, alike for all runtimes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens

PASS_TOKENS = 512
"""Tokens of one forward pass. More does not read faster on a CPU, and the mask is quadratic."""

REACH_TOKENS = 2048
"""How far back a long sequence looks at most. Reading costs more the further back it looks."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Several sequences in one forward pass of T tokens, each read after the start token.

    Row t reads `ids[t]` and predicts `targets[t]`, so every row is of use: the last token of a
    sequence is predicted but not read.

    Attributes:
        ids: (T,), of each sequence the start token and all its tokens but the last.
        scored: (R,), rows in [0, T) whose predictions are asked for, ascending.
        targets: (R,), the tokens that these rows predict.
        lengths: Rows of each sequence; their sum is T.
    """

    ids: Ints
    scored: Ints
    targets: Ints
    lengths: tuple[int, ...]

    @property
    def positions(self) -> Ints:
        """(T,), each sequence counted from 0."""
        return positions(self.lengths)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(T, T), True where row t may look at row u."""
        return block_mask(self.lengths)


def pack(lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Say which sequences share a pass: the longest first, each into the first pass it fits.

    Args:
        lengths: Tokens of each sequence.
        most_tokens: The most tokens of a pass. A longer sequence gets a pass of its own.

    Returns:
        Passes; each the ascending indices of its sequences. Empty sequences are in none.
    """
    passes: list[list[int]] = []
    room: list[int] = []
    longest_first = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    for index in longest_first:
        length = lengths[index]
        if length == 0:
            break
        place = next((p for p, free in enumerate(room) if length <= free), len(passes))
        if place == len(passes):
            passes.append([])
            room.append(most_tokens)
        passes[place].append(index)
        room[place] -= length
    return [sorted(members) for members in passes]


def block_mask(lengths: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return who may look at whom: only back, and only within the same sequence.

    Args:
        lengths: Rows of each sequence; T is their sum.

    Returns:
        (T, T), True where row t may look at row u.
    """
    owner = np.repeat(np.arange(len(lengths)), lengths)  # (T,)
    rows = np.arange(len(owner))
    mask: npt.NDArray[np.bool_] = (owner[:, None] == owner) & (rows[:, None] >= rows)
    return mask


def positions(lengths: Sequence[int]) -> Ints:
    """Return the position of each row within its sequence, (T,)."""
    return np.concatenate([np.arange(n, dtype=np.int64) for n in (0, *lengths)])


def join(
    sequences: Sequence[Ints], start_id: int, scored_from: Sequence[int] | None = None
) -> Packed:
    """Put sequences, none of them empty, into one pass; each scored from its own token on."""
    heads = [np.concatenate([[start_id], ids[:-1]]) for ids in sequences]
    lengths = tuple(len(ids) for ids in sequences)
    skipped = (0,) * len(sequences) if scored_from is None else scored_from
    scored = np.flatnonzero(positions(lengths) >= np.repeat(skipped, lengths))
    return Packed(
        ids=np.concatenate(heads).astype(np.int64),
        scored=scored.astype(np.int64),
        targets=np.concatenate(sequences).astype(np.int64)[scored],
        lengths=lengths,
    )


def score_packed(
    backend: CausalBackend,
    sequences: Sequence[Ints],
    read: Callable[[Packed], Floats],
    on_tokens: OnTokens | None = None,
    scored_from: Sequence[int] | None = None,
) -> list[Floats]:
    """Return the surprisal of each token of each sequence: what `CausalBackend.score` promises.

    Args:
        backend: Gives the start token, and reads what is longer than a pass.
        sequences: Arrays (T_i,), possibly empty.
        read: One forward pass: the surprisal in nats of `Packed.targets`, (R,).
        on_tokens: Called after each forward pass with the number of tokens it took.
        scored_from: For each sequence the first token to score, in [0, T_i]; None is 0.

    Returns:
        One array (T_i - F_i,) of nats per sequence.
    """
    first = [0] * len(sequences) if scored_from is None else scored_from
    assert all(0 <= f <= len(s) for f, s in zip(first, sequences, strict=True)), "inside it"
    scores = [np.zeros(0) for _ in sequences]
    most = min(PASS_TOKENS, backend.window_tokens)
    # A sequence of which nothing is asked for is not read.
    lengths = [len(ids) if f < len(ids) else 0 for f, ids in zip(first, sequences, strict=True)]
    for members in pack(lengths, most):
        own = [first[index] for index in members]
        if lengths[members[0]] > most:  # longer than a pass, so alone in it
            scores[members[0]] = score_long(backend, sequences[members[0]], on_tokens, own[0])
            continue
        packed = join([sequences[index] for index in members], backend.start_id, own)
        nats = read(packed)
        if on_tokens:
            on_tokens(len(packed.ids))
        cuts = np.cumsum(np.subtract(packed.lengths, own))[:-1]
        for index, part in zip(members, np.split(nats, cuts), strict=True):
            scores[index] = part
    return scores


def score_long(
    backend: CausalBackend, ids: Ints, on_tokens: OnTokens | None = None, scored_from: int = 0
) -> Floats:
    """Return the surprisal of each token of one long sequence, read window by window.

    What went before stays in the cache. Where it would reach too far back, the older half is
    dropped, but never the start token: a model whose first token is gone predicts badly.

    Args:
        backend: Reads the windows; it needs a window of at least 4 tokens.
        ids: (T,), at least one token.
        on_tokens: Called after each forward pass with the number of tokens it took.
        scored_from: F, the first token to score, in [0, T].

    Returns:
        (T - F,), nats.
    """
    reach = min(backend.window_tokens, REACH_TOKENS)
    step = min(PASS_TOKENS, reach - reach // 2)
    todo = np.concatenate([[backend.start_id], ids]).astype(np.int64)
    state = backend.empty()
    scores = []
    # A window begins with the last token of the one before it, read again to predict the next.
    for first in range(0, len(ids), step - 1):
        window = todo[first : first + step]
        if state.length:
            state = state.select(_kept(state.length - 1, reach, len(window)))
        unscored = min(max(scored_from - first, 0), len(window) - 1)
        nats, state = backend.extend(state, window, scored_from=1 + unscored)
        scores.append(nats)
        if on_tokens:
            on_tokens(len(window))
    return np.concatenate(scores)


def _kept(length: int, reach: int, more: int) -> Ints:
    """Return which of `length` cached tokens stay when `more` are to be read."""
    if length + more <= reach:
        return np.arange(length)
    recent = np.arange(length - (reach // 2 - 1), length)
    return np.concatenate([[0], recent])
