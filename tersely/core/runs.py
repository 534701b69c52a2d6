"""Where runs of one sequence of words occur in another, in linear time.

A suffix automaton has a state for every set of places at which some run ends. Built of the one
sequence and fed the other, it knows at each word the longest run that ends there; so all runs
that cannot be made longer are found in one reading, however repetitive the two are.

Source: Blumer et al. 1985, "The smallest automaton recognizing the subwords of a text".
    https://doi.org/10.1016/0304-3975(85)90157-4
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """Words [start, end) that also occur, as a run, in the indexed sequence.

    Attributes:
        start: First word.
        end: One past the last word.
        state: The automaton's state after reading them: what `RunIndex.places` asks for.
    """

    start: int
    end: int
    state: int

    def __len__(self) -> int:
        return self.end - self.start


class RunIndex:
    """The runs of a sequence of N words. At most 2 N states, made in O(N)."""

    def __init__(self, words: Sequence[int]) -> None:
        """Index a sequence; each word is a number."""
        self._next: list[dict[int, int]] = [{}]
        self._link = [-1]
        self._length = [0]
        self._first = [-1]  # where the state's runs end for the first time
        self._own = [False]  # False for twins, whose places are all known below them
        last = 0
        for word in words:
            last = self._append(word, last)
        self._below: list[list[int]] = [[] for _ in self._link]
        for state, link in enumerate(self._link[1:], start=1):
            self._below[link].append(state)

    def longest(self, words: Sequence[int]) -> list[Run]:
        """Return the runs of `words` that occur here and cannot be made longer on either side.

        Returns:
            Runs in order; their starts and their ends both rise, and they may overlap.
        """
        runs: list[Run] = []
        state = length = 0
        for at, word in enumerate(words):
            before, before_length = state, length
            while state and word not in self._next[state]:
                state = self._link[state]
                length = self._length[state]
            if word in self._next[state]:
                state = self._next[state][word]
                length += 1
            if before_length and length != before_length + 1:
                runs.append(Run(at - before_length, at, before))
        if length:
            runs.append(Run(len(words) - length, len(words), state))
        return runs

    def places(self, run: Run, *, most: int) -> list[int]:
        """Return where the run begins in the indexed sequence, in order; the first `most` places.

        In O(most): where many runs share their beginnings, a few of the first may be all.
        """
        out: list[int] = []
        heap = [(self._first[run.state], run.state)]
        for _ in range(4 * most):
            if not heap or len(out) == most:
                break
            first, state = heapq.heappop(heap)
            if self._own[state]:
                out.append(first + 1 - len(run))
            for below in self._below[state]:
                heapq.heappush(heap, (self._first[below], below))
        return out

    def _append(self, word: int, last: int) -> int:
        """Add a word after the state `last`, and return the state of the whole."""
        new = self._state({}, self._length[last] + 1, self._length[last], own=True)
        at = last
        while at >= 0 and word not in self._next[at]:
            self._next[at][word] = new
            at = self._link[at]
        if at < 0:
            self._link[new] = 0
            return new
        known = self._next[at][word]
        if self._length[known] == self._length[at] + 1:
            self._link[new] = known
            return new
        twin = self._state(self._next[known].copy(), self._length[at] + 1, self._first[known])
        self._link[twin] = self._link[known]
        self._link[known] = self._link[new] = twin
        while at >= 0 and self._next[at].get(word) == known:
            self._next[at][word] = twin
            at = self._link[at]
        return new

    def _state(self, following: dict[int, int], length: int, first: int, own: bool = False) -> int:
        self._next.append(following)
        self._link.append(0)
        self._length.append(length)
        self._first.append(first)
        self._own.append(own)
        return len(self._link) - 1


def longest_over(runs: Sequence[Run], size: int, *, width: int) -> list[Run | None]:
    """Return, for each place, the longest run over the words [place, place + width).

    Args:
        runs: Runs whose starts and ends both rise.
        size: Number of words.
        width: How many words a run has to cover.

    Returns:
        One per place: the longest, of equally long ones the first, None where there is none.
    """
    out: list[Run | None] = []
    waiting: deque[Run] = deque()  # ever shorter; a shorter run that ends earlier is never needed
    following = iter([*runs, Run(size, size, 0)])
    coming = next(following)
    for at in range(size):
        while coming.start <= at:
            while waiting and len(waiting[-1]) < len(coming):
                waiting.pop()
            waiting.append(coming)
            coming = next(following)
        while waiting and waiting[0].end < at + width:
            waiting.popleft()
        out.append(waiting[0] if waiting else None)
    return out
