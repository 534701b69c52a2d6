"""A causal model on this machine as a reader.

Any model that `load_causal` loads and that can write: GGUF files and folders of Llama-like models
on the CPU, and with runtime="torch" any causal model of transformers with a plain cache.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend, Ints, State
from tersely.backends.chat_template import chat_template_of
from tersely.backends.generation import GeneratingBackend, read_on
from tersely.backends.packing import PASS_TOKENS
from tersely.backends.store import find_model
from tersely.errors import Error, ModelNotFound, SettingError, UnknownName
from tersely.evaluation.readers.base import ALIASES, Ask, OnAsks, Reading, end_of
from tersely.evaluation.readers.chat_form import ChatForm, chat_form

Form = Literal["plain", "chat"]

WAITING_TOKENS = 16_384
"""Cached tokens of the prompts that wait to be written after; SmolLM2's are 0.75 GB."""


class LocalReader:
    """Reads each prompt once; answers, options and what is written all start from there."""

    def __init__(
        self,
        backend: CausalBackend,
        *,
        form: Form = "plain",
        most_answer_tokens: int = 256,
        template: str | None = None,
    ) -> None:
        """Read with a model.

        Args:
            backend: Reads and writes; see `GeneratingBackend`.
            form: "plain" goes on with the text; "chat" makes the text a user's turn and the
                answer the model's, as the model's chat template says.
            most_answer_tokens: An answer is scored up to here.
            template: The chat template, in Jinja; None takes the model's own, "" ChatML.

        Raises:
            SettingError: A setting is out of range, or the model cannot write or has no chat form.
        """
        if form not in get_args(Form):
            raise SettingError(f"form is 'plain' or 'chat', not {form!r}.")
        if most_answer_tokens < 1:
            raise SettingError(f"most_answer_tokens is at least 1; got {most_answer_tokens}.")
        if not isinstance(backend, GeneratingBackend):
            raise SettingError(f"{backend.name} can only score; a reader has to write too.")
        self._backend: GeneratingBackend = backend
        self._most_answer_tokens = most_answer_tokens
        self._form: ChatForm | None = None
        if form == "chat":
            own = _own_template(backend.name) if template is None else template
            self._form = chat_form(own, backend)

    @property
    def name(self) -> str:
        """The model's name, with ":chat" where it is read in that form."""
        return f"{self._backend.name}:chat" if self._form else self._backend.name

    @cached_property
    def models(self) -> dict[str, str]:
        """The model's name and the beginning of its files' SHA-256; empty if it has no files."""
        try:
            return {self._backend.name: find_model(self._backend.name).content_key()[:16]}
        except (UnknownName, ModelNotFound):
            return {}

    def read(self, asks: Sequence[Ask], *, progress: OnAsks | None = None) -> list[Reading]:
        """Read texts and answer; see `Reader.read`. Equal asks are read once."""
        times = Counter(asks)
        readings: dict[Ask, Reading] = {}
        for ask, reading in self._read_distinct(times):
            readings[ask] = reading
            if progress:
                progress(times[ask])
        return [readings[ask] for ask in asks]

    def _read_distinct(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Reading]]:
        """Yield each ask as soon as its reading is finished."""
        waiting: list[_Waiting] = []
        prefixes = _Prefixes(self._backend)
        prompts = [(ask, self._ids(ask.text)) for ask in asks]
        # In the order of their tokens, so that what texts begin with alike is read once.
        for ask, ids in sorted(prompts, key=lambda pair: pair[1].tolist()):
            ready = self._begin(ask, ids, prefixes)
            if ready.state is None or not ask.answer_tokens:
                yield ask, ready.reading
            else:
                waiting.append(ready)
            if sum(one.tokens for one in waiting) >= WAITING_TOKENS:
                yield from self._write(waiting)
                waiting = []
        yield from self._write(waiting)

    def _ids(self, text: str) -> Ints:
        """Return the tokens of a prompt, with the one that stands before it."""
        backend = self._backend
        if self._form:
            ids = self._form.ids(backend, text)
            if len(ids) and int(ids[0]) in backend.special_ids.values():
                return ids
        else:
            ids = backend.encode(text).ids
        return np.concatenate([[backend.start_id], ids]).astype(np.int64)

    def _begin(self, ask: Ask, ids: Ints, prefixes: _Prefixes) -> _Waiting:
        """Read a prompt, and score what is to be scored after it."""
        spent = [0.0]
        answers = self._tokens(ask.answers[:ALIASES])
        options = self._tokens(ask.options)
        scored = [*answers, *options]
        longest = max([ask.answer_tokens, *map(len, scored)])
        window = self._backend.window_tokens
        if len(ids) + longest > window:
            why = (
                f"The prompt has {len(ids)} tokens and its answer up to {longest}, but the window"
                f" of {self._backend.name} is {window}."
            )
            return _Waiting(ask, Reading(error=why))
        try:
            with _timed(spent):
                state = prefixes.read(ids[:-1])
                nats = self._backend.score_after(state, int(ids[-1]), scored)
        except Error as error:
            return _Waiting(ask, Reading(error=f"{type(error).__name__}: {error}"))
        means = [float(each.mean()) if len(each) else np.inf for each in nats]
        reading = Reading(
            nats=_lowest(means[: len(answers)]),
            option=_likeliest(ask.options, means[len(answers) :]),
            tokens=len(ids) + sum(map(len, scored)),
            seconds=spent[0],
        )
        return _Waiting(ask, reading, state, int(ids[-1]))

    def _tokens(self, answers: Iterable[str]) -> list[Ints]:
        """Cut answers into tokens; in a turn of its own an answer has no blank before it."""
        texts = (answer.lstrip() if self._form else answer for answer in answers)
        return [self._backend.encode(text).ids[: self._most_answer_tokens] for text in texts]

    def _write(self, waiting: Sequence[_Waiting]) -> Iterator[tuple[Ask, Reading]]:
        """Write after prompts that have been read."""
        if not waiting:
            return
        asks, spent = [one.ask for one in waiting], [0.0]
        stops = [() if self._form else ask.stop for ask in asks]  # a turn has an end of its own
        decode = self._backend.decode
        try:
            with _timed(spent):
                written = self._backend.continue_greedily(
                    [one.state for one in waiting if one.state is not None],
                    [one.last_id for one in waiting],
                    most_tokens=[ask.answer_tokens for ask in asks],
                    stop=lambda at, ids: end_of(decode(ids), stops[at]) is not None,
                )
        except Error as error:
            why = f"{type(error).__name__}: {error}"
            yield from ((ask, Reading(error=why)) for ask in asks)
            return
        total = max(1, sum(map(len, written)))
        for one, ids, stop in zip(waiting, written, stops, strict=True):
            text = decode(ids.tolist())
            done = one.reading
            yield (
                one.ask,
                replace(
                    done,
                    answer=text[: end_of(text, stop)].strip(),
                    tokens=done.tokens + len(ids),
                    seconds=done.seconds + spent[0] * len(ids) / total,
                ),
            )


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An ask whose prompt has been read.

    Attributes:
        ask: The ask.
        reading: What is known of it so far.
        state: After all tokens of the prompt but the last; None if something went wrong.
        last_id: The last one.
    """

    ask: Ask
    reading: Reading
    state: State | None = None
    last_id: int = 0

    @property
    def tokens(self) -> int:
        """Cached tokens."""
        return self.state.length if self.state else 0


@dataclass(slots=True)
class _Prefixes:
    """Reads prompts; what one begins with as the prompt before it did is not read again.

    Only whole passes are shared, so that a prompt is read in the same passes, and gives the same
    bits, as if it had been alone.
    """

    backend: CausalBackend
    ids: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    state: State | None = None

    def read(self, ids: Ints) -> State:
        """Return the state after (T,) tokens."""
        if self.state is None or not np.array_equal(ids, self.ids):
            shared = _shared(self.ids, ids) // PASS_TOKENS * PASS_TOKENS
            begun = self.backend.empty() if self.state is None else self.state
            begun = begun.select(np.arange(shared))
            self.state = read_on(self.backend, begun, ids[shared:])
            self.ids = ids
        return self.state


def _shared(a: Ints, b: Ints) -> int:
    """Return how many first elements are the same."""
    length = min(len(a), len(b))
    other = np.flatnonzero(a[:length] != b[:length])
    return int(other[0]) if len(other) else length


def _own_template(name: str) -> str:
    try:
        return chat_template_of(find_model(name))
    except (UnknownName, ModelNotFound):
        return ""


def _lowest(means: Sequence[float]) -> float | None:
    lowest = min(means, default=np.inf)
    return lowest if np.isfinite(lowest) else None


def _likeliest(options: Sequence[str], means: Sequence[float]) -> str | None:
    """Return the option with the lowest mean, of equal ones the first; None if there is none."""
    lowest = _lowest(means)
    return None if lowest is None else options[means.index(lowest)]


@contextmanager
def _timed(spent: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    spent[0] += time.perf_counter() - started
