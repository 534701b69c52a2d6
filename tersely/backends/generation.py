"""What some backends can do besides scoring: write on, and score several ways to go on at once.

Both start from a state, so that a prompt is read once, whatever is asked of it afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tersely.backends.base import CausalBackend, Floats, Ints, OnTokens, State
from tersely.backends.packing import PASS_TOKENS, block_mask, pack, positions

Stop = Callable[[int, Sequence[int]], bool]
"""Given which state and the tokens written after it so far: whether they are enough."""

# A GGUF's tokenizer does not say which of its tokens are special; these look like it.
_SPECIAL = re.compile(r"<\|[^\s|]+\|>|</?s>|<(eos|bos|start_of_turn|end_of_turn)>|\[/?INST\]")


@runtime_checkable
class GeneratingBackend(CausalBackend, Protocol):
    """A causal model that can also write. It keeps no state between calls either."""

    @property
    def special_ids(self) -> Mapping[str, int]:
        """The tokens that no text is cut into, by name: ends and beginnings of texts and turns."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens; half a character is U+FFFD."""
        ...

    def score_after(
        self, state: State, last_id: int, continuations: Sequence[Ints]
    ) -> list[Floats]:
        """Score several ways to go on; they share forward passes and do not see each other.

        Args:
            state: What was read before; P tokens.
            last_id: The token that is read next, before each continuation.
            continuations: Arrays (T_i,), possibly empty; P + 1 + T_i is at most `window_tokens`.

        Returns:
            The surprisal in nats of every token, one array (T_i,) per continuation.
        """
        ...

    def continue_greedily(
        self,
        states: Sequence[State],
        last_ids: Sequence[int],
        *,
        most_tokens: Sequence[int],
        stop: Stop | None = None,
        on_tokens: OnTokens | None = None,
    ) -> list[Ints]:
        """Write the likeliest token after each state, again and again, for all states at once.

        Each is written as if it were alone, up to the rounding of the arithmetic: where two
        tokens are as likely as each other, that may decide.

        Args:
            states: B states, P_i tokens each.
            last_ids: For each the token that is read next, before anything is written.
            most_tokens: For each the most tokens to write, at least 0. Nothing is written beyond
                the window.
            stop: Asked after each token; None never stops before a special token.
            on_tokens: Called after each step with the number of tokens it took.

        Returns:
            What was written, one array per state. A special token ends it and is not in it.
        """
        ...


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the special tokens of a tokenizer by name, declared ones and those that look it."""
    declared = {
        token.content: index
        for index, token in tokenizer.get_added_tokens_decoder().items()
        if token.special
    }
    looks = {
        name: index for name, index in tokenizer.get_vocab().items() if _SPECIAL.fullmatch(name)
    }
    return looks | declared


def read_on(
    backend: CausalBackend, state: State, ids: Ints, *, on_tokens: OnTokens | None = None
) -> State:
    """Read tokens after a state, a pass at a time, and return the state after them.

    Args:
        backend: Reads.
        state: P tokens.
        ids: (T,), possibly empty; P + T is at most the window.
        on_tokens: Called after each pass with the number of tokens it took.
    """
    for at in range(0, len(ids), PASS_TOKENS):
        block = ids[at : at + PASS_TOKENS]
        _, state = backend.extend(state, block, scored_from=len(block))
        if on_tokens:
            on_tokens(len(block))
    return state


def generate(
    backend: GeneratingBackend,
    prompts: Sequence[Ints],
    *,
    most_tokens: int,
    stop: Stop | None = None,
    on_tokens: OnTokens | None = None,
) -> list[Ints]:
    """Write on after prompts, each after `start_id`; see `GeneratingBackend.continue_greedily`.

    Args:
        backend: Reads and writes.
        prompts: Arrays (T_i,), possibly empty.
        most_tokens: The most tokens to write after each.
        stop: Asked after each token.
        on_tokens: Called after each forward pass with the number of tokens it took.
    """
    whole = [np.concatenate([[backend.start_id], ids]).astype(np.int64) for ids in prompts]
    states = [read_on(backend, backend.empty(), ids[:-1], on_tokens=on_tokens) for ids in whole]
    return backend.continue_greedily(
        states,
        [int(ids[-1]) for ids in whole],
        most_tokens=[most_tokens] * len(prompts),
        stop=stop,
        on_tokens=on_tokens,
    )


Step = Callable[[Ints, Ints], Ints]
"""One token more for each sequence: their last tokens, and which of the sequences of the step
before they are (both (B,)) → the likeliest next tokens, (B,)."""


def run_greedily(
    step: Step,
    last_ids: Sequence[int],
    room: Sequence[int],
    *,
    ends: frozenset[int],
    stop: Stop | None,
    on_tokens: OnTokens | None,
) -> list[Ints]:
    """Take steps until every sequence has ended; see `GeneratingBackend.continue_greedily`.

    Args:
        step: Runs the model.
        last_ids: For each of B sequences the token that is read first.
        room: For each the most tokens to write.
        ends: Tokens that end a sequence.
        stop: Asked after each token.
        on_tokens: Called after each step with the number of tokens it took.
    """
    written: list[list[int]] = [[] for _ in last_ids]
    alive = kept = np.array([at for at, most in enumerate(room) if most > 0], dtype=np.int64)
    last = np.array(last_ids, dtype=np.int64)[kept]
    while len(alive):
        chosen = step(last, kept)
        if on_tokens:
            on_tokens(len(alive))
        going = []
        for at, (sequence, token) in enumerate(zip(alive.tolist(), chosen.tolist(), strict=True)):
            if token in ends:
                continue
            written[sequence].append(token)
            full = len(written[sequence]) >= room[sequence]
            if not full and not (stop is not None and stop(sequence, written[sequence])):
                going.append(at)
        kept = np.array(going, dtype=np.int64)
        alive, last = alive[kept], chosen[kept]
    return [np.array(ids, dtype=np.int64) for ids in written]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a backend's writing is held to.

    Attributes:
        window_tokens: The longest text, written tokens included.
        batch_tokens: Cached tokens of one batch, where it has more than one sequence.
        ends: Tokens that end a sequence.
    """

    window_tokens: int
    batch_tokens: int
    ends: frozenset[int]


