"""OpenAI Chat Completions: where the texts of a message are.

Code:     https://github.com/openai/openai-python (3.52.0), `types/chat`
Differs:  fields and parts that are not in it are passed through, and counted as compact JSON.
"""

from __future__ import annotations

from typing import Any

from tersely.chat.counting import PER_MESSAGE, PER_NAME, written
from tersely.chat.messages import ChatRole, Message, Reading, kind_of

ROLES: dict[str, ChatRole] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_SILENT = {"cache_control", "annotations", "audio"}  # nothing of it is put before the model


def is_certain(messages: list[Message]) -> bool:
    """Return whether the messages can only be of this format."""
    return any(
        message.get("role") in ("tool", "function", "developer")
        or "tool_calls" in message
        or "function_call" in message
        for message in messages
    )


def read_message(message: Message, found: Reading) -> None:
    """Find the texts of a message.

    Raises:
        PromptError: It has no role, or a content that is none.
    """
    name = message.get("role")
    if not isinstance(name, str):
        raise found.wrong(("role",), "is missing or not a str")
    found.tokens += PER_MESSAGE
    found.counted.append(name)
    role = ROLES.get(name)
    found.exact = role in ("system", "user", "assistant")
    call = ""
    if role == "tool":
        call = str(message.get("tool_call_id") or message.get("name") or "")
    cited = bool(message.get("annotations"))  # they point at characters of the text
    _read_content(message, found, role=None if cited else role, call=call)
    if role is None:
        found.exact = False
    _read_rest(message, found)
    found.mark(message)


def _read_content(message: Message, found: Reading, *, role: ChatRole | None, call: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        found.text(content, role, "content", call=call)
    elif isinstance(content, list):
        found.exact = found.exact and len(content) == 1
        for at, part, kind in found.parts(content, "content"):
            if kind == "text":
                found.text(part.get("text"), role, "content", at, "text", call=call)
            elif kind == "refusal":
                found.text(part.get("refusal"), None, "content", at, "refusal")
            else:
                found.counted.append(written(part))
                found.exact = False
            found.mark(part)
    elif content is not None or (role in ("system", "user", "tool")):
        what = "is missing" if "content" not in message else f"is {kind_of(content)}"
        raise found.wrong(("content",), f"{what}; it is a str or a list of parts")


def _read_rest(message: Message, found: Reading) -> None:
    for key, value in message.items():
        if key in ("role", "content") or key in _SILENT or value is None:
            continue
        found.exact = found.exact and key in ("name", "refusal")
        if key == "name":
            found.tokens += PER_NAME
        if key == "tool_calls":
            found.calls += [str(call.get("id")) for call in _objects(value)]
        if key == "function_call":
            found.calls += [str(call.get("name")) for call in _objects([value])]
        if isinstance(value, str):
            found.counted.append(value)
        else:
            found.counted.append(written(value))


def _objects(value: Any) -> list[Message]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
