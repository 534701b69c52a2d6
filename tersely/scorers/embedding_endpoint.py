"""Vectors from a server that speaks OpenAI's embeddings protocol.

Source: https://platform.openai.com/docs/api-reference/embeddings. The same call is answered by
vLLM, llama.cpp, Ollama, text-embeddings-inference and most providers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import numpy as np

from tersely.backends.base import Floats, OnTokens
from tersely.core.units import clean
from tersely.errors import BackendError, SettingError
from tersely.scorers.embedding import unit_vectors

_LONGEST_PAUSE_SECONDS = 30.0
_QUOTED_CHARS = 300  # of what a server says when it refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingEndpoint:
    """An `Embedder` that sends the texts to a server. Nothing is sent before `embed` is called.

    Attributes:
        url: The base, such as "https://api.openai.com/v1"; "/embeddings" is added.
        model: Name of the model on the server.
        api_key: Sent as a bearer token; None sends none. It appears in no message.
        batch_texts: Texts per request.
        timeout_seconds: How long to wait for one answer.
        attempts: How often to send a request that is answered with 429 or 5xx.
        sleep: Waits some seconds between two attempts.
    """

    url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    batch_texts: int = 64
    timeout_seconds: float = 30.0
    attempts: int = 4
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise SettingError(f"url starts with http:// or https://; got {self.url!r}.")
        key = self.api_key
        if key is not None and not (key.isascii() and key.isprintable() and key and " " not in key):
            raise SettingError("api_key is empty, or has a blank or a character no key has in it.")
        for name in ("batch_texts", "attempts", "timeout_seconds"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} is above 0; got {getattr(self, name)}.")

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model

    def embed(self, texts: Sequence[str], *, on_tokens: OnTokens | None = None) -> Floats:
        """Return one vector of length 1 per text, (N, D); 0 for a blank one, which is not sent.

        Raises:
            BackendError: The server cannot be reached, refuses, or answers something else.
        """
        sent = [index for index, text in enumerate(texts) if text.strip()]
        rows: list[Any] = []
        for at in range(0, len(sent), self.batch_texts):
            batch = [clean(texts[index]) for index in sent[at : at + self.batch_texts]]
            answer = self._post({"model": self.model, "input": batch, "encoding_format": "float"})
            rows += self._rows(answer, len(batch))
            usage = answer.get("usage")
            if on_tokens is not None and isinstance(usage, dict):
                on_tokens(int(usage.get("total_tokens") or 0))
        if not rows:
            return np.zeros((len(texts), 0))
        read = unit_vectors(rows, len(sent), self.name)
        vectors = np.zeros((len(texts), read.shape[1]))
        vectors[sent] = read
        return vectors

    def _rows(self, answer: dict[str, Any], count: int) -> list[Any]:
        """Return the vectors of an answer in the order of the texts."""
        try:
            rows = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
            return [rows[index] for index in range(count)]
        except (KeyError, TypeError, ValueError) as error:
            raise BackendError(
                f"{self.url} did not answer with one embedding for each of {count} texts;"
                f" missing or wrong: {error}."
            ) from error

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request, again after a pause if the server is busy; return its JSON."""
        headers = {"Content-Type": "application/json", "User-Agent": "tersely"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        request = Request(  # noqa: S310  __post_init__ has seen the scheme
            self.url.rstrip("/") + "/embeddings", json.dumps(body).encode(), headers
        )
        for attempt in range(1, self.attempts + 1):
            try:
                with _OPENER.open(request, timeout=self.timeout_seconds) as response:
                    return self._parsed(response.read())
            except HTTPError as error:
                with error:
                    if attempt == self.attempts or not (error.code == 429 or error.code >= 500):
                        raise self._refusal(error, attempt) from error
                    pause = _pause_seconds(error, attempt)
            except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
                reason = getattr(error, "reason", None) or error
                raise BackendError(f"{self.url} cannot be reached: {reason}.") from error
            self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except ValueError as error:
            raise BackendError(f"{self.url} did not answer with JSON: {error}.") from error
        if not isinstance(answer, dict):
            raise BackendError(f"{self.url} did not answer with a JSON object.")
        return answer

    def _refusal(self, error: HTTPError, attempts: int) -> BackendError:
        said = ""
        with suppress(OSError, HTTPException):  # its reason may break off; its code is here
            said = error.read(_QUOTED_CHARS).decode("utf-8", "replace").strip()
        if self.api_key:  # some servers repeat it
            said = said.replace(self.api_key, "...")
        times = f" {attempts} times" if attempts > 1 else ""
        hint = " Check api_key." if error.code in (401, 403) else ""
        return BackendError(f"{self.url} answered {error.code}{times}.{hint} It said: {said}")


class _NoRedirect(HTTPRedirectHandler):
    """Redirects are refused: followed, they would carry the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


_OPENER = build_opener(_NoRedirect)


def _pause_seconds(error: HTTPError, attempt: int) -> float:
    """Return what the server asks for, else 0.5, 1, 2, ... seconds."""
    asked = error.headers.get("Retry-After", "")
    seconds = float(asked) if asked.isdecimal() else 0.5 * 2 ** (attempt - 1)
    return min(seconds, _LONGEST_PAUSE_SECONDS)