def continue_in_batches(
    begin: Callable[[Sequence[State]], Step],
    states: Sequence[State],
    last_ids: Sequence[int],
    most_tokens: Sequence[int],
    *,
    limits: Limits,
    stop: Stop | None,
    on_tokens: OnTokens | None,
) -> list[Ints]:
    """Write on after states, those of like length together; see `continue_greedily`.

    Args:
        begin: Starts a batch: takes its states, returns the step that reads a token of each.
        states: B states.
        last_ids: For each the token that is read first.
        most_tokens: For each the most tokens to write.
        limits: Window, size of a batch, ends.
        stop: Asked after each token, by the place in `states`.
        on_tokens: Called after each step with the number of tokens it took.
    """
    written = [np.zeros(0, dtype=np.int64) for _ in states]
    room = [
        min(most, limits.window_tokens - state.length)
        for most, state in zip(most_tokens, states, strict=True)
    ]
    asked = [at for at in range(len(states)) if room[at] > 0]
    lengths = {at: states[at].length + room[at] for at in asked}
    for members in alike(lengths, limits.batch_tokens):
        some = run_greedily(
            begin([states[at] for at in members]),
            [last_ids[at] for at in members],
            [room[at] for at in members],
            ends=limits.ends,
            stop=None if stop is None else partial(_stop_of, stop, members),
            on_tokens=on_tokens,
        )
        for at, ids in zip(members, some, strict=True):
            written[at] = ids
    return written


def _stop_of(stop: Stop, members: Sequence[int], at: int, ids: Sequence[int]) -> bool:
    return stop(members[at], ids)


def alike(lengths: Mapping[int, int], batch_tokens: int) -> list[list[int]]:
    """Group keys by length, longest first, such that no group padded to its longest is too large.

    Args:
        lengths: By key, the tokens of each sequence.
        batch_tokens: The most tokens of a group of more than one.
    """
    groups: list[list[int]] = []
    for key in sorted(lengths, key=lambda key: -lengths[key]):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= batch_tokens:
            groups[-1].append(key)
        else:
            groups.append([key])
    return groups


@dataclass(frozen=True, slots=True)
class Branches:
    """Several ways to go on after one token, in one forward pass of T tokens.

    Row 0 is the token that all of them follow.

    Attributes:
        ids: (T,), that token, and of each continuation all tokens but the last.
        lengths: Rows of each continuation; their sum is T - 1.
        rows: (R,), rows in [0, T) whose predictions are asked for.
        targets: (R,), the tokens that they predict, continuation by continuation.
    """

    ids: Ints
    lengths: tuple[int, ...]
    rows: Ints
    targets: Ints

    @property
    def positions(self) -> Ints:
        """(T,), counted from the first row."""
        return np.concatenate([[0], 1 + positions(self.lengths)]).astype(np.int64)

    def visible(self, past: int) -> npt.NDArray[np.bool_]:
        """Return who may look at whom, (T, past + T): all at the past and the first row."""
        mask = np.ones((len(self.ids), past + len(self.ids)), dtype=np.bool_)
        mask[0, past + 1 :] = False
        mask[1:, past + 1 :] = block_mask(self.lengths)
        return mask


def branch(last_id: int, continuations: Sequence[Ints]) -> Branches:
    """Lay out continuations, none of them empty, after one token."""
    lengths = tuple(len(ids) - 1 for ids in continuations)
    begins = 1 + np.cumsum([0, *lengths])
    rows = [[0, *range(at, at + n)] for at, n in zip(begins, lengths, strict=False)]
    return Branches(
        ids=np.concatenate([[last_id], *(ids[:-1] for ids in continuations)]).astype(np.int64),
        lengths=lengths,
        rows=np.concatenate(rows).astype(np.int64),
        targets=np.concatenate(list(continuations)).astype(np.int64),
    )


def score_branches(
    read: Callable[[Branches], Floats], last_id: int, continuations: Sequence[Ints]
) -> list[Floats]:
    """Score continuations in as few passes as they fit; see `GeneratingBackend.score_after`.

    Args:
        read: One forward pass: the surprisal in nats of `Branches.targets`, (R,).
        last_id: The token before each.
        continuations: Arrays (T_i,), possibly empty.
    """
    scores = [np.zeros(0) for _ in continuations]
    for members in pack([len(ids) for ids in continuations], PASS_TOKENS):
        parts = [continuations[index] for index in members]
        nats = read(branch(last_id, parts))
        cuts = np.cumsum([len(part) for part in parts])[:-1]
        for index, part in zip(members, np.split(nats, cuts), strict=True):
            scores[index] = part
    return scores
