"""Vectors from a server that speaks OpenAI's embeddings protocol.

Source: https://platform.openai.com/docs/api-reference/embeddings. The same call is answered by
vLLM, llama.cpp, Ollama, text-embeddings-inference and most providers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tersely.backends.base import Floats, OnTokens
from tersely.backends.json_server import JsonServer
from tersely.core.units import clean
from tersely.errors import BackendError, SettingError
from tersely.scorers.embedding import unit_vectors


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
        if not self.batch_texts > 0:
            raise SettingError(f"batch_texts is above 0; got {self.batch_texts}.")
        self._server()  # refuses what is out of range

    def _server(self) -> JsonServer:
        return JsonServer(
            url=self.url,
            api_key=self.api_key,
            timeout_seconds=self.timeout_seconds,
            attempts=self.attempts,
            sleep=self.sleep,
        )

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
        server = self._server()
        for at in range(0, len(sent), self.batch_texts):
            batch = [clean(texts[index]) for index in sent[at : at + self.batch_texts]]
            body = {"model": self.model, "input": batch, "encoding_format": "float"}
            answer = server.post("/embeddings", body)
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
