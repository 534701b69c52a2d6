"""Stand-ins without a model library: a causal model by hashing, a counter of words."""

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import regex

from tersely.backends.base import Tokens
from tersely.core.units import clean
from tersely.hard.base import Ranking, RankingCompressor

PIECE = regex.compile(r"(?s) ?[A-Za-z]{1,4}|[\x00-\x7f]|\p{Han}{2}|.")
VOCABULARY = 50_021
LOOK_BACK = 6
END = 0  # the start token ends a text too
WRITTEN = ("\n", ".", " ", "1", "2", " a", " the", " cat", " dog", " yes", " no")


@dataclass(frozen=True)
class FakeState:
    """The tokens that were read, and for each a hash of what it saw: itself and six before it."""

    ids: tuple[int, ...] = ()
    entries: tuple[int, ...] = ()

    @property
    def length(self):
        return len(self.ids)

    def select(self, kept):
        kept = np.asarray(kept)
        assert (np.diff(kept) > 0).all(), "ascending"
        assert not len(kept) or (kept[0] >= 0 and kept[-1] < len(self.ids)), "inside the cache"
        places = kept.tolist()
        return FakeState(
            tuple(self.ids[at] for at in places), tuple(self.entries[at] for at in places)
        )


@dataclass
class FakeBackend:
    """A `CausalBackend` whose surprisals are hashes of a token and the entries before it.

    So a token is worth something else as soon as another text stands before it, an entry of the
    cache remembers what stood before it then, and what a real model cannot do is refused.
    """

    window_tokens: int = 2048
    name: str = "fake"
    start_id: int = 0
    calls: list = field(default_factory=list)  # (cached ids, ids, scored_from) of each `extend`
    passes: list = field(default_factory=list)  # tokens of each pass of `score`

    def encode(self, text):
        """Up to four letters with a blank before; ASCII one by one; two Han; the rest as bytes."""
        ids, ends = [], []
        for match in PIECE.finditer(clean(text)):
            piece = match[0].encode()
            whole = piece.isascii() or len(match[0]) == 2
            parts = [piece] if whole else [bytes([byte]) for byte in piece]
            ids += [1 + crc32(part) % (VOCABULARY - 1) for part in parts]
            ends += [match.start()] * (len(parts) - 1) + [match.end()]
        ends = np.array(ends, dtype=np.int64)
        starts = np.concatenate([[0], ends])[: len(ends)].astype(np.int64)
        return Tokens(np.array(ids, dtype=np.int64), starts, ends)

    @property
    def special_ids(self):
        return {"<|end|>": END}

    def decode(self, ids):
        """The text of what it writes; of all else, "?"."""
        names = {int(self.encode(piece).ids[0]): piece for piece in WRITTEN}
        return "".join(names.get(int(index), "?") for index in ids)

    def empty(self):
        return FakeState()

    def score_after(self, state, last_id, continuations):
        assert all(state.length + 1 + len(ids) <= self.window_tokens for ids in continuations)
        return [read(state, np.array([last_id, *ids]))[0][1:] for ids in continuations]

    def continue_greedily(self, states, last_ids, *, most_tokens, stop=None, on_tokens=None):
        """The least surprising of `WRITTEN` and the end, token by token."""
        candidates = [END, *(int(self.encode(piece).ids[0]) for piece in WRITTEN)]
        out = []
        for at, (state, last, most) in enumerate(zip(states, last_ids, most_tokens, strict=True)):
            written = []
            while len(written) < min(most, self.window_tokens - state.length):
                ids = [np.array([last, *written, one]) for one in candidates]
                best = candidates[int(np.argmin([read(state, one)[0][-1] for one in ids]))]
                if on_tokens:
                    on_tokens(1)
                if best == END:
                    break
                written.append(best)
                if stop and stop(at, written):
                    break
            out.append(np.array(written, dtype=np.int64))
        return out

    def extend(self, state, ids, *, scored_from):
        assert 1 <= scored_from <= len(ids)
        assert state.length + len(ids) <= self.window_tokens
        self.calls.append((state.ids, tuple(ids.tolist()), scored_from))
        nats, state = read(state, ids)
        return nats[scored_from:], state

    def score(self, sequences, *, scored_from=None, on_tokens=None):
        scores = []
        for ids, first in zip(sequences, scored_from or [0] * len(sequences), strict=True):
            assert 0 <= first <= len(ids)
            nats, _ = read(FakeState(), np.concatenate([[self.start_id], ids]).astype(np.int64))
            scores.append(nats[1 + first :])
            if len(ids) > first:
                self.passes.append(len(ids))
                if on_tokens:
                    on_tokens(len(ids))
        return scores

    attention_shape = (4, 3)

    def attend(self, ids, *, rows, heads, on_tokens=None):
        """Logits that are hashes of the head, the asking and the asked token; none looks ahead."""
        assert 1 <= rows <= len(ids) <= self.window_tokens
        self.passes.append(len(ids))
        if on_tokens:
            on_tokens(len(ids))
        ids = np.asarray(ids, np.uint64)
        pairs = mix(ids[-rows:, None]) ^ ids  # (R, T)
        hashes = [mix(mix(pairs) ^ np.uint64(1 + 100 * layer + head)) for layer, head in heads]
        logits = (np.stack(hashes) >> np.uint64(11)) / 2.0**53 * 8
        ahead = np.arange(len(ids)) > np.arange(len(ids) - rows, len(ids))[:, None]
        logits[:, ahead] = -np.inf
        return logits


