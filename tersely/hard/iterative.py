"""The fine half of LLMLingua: decide token by token, each stretch given what is left so far.

Paper:    Jiang et al. 2023, LLMLingua, section 4.2 and algorithm 2. https://arxiv.org/abs/2310.05736

The text is read in stretches. A stretch is scored once, given the compressed text before it;
the best of it stay. Their cache entries have seen what was dropped, so they are read again
together with the next stretch: N tokens for scoring and at most `refresh` * N for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints, State, Tokens
from tersely.core.layout import Bools, Layout
from tersely.scorers.surprisal import Alignment, align, token_owners

ENDLESS = 1e6
"""Nats that stand for infinitely many, so that a mean over them can still be compared."""

SINK_TOKENS = 4
"""Tokens at the very start that stay in the cache when older ones are dropped: a model leans on
them. Source: Xiao et al. 2023, https://arxiv.org/abs/2309.17453"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the fine stage reads; see the attributes of `LLMLingua`."""

    segment_tokens: int
    reach_tokens: int
    refresh: float
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class Stream:
    """The tokens that are left after the coarse stages, in reading order. All are (S,).

    Attributes:
        ids: Token ids.
        owners: The unit each token belongs to; -1 for a separator.
        free: Whether its unit may be dropped.
        rates: Share of its kind to keep.
        known: Surprisals known from an earlier reading in the same context; they are the first
            tokens of the stream, (<= S,).
    """

    ids: Ints
    owners: Ints
    free: Bools
    rates: Floats
    known: Floats


def build_stream(
    layout: Layout,
    tokens: Sequence[Tokens],
    backend: CausalBackend,
    keep: tuple[Bools, Bools],
    rates: Sequence[float],
    first_reading: dict[int, Floats],
) -> Stream:
    """Lay the tokens of a prompt end to end, without what the coarse stages dropped.

    Args:
        layout: U units.
        tokens: The tokens of each segment.
        backend: Cuts the separators.
        keep: Two (U,) arrays: units that are still there, and those of them that may go.
        rates: Share to keep of each segment's free tokens.
        first_reading: Surprisals of segments read on their own, by segment.
    """
    there, free = keep
    ids: list[Ints] = []
    owners: list[Ints] = []
    shares: list[Floats] = []
    known = np.zeros(0)
    for index, places in enumerate(layout.by_segment()):
        if not len(places) or not there[places].any():
            continue
        if ids:
            between = backend.encode(layout.prompt.separators[index - 1]).ids
            ids.append(between)
            owners.append(np.full(len(between), -1))
            shares.append(np.ones(len(between)))
        units = [layout.units[place] for place in places.tolist()]
        owner = places[token_owners(tokens[index], units)]
        stays = there[owner]
        if not ids and index in first_reading:
            unbroken = len(stays) if stays.all() else int(np.argmin(stays))
            known = first_reading[index][:unbroken]
        ids.append(tokens[index].ids[stays])
        owners.append(owner[stays])
        shares.append(np.full(int(stays.sum()), rates[index]))
    if not ids:
        empty = np.zeros(0, dtype=np.int64)
        return Stream(empty, empty, np.zeros(0, dtype=np.bool_), np.zeros(0), known)
    owner = np.concatenate(owners)
    loose = (owner >= 0) & free[owner]
    end = int(np.flatnonzero(loose)[-1]) + 1 if loose.any() else 0  # nothing to decide after it
    return Stream(
        np.concatenate(ids)[:end], owner[:end], loose[:end], np.concatenate(shares)[:end], known
    )


def stretches(stream: Stream, most_tokens: int) -> list[tuple[int, int]]:
    """Cut a stream into stretches [start, end) of about `most_tokens`.

    A cut never falls inside a unit that may be dropped, nor does a stretch mix rates. If half a
    stretch or more is known at the start, the first one ends there and need not be scored.
    """
    size = len(stream.ids)
    known = len(stream.known) if most_tokens / 2 <= len(stream.known) < most_tokens else -1
    if size == 0:
        return []
    inside = (stream.owners[1:] == stream.owners[:-1]) & stream.free[1:]
    turn = (stream.rates[1:] != stream.rates[:-1]) & stream.free[1:] & (stream.owners[:-1] >= 0)
    cuts = [0]
    for at in range(1, size):
        full = (at - cuts[-1] >= most_tokens or at == known) and not inside[at - 1]
        if full or (turn[at - 1] and not inside[at - 1]):
            cuts.append(at)
    return list(zip(cuts, [*cuts[1:], size], strict=True))


