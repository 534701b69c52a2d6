"""Count in the tokens of Llama 3 and Qwen 2 to 3: quicktok, which ships both vocabularies.

The vocabularies are Meta's `tokenizer.model` and Qwen's `qwen.tiktoken`, token for token (the
tests check their hashes). Qwen 1.5, 2, 2.5 and 3 share one, and differ in special tokens only;
Qwen 3.5 has another. Text for Qwen is brought to NFC, as Qwen's own tokenizer does.

Code:     https://github.com/dmatth1/quicktok (0.4.0)
Differs:  quicktok knows the letters of Unicode 17, tiktoken 0.14 those of Unicode 16: beside one
          of the 4,657 characters between, they can differ by a token. Hugging Face's Llama 3
          merges by list, not by rank, and cuts a few rare words in other places.
Cost:     0.25 s to load, then about 80 MB of text a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from tersely._optional import need
from tersely.counting.surrogates import replace_surrogates

OPEN_VOCABULARIES = ("llama3", "qwen3")


class _Quicktok(Protocol):
    """The part of `quicktok.Tokenizer` used here; the package has no annotations."""

    def count(self, text: str) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenModelCounter:
    """Counts with quicktok. See `TokenCounter`."""

    name: str
    exact: bool
    tokenizer: _Quicktok = field(repr=False, compare=False)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, all of it plain text."""
        return self.tokenizer.count(replace_surrogates(text))


def open_model_counter(name: str, *, exact: bool = True) -> OpenModelCounter:
    """Return the counter for a name in `OPEN_VOCABULARIES`; quicktok keeps what it loaded.

    Raises:
        MissingDependency: quicktok is not installed. The base install leaves it out where it has
            no wheel (Python 3.14 and later); the extra builds it with a C++20 compiler.
    """
    quicktok = need("quicktok", extra="vocabularies")
    return OpenModelCounter(name=name, exact=exact, tokenizer=quicktok.get_encoding(name))
