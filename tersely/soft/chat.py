"""Conversations with a memory in them: what stands before it, and what stands behind it.

A memory stands at the beginning of the first user's turn. What the chat template writes before
that (the system's turn, and how a user's turn begins) is the prefix: it is read as it is and never
compressed. The template's own words may be special tokens; what people write never is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tersely.backends.chat_template import cut_special, render
from tersely.errors import PromptError, SettingError

Messages = Sequence[Mapping[str, str]]
"""A conversation: {"role": ..., "content": ...} each."""

BREAK = "\n\n"
"""Between a memory and what is asked about it."""

_MEMORY = "@tersely memory@"
_MARK = re.compile("@tersely [0-9]+@")


@dataclass(frozen=True, slots=True)
class Chat:
    """How one model's conversations are written.

    Attributes:
        template: In Jinja; "" where the model has none.
        special: Its special tokens, by name.
        start: The token that stands before a text, as it is written.
        encode: Cuts plain text into tokens.
        name: What errors call the model.
    """

    template: str
    special: Mapping[str, int]
    start: str
    encode: Callable[[str], list[int]]
    name: str

    def head(self, system: str | None = None) -> list[int]:
        """Return the tokens before a memory.

        Args:
            system: The system's turn; None is what the template writes without one.
        """
        return self._around(_with_system([{"role": "user", "content": ""}], system))[0]

    def behind(self, messages: Messages, system: str | None = None) -> list[int]:
        """Return the tokens behind a memory, up to where the model's answer begins.

        Args:
            messages: A conversation whose first user's turn the memory belongs to.
            system: The system's turn the prefix was made with.

        Raises:
            PromptError: It is no conversation, or begins otherwise than the prefix.
            SettingError: The model has no chat template.
        """
        if not self.template:
            raise SettingError(
                f"{self.name} is used without a chat template, so it holds no conversations. Give"
                " the prompt as text."
            )
        head, tail = self._around(_with_system(_checked(messages), system))
        if head != self.head(system):
            raise PromptError(
                "The conversation begins otherwise than the prefix that the memory stands behind."
                " Give the system's turn to load_host(system=...), and compress behind that."
            )
        return tail

    def question(self, question: str, system: str | None = None) -> list[int]:
        """Return the tokens behind a memory that ask a question about it."""
        if not self.template:
            return self.encode(f"{BREAK}Question: {question}\nAnswer:")
        return self.behind([{"role": "user", "content": question}], system)

    def _around(self, messages: Messages) -> tuple[list[int], list[int]]:
        marks = {f"@tersely {at}@": one["content"] for at, one in enumerate(messages)}
        first = next((i for i, one in enumerate(messages) if one["role"] == "user"), None)
        if first is None:
            raise PromptError("The conversation has no user's turn for the memory to stand in.")
        marked = [
            {"role": one["role"], "content": (_MEMORY if at == first else "") + mark}
            for at, (one, mark) in enumerate(zip(messages, marks, strict=True))
        ]
        text = render(self.template, marked, start=self.start, name=self.name)
        before, found, after = text.partition(_MEMORY)
        if not found or not all(mark in text for mark in marks):
            raise SettingError(f"The chat template of {self.name} leaves a turn out.")
        own = f"@tersely {first}@"
        if marks[own]:
            marks[own] = BREAK + marks[own]
        return self._ids(before, marks), self._ids(after, marks)

    def _ids(self, text: str, marks: Mapping[str, str]) -> list[int]:
        ids: list[int] = []
        for part in cut_special(text, self.special):
            if isinstance(part, int):
                ids.append(part)
            elif part:  # what people wrote may itself look like a mark, so all at once
                whole = _MARK.sub(lambda found: marks[found.group()], part)
                ids.extend(self.encode(whole))
        return ids


def _with_system(messages: Messages, system: str | None) -> Messages:
    if system is None:
        return messages
    if messages and messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": system}, *messages]


def _checked(messages: Messages) -> Messages:
    """Return a conversation that is one."""
    for message in messages:
        role, content = (message.get(key) for key in ("role", "content"))
        if not isinstance(role, str) or not isinstance(content, str):
            raise PromptError('A message is {"role": ..., "content": ...}, both of them text.')
    return messages
