"""How a model says that conversations are written for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from tersely._optional import need
from tersely.backends.gguf_text import read_text
from tersely.backends.store import ModelFiles, read_json
from tersely.errors import SettingError


def chat_template_of(files: ModelFiles) -> str:
    """Return a model's chat template, in Jinja; "" if its files have none.

    Of a GGUF it is a field; of a folder the file chat_template.jinja, or an entry of
    tokenizer_config.json, where several by name have one that is called "default".

    Raises:
        ModelMismatch: The model's files are not what they should be.
    """
    if files.is_gguf:
        return read_text(files.path, "tokenizer.chat_template")
    own = files.path / "chat_template.jinja"
    if own.is_file():
        return own.read_text("utf-8")
    config = files.path / "tokenizer_config.json"
    found = read_json(config).get("chat_template") if config.is_file() else None
    if isinstance(found, list):
        named = {entry["name"]: entry["template"] for entry in found}
        found = named.get("default")
    return found or ""


def render(template: str, messages: Sequence[Mapping[str, str]], *, start: str, name: str) -> str:
    """Return a conversation as a template writes it, up to where the answer begins.

    Args:
        template: In Jinja.
        messages: {"role": ..., "content": ...} each.
        start: The token before a text, as it is written.
        name: What errors call the model.

    Raises:
        SettingError: The template fails, or refuses the conversation.
        MissingDependency: Jinja is not installed.
    """
    jinja: Any = need("jinja2", extra="eval")
    sandbox: Any = need("jinja2.sandbox", extra="eval")
    environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refused
    try:
        text: str = environment.from_string(template).render(
            messages=messages, add_generation_prompt=True, bos_token=start, eos_token=""
        )
    except (jinja.TemplateError, TypeError) as error:
        raise SettingError(f"The chat template of {name} fails: {error}.") from error
    return text


def cut_special(text: str, special: Mapping[str, int]) -> tuple[int | str, ...]:
    """Cut a string at special tokens: strings at even places, tokens at odd ones."""
    names = sorted(special, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, names))})", text) if names else [text]
    return tuple(special[part] if at % 2 else part for at, part in enumerate(parts))


def _refused(why: str) -> NoReturn:
    raise SettingError(f"The chat template refuses a user's turn: {why}.")
