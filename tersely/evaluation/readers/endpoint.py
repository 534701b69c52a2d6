"""A server that speaks OpenAI's protocol as a reader: any provider, vLLM, llama.cpp, Ollama.

Source: https://platform.openai.com/docs/api-reference/chat and .../completions. Likelihoods come
from `echo` with `logprobs` of completions, which vLLM answers and most providers do not.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tersely.backends.json_server import JsonServer, Refused
from tersely.core.units import clean
from tersely.errors import BackendError, SettingError
from tersely.evaluation.readers.answer_file import Answer, AnswerFile, key_of
from tersely.evaluation.readers.base import ALIASES, Ask, OnAsks, Reading, end_of
from tersely.evaluation.readers.pace import Pace

Form = Literal["chat", "completions"]
_CANNOT = (400, 404, 405, 422, 501)  # how servers say that they do not score


_NEVER = (301, 302, 303, 307, 308, 401, 403, 404)
"""The key, the address or the model is wrong: no other ask will fare better."""


class EndpointReader:
    """Asks a server. What it has answered is kept in a folder and not asked again."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        cache: Path | None,
        key_from: str | None = None,
        form: Form = "chat",
        limits: Limits | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Read with a server; nothing is sent before `read` is called.

        Args:
            url: The base, such as "https://api.openai.com/v1".
            model: Name of the model on the server.
            cache: Folder of the answers; None keeps none.
            key_from: Environment variable with the key; where there is no such variable, no key is
                sent. The key is in no message and no file.
            form: "chat" sends the text as a user's turn and measures no likelihood; "completions"
                goes on with the text, and scores answers where the server can.
            limits: How fast and how patiently to ask.
            fields: Fields of each request that writes, as the server needs them; None leaves one
                out: {"max_tokens": None, "max_completion_tokens": 99, "temperature": None}.

        Raises:
            SettingError: A setting is out of range.
        """
        if form not in get_args(Form):
            raise SettingError(f"form is 'chat' or 'completions', not {form!r}.")
        self._limits = limits or Limits()
        self._server = JsonServer(
            url=url,
            api_key=os.environ.get(key_from) if key_from else None,
            timeout_seconds=self._limits.timeout_seconds,
            attempts=self._limits.attempts,
            patient=True,
            longest_pause_seconds=self._limits.longest_pause_seconds,
            sleep=self._limits.sleep,
            key_hint=f"the variable {key_from}" if key_from else "the key: name its variable",
        )
        self._pace = Pace(self._limits.requests_per_minute, sleep=self._limits.sleep)
        self._model, self._form, self._fields = model, form, dict(fields or {})
        self._file = AnswerFile(cache) if cache else None
        self._scores = form == "completions"

    @property
    def name(self) -> str:
        """The model's name, with ":chat" where it is read in that form."""
        return f"{self._model}:chat" if self._form == "chat" else self._model

    @property
    def models(self) -> dict[str, str]:
        """Nothing: the files of a server's model are not known."""
        return {}

    def read(self, asks: Sequence[Ask], *, progress: OnAsks | None = None) -> list[Reading]:
        """Read texts and answer; see `Reader.read`. Equal asks are sent once.

        Raises:
            Refused: The server knows no such key, address or model.
        """
        distinct = list(dict.fromkeys(asks))
        pool = ThreadPoolExecutor(self._limits.concurrent)
        try:
            futures = {pool.submit(self._reading, ask): ask for ask in distinct}
            readings: dict[Ask, Reading] = {}
            for future in as_completed(futures):
                ask = futures[future]
                readings[ask] = future.result()
                if progress:
                    progress(asks.count(ask))
        finally:
            pool.shutdown(cancel_futures=True)
        return [readings[ask] for ask in asks]

    def _reading(self, ask: Ask) -> Reading:
        """Ask all that is wanted; an error ends it."""
        done = _Done()
        try:
            means = self._means(ask, done) if self._scores else {}
            answer = self._written(ask, done) if ask.answer_tokens else None
        except BackendError as error:
            if isinstance(error, Refused) and error.status in _NEVER:
                raise
            return Reading(tokens=done.tokens, seconds=done.seconds, error=f"BackendError: {error}")
        found = [means[text] for text in ask.answers[:ALIASES] if text in means]
        options = [option for option in ask.options if option in means]
        return Reading(
            nats=min(found, default=None),
            option=min(options, key=means.__getitem__, default=None),
            answer=answer,
            tokens=done.tokens,
            seconds=done.seconds,
        )

    def _means(self, ask: Ask, done: _Done) -> dict[str, float]:
        """Return the mean surprisal of each answer and option; of those the server scores."""
        means = {}
        for answer in dict.fromkeys((*ask.answers[:ALIASES], *ask.options)):
            mean = self._mean(clean(ask.text), clean(answer), done) if self._scores else None
            if mean is not None:
                means[answer] = mean
        return means

    def _mean(self, text: str, answer: str, done: _Done) -> float | None:
        """Return the mean surprisal of an answer's tokens after a text; None if it is not said."""
        # One token is written after it, since some servers refuse to write none.
        body = {
            "model": self._model,
            "prompt": text + answer,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "echo": True,
        }

        def kept(reply: dict[str, Any]) -> Answer:
            return {"nats": _mean_nats(reply, len(text), len(text) + len(answer))}

        try:
            found = self._ask("/completions", body, kept, done, what=[len(text)])
        except Refused as error:
            if error.status not in _CANNOT:
                raise
            self._scores = False
            return None
        nats: float | None = found["nats"]
        return nats

    def _written(self, ask: Ask, done: _Done) -> str:
        """Return what the server writes after a text."""
        text = clean(ask.text)
        chat = self._form == "chat"
        shown = {"messages": [{"role": "user", "content": text}]} if chat else {"prompt": text}
        body = {"model": self._model, **shown, "max_tokens": ask.answer_tokens, "temperature": 0}
        body = {name: v for name, v in (body | self._fields).items() if v is not None}
        path = "/chat/completions" if chat else "/completions"
        found = self._ask(path, body, lambda reply: {"text": self._text_of(reply)}, done)
        answer = str(found["text"])
        end = None if chat else end_of(answer, ask.stop)
        return answer[:end].strip()

    def _text_of(self, reply: dict[str, Any]) -> str:
        try:
            choice = reply["choices"][0]
            text = choice["message"]["content"] if self._form == "chat" else choice["text"]
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(
                f"{self._server.url} did not answer as the protocol says; missing: {error}."
            ) from error
        if text is not None and not isinstance(text, str):
            raise BackendError(f"{self._server.url} wrote no text but {str(text)[:40]!r}.")
        return text or ""  # a refusal has no content

    def _ask(
        self,
        path: str,
        body: dict[str, Any],
        kept: Callable[[dict[str, Any]], Answer],
        done: _Done,
        *,
        what: Sequence[object] = (),
    ) -> Answer:
        """Return what is kept of the server's answer to a request, from the file if it is there.

        Args:
            path: Where to.
            body: What is sent.
            kept: What is kept of the answer; it refuses what cannot be read.
            done: Tokens and seconds are added to it.
            what: What else `kept` depends on.
        """
        key = key_of(self._server.url, path, body, *what)
        found = self._file.find(key) if self._file else None
        if found is None:
            started = time.perf_counter()
            reply = self._server.post(path, body, before=self._pace.wait)
            found = kept(reply) | {
                "tokens": _tokens_of(reply),
                "seconds": round(time.perf_counter() - started, 6),
            }
            if self._file:
                self._file.keep(key, found)
        done.tokens += int(found["tokens"])
        done.seconds += float(found["seconds"])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast and how patiently to ask.

    Attributes:
        requests_per_minute: The most that one process sends; None is any number.
        concurrent: Requests at the same time.
        attempts: How often to send a request before it is given up.
        timeout_seconds: How long to wait for one answer.
        longest_pause_seconds: A server that asks for a longer pause is asked again after this one.
        sleep: Waits some seconds.
    """

    requests_per_minute: float | None = None
    concurrent: int = 4
    attempts: int = 6
    timeout_seconds: float = 120.0
    longest_pause_seconds: float = 120.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        for name in ("concurrent", "attempts", "timeout_seconds", "longest_pause_seconds"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} is above 0; got {getattr(self, name)}.")
        if self.requests_per_minute is not None and not self.requests_per_minute > 0:
            raise SettingError(f"requests_per_minute is above 0; got {self.requests_per_minute}.")


@dataclass(slots=True)
class _Done:
    """What an ask has cost so far; of kept answers, what they cost then."""

    tokens: int = 0
    seconds: float = 0.0


def _tokens_of(reply: Mapping[str, Any]) -> int:
    """Return tokens read and written, as the server counts them; 0 if it does not say."""
    usage = reply.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) else 0


def _mean_nats(reply: Mapping[str, Any], start: int, end: int) -> float | None:
    """Return the mean surprisal of the echoed tokens that stand in [start, end) of the prompt.

    A token that reaches into it from before counts. None if the server does not say.
    """
    try:
        said = reply["choices"][0]["logprobs"]
        offsets, values = said["text_offset"], said["token_logprobs"]
        ends = [*offsets[1:], end]
        pairs = zip(offsets, ends, values, strict=True)
        inside = [
            -value for at, to, value in pairs if at < end and to > start and value is not None
        ]
        mean = float(sum(inside)) / len(inside) if inside else math.nan
        return mean if math.isfinite(mean) else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None