def read(state, ids):
    """Return the surprisal of each id after a state, uniform in [0, 8), and the state after."""
    both = np.array((*state.ids, *ids.tolist()), np.uint64)
    seen = mixed(both)[state.length :]
    entries = np.concatenate([np.array(state.entries, np.uint64), seen])
    before = mixed(np.concatenate([[1], entries[:-1]]).astype(np.uint64))[state.length :]
    nats = (mix(before ^ both[state.length :]) >> np.uint64(11)) / 2.0**53 * 8
    return nats, FakeState(tuple(both.tolist()), tuple(entries.tolist()))


def mixed(values):
    """Hash each value together with the `LOOK_BACK` before it, zeros where there is none."""
    padded = np.concatenate([np.zeros(LOOK_BACK, np.uint64), values])
    out = np.zeros(len(values), np.uint64)
    for back in range(LOOK_BACK, -1, -1):
        out = mix(out ^ padded[LOOK_BACK - back : len(padded) - back])
    return out


def mix(values):
    """Scramble 64-bit numbers."""
    values = (values + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return values ^ (values >> np.uint64(29))


@dataclass
class FakeEncoder:
    """An `EncoderBackend` whose vectors are hashed bags of words: shared words, larger cosine."""

    window_tokens: int = 256
    name: str = "fake"
    size: int = 64
    embedded: list = field(default_factory=list)  # every text, in order

    def encode(self, text):
        return FakeBackend().encode(text)

    def embed(self, texts, *, on_tokens=None):
        self.embedded += texts
        vectors = np.zeros((len(texts), self.size))
        for row, text in zip(vectors, texts, strict=True):
            for word in regex.findall(r"\w+", clean(text).lower()):
                row[crc32(word.encode()) % self.size] += 1
        if texts and on_tokens:
            on_tokens(sum(len(self.encode(text)) for text in texts))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths == 0, 1, lengths)


@dataclass
class FakeClassifier:
    """A `ClassifierBackend` whose P(keep) are hashes of a token, its neighbours and the question.

    So a token at the edge of a window is worth something else than inside one.
    """

    window_tokens: int = 64
    name: str = "fake"
    passes: list = field(default_factory=list)  # tokens of each window, in order

    def encode(self, text):
        return FakeBackend().encode(text)

    def room(self, question):
        return self.window_tokens - (3 if len(question) else 2) - len(question)

    def classify(self, windows, *, question=None, on_tokens=None):
        asked = np.zeros(0, np.int64) if question is None else question
        out = []
        for ids in windows:
            assert len(ids) <= self.room(asked), "no window is longer than its room"
            full = np.concatenate([[1], ids, [2]]).astype(np.uint64)
            hashes = mix(mix(full[:-2]) ^ mix(full[1:-1] ^ np.uint64(7)) ^ full[2:])
            hashes = mix(hashes ^ np.uint64(int(asked.sum())))
            out.append((hashes >> np.uint64(11)) / 2.0**53)
            if len(ids):
                self.passes.append(self.window_tokens - self.room(asked) + len(ids))
                if on_tokens:
                    on_tokens(self.passes[-1])
        return out


class WordCounter:
    """One token per blank-separated word, so that a reader can count along."""

    name = "words"
    exact = True

    def count(self, text):
        return len(text.split())


class Percents(RankingCompressor):
    """A method that takes each word at its word: "30" is 30 % of the answer, "the" is nothing."""

    name = "percents"

    def rank(self, layout, goal):
        words = [layout.text_of(unit).strip() for unit in layout.units]
        shares = np.array([int(word) / 100 if word.isdecimal() else 0.0 for word in words])
        return Ranking(shares, shares=shares)
