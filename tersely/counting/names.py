"""Which tokenizer a name means: a tokenizer's own name, or the name of a model.

Models are recognised by family, wherever in the name it starts: "gpt-5-mini", "GPT-4o-2024-08-06",
"openai/gpt-4.1", "ft:gpt-4o:acme::id", "us.meta.llama3-1-70b-instruct-v1:0". All others have no
tokenizer here and are counted by a stand-in, which says so (`exact` is false): Claude, Gemini,
Mistral, DeepSeek, Llama 4 and Qwen 3.5, whose vocabularies are other ones, models of the future,
and any name nobody knows.

Source: OpenAI's families as in
    https://github.com/openai/tiktoken/blob/0.14.0/tiktoken/model.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from tersely.counting.open_vocabularies import OPEN_VOCABULARIES
from tersely.counting.openai_vocabularies import OPENAI_VOCABULARIES
from tersely.errors import UnknownName

TOKENIZERS = tuple(sorted({*OPENAI_VOCABULARIES, *OPEN_VOCABULARIES}))
STAND_IN = "o200k_base"

_FAMILIES = {
    r"gpt-oss": "o200k_harmony",
    r"(chat)?gpt-?4o": "o200k_base",
    r"gpt-?4\.[15](?!\d)": "o200k_base",
    r"gpt-?5(?!\d)": "o200k_base",
    r"o[134](?![\w.])": "o200k_base",
    r"gpt-?3\.?5(?!\d)": "cl100k_base",
    r"gpt-?4(?![\w.])": "cl100k_base",
    r"text-embedding-(3|ada-002)": "cl100k_base",
    r"(davinci|babbage)-002": "cl100k_base",
    r"(meta-)?llama-?v?3([.p-][1-3])?(?![\d.b])": "llama3",  # not Llama 1's "llama-30b"
    r"qwen-?(1[.p]5|2([.p]5)?|3)(?![\d.p])": "qwen3",
}
_MODELS = [
    (re.compile(rf"(?:^|[/:.@]){family}"), tokenizer) for family, tokenizer in _FAMILIES.items()
]
_ENCODING_LIKE = re.compile(r"[a-z]{1,2}\d{2,3}k([-_]?[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tokenizer counts, and whether it is the model's own.

    Attributes:
        tokenizer: One of `TOKENIZERS`.
        exact: False for a stand-in.
    """

    tokenizer: str
    exact: bool


def known_tokenizers() -> tuple[str, ...]:
    """Return the names of the tokenizers that are exact without any file, in order."""
    return TOKENIZERS


def choose_tokenizer(name: str) -> Choice:
    """Return the tokenizer for a tokenizer's or a model's name, in any case.

    Raises:
        UnknownName: The name is empty, or means a tokenizer and there is none of that name: it
            is built like OpenAI's ("o200k_bse", "cl100k", "p50k_base"), or it is nearly one of
            `TOKENIZERS` ("lama3") and no other version of a model ("llama4").
    """
    wanted = name.strip().lower()
    if wanted in TOKENIZERS:
        return Choice(wanted, exact=True)
    for model, tokenizer in _MODELS:
        if model.search(wanted):
            return Choice(tokenizer, exact=True)
    if not wanted or _is_misspelt(wanted):
        raise UnknownName("tokenizer", name, TOKENIZERS)
    return Choice(STAND_IN, exact=False)


def _is_misspelt(wanted: str) -> bool:
    if wanted.startswith(("llama", "qwen")):  # another version
        return False
    close = get_close_matches(wanted, TOKENIZERS, n=1, cutoff=0.8)
    return bool(close or _ENCODING_LIKE.fullmatch(wanted))
