"""A text as a user's turn, written as the model's chat template writes it.

The template's own words may be special tokens; the text's never are, whatever it says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tersely.backends.base import Ints
from tersely.backends.chat_template import cut_special, render
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
    return ChatForm(cut_special(before, special), cut_special(after, special))


def _rendered(template: str, backend: GeneratingBackend) -> str:
    names = {index: name for name, index in backend.special_ids.items()}
    messages = [{"role": "user", "content": _TEXT}]
    start = names.get(backend.start_id, "")
    return render(template, messages, start=start, name=backend.name)
