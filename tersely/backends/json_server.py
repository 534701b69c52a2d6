"""Ask a server for JSON over HTTP: what a key, a busy server and a broken line need.

The standard library's client: one POST and its answer, nothing more is needed here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tersely.errors import BackendError, SettingError

_MAY_PASS = (408, 429)  # and all from 500 on
_QUOTED_CHARS = 300  # of what a server says when it refuses


class Refused(BackendError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Unclear(BackendError):
    """There is no answer, or none that can be read; the next one may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonServer:
    """A server that is asked by POST and answers with JSON objects.

    Attributes:
        url: The base, such as "https://api.openai.com/v1".
        api_key: Sent as a bearer token; None sends none. It appears in no message.
        timeout_seconds: How long to wait for one answer.
        attempts: How often to send a request that is answered with 408, 429 or 5xx.
        patient: Whether to send it again, too, if the server cannot be reached, takes too long, or
            answers with what is no JSON.
        longest_pause_seconds: A server that asks for a longer pause is asked again after this one.
        sleep: Waits some seconds between two attempts.
        key_hint: Where the key comes from, for what is said if the server refuses it.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    attempts: int = 4
    patient: bool = False
    longest_pause_seconds: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    key_hint: str = "api_key"

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise SettingError(f"url starts with http:// or https://; got {self.url!r}.")
        key = self.api_key
        if key is not None and not (key.isascii() and key.isprintable() and key and " " not in key):
            raise SettingError(
                f"{self.key_hint} is empty, or has a blank or a character no key has in it."
            )
        for name in ("attempts", "timeout_seconds"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} is above 0; got {getattr(self, name)}.")

    def post(
        self, path: str, body: dict[str, Any], *, before: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Send one request, again after a pause if the server is busy; return its JSON.

        Args:
            path: What is added to the base, as in "/embeddings".
            body: What is sent.
            before: Called before each attempt.

        Raises:
            Refused: The server answers with an error, at the last attempt if it may pass.
            BackendError: The server cannot be reached, or does not answer with a JSON object.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "tersely"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        request = Request(  # noqa: S310  __post_init__ has seen the scheme
            self.url.rstrip("/") + path, json.dumps(body).encode(), headers
        )
        for attempt in range(1, self.attempts + 1):
            if before is not None:
                before()
            try:
                return self._once(request)
            except HTTPError as error:
                with error:
                    passing = error.code in _MAY_PASS or error.code >= 500
                    if attempt == self.attempts or not passing:
                        raise self._refusal(error, attempt) from error
                    pause = self._pause_seconds(error.headers.get("Retry-After", ""), attempt)
            except _Unclear:
                if attempt == self.attempts or not self.patient:
                    raise
                pause = self._pause_seconds("", attempt)
            self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, request: Request) -> dict[str, Any]:
        try:
            with _OPENER.open(request, timeout=self.timeout_seconds) as response:
                return self._parsed(response.read())
        except HTTPError:
            raise
        except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
            reason = getattr(error, "reason", None) or error
            raise _Unclear(f"{self.url} cannot be reached: {reason}.") from error

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _Unclear(f"{self.url} did not answer with JSON: {error}.") from error
        if not isinstance(answer, dict):
            raise _Unclear(f"{self.url} did not answer with a JSON object.")
        return answer

    def _pause_seconds(self, asked: str, attempt: int) -> float:
        """Return what the server asks for, seconds or a date, else 0.5, 1, 2, ... seconds."""
        seconds = 0.5 * 2.0 ** (attempt - 1)
        if asked.isascii() and asked.isdecimal():
            seconds = float(asked)
        else:
            with suppress(ValueError):
                date = parsedate_to_datetime(asked)
                known = date if date.tzinfo else date.replace(tzinfo=UTC)
                seconds = max(0.0, (known - datetime.now(UTC)).total_seconds())
        return min(seconds, self.longest_pause_seconds)

    def _refusal(self, error: HTTPError, attempts: int) -> Refused:
        said = ""
        with suppress(OSError, HTTPException):  # its reason may break off; its code is here
            said = error.read(_QUOTED_CHARS).decode("utf-8", "replace").strip()
        if self.api_key:  # some servers repeat it
            said = said.replace(self.api_key, "...")
        times = f" {attempts} times" if attempts > 1 else ""
        hint = f" Check {self.key_hint}." if error.code in (401, 403) else ""
        message = f"{self.url} answered {error.code}{times}.{hint} It said: {said}"
        return Refused(message, status=error.code)


class _NoRedirect(HTTPRedirectHandler):
    """Redirects are refused: followed, they would carry the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


_OPENER = build_opener(_NoRedirect)
