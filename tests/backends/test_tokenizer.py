"""Tokens tile the text, whatever offsets the tokenizers library reports."""

import pytest
from hypothesis import given
from texts import spaced_texts
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.errors import BackendError

BYTES = {char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}


def byte_level():
    """One token a byte, but " cat" is one; `<|end|>` is special."""
    merges = [("Ġ", "c"), ("Ġc", "a"), ("Ġca", "t")]
    whole = {"".join(pair): len(BYTES) + i for i, pair in enumerate(merges)}
    tokenizer = Tokenizer(models.BPE(BYTES | whole, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    return tokenizer


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    byte_level().save(str(path))
    return read_tokenizer(path)


def pieces(tokenizer, text):
    tokens = encode(tokenizer, text)
    return [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]


@given(text=spaced_texts)
def test_tokens_tile_any_text(read, text):
    tokens = encode(read, text)
    assert "".join(pieces(read, text)) == text
    assert [0, *tokens.ends] == [*tokens.starts, len(text)]
    assert len(tokens) == len(tokens.ids)


def test_the_last_byte_of_a_character_has_it():
    tokenizer = byte_level()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    assert pieces(tokenizer, "a猫 cat") == ["a", "", "", "猫", " cat"]


def test_what_looks_special_is_text_and_nothing_is_cut_or_padded(read):
    assert pieces(read, "a<|end|>") == list("a<|end|>")
    assert pieces(read, "a") == ["a"]


def test_blanks_no_token_claims_go_to_the_one_before():
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert pieces(tokenizer, " a  b ") == [" a  ", "b "]


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(BackendError, match=r"has no tokenizer.json"):
        read_tokenizer(tmp_path / "tokenizer.json")


def test_a_file_that_is_no_tokenizer_is_reported(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BackendError, match=r"tokenizer.json is not a tokenizer"):
        read_tokenizer(tmp_path / "tokenizer.json")
