"""A text as a user's turn, written as the model's chat template writes it.

The template's own words may be special tokens; the text's never are, whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from tersely._optional import need
from tersely.backends.base import Ints
from tersely.backends.generation import GeneratingBackend
from tersely.errors import SettingError

CHATML = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")
"""What stands around the text where a model has these tokens and no template."""

_TEXT = "@tersely text@"


@dataclass(frozen=True, slots=True)
class ChatForm:
    """What stands around a text, cut at special tokens.

    Attributes:
        before: Special tokens, and strings; the last is a string that the text follows.
        after: The same; the first is a string that follows the text.
    """

    before: tuple[int | str, ...]
    after: tuple[int | str, ...]

    def ids(self, backend: GeneratingBackend, text: str) -> Ints:
        """Return the tokens of a text in its place, and all around it."""
        *first, begin = self.before
        end, *last = self.after
        parts = [*first, f"{begin}{text}{end}", *last]
        ids = [[p] if isinstance(p, int) else backend.encode(p).ids for p in parts]
        return np.concatenate(ids).astype(np.int64)


def chat_form(template: str, backend: GeneratingBackend) -> ChatForm:
    """Return the form that a template gives a conversation of one user's turn.

    Args:
        template: In Jinja; "" takes ChatML, which is known without one.
        backend: Knows which tokens are special.

    Raises:
        SettingError: There is no template and the model does not know ChatML, or the template
            cannot be used.
        MissingDependency: There is a template, and Jinja is not installed.
    """
    special = backend.special_ids
    if template:
        before, found, after = _rendered(template, backend).partition(_TEXT)
        if not found:
            raise SettingError(f"The chat template of {backend.name} leaves the text out.")
    else:
        if not {"<|im_start|>", "<|im_end|>"} <= special.keys():
            raise SettingError(f'{backend.name} has no chat template. Use form="plain".')
        before, after = CHATML
    return ChatForm(_cut(before, special), _cut(after, special))


def _cut(text: str, special: Mapping[str, int]) -> tuple[int | str, ...]:
    """Cut a string at special tokens: strings at even places, tokens at odd ones."""
    names = sorted(special, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, names))})", text) if names else [text]
    return tuple(special[part] if at % 2 else part for at, part in enumerate(parts))


def _rendered(template: str, backend: GeneratingBackend) -> str:
    jinja: Any = need("jinja2", extra="eval")
    sandbox: Any = need("jinja2.sandbox", extra="eval")
    names = {index: name for name, index in backend.special_ids.items()}
    environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refused
    messages: Sequence[Mapping[str, str]] = [{"role": "user", "content": _TEXT}]
    try:
        text: str = environment.from_string(template).render(
            messages=messages,
            add_generation_prompt=True,
            bos_token=names.get(backend.start_id, ""),
            eos_token="",
        )
    except (jinja.TemplateError, TypeError) as error:
        raise SettingError(f"The chat template of {backend.name} fails: {error}.") from error
    return text


def _refused(why: str) -> NoReturn:
    raise SettingError(f"The chat template refuses a user's turn: {why}.")
