"""How likely a small model finds the answer after what is left of the documents."""

from __future__ import annotations

import numpy as np

from benchmarks.question.prompts import Case
from tersely.backends.base import CausalBackend

ALIASES = 3
"""How many of a question's answers are tried, first ones first; the likeliest counts."""

BLOCK = 1024
"""Tokens read at once: what attention needs grows with their square."""


class Reader:
    """Reads documents and a question once, and then each answer after them."""

    def __init__(self, backend: CausalBackend) -> None:
        """Read with a model."""
        self._backend = backend
        self._known: dict[tuple[str, str], float | None] = {}

    def nats(self, case: Case, text: str) -> float | None:
        """Return the mean surprisal of the likeliest answer's tokens, in nats.

        Args:
            case: The question and its answers.
            text: What is left of the documents.

        Returns:
            None if there is no answer, or the prompt does not fit the model's window.
        """
        key = (case.id, text)
        if key not in self._known:
            if not any(known == case.id for known, _ in self._known):
                self._known.clear()  # the case before will not come again
            self._known[key] = self._read(case, text)
        return self._known[key]

    def _read(self, case: Case, text: str) -> float | None:
        encode = self._backend.encode
        asked = f"{text}\n\n{case.asked}\nAnswer:" if text else f"{case.asked}\nAnswer:"
        ids = np.concatenate([[self._backend.start_id], encode(asked).ids])
        answers = [encode(f" {answer.strip()}").ids for answer in case.answers[:ALIASES]]
        longest = max((len(answer) for answer in answers), default=0)
        if not longest or len(ids) + longest > self._backend.window_tokens:
            return None
        # Every token of the answer is scored, so its last prompt token is read with it.
        state = self._backend.empty()
        for start in range(0, len(ids) - 1, BLOCK):
            block = ids[start : min(start + BLOCK, len(ids) - 1)]
            _, state = self._backend.extend(state, block, scored_from=len(block))
        means = []
        for answer in answers:
            after = np.concatenate([ids[-1:], answer])
            nats, _ = self._backend.extend(state, after, scored_from=1)
            means.append(float(nats.mean()))
        return min(means)
