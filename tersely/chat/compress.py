"""Compress a list of chat messages in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from tersely.chat.formats import AUTO, read_chat
from tersely.chat.policy import ChatPolicy
from tersely.chat.result import ChatCompression
from tersely.chat.shorten import Shortener
from tersely.content.base import ContentHandler
from tersely.core.budget import Budget
from tersely.core.prompt import Span
from tersely.counting import TokenCounter, load_counter
from tersely.errors import PromptError, SettingError
from tersely.hard.base import HardCompressor, Progress

RateOf = Literal["request", "texts"]


def compress_chat(  # noqa: PLR0913 - as the front door
    messages: Any,
    *,
    tokens: int | None = None,
    rate: float | None = None,
    rate_of: RateOf = "request",
    format: str = AUTO,  # noqa: A002 - the word that users know
    method: str | HardCompressor = "auto",
    tokenizer: str | TokenCounter = "o200k_base",
    content: str | ContentHandler = AUTO,
    policy: ChatPolicy | None = None,
    protect: Sequence[str | Span] = (),
    prefer: Sequence[str | Span] = (),
    tools: Any = None,
    system: Any = None,
    frozen_messages: int = 0,
    progress: Progress | None = None,
) -> ChatCompression:
    """Shorten the texts of a chat to a budget for the whole request.

    What changes is the texts, and nothing else: no message, call, id, field or order of keys. The
    messages that are given are left as they are.

    Args:
        messages: As they are sent to OpenAI (Chat Completions, Responses) or Anthropic.
        tokens: The most tokens of the request. Give this or `rate`.
        rate: The same as a share of tokens, in (0, 1].
        rate_of: Of which: those of the "request", or those of the "texts" in it that may be
            shortened, on top of what may not. The latter always has a solution: where what
            keeps JSON valid needs more than its share, it has that.
        format: "openai", "responses" or "anthropic"; "auto" finds out.
        method: "auto", a name, or what `tersely.load` returned. The question of those that need
            one is the newest user turn.
        tokenizer: Whose tokens the budget counts.
        content: What tool results are: "auto" finds out, "text" is prose, "json", ...
        policy: What may be touched.
        protect: What survives byte for byte, besides what the policy protects; a span's segment
            is the index of a text (`ChatCompression.places`).
        prefer: What is worth more than all else, likewise.
        tools: Tool definitions that go with the messages, to be counted.
        system: Anthropic's `system` or Responses' `instructions`, to be counted.
        frozen_messages: How many of the first messages stay as they are given.
        progress: Called with (model tokens read, expected) as the work goes on.

    Raises:
        BudgetError: Not one of `tokens` and `rate` is given; or what may not be touched exceeds
            it (`BudgetTooSmall`).
        PromptError: Something is not a message; or the method needs a question.
        SettingError: An argument is out of range.
        LookupError: No method, tokenizer, format or model is called that.
    """
    budget = Budget(tokens=tokens, rate=rate)
    chat = read_chat(messages, format=format, tools=tools, system=system)
    if (
        isinstance(frozen_messages, bool)
        or not isinstance(frozen_messages, int)
        or not 0 <= frozen_messages <= len(chat.messages)
    ):
        raise SettingError(
            f"frozen_messages is between 0 and the {len(chat.messages)} that there are; not"
            f" {frozen_messages!r}."
        )
    if rate_of not in get_args(RateOf):
        raise SettingError(f"rate_of is one of {', '.join(get_args(RateOf))}; not {rate_of!r}.")
    shortener = Shortener(
        method=method,
        counter=load_counter(tokenizer) if isinstance(tokenizer, str) else tokenizer,
        policy=with_patterns(policy, protect, prefer),
        content=content,
        progress=progress,
    )

    if rate is not None and rate_of == "texts":
        return shortener.shorten_to_rate(
            chat,
            lambda tally: tally.untouched + budget.limit(tally.open),
            sent={},
            frozen_messages=frozen_messages,
        )
    return shortener.shorten(
        chat, lambda tally: budget.limit(tally.before), sent={}, frozen_messages=frozen_messages
    )


def with_patterns(
    policy: ChatPolicy | None, protect: Sequence[str | Span], prefer: Sequence[str | Span]
) -> ChatPolicy:
    """Return a policy with more patterns; None is the default policy.

    Raises:
        SettingError: It is no policy.
        PromptError: The patterns are one str.
    """
    policy = ChatPolicy() if policy is None else policy
    if not isinstance(policy, ChatPolicy):
        raise SettingError(f"policy is a ChatPolicy, not {policy!r}.")
    if isinstance(protect, str) or isinstance(prefer, str):
        raise PromptError("protect and prefer are lists of patterns, not one str each.")
    return replace(policy, protect=(*policy.protect, *protect), prefer=(*policy.prefer, *prefer))
