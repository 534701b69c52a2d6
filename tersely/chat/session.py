"""A conversation that is compressed as it grows, its beginning always sent in the same bytes.

Providers price what they have read before at a fraction, if it begins with the same bytes. So what
was sent once is never written in another way again: only messages that are new are shortened,
when they are sent for the first time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from tersely.chat.compress import with_patterns
from tersely.chat.formats import AUTO, FORMATS, read_chat
from tersely.chat.messages import Chat, Message
from tersely.chat.policy import ChatPolicy
from tersely.chat.result import ChatCompression
from tersely.chat.shorten import Sent, Shortener, Tally
from tersely.content.base import ContentHandler
from tersely.core.budget import Budget
from tersely.core.result import bounds_of
from tersely.counting import TokenCounter, load_counter
from tersely.errors import BudgetError, BudgetTooSmall, PromptError, SettingError, UnknownName
from tersely.hard.base import HardCompressor, Progress

VERSION = 1


@dataclass(frozen=True, slots=True)
class _Known:
    """A message that was sent.

    Attributes:
        digest: Of the message as it was given.
        texts: What its texts were sent as; None for those that were not shortened.
    """

    digest: str
    texts: tuple[Sent | None, ...]


class ChatSession:
    """Compresses one conversation, request after request.

    A session is for one conversation and one thread at a time. What it remembers can be stored
    (`to_dict`) and taken up again by another process. Equal calls give equal bytes.
    """

    def __init__(  # noqa: PLR0913 - as compress_chat
        self,
        *,
        tokens: int | None = None,
        rate: float | None = None,
        refreeze: bool = False,
        refreeze_rate: float = 0.5,
        format: str = AUTO,  # noqa: A002 - as compress_chat has it
        method: str | HardCompressor = "auto",
        tokenizer: str | TokenCounter = "o200k_base",
        content: str | ContentHandler = AUTO,
        policy: ChatPolicy | None = None,
        protect: Sequence[str] = (),
        prefer: Sequence[str] = (),
    ) -> None:
        """Begin a conversation.

        Args:
            tokens: The most tokens of any request. Give this, or `rate`, or both.
            rate: The share of the tokens of new texts that may be shortened, in (0, 1], that is
                kept. If what keeps these valid needs more, that.
            refreeze: Whether to shorten the whole history anew, once, when new messages do not
                fit into `tokens` beside what was sent before. The cache is lost then. Without
                it, that is an error.
            refreeze_rate: The share of `tokens` that is then aimed at; and new messages do not
                fit if they would keep less than this share of what they could without `tokens`.
            format: As for `compress_chat`, as are all others.
            method: For all requests.
            tokenizer: Whose tokens the budget counts.
            content: What tool results are.
            policy: What may be touched.
            protect: What survives byte for byte.
            prefer: What is worth more than all else.

        Raises:
            BudgetError: Neither `tokens` nor `rate` is given, or one is out of range.
            SettingError: Another argument is out of range.
        """
        if tokens is None and rate is None:
            raise BudgetError("Give tokens or rate, or both; got neither.")
        self._cap = None if tokens is None else Budget(tokens=tokens).limit(0)
        self._share = None if rate is None else Budget(rate=rate)
        if isinstance(refreeze_rate, bool) or not 0 < refreeze_rate <= 1:
            raise SettingError(f"refreeze_rate is a number in (0, 1]; got {refreeze_rate!r}.")
        if refreeze and tokens is None:
            raise SettingError("refreeze is for a limit of the request: give tokens too.")
        if format not in (AUTO, *FORMATS):
            raise UnknownName("chat format", str(format), [AUTO, *FORMATS])
        self._refreeze = refreeze
        self._refreeze_rate = refreeze_rate
        self._format = format
        self._shortener = Shortener(
            method=method,
            counter=load_counter(tokenizer) if isinstance(tokenizer, str) else tokenizer,
            policy=with_patterns(policy, protect, prefer),
            content=content,
        )
        self._known: list[_Known] = []

    def compress(
        self,
        messages: Any,
        *,
        tools: Any = None,
        system: Any = None,
        progress: Progress | None = None,
    ) -> ChatCompression:
        """Return what to send for the conversation so far, and remember it.

        Messages that were given before, in the same order from the first on, are sent as they
        were then. Where the history differs from what was given before, that ends, and all
        messages from there on are new (`ChatCompression.edited_at`). A cache breakpoint that has
        moved is no difference.

        Args:
            messages: All of them, as they were before compression.
            tools: Tool definitions that go with them, to be counted.
            system: Anthropic's `system` or Responses' `instructions`, to be counted.
            progress: Called with (model tokens read, expected) as the work goes on.

        Raises:
            BudgetTooSmall: What was sent before, and what may not be touched, exceed `tokens`.
                Nothing is remembered of this call.
            PromptError: As for `compress_chat`.
        """
        chat = read_chat(messages, format=self._format, tools=tools, system=system)
        digests = [digest(message) for message in chat.messages]
        slots = _slots_by_message(chat)
        frozen = 0
        for known, found, of_message in zip(self._known, digests, slots, strict=False):
            if known.digest != found or len(known.texts) != len(of_message):
                break
            frozen += 1
        sent = {
            at: text
            for known, of_message in zip(self._known[:frozen], slots, strict=False)
            for at, text in zip(of_message, known.texts, strict=True)
            if text is not None
        }
        result = self._shortened(replace(self._shortener, progress=progress), chat, sent, frozen)
        edited = frozen < min(len(self._known), len(digests))
        if frozen < len(digests) or not result.frozen_messages:
            self._known = _remembered(chat, result, digests)
        return replace(result, edited_at=frozen if edited else None)

    def to_dict(self) -> dict[str, Any]:
        """Return what the session remembers, as JSON; its settings are not part of it."""
        return {
            "version": VERSION,
            "messages": [
                {
                    "digest": known.digest,
                    "texts": [
                        sent and {"text": sent.text, "kept": [list(ends) for ends in sent.kept]}
                        for sent in known.texts
                    ],
                }
                for known in self._known
            ],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], **settings: Any) -> ChatSession:
        """Return a session that goes on where another one was.

        Args:
            state: What its `to_dict` returned.
            **settings: Those of the constructor.

        Raises:
            PromptError: The state is none.
        """
        session = cls(**settings)
        try:
            if state["version"] != VERSION:
                raise ValueError(f"version {state['version']}, not {VERSION}")
            session._known = [
                _Known(
                    str(message["digest"]),
                    tuple(each and _read_sent(each) for each in message["texts"]),
                )
                for message in state["messages"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise PromptError(f"This is not the state of a session: {error!r}.") from error
        return session

    def _shortened(
        self, shortener: Shortener, chat: Chat, sent: Mapping[int, Sent], frozen: int
    ) -> ChatCompression:
        """Shorten what is new; or all of it, if there is no room and that is allowed."""
        try:
            limit_of = self._limit_of(self._cap, crowded=self._refreeze and frozen > 0)
            return self._tried(shortener, chat, limit_of, sent, frozen)
        except BudgetTooSmall:
            if not self._refreeze or not frozen:
                raise
        assert self._cap is not None
        target = max(1, int(self._refreeze_rate * self._cap))
        try:
            return self._tried(shortener, chat, self._limit_of(target), {}, 0)
        except BudgetTooSmall:
            return self._tried(shortener, chat, self._limit_of(self._cap), {}, 0)

    def _tried(
        self,
        shortener: Shortener,
        chat: Chat,
        limit_of: Callable[[Tally], int],
        sent: Mapping[int, Sent],
        frozen: int,
    ) -> ChatCompression:
        """Shorten to a limit; to a rate as far as that is possible."""
        if self._share is None:
            return shortener.shorten(chat, limit_of, sent=sent, frozen_messages=frozen)
        return shortener.shorten_to_rate(
            chat, limit_of, cap=self._cap, sent=sent, frozen_messages=frozen
        )

    def _limit_of(self, cap: int | None, *, crowded: bool = False) -> Callable[[Tally], int]:
        """Return what makes a limit of a tally.

        Args:
            cap: The most tokens of the request.
            crowded: Whether to refuse if that leaves too little to new messages.
        """

        def limit_of(tally: Tally) -> int:
            wanted = self._share.limit(tally.open) if self._share else tally.open
            if cap is None:
                return tally.untouched + wanted
            if crowded and cap - tally.untouched < self._refreeze_rate * wanted:
                raise BudgetTooSmall(limit_tokens=cap, protected_tokens=tally.untouched + wanted)
            return min(cap, tally.untouched + wanted) if self._share else cap

        return limit_of


def digest(message: Message) -> str:
    """Return what stays the same as long as a message does, wherever its cache breakpoints are."""
    written = json.dumps(_plain(message), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("ascii")).hexdigest()


def _plain(part: Message) -> Message:
    """Return a message or part without breakpoints, and a content that is one text as parts."""
    out: Message = {}
    for key, value in part.items():
        if key == "content" and isinstance(value, str):
            out[key] = [{"type": "text", "text": value}]
        elif key in ("content", "output") and isinstance(value, list):
            out[key] = [_plain(each) if isinstance(each, dict) else each for each in value]
        elif key != "cache_control":
            out[key] = value
    return out


def _slots_by_message(chat: Chat) -> list[list[int]]:
    """Return the indices of each message's texts."""
    out: list[list[int]] = [[] for _ in chat.messages]
    numbered = enumerate(chat.slots)
    for message, group in groupby(numbered, lambda pair: pair[1].place.message):
        out[message] = [at for at, _ in group]
    return out


def _remembered(chat: Chat, result: ChatCompression, digests: Sequence[str]) -> list[_Known]:
    """Return what was sent for each message."""
    ends = bounds_of(result.prompt, result.kept)
    now = [
        None if text == slot.text else Sent(text, tuple(ends[at]))
        for at, (slot, text) in enumerate(zip(chat.slots, result.texts, strict=True))
    ]
    return [
        _Known(found, tuple(now[at] for at in of_message))
        for found, of_message in zip(digests, _slots_by_message(chat), strict=True)
    ]


def _read_sent(state: Mapping[str, Any]) -> Sent:
    return Sent(str(state["text"]), tuple((int(a), int(b)) for a, b in state["kept"]))
