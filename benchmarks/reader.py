"""How likely a small model finds the right answer after a prompt; and intervals for means."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

from tersely.backends.base import CausalBackend, State

Floats = npt.NDArray[np.float64]
COT = "Let's think step by step"
ANSWER = "The answer is"
MEASURES = ("solution", "answer line", "answer number")
_CALCULATION = re.compile(r"<<[^>]*>>")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of GSM8K.

    Attributes:
        question: The problem.
        solution: The dataset's worked answer, without its last line and calculator marks.
        answer: The final line, as the demonstrations write it.
    """

    question: str
    solution: str
    answer: str

    @property
    def asked(self) -> str:
        """The problem as it stands in a prompt, up to where the solution begins."""
        return f"Question: {self.question}\n{COT}\n"

    @property
    def demonstration(self) -> str:
        """The problem with its solution."""
        return f"{self.asked}{self.solution}\n{self.answer}"


def read_problems(path: Path) -> dict[str, list[Problem]]:
    """Return the problems of both splits, "train" and "test"."""
    splits: dict[str, list[Problem]] = {"train": [], "test": []}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            solution = _CALCULATION.sub("", record["answer"].rpartition("####")[0]).strip()
            answer = f"{ANSWER} {record['final_answer']}"
            problem = Problem(record["question"].strip(), solution, answer)
            splits[record["orig_split"]].append(problem)
    return splits


class Reader:
    """Reads a prompt once, and any number of problems after it.

    Attributes:
        tokens: Tokens put through the model so far.
    """

    def __init__(self, backend: CausalBackend) -> None:
        """Read with a model."""
        self._backend = backend
        self._known: dict[tuple[str, ...], Floats] = {}
        self.tokens = 0

    def read(self, demonstrations: str) -> State:
        """Return the cache of some demonstrations; of nothing but the start token, if ""."""
        text = f"{demonstrations}\n\n" if demonstrations else ""
        ids = np.concatenate([[self._backend.start_id], self._backend.encode(text).ids])
        _, state = self._backend.extend(self._backend.empty(), ids, scored_from=len(ids))
        self.tokens += len(ids)
        return state

    def nats(self, state: State, problem: Problem) -> list[float]:
        """Return the mean surprisal of the tokens of each of `MEASURES`."""
        tokens = self._backend.encode(problem.demonstration)
        begins = len(problem.asked)
        line = begins + len(problem.solution) + 1
        edges = np.searchsorted(tokens.starts, [begins, line, line + len(ANSWER)])
        nats, _ = self._backend.extend(state, tokens.ids, scored_from=int(edges[0]))
        self.tokens += len(tokens)
        line_at, number_at = (edges[1:] - edges[0]).tolist()
        return [float(part.mean()) for part in (nats[:line_at], nats[line_at:], nats[number_at:])]

    def score(self, sets: Iterable[list[str]], problems: list[Problem]) -> Floats:
        """Read each problem after its prompt, (M, 3): see `MEASURES`.

        Args:
            sets: D sets of demonstrations, each in one or more variants. Problem i goes with set
                i % D, and the problems of a set take its variants in turn.
            problems: M problems.
        """
        variants = list(sets)
        out = np.zeros((len(problems), len(MEASURES)))
        for number, texts in enumerate(variants):
            mine = range(number, len(problems), len(variants))
            for which, text in enumerate(texts):
                places = mine[which :: len(texts)]
                out[list(places)] = self._after(text, [problems[at] for at in places])
        return out

    def _after(self, text: str, problems: list[Problem]) -> Floats:
        """Read problems after a prompt; what was read before is not read again."""
        if not problems:
            return np.zeros((0, len(MEASURES)))
        key = (text, *(problem.question for problem in problems))
        if key not in self._known:
            state = self.read(text)
            self._known[key] = np.array([self.nats(state, problem) for problem in problems])
        return self._known[key]


def interval(differences: Floats) -> tuple[float, float, float]:
    """Return the mean of (M,) paired differences and its bootstrap 95 % interval."""
    if not differences.any():
        return 0.0, 0.0, 0.0
    result = bootstrap(
        (differences,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(0)
    )
    low, high = result.confidence_interval
    return float(differences.mean()), float(low), float(high)
