"""Tokens of a chat: those of its texts, and what the format puts around them.

For OpenAI's chat format that is public: 3 tokens for each message, 1 more for a name, 3 before
the answer, and the tokens of every value that is a str. The rest is an estimate, by the same rule
and with compact JSON for what is no text; images, audio and what is encrypted count nothing.

Source: https://github.com/openai/openai-cookbook, examples/How_to_count_tokens_with_tiktoken.ipynb
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from tersely.counting.base import TokenCounter

PER_MESSAGE = 3
PER_NAME = 1
REPLY = 3

OPAQUE = frozenset(
    {"data", "url", "image_url", "file_data", "signature", "encrypted_content", "cache_control"}
)
"""Fields of which the model sees no character: pictures and what only the provider can read."""

_LONGEST_UNSEEN_CHARS = 200
_WORTH_REMEMBERING_CHARS = 64
_MARKS = (0x1E, 0x1F, 0x1D, 0x1C, *range(0xE000, 0xF900))  # separators, and private characters


class ChatCounter:
    """Counts texts that are joined by a separator, each for itself. It is a `TokenCounter`.

    A chat's texts are tokenized apart from each other. So what the methods write out and count as
    one text has exactly as many tokens here as its texts have in their messages. What it counted
    last it remembers, since the methods change one text at a time; so use one for one chat.
    """

    def __init__(self, counter: TokenCounter, separator: str) -> None:
        """Count with a counter.

        Args:
            counter: Counts each text.
            separator: What stands between texts, and in none of them.
        """
        self._counter = counter
        self._separator = separator
        self._remembered = lru_cache(maxsize=256)(counter.count)

    @property
    def name(self) -> str:
        """Name of the tokenizer that counts."""
        return self._counter.name

    @property
    def exact(self) -> bool:
        """Whether this is the target's own tokenizer, not a stand-in."""
        return self._counter.exact

    def count(self, text: str) -> int:
        """Return the number of tokens of all texts that are joined here."""
        return sum(
            self._remembered(one)
            if len(one) > _WORTH_REMEMBERING_CHARS
            else self._counter.count(one)
            for one in text.split(self._separator)
            if one
        )


def find_separator(texts: Sequence[str]) -> str:
    """Return a separator that no text made of these texts' characters has in it."""
    return next(
        f"\n{chr(code)}\n"
        for code in chain(_MARKS, range(0x110000))
        if not any(chr(code) in text for text in texts)
    )


def compact(value: Any) -> str:
    """Return JSON without blanks, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def written(value: Any) -> str:
    """Return what is no text as it is counted: as compact JSON, without what no model reads."""
    return compact(_seen(value))


def _seen(value: Any) -> Any:
    if isinstance(value, list):
        return [_seen(each) for each in value]
    if isinstance(value, dict):
        return {
            key: _seen(each)
            for key, each in value.items()
            if not (key in OPAQUE and isinstance(each, str) and len(each) > _LONGEST_UNSEEN_CHARS)
        }
    return value
