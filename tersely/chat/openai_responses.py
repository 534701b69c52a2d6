"""OpenAI Responses: where the texts of an input item are.

Messages and the results of function and custom tool calls have texts that can be replaced. Every
other item is passed through: calls, reasoning, references, and what OpenAI's own tools returned.

Code:     https://github.com/openai/openai-python (3.52.0), `types/responses`
Differs:  items that are not in it are passed through, and counted as compact JSON.
"""

from __future__ import annotations

from tersely.chat.counting import PER_MESSAGE, written
from tersely.chat.messages import ChatRole, Message, Reading, kind_of
from tersely.chat.openai_chat import ROLES

TEXTS = ("input_text", "output_text", "text")
RESULTS = ("function_call_output", "custom_tool_call_output")


def is_certain(messages: list[Message]) -> bool:
    """Return whether the items can only be of this format: a type, or a part, of no other one."""
    for item in messages:
        if isinstance(item.get("type"), str) and item["type"] != "message":
            return True
        content = item.get("content")
        for part in content if isinstance(content, list) else []:
            kind = str(part.get("type")) if isinstance(part, dict) else ""
            if kind.startswith(("input_", "output_")) and kind != "input_audio":  # chat's too
                return True
    return False


def read_message(item: Message, found: Reading) -> None:
    """Find the texts of an item.

    Raises:
        PromptError: It has neither type nor role, or a content that is none.
    """
    kind = item.get("type", "message")
    found.exact = False
    found.tokens += PER_MESSAGE
    if kind == "message":
        name = item.get("role")
        if not isinstance(name, str):
            raise found.wrong(("role",), "is missing or not a str, and there is no type")
        found.counted.append(name)
        _read_texts(item, found, "content", role=ROLES.get(name))
    elif kind in RESULTS:
        call = item.get("call_id")
        found.counted.append(str(call))
        _read_texts(item, found, "output", role="tool", call=str(call))
    else:
        found.counted.append(written(item))
        if "call_id" in item:
            found.calls.append(str(item["call_id"]))
    found.mark(item)


def _read_texts(
    item: Message, found: Reading, key: str, *, role: ChatRole | None, call: str = ""
) -> None:
    content = item.get(key)
    if isinstance(content, str):
        found.text(content, role, key, call=call)
        return
    if not isinstance(content, list):
        what = "is missing" if key not in item else f"is {kind_of(content)}"
        raise found.wrong((key,), f"{what}; it is a str or a list of parts")
    for at, part, kind in found.parts(content, key):
        if kind in TEXTS:
            cited = bool(part.get("annotations"))  # they point at characters of the text
            found.text(part.get("text"), None if cited else role, key, at, "text", call=call)
        elif kind == "refusal":
            found.text(part.get("refusal"), None, key, at, "refusal")
        else:
            found.counted.append(written(part))
        found.mark(part)
