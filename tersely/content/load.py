"""Find the kind of a text, and its handler."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any

from tersely.content.base import ContentHandler
from tersely.core.structure import Structure
from tersely.errors import PromptError, SettingError, UnknownName

HANDLERS: dict[str, str] = {  # in the order in which a text is offered to them
    "json": "tersely.content.json_text:JSON",
    "html": "tersely.content.html:HTML",
    "diff": "tersely.content.diff:Diff",
    "log": "tersely.content.log:Log",
    "code": "tersely.content.code:Code",
    "table": "tersely.content.table:Table",
    "markdown": "tersely.content.markdown:Markdown",
}
"""Every kind of content that is not prose: "module:Class", imported when it is first asked for."""

COARSER: dict[str, dict[str, Any]] = {"json": {"whole_chars": 1500, "member_chars": 300}}
"""Settings for when a budget is too small for what else stays: larger pieces, of which fewer do."""

AUTO, TEXT = "auto", "text"

SHORTEST = 200
"""Characters below which a text is taken for prose, unless it is JSON: that is certain at once."""


def content_handler(name: str, **settings: Any) -> ContentHandler:
    """Return the handler of one kind of content.

    Raises:
        UnknownName: There is no such kind.
        SettingError: It has no such setting, or the value is out of range.
    """
    if name not in HANDLERS:
        raise UnknownName("kind of content", name, [AUTO, TEXT, *HANDLERS])
    cls = _handler_class(name)
    known = [field.name for field in fields(cls)]
    for setting in settings:
        if setting not in known:
            raise SettingError(f"{name} has no setting {setting!r}. It has: {', '.join(known)}.")
    handler: ContentHandler = cls(**settings)
    return handler


def detect(text: str) -> ContentHandler | None:
    """Return the handler of what a text certainly is; None for prose."""
    for name in ("json",) if len(text) < SHORTEST else HANDLERS:
        handler = content_handler(name)
        if handler.matches(text):
            return handler
    return None


def structure_of(text: str, content: str | ContentHandler = AUTO) -> Structure | None:
    """Return what of a text may go; None if it is prose.

    Args:
        text: The text.
        content: A kind, or a handler; "auto" finds out, "text" is prose.

    Raises:
        PromptError: The text is not of the kind that was asked for.
        UnknownName: There is no such kind.
    """
    if content == TEXT or not text.strip():
        return None
    if content == AUTO:
        return _detected(text)
    handler = content_handler(content) if isinstance(content, str) else content
    if not callable(getattr(handler, "read", None)):
        raise SettingError(
            f"content is one of {', '.join([AUTO, TEXT, *HANDLERS])}, or a handler such as"
            f" tersely.content.json_text.JSON(); not {content!r}."
        )
    return handler.read(text)


def coarser(text: str, structure: Structure) -> Structure:
    """Return a structure of fewer, larger pieces, where the kind has one; else the same."""
    if structure.content not in COARSER:
        return structure
    return content_handler(structure.content, **COARSER[structure.content]).read(text)


def _detected(text: str) -> Structure | None:
    handler = detect(text)
    if handler is None:
        return None
    try:
        return handler.read(text)
    except PromptError:  # it looked like it: nobody said that it was
        return None


@cache
def _handler_class(name: str) -> type[Any]:
    module, _, attribute = HANDLERS[name].partition(":")
    cls: type[Any] = getattr(import_module(module), attribute)
    return cls
