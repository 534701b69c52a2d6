"""A model of this package as a model of the harness: no torch, no hub, on a CPU."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.utils import simple_parse_args_string
from tqdm import tqdm

from tersely.backends.base import CausalBackend, Floats, Ints
from tersely.backends.generation import GeneratingBackend, read_on
from tersely.backends.load import DEFAULT_MODEL, load_causal
from tersely.errors import PromptError, SettingError

BATCH = 4
ANSWER_TOKENS = 256
_MOST_TOKENS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_HALF_NATS = math.log(2)
"""A token less surprising than that has more than half of all probability: it is the likeliest."""

Scored = tuple[float, bool]
Encoded = tuple[tuple[str, str], list[int], list[int]]


@register_model("tersely-local")
class LocalLM(TemplateLM):  # type: ignore[misc] # the harness has no types
    """A causal model on this machine.

    A text is read after the model's start token, as everywhere in this package; the harness's own
    "hf" adds one only where the tokenizer says so. What is longer than the window loses its
    beginning, and `truncated` counts these requests. Answers are written greedily.

    Attributes:
        backend: The model.
        batch_size: How many answers are written at once.
        truncated: Requests that were longer than the window.
    """

    def __init__(
        self,
        model: str | CausalBackend = DEFAULT_MODEL,
        *,
        runtime: str = "openvino",
        threads: int | None = None,
        batch_size: int | str = BATCH,
    ) -> None:
        """Load a model that is on this machine.

        Args:
            model: As for `tersely.backends.load.load_causal`, or a backend.
            runtime: "openvino" or "torch".
            threads: Threads to compute with.
            batch_size: How many answers are written at once; "auto" is 4.

        Raises:
            SettingError: A setting is out of range, or the backend cannot write.
            ModelNotFound: The model is not on this machine.
        """
        super().__init__()
        if isinstance(model, str):
            loading: dict[str, Any] = {"runtime": runtime, "threads": threads}
            model = load_causal(model, **loading)
        if not isinstance(model, GeneratingBackend):
            raise SettingError(f"{model.name} cannot write, or not with runtime={runtime!r}.")
        self.backend: GeneratingBackend = model
        self.batch_size = BATCH if str(batch_size).startswith("auto") else int(batch_size)
        if self.batch_size < 1:
            raise SettingError(f"batch_size is at least 1, not {batch_size!r}.")
        self.truncated = 0

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
    ) -> LocalLM:
        """Build it from "model=smollm2-135m,threads=2"."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
    ) -> LocalLM:
        """Build it from the command's arguments; it runs on the CPU whatever the device is.

        Raises:
            SettingError: There is no such setting.
        """
        known = ("model", "runtime", "threads", "batch_size")
        if unknown := sorted(set(arg_dict) - set(known)):
            raise SettingError(
                f"tersely-local has no setting {unknown[0]!r}. It has: {', '.join(known)}."
            )
        batch = (additional_config or {}).get("batch_size")
        return cls(**({"batch_size": batch} if batch else {}) | dict(arg_dict))

    @property
    def max_length(self) -> int:
        """The longest text the model was trained on, in its own tokens."""
        return self.backend.window_tokens

    @property
    def eot_token_id(self) -> int:
        """What stands before a text; the harness wants it where a context is empty."""
        return self.backend.start_id

    def tok_encode(self, string: str, *_: Any, **__: Any) -> list[int]:
        """Cut a text into the model's tokens; none is added."""
        return [int(token) for token in self.backend.encode(string).ids]

    def get_model_info(self) -> dict[str, Any]:
        """Return what the harness writes into the results."""
        return {"model_name": self.backend.name, "truncated_requests": self.truncated}

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Return the log-probability of each text, in nats; a long one is read in windows."""
        texts = [request.args[0] for request in requests]
        bar = tqdm(texts, desc="Reading", disable=disable_tqdm)
        return [-float(self.backend.score([self.backend.encode(t).ids])[0].sum()) for t in bar]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return what the model writes after each context, greedily, up to a stop string.

        Raises:
            SettingError: Sampling is asked for, or as many tokens as the window has.
        """
        asks = [(request.args[0], _limits(request.args[1])) for request in requests]
        answers = [""] * len(asks)
        order = sorted(range(len(asks)), key=lambda at: -len(asks[at][0]))  # alike go together
        with tqdm(total=len(asks), desc="Writing", disable=disable_tqdm) as bar:
            for first in range(0, len(order), self.batch_size):
                batch = order[first : first + self.batch_size]
                for at, text in zip(batch, self._written([asks[at] for at in batch]), strict=True):
                    answers[at] = text
                bar.update(len(batch))
        return answers

    def _written(self, asks: Sequence[tuple[str, tuple[list[str], int]]]) -> list[str]:
        whole = [self._fitted(self.tok_encode(text), most) for text, (_, most) in asks]
        states = [read_on(self.backend, self.backend.empty(), ids[:-1]) for ids in whole]
        written = self.backend.continue_greedily(
            states,
            [int(ids[-1]) for ids in whole],
            most_tokens=[most for _, (_, most) in asks],
            stop=lambda at, ids: self._ends(ids, asks[at][1][0]),
        )
        return [
            _before(self.backend.decode(ids.tolist()), until)
            for ids, (_, (until, _)) in zip(written, asks, strict=True)
        ]

    def _ends(self, ids: Sequence[int], until: Sequence[str]) -> bool:
        text = self.backend.decode(ids)
        return any(one in text for one in until)

    def _loglikelihood_tokens(
        self, requests: list[Encoded], disable_tqdm: bool = False, **_: Any
    ) -> list[Scored]:
        """Score continuations; those of one context in a row, after one reading of it."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, (_texts, context, continuation) in enumerate(requests):
            fitted = self._fitted(context, len(continuation))
            groups.setdefault(tuple(fitted.tolist()), []).append(index)
        scores: list[Scored] = [(0.0, True)] * len(requests)
        with tqdm(total=len(requests), desc="Reading", disable=disable_tqdm) as bar:
            for context_ids, members in groups.items():
                endings = [np.array(requests[at][2], dtype=np.int64) for at in members]
                found = self._scored(np.array(context_ids, dtype=np.int64), endings)
                for at, score in zip(members, found, strict=True):
                    scores[at] = score
                bar.update(len(members))
        return scores

    def _scored(self, context: Ints, continuations: Sequence[Ints]) -> list[Scored]:
        """Score the ways to go on after a context, each as if it were the only one."""
        state = read_on(self.backend, self.backend.empty(), context[:-1])
        last = int(context[-1])
        nats: list[Floats] = self.backend.score_after(state, last, continuations)
        sure = [bool((one < _HALF_NATS).all()) for one in nats]
        open_ = [ids for ids, known in zip(continuations, sure, strict=True) if not known]
        greedy = np.zeros(0, dtype=np.int64)
        if open_:
            (greedy,) = self.backend.continue_greedily(
                [state],
                [last],
                most_tokens=[max(map(len, open_))],
                stop=lambda _, ids: not any(_begins(one, ids) for one in open_),
            )
        return [
            (-float(one.sum()), known or _begins(greedy, ids.tolist()))
            for one, known, ids in zip(nats, sure, continuations, strict=True)
        ]

    def _fitted(self, context: Sequence[int], more: int) -> Ints:
        """Return the start token and a context, from as far back as `more` tokens leave room.

        Raises:
            PromptError: There is no room at all.
        """
        start = self.backend.start_id
        ids = list(context) if list(context[:1]) == [start] else [start, *context]
        room = self.backend.window_tokens - more
        if room < 1:
            raise PromptError(
                f"{more} tokens are to follow, and the window of {self.backend.name} is"
                f" {self.backend.window_tokens}: none is left for the context."
            )
        self.truncated += len(ids) > room
        return np.array(ids[-room:], dtype=np.int64)


def _begins(ids: Ints, start: Sequence[int]) -> bool:
    """Return whether tokens begin with others."""
    return [int(one) for one in ids[: len(start)]] == list(start)


def _limits(settings: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the stop strings and the most tokens of a request.

    Raises:
        SettingError: Sampling is asked for.
    """
    heat = float(settings.get("temperature") or 0)
    if settings.get("do_sample", heat > 0) and heat > 0:
        raise SettingError(
            "tersely-local writes greedily: run with --gen_kwargs do_sample=false,temperature=0."
        )
    until = settings.get("until") or []
    until = [until] if isinstance(until, str) else list(until)
    given = (settings[name] for name in _MOST_TOKENS if settings.get(name) is not None)
    return [one for one in until if one], int(next(given, ANSWER_TOKENS))


def _before(text: str, until: Sequence[str]) -> str:
    """Return a text up to the first of some strings."""
    ends = [at for stop in until if (at := text.find(stop)) >= 0]
    return text[: min(ends, default=len(text))]
