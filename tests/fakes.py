"""Stand-ins without a model library: a causal model by hashing, a counter of words."""

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import regex

from tersely.backends.base import Tokens
from tersely.core.units import clean

PIECE = regex.compile(r" ?[A-Za-z]{1,4}|[\x00-\x7f]|(?s:.)")
VOCABULARY = 50_021
CONTEXT = 3


@dataclass(frozen=True)
class FakeState:
    """The tokens that were read. Closing up their positions changes nothing else."""

    ids: tuple[int, ...]

    @property
    def length(self):
        return len(self.ids)

    def select(self, kept):
        kept = np.asarray(kept)
        assert (np.diff(kept) > 0).all(), "ascending"
        assert not len(kept) or (kept[0] >= 0 and kept[-1] < len(self.ids)), "inside the cache"
        return FakeState(tuple(self.ids[index] for index in kept.tolist()))


@dataclass
class FakeBackend:
    """A `CausalBackend` whose surprisals are hashes of a token and the three before it.

    So a token is worth something else as soon as another text stands before it, and every use of
    the protocol that a real model would not survive is refused.
    """

    window_tokens: int = 2048
    name: str = "fake"
    start_id: int = 0
    calls: list = field(default_factory=list)  # (state ids, ids, scored_from) of each `extend`
    passes: list = field(default_factory=list)  # tokens of each pass of `score`

    def encode(self, text):
        """Up to four letters, with a blank before; other ASCII one by one; the rest as bytes."""
        ids, ends = [], []
        for match in PIECE.finditer(clean(text)):
            piece = match[0].encode()
            parts = [piece] if len(piece) == len(match[0]) else [bytes([b]) for b in piece]
            ids += [1 + crc32(part) % (VOCABULARY - 1) for part in parts]
            ends += [match.start()] * (len(parts) - 1) + [match.end()]
        ends = np.array(ends, dtype=np.int64)
        starts = np.concatenate([[0], ends])[: len(ends)].astype(np.int64)
        return Tokens(np.array(ids, dtype=np.int64), starts, ends)

    def empty(self):
        return FakeState(())

    def extend(self, state, ids, *, scored_from):
        assert 1 <= scored_from <= len(ids)
        assert state.length + len(ids) <= self.window_tokens
        self.calls.append((state.ids, tuple(ids.tolist()), scored_from))
        both = (*state.ids, *ids.tolist())
        return hashed_nats(both, state.length + scored_from), FakeState(both)

    def score(self, sequences, *, on_tokens=None):
        for ids in sequences:
            if len(ids):
                self.passes.append(len(ids))
                if on_tokens:
                    on_tokens(len(ids))
        return [hashed_nats((self.start_id, *ids.tolist()), 1) for ids in sequences]


def hashed_nats(ids, first):
    """Surprisal of ids[first:], each given the `CONTEXT` ids before it: uniform in [0, 8)."""
    padded = np.concatenate([np.zeros(CONTEXT, np.uint64), np.array(ids, np.uint64)])
    mixed = np.zeros(len(ids), np.uint64)
    for back in range(CONTEXT, -1, -1):
        mixed = (mixed ^ padded[CONTEXT - back : len(padded) - back]) * np.uint64(
            0x9E3779B97F4A7C15
        )
        mixed ^= mixed >> np.uint64(29)
    return (mixed[first:] >> np.uint64(11)) / 2.0**53 * 8


class WordCounter:
    """One token per blank-separated word, so that a reader can count along."""

    name = "words"
    exact = True

    def count(self, text):
        return len(text.split())
