"""Get a token counter by name."""

from __future__ import annotations

from functools import cache

from tersely.counting.base import TokenCounter
from tersely.counting.names import choose_tokenizer
from tersely.counting.open_vocabularies import OPEN_VOCABULARIES, open_model_counter
from tersely.counting.openai_vocabularies import openai_counter
from tersely.counting.tokenizer_file import file_counter, names_a_file


def load_counter(name: str) -> TokenCounter:
    """Return the counter for a tokenizer, a model, or a `tokenizer.json`.

    Loading takes up to half a second, once per process and tokenizer.

    >>> counter = load_counter("gpt-5-mini")
    >>> counter.name, counter.exact, counter.count("Send fewer tokens.")
    ('o200k_base', True, 4)
    >>> load_counter("claude-opus-5").exact
    False

    Args:
        name: One of `known_tokenizers()`; a model ("gpt-5", "meta-llama/Llama-3.1-8B"), counted
            by a stand-in if its tokenizer is not here; or the path of a `tokenizer.json` or of
            the folder that holds one.

    Raises:
        UnknownName: The name is that of a tokenizer, misspelt.
        SettingError: The name is a path and no tokenizer is there.
        MissingDependency: Llama or Qwen is asked for and quicktok is not installed.
        ModelCorrupt: The packaged vocabulary does not have the hash it should have.
    """
    if names_a_file(name):
        return file_counter(name)
    choice = choose_tokenizer(name)
    return _packaged_counter(choice.tokenizer, choice.exact)


@cache
def _packaged_counter(tokenizer: str, exact: bool) -> TokenCounter:
    if tokenizer in OPEN_VOCABULARIES:
        return open_model_counter(tokenizer, exact=exact)
    return openai_counter(tokenizer, exact=exact)
