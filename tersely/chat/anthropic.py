"""Anthropic Messages: where the texts of a message are.

Text blocks and the texts of tool results can be replaced. Every other block is passed through:
tool calls, thinking with its signature, images, documents, and what Anthropic's tools returned.

Code:     https://github.com/anthropics/anthropic-sdk-python (2.11.0), `types`
Differs:  blocks that are not in it are passed through, and counted as compact JSON.
"""

from __future__ import annotations

from tersely.chat.counting import PER_MESSAGE, compact, written
from tersely.chat.messages import ChatRole, Message, Path, Reading, kind_of

ROLES: dict[str, ChatRole] = {"user": "user", "assistant": "assistant", "system": "system"}
BLOCKS = {
    "tool_use",
    "tool_result",
    "thinking",
    "redacted_thinking",
    "server_tool_use",
    "image",
    "document",
    "search_result",
}
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def is_certain(messages: list[Message]) -> bool:
    """Return whether the messages can only be of this format: a block that no other one has."""
    return any(
        isinstance(block, dict) and block.get("type") in BLOCKS
        for message in messages
        if isinstance(message.get("content"), list)
        for block in message["content"]
    )


def read_message(message: Message, found: Reading) -> None:
    """Find the texts of a message.

    Raises:
        PromptError: It has no role, or a content that is none.
    """
    name = message.get("role")
    if not isinstance(name, str):
        raise found.wrong(("role",), "is missing or not a str")
    found.exact = False
    found.tokens += PER_MESSAGE
    found.counted.append(name)
    _read_content(message, found, ("content",), role=ROLES.get(name))
    found.mark(message)


def _read_content(
    holder: Message, found: Reading, path: Path, *, role: ChatRole | None, call: str = ""
) -> None:
    content = holder.get("content")
    if isinstance(content, str):
        found.text(content, role, *path, call=call)
        return
    if not isinstance(content, list):
        what = "is missing" if "content" not in holder else f"is {kind_of(content)}"
        raise found.wrong(path, f"{what}; it is a str or a list of blocks")
    for at, block, kind in found.parts(content, *path):
        here = (*path, at)
        if kind == "text":
            cites = bool(block.get("citations"))  # a quotation is what it is
            found.text(block.get("text"), None if cites else role, *here, "text", call=call)
        elif kind == "tool_result" and not call:
            _read_result(block, found, here, role=role)
        elif kind in CALLS:
            found.counted.append(compact({k: block[k] for k in ("name", "input") if k in block}))
            found.calls.append(str(block.get("id")))
        else:
            found.counted.append(written(block))
        found.mark(block)


def _read_result(block: Message, found: Reading, path: Path, *, role: ChatRole | None) -> None:
    call = str(block.get("tool_use_id") or "")
    found.counted.append(call)
    if block.get("content") is not None:
        tool: ChatRole | None = "tool" if role == "user" else None
        _read_content(block, found, (*path, "content"), role=tool, call=call or "?")