class Reader:
    """Reads a stream with a model, keeping only what survives in the cache.

    Attributes:
        state: The cache of what is kept and up to date.
        pending: Kept tokens that are not in it yet; never empty, so that there is always a
            token to predict the next one from.
    """

    def __init__(self, backend: CausalBackend, settings: Settings) -> None:
        """Begin with nothing read but the start token."""
        self._backend = backend
        self._settings = settings
        self.state: State = backend.empty()
        self.pending: Ints = np.array([backend.start_id], dtype=np.int64)
        self._base: State | None = None

    def read(self, ids: Ints, *, scored: bool) -> Floats:
        """Return the surprisal of each token given what is kept so far, (T,) or empty."""
        self._make_room(len(self.pending) + len(ids))
        both = np.concatenate([self.pending, ids])
        first = len(self.pending) if scored else len(both)
        nats, self._base = self._backend.extend(self.state, both, scored_from=first)
        return nats

    def keep(self, ids: Ints, kept: Bools) -> None:
        """Take over what survives of the stretch just read (or, if it was not read, note it)."""
        if self._base is None:
            self.pending = np.concatenate([self.pending, ids[kept]])
            return
        before = self._base.length - len(ids)
        places = np.flatnonzero(kept)
        intact = int(np.argmin(kept)) if not kept.all() else len(ids)  # saw nothing dropped
        again = min(len(places) - intact, round(self._settings.refresh * len(ids)))
        again = max(again, 1) if len(places) else 0
        entries = np.concatenate([np.arange(before), before + places[: len(places) - again]])
        if again:
            self.pending = ids[places[len(places) - again :]]
        else:  # nothing survived: read the last token before it once more
            self.pending = self.pending[-1:]
            entries = entries[:-1]
        self.state, self._base = self._base.select(entries), None

    def _make_room(self, more: int) -> None:
        """Drop the older half of the cache where it would reach too far back."""
        reach = min(self._settings.reach_tokens, self._backend.window_tokens - more)
        length = self.state.length
        if length <= max(reach, 0):
            return
        recent = max(reach // 2, 0)
        sink = np.arange(min(SINK_TOKENS, recent))
        self.state = self.state.select(np.concatenate([sink, np.arange(length - recent, length)]))


def decide(stream: Stream, size: int, backend: CausalBackend, s: Settings) -> Floats:
    """Value every free unit of a stream, stretch by stretch.

    Args:
        stream: What is left after the coarse stages.
        size: U, units of the whole layout.
        backend: Reads the stream.
        s: How it is read.

    Returns:
        (U,), how much each unit is worth above what was just worth keeping where it stands, in
        nats; -inf for units that are not free or not in the stream.
    """
    reader = Reader(backend, s)
    margins = np.full(size, -np.inf)
    spare = 0.0  # tokens the stretches so far were allowed but did not use
    for number, (start, end) in enumerate(stretches(stream, s.segment_tokens)):
        ids, owners, free = stream.ids[start:end], stream.owners[start:end], stream.free[start:end]
        if number == 0 and len(stream.known) >= end:
            nats = stream.known[:end]
        else:
            nats = reader.read(ids, scored=bool(free.any()))
        kept = np.ones(len(ids), dtype=np.bool_)
        if free.any():
            spare += float(stream.rates[start:end][free].sum())
            units, which, costs = np.unique(owners[free], return_inverse=True, return_counts=True)
            worth = np.minimum(align(nats, s.alignment)[free], ENDLESS)
            values = np.bincount(which, weights=worth) / costs  # each unit's mean
            cut, spare = _cut(values, costs, spare)
            margins[units] = values - cut
            kept[free] = np.isin(owners[free], units[values >= cut])
        reader.keep(ids, kept)
    return margins


def _cut(values: Floats, costs: Ints, allowed: float) -> tuple[float, float]:
    """Return the value from which on units are kept, and the tokens left over.

    Half a unit over is as good as half a unit under: what is spent here is only what later
    stretches are read after, and the whole is fitted to the budget at the end.
    """
    order = np.argsort(-values, kind="stable")
    spent = np.cumsum(costs[order])
    taken = int(np.searchsorted(spent - costs[order] / 2, allowed, side="right"))
    left = allowed - (float(spent[taken - 1]) if taken else 0.0)
    if taken == 0:
        return float(values[order[0]]) + 1.0, left
    if taken == len(order):
        return float(values[order[-1]]) - 1.0, left
    return float(values[order[taken - 1]] + values[order[taken]]) / 2, left
