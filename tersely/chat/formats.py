"""The three wire formats: find out which one it is, and read a chat in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tersely.chat import anthropic, openai_chat, openai_responses
from tersely.chat.counting import REPLY, written
from tersely.chat.messages import Chat, Message, Reading, Slot, copy_messages
from tersely.errors import PromptError, UnknownName

FORMATS: dict[str, Callable[[Message, Reading], None]] = {
    "openai": openai_chat.read_message,
    "responses": openai_responses.read_message,
    "anthropic": anthropic.read_message,
}
AUTO = "auto"


def detect_format(messages: Sequence[Message]) -> str:
    """Return the format of messages: what only one of them has decides, else it is "openai".

    Where all three would be the same, plain texts by role, that is the one whose count is public.
    """
    found = list(messages)
    if openai_responses.is_certain(found):
        return "responses"
    if openai_chat.is_certain(found):
        return "openai"
    if anthropic.is_certain(found):
        return "anthropic"
    if any(message.get("type") == "message" for message in found):
        return "responses"
    systems = any(message.get("role") == "system" for message in found)
    return "openai" if systems or not _has_breakpoint(found) else "anthropic"


def read_chat(
    messages: Any,
    *,
    format: str = AUTO,  # noqa: A002 - as compress_chat has it
    tools: Any = None,
    system: Any = None,
) -> Chat:
    """Read a list of messages.

    Args:
        messages: As they are sent.
        format: One of `FORMATS`; "auto" finds out.
        tools: Tool definitions that are sent beside them, to be counted.
        system: Instructions that are sent beside them, as a str or as blocks, to be counted.

    Raises:
        PromptError: Something is not a message of this format.
        UnknownName: There is no such format.
    """
    if format not in (AUTO, *FORMATS):
        raise UnknownName("chat format", str(format), [AUTO, *FORMATS])
    copies = copy_messages(messages)
    chosen = detect_format(copies) if format == AUTO else format
    readings = [Reading(index) for index in range(len(copies))]
    for message, found in zip(copies, readings, strict=True):
        FORMATS[chosen](message, found)
    beside = _beside(tools, system)
    return Chat(
        messages=tuple(copies),
        format=chosen,
        slots=_placed(readings),
        counted=(*(text for found in readings for text in found.counted), *beside),
        tokens=sum(found.tokens for found in readings) + REPLY,
        exact=all(found.exact for found in readings) and not beside,
    )


def _placed(readings: Sequence[Reading]) -> tuple[Slot, ...]:
    """Return all slots, with what the messages around them say about each."""
    last = max((found.index for found in readings if found.breakpoint is not None), default=-1)
    calls: set[str] = set()
    slots: list[Slot] = []
    for found in readings:
        for at, slot in enumerate(found.slots):
            cached = found.index < last or (found.index == last and at < (found.breakpoint or 0))
            orphan = slot.role == "tool" and slot.call not in calls
            slots.append(replace(slot, cached=cached, orphan=orphan))
        calls.update(found.calls)
    return tuple(slots)


def _beside(tools: Any, system: Any) -> list[str]:
    """Return what is sent beside the messages, as it is counted."""
    out = []
    for name, value in (("tools", tools), ("system", system)):
        if isinstance(value, str):
            out.append(value)
        elif value is not None:
            try:
                out.append(written(value))
            except (TypeError, ValueError) as error:
                raise PromptError(f"{name} is not JSON: {error}.") from error
    return out


def _has_breakpoint(messages: Sequence[Message]) -> bool:
    return any(
        isinstance(part, dict) and "cache_control" in part
        for message in messages
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )
