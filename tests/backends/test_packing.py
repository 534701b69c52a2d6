"""Packing is arithmetic: the model here is one whose every answer is known."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.backends import packing
from tersely.backends.packing import block_mask, join, pack, positions, score_long, score_packed

lengths = st.lists(st.integers(0, 30), max_size=20)


@dataclass(frozen=True)
class Seen:
    """A cache that is the tokens themselves."""

    ids: tuple[int, ...] = ()

    @property
    def length(self):
        return len(self.ids)

    def select(self, kept):
        return Seen(tuple(self.ids[i] for i in kept))


class SumBackend:
    """A token's surprisal is itself plus all that is seen before it."""

    start_id = 1000

    def __init__(self, window_tokens=10_000):
        self.window_tokens = window_tokens
        self.windows = []

    def empty(self):
        return Seen()

    def extend(self, state, ids, *, scored_from):
        seen = (*state.ids, *(int(i) for i in ids))
        assert len(seen) <= self.window_tokens
        assert 1 <= scored_from <= len(ids)
        self.windows.append(seen)
        sums = np.cumsum(seen)[state.length :]
        return sums[scored_from:].astype(float), Seen(seen)

    def read(self, packed):
        sums = packed.mask @ packed.ids
        return (sums[packed.scored] + packed.targets).astype(float)


def expected(ids, start_id=SumBackend.start_id):
    return start_id + np.cumsum(ids)


@given(lengths, st.integers(1, 40))
def test_every_sequence_is_in_one_pass_and_passes_are_not_overfull(lengths, most):
    passes = pack(lengths, most)
    assert sorted(i for p in passes for i in p) == [i for i, n in enumerate(lengths) if n]
    assert all(sum(lengths[i] for i in p) <= most for p in passes if len(p) > 1)


@given(lengths, st.integers(30, 60))
def test_no_two_passes_could_be_one(lengths, most):
    sizes = sorted(sum(lengths[i] for i in p) for p in pack(lengths, most))
    assert len(sizes) < 2 or sizes[0] + sizes[1] > most


def test_a_sequence_longer_than_a_pass_is_alone():
    assert pack([3, 900, 4], 512) == [[1], [0, 2]]


@given(st.lists(st.integers(1, 6), max_size=5))
def test_rows_look_back_within_their_own_sequence_only(lengths):
    mask, place = block_mask(lengths), positions(lengths)
    owner = [n for n, length in enumerate(lengths) for _ in range(length)]
    for t, u in np.ndindex(mask.shape):
        assert mask[t, u] == (owner[t] == owner[u] and place[t] >= place[u])


def test_positions_start_anew_in_each_sequence():
    assert positions([2, 3]).tolist() == [0, 1, 0, 1, 2]


def test_each_row_reads_a_token_and_predicts_the_next():
    packed = join([np.array([5, 6]), np.array([7])], start_id=1)
    assert packed.ids.tolist() == [1, 5, 1]
    assert packed.scored.tolist() == [0, 1, 2]
    assert packed.targets.tolist() == [5, 6, 7]


def test_only_the_rows_asked_for_are_scored():
    packed = join([np.array([5, 6, 8]), np.array([7])], start_id=1, scored_from=[2, 0])
    assert packed.ids.tolist() == [1, 5, 6, 1]
    assert packed.scored.tolist() == [2, 3]
    assert packed.targets.tolist() == [8, 7]


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(0, 9))
def test_packed_scores_are_those_of_each_sequence_alone(lengths, seed):
    rng = np.random.default_rng(seed)
    backend, sequences = SumBackend(window_tokens=40), [rng.integers(0, 9, n) for n in lengths]
    scores = score_packed(backend, sequences, backend.read)
    for ids, nats in zip(sequences, scores, strict=True):
        assert len(nats) == len(ids)
        assert len(ids) > 40 or nats.tolist() == expected(ids).tolist()


@pytest.mark.parametrize("length", [1, 511, 512, 513, 1023, 2047])
def test_a_long_sequence_is_read_whole_while_it_is_within_reach(length):
    ids = np.arange(length) % 7
    backend = SumBackend()
    assert score_long(backend, ids).tolist() == expected(ids).tolist()
    assert max(map(len, backend.windows)) <= packing.REACH_TOKENS


@given(st.integers(4, 40), st.integers(1, 200))
def test_a_window_too_small_drops_the_oldest_but_never_the_start(window, length):
    backend = SumBackend(window_tokens=window)
    ids = np.arange(length)
    assert len(score_long(backend, ids)) == length
    for seen in backend.windows:
        assert seen[0] == SumBackend.start_id
        recent = seen[1:]
        assert recent == tuple(range(recent[0], recent[0] + len(recent)))


@given(st.integers(8, 40))
def test_half_of_the_reach_stays_when_the_oldest_are_dropped(window):
    backend = SumBackend(window_tokens=window)
    score_long(backend, np.arange(5 * window))
    assert all(len(seen) > window // 2 for seen in backend.windows[1:])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12))
def test_scoring_from_a_token_on_is_scoring_everything_and_slicing(sizes):
    backend = SumBackend(window_tokens=40)
    sequences = [np.arange(length) % 7 for length, _ in sizes]
    first = [min(skipped, length) for length, skipped in sizes]
    every = score_packed(backend, sequences, backend.read)
    some = score_packed(backend, sequences, backend.read, scored_from=first)
    assert [s.tolist() for s in some] == [e[f:].tolist() for e, f in zip(every, first, strict=True)]


@pytest.mark.parametrize("first", [0, 1, 510, 511, 512, 1022, 1300, 1399])
def test_a_long_sequence_is_scored_from_any_token_on(first):
    backend, ids = SumBackend(), np.arange(1400) % 7
    assert score_long(backend, ids, scored_from=first).tolist() == expected(ids)[first:].tolist()


def test_a_sequence_with_nothing_to_score_is_not_read():
    counts, backend = [], SumBackend()
    sequences = [np.arange(600), np.arange(5), np.arange(4)]
    scores = score_packed(backend, sequences, backend.read, counts.append, scored_from=[600, 5, 1])
    assert ([len(s) for s in scores], counts) == ([0, 0, 3], [4])


def test_every_pass_reports_its_tokens():
    counts, backend = [], SumBackend()
    sequences = [np.arange(3), np.arange(600), np.arange(4)]
    score_packed(backend, sequences, backend.read, counts.append)
    assert sorted(counts) == [7, 90, 512]


def test_nothing_to_score_runs_nothing():
    counts, backend = [], SumBackend()
    scores = score_packed(backend, [np.zeros(0, dtype=int)], backend.read, counts.append)
    assert (len(scores), len(scores[0]), counts) == (1, 0, [])
