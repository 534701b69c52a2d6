"""What a token counter is: it says how many tokens the target model sees in a text."""

from __future__ import annotations

from typing import Protocol


class TokenCounter(Protocol):
    """Counts a text in the tokens of one tokenizer.

    Implementations keep no state between calls and may be used from several threads.
    """

    @property
    def name(self) -> str:
        """Name of the tokenizer that counts: "o200k_base", "llama3", a path."""
        ...

    @property
    def exact(self) -> bool:
        """Whether this is the target's own tokenizer, not a stand-in."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, without any special token added.

        Text that looks like a special token ("<|endoftext|>") is counted as plain text. A lone
        surrogate, which no tokenizer can see, is counted as U+FFFD.
        """
        ...
