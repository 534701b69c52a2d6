"""Chat messages as plain data: what a list of them is, and the texts in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tersely.errors import PromptError

Message = dict[str, Any]
"""One message or item, as it goes over the wire: JSON."""

Path = tuple[str | int, ...]
"""Keys and indices that lead from a message to one of its values."""

ChatRole = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a text stands.

    >>> str(Place(3, ("content", 0, "text")))
    'messages[3].content[0].text'

    Attributes:
        message: Index of its message.
        path: The way to it inside the message.
    """

    message: int
    path: Path = ()

    def __str__(self) -> str:
        """Return it as it is written in code."""
        keys = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"messages[{self.message}]{''.join(keys)}"


@dataclass(frozen=True, slots=True)
class Slot:
    """One text of a chat that can be replaced by a shorter one, as far as the format goes.

    Attributes:
        text: The characters; more than blanks.
        role: Who wrote it. Developers are "system", and functions are "tool".
        place: Where it stands.
        call: Of what tool call it is the result; "" for all other texts.
        orphan: Whether the messages before it have no such call.
        cached: Whether a cache breakpoint stands at it or after it.
    """

    text: str
    role: ChatRole
    place: Place
    call: str = ""
    orphan: bool = False
    cached: bool = False


@dataclass(slots=True)
class Reading:
    """What is found in one message, filled in by the reader of its format.

    Attributes:
        index: Of the message.
        slots: Its texts, in order.
        counted: What else is sent, each counted for itself.
        tokens: Tokens that come on top.
        exact: Whether it is public how the provider counts such a message.
        calls: Ids of the tool calls it makes.
        breakpoint: How many of its texts stand at or before its last cache breakpoint; None
            where it has none.
    """

    index: int
    slots: list[Slot] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    tokens: int = 0
    exact: bool = True
    calls: list[str] = field(default_factory=list)
    breakpoint: int | None = None

    def text(self, text: Any, role: ChatRole | None, *path: str | int, call: str = "") -> None:
        """Take note of a text: as a slot, or to be counted if it is blank or nobody's (None).

        Raises:
            PromptError: It is not a str.
        """
        if not isinstance(text, str):
            raise self.wrong(path, f"is {kind_of(text)}, not a str")
        if role is None or not text.strip():
            self.counted.append(text)
        else:
            self.slots.append(Slot(text, role, Place(self.index, path), call))

    def mark(self, value: Mapping[str, Any]) -> None:
        """Take note of a cache breakpoint, if there is one at this part, whose texts are read."""
        if value.get("cache_control") is not None:
            self.breakpoint = len(self.slots)

    def parts(self, content: list[Any], *path: str | int) -> list[tuple[int, Message, str]]:
        """Return index, part and type of each part of a content.

        Raises:
            PromptError: One is not an object with a type.
        """
        out = []
        for at, part in enumerate(content):
            if not isinstance(part, dict):
                raise self.wrong((*path, at), f"is {kind_of(part)}, not an object with a type")
            if not isinstance(part.get("type"), str):
                raise self.wrong((*path, at), "has no type")
            out.append((at, part, part["type"]))
        return out

    def wrong(self, path: Path, what: str) -> PromptError:
        """Return the error that says what is wrong at a place of this message."""
        return PromptError(f"{Place(self.index, path)} {what}.")


@dataclass(frozen=True, slots=True)
class Chat:
    """A list of messages that has been read.

    Attributes:
        messages: A copy of them.
        format: "openai", "responses" or "anthropic".
        slots: Every text that can be replaced, in order.
        counted: What else is sent, each counted for itself.
        tokens: Tokens that come on top.
        exact: Whether it is public how the provider counts all this.
    """

    messages: tuple[Message, ...]
    format: str
    slots: tuple[Slot, ...]
    counted: tuple[str, ...]
    tokens: int
    exact: bool

    @property
    def user_turns(self) -> list[int]:
        """Messages with a text of the user's, in order. Tool results are none."""
        return sorted({slot.place.message for slot in self.slots if slot.role == "user"})


def copy_messages(messages: Any) -> list[Message]:
    """Return a copy of a list of messages that shares nothing with it.

    Raises:
        PromptError: It is no list of objects, it is empty, or something in it is not JSON.
    """
    if not isinstance(messages, list | tuple):
        raise PromptError(f"Messages are a list of objects, not {kind_of(messages)}.")
    if not messages:
        raise PromptError("The list of messages is empty: there is nothing to compress.")
    out: list[Message] = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            hint = ": give its model_dump(exclude_none=True)" * hasattr(message, "model_dump")
            raise PromptError(f"messages[{index}] is {kind_of(message)}, not an object{hint}.")
        try:
            out.append(_copy(message, index, ()))
        except RecursionError:
            raise PromptError(f"messages[{index}] is nested too deeply to be JSON.") from None
    return out


def write_texts(chat: Chat, texts: Mapping[Place, str]) -> list[Message]:
    """Return the chat's messages with other texts at some places; all else is as it was."""
    out: list[Message] = [_copy(message, at, ()) for at, message in enumerate(chat.messages)]
    for place, text in texts.items():
        value: Any = out[place.message]
        for key in place.path[:-1]:
            value = value[key]
        value[place.path[-1]] = text
    return out


def kind_of(value: Any) -> str:
    """Return what a value is, for an error: "null", "int"."""
    return "null" if value is None else type(value).__name__


def _copy(value: Any, index: int, path: Path) -> Any:
    """Return a copy of what is JSON.

    Raises:
        PromptError: It is not.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_copy(each, index, (*path, at)) for at, each in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise PromptError(f"{Place(index, path)} has the key {key!r}, which is not a str.")
        return {key: _copy(each, index, (*path, key)) for key, each in value.items()}
    raise PromptError(f"{Place(index, path)} is {kind_of(value)}, which is not JSON.")
