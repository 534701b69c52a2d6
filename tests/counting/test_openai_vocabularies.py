from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.counting.openai_vocabularies import (
    OPENAI_VOCABULARIES,
    openai_counter,
    read_ranks,
    split_long_blanks,
)
from tersely.errors import ModelCorrupt

NAMES = ["o200k_base", "cl100k_base"]


def test_patterns_are_the_published_ones_but_for_blanks_at_the_end(published):
    ours = {name: OPENAI_VOCABULARIES[name].pattern for name in NAMES}
    assert ours["cl100k_base"] == published["cl100k_base"]["pat_str"]
    assert ours["o200k_base"].replace(r"\s++$|", "") == published["o200k_base"]["pat_str"]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_counts_are_those_of_tiktoken(name, official, texts, data):
    text = data.draw(texts)
    assert openai_counter(name).count(text) == len(official[name].encode_ordinary(text))


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text())
@settings(max_examples=100, deadline=None)
def test_counts_of_any_string_are_those_of_tiktoken(name, official, text):
    assert openai_counter(name).count(text) == len(official[name].encode_ordinary(text))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_cutting_out_blanks_changes_no_count(name, texts, data):
    text = data.draw(texts)
    parts = list(split_long_blanks(text, longest_chars=1))
    counter = openai_counter(name)

    assert "".join(parts) == text
    assert sum(map(counter.count, parts)) == counter.count(text)


def test_only_long_blanks_before_a_character_are_cut_out():
    parts = list(split_long_blanks("a   b  c\n   \n    d   ", longest_chars=2))
    assert parts == ["a", "  ", " b  c\n   \n", "   ", " d   "]


@pytest.mark.parametrize("name", NAMES)
def test_blanks_that_overflow_the_regex_engine_are_counted(name, official):
    many = " " * 1_000_000  # 7813 tokens alone; the last goes with the x
    with pytest.raises(ValueError, match="Max stack size"):
        official[name].encode(many + "x")
    assert openai_counter(name).count(f"{many}x\n{many}") == 7813 + 1 + 1 + 7813


def test_harmony_counts_plain_text_as_o200k_does():
    harmony, base = openai_counter("o200k_harmony"), openai_counter("o200k_base")
    assert harmony.name == "o200k_harmony"
    assert harmony.count("<|start|>user<|message|>") == base.count("<|start|>user<|message|>") > 3
    assert harmony.encoding is base.encoding


def test_a_changed_data_file_is_refused():
    other = replace(OPENAI_VOCABULARIES["cl100k_base"], sha256="0" * 64)
    with pytest.raises(ModelCorrupt, match=r"223921b7.*0000"):
        read_ranks(other)
