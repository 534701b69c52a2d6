"""Make a Python string visible to a tokenizer, which sees characters and no half of one."""

from __future__ import annotations


def replace_surrogates(text: str) -> str:
    r"""Return the text with each surrogate pair joined and each lone surrogate as U+FFFD.

    A string without surrogates is returned as it is. This is what tiktoken does before it counts,
    and what a server reads from JSON that was written with escapes.

    >>> replace_surrogates("\ud83d\ude00 \ud83d!")
    '😀 �!'
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
