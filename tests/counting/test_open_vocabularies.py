import base64
import hashlib
import unicodedata
from functools import cache

import pytest
import quicktok
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.counting.open_vocabularies import open_model_counter

# Of Meta's tokenizer.model and of Qwen's qwen.tiktoken, as they publish them.
SHA256 = {
    "llama3": "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55",
    "qwen3": "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
}
TOKENS = {"llama3": 128_000, "qwen3": 151_643}
DIGITS = {"llama3": r"\p{N}{1,3}", "qwen3": r"\p{N}"}
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@cache
def tokens(name):
    vocabulary = quicktok.get_encoding(name)
    return [vocabulary.decode_single_token_bytes(id_) for id_ in range(TOKENS[name])]


@cache
def reference(name):
    """The same vocabulary with tiktoken's merges and the pattern its authors publish."""
    ranks = {token: rank for rank, token in enumerate(tokens(name))}
    return tiktoken.Encoding(
        name, pat_str=PATTERN % DIGITS[name], mergeable_ranks=ranks, special_tokens={}
    )


@pytest.mark.parametrize("name", SHA256)
def test_the_vocabulary_is_the_published_one(name):
    lines = (b"%s %d\n" % (base64.b64encode(token), i) for i, token in enumerate(tokens(name)))
    assert hashlib.sha256(b"".join(lines)).hexdigest() == SHA256[name]


@pytest.mark.parametrize("name", SHA256)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_counts_are_those_of_tiktoken_with_the_same_vocabulary(name, texts, data):
    text = data.draw(texts)
    seen = unicodedata.normalize("NFC", text) if name == "qwen3" else text
    expected = len(reference(name).encode_ordinary(seen))
    assert open_model_counter(name).count(text) == expected
