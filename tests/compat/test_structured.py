"""Contexts with tags: what must stay does, each rate is kept, nothing is lost."""

import json

import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.compat.llmlingua import PromptCompressor
from tersely.core.markup import has_markup
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError, SettingError

CL100K = load_counter("cl100k_base")
WORDS = "one two three four five six seven eight nine ten"
MEETING = (
    "<llmlingua, compress=False>Speaker 1:</llmlingua><llmlingua, rate=0.3> "
    + WORDS
    + ".</llmlingua>"
    "<llmlingua, compress=False>\n</llmlingua>"
    "<llmlingua, compress=False>Speaker 2:</llmlingua><llmlingua, rate=0.8> "
    + WORDS
    + "!</llmlingua>"
)
JSON = (
    '<llmlingua, compress=False>{"id": "</llmlingua><llmlingua, rate=0.5>a b c d</llmlingua>'
    '<llmlingua, compress=False>", "text": "</llmlingua><llmlingua, rate=0.4>'
    + WORDS
    + "</llmlingua>"
    '<llmlingua, compress=False>"}</llmlingua>'
)


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend(), tokenizer=WordCounter())


def run(compressor, contexts, **given):
    return compressor.structured_compress_prompt(contexts, **given)["compressed_prompt"]


def test_each_stretch_keeps_its_rate_and_what_must_stay_stays(compressor):
    first, second = run(compressor, MEETING).split("\n")
    assert first.startswith("Speaker 1:")
    assert second.startswith("Speaker 2:")
    assert len(first.split()) == 2 + 3
    assert len(second.split()) == 2 + 8


def test_json_in_tags_still_loads(compressor):
    left = json.loads(run(compressor, JSON, use_sentence_level_filter=True))
    assert list(left) == ["id", "text"]
    assert len(left["id"].split()) == 2
    assert len(left["text"].split()) == 4


def test_text_outside_tags_has_the_rate_of_the_call(compressor):
    tagged = f"{WORDS}<llmlingua, compress=False> STAY </llmlingua>{WORDS}"
    before, after = run(compressor, tagged, rate=0.5).split(" STAY ")
    assert len(before.split()) == len(after.split()) == 5


def test_with_a_target_that_text_shares_what_is_left(compressor):
    tagged = f"{WORDS} <llmlingua, rate=0.2>{WORDS}</llmlingua> {WORDS}"
    result = compressor.structured_compress_prompt(tagged, target_token=12)
    assert result["compressed_tokens"] == 12
    with pytest.raises(BudgetTooSmall):
        run(compressor, MEETING, target_token=3)


def test_a_context_with_something_that_must_stay_is_not_dropped(compressor):
    contexts = [WORDS, MEETING, f"cheese {WORDS}"]
    asked = {"rank_method": "bm25", "question": "cheese", "context_budget": "-1000"}
    strict = run(compressor, contexts, rate=0.5, concate_question=False, **asked)
    assert "Speaker 2:" in strict
    free = run(
        compressor,
        contexts,
        rate=0.5,
        concate_question=False,
        strict_preserve_uncompressed=False,
        **asked,
    )
    assert "Speaker" not in free
    assert "\n" not in free


def test_rates_in_tags_without_the_token_filter_are_warned_of(compressor):
    with pytest.warns(UserWarning, match="Rates in tags"):
        run(
            compressor,
            f"<llmlingua, rate=0.3>{WORDS}. {WORDS}.</llmlingua> x",
            target_token=12,
            use_token_level_filter=False,
            use_sentence_level_filter=True,
        )


def test_a_faulty_tag_is_refused_with_its_place(compressor):
    with pytest.raises(PromptError, match="Line 2, column 1"):
        run(compressor, "x\n<llmlingua, rate=0.5>y")


def test_segments_are_texts_rates_and_flags(compressor):
    context, segments, rates, flags = compressor.segment_structured_context([JSON, "x"], 0.7)
    assert json.loads(context[0])["id"] == "a b c d"
    assert segments[0][1] == "a b c d"
    assert rates == [[1.0, 0.5, 1.0, 0.4, 1.0], [0.7]]
    assert flags == [[False, True, False, True, False], [True]]


def test_segments_may_be_given_to_compress_prompt(compressor):
    context, segments, rates, flags = compressor.segment_structured_context([JSON], 0.5)
    given_apart = compressor.compress_prompt(
        context,
        context_segs=segments,
        context_segs_rate=rates,
        context_segs_compress=flags,
    )
    assert given_apart == compressor.structured_compress_prompt([JSON], rate=0.5)
    with pytest.raises(SettingError, match="context_segs"):
        compressor.compress_prompt(context, context_segs=segments)
    with pytest.raises(SettingError, match="context_segs"):
        compressor.compress_prompt(["other"], "", "", 0.5, -1, context_segs=segments)


@settings(max_examples=60)
@given(st.lists(st.tuples(spaced_texts, st.sampled_from([None, 0.3, 0.9, 1.0])), max_size=6))
def test_what_must_stay_is_there_byte_for_byte(parts):
    parts = [
        (text, rate) for text, rate in parts if text and not has_markup(text) and "<" not in text
    ]
    tagged = "".join(
        f"<llmlingua, {'compress=False' if rate == 1 else f'rate={rate or 0.5}'}>{text}</llmlingua>"
        for text, rate in parts
    )
    result = PromptCompressor(FakeBackend()).structured_compress_prompt([tagged], rate=0.5)
    left = result["compressed_prompt"]
    at = 0
    for text, rate in parts:
        if rate == 1:
            at = left.index(text, at) + len(text)
    assert result["compressed_tokens"] == CL100K.count(left)


def test_a_rate_is_of_a_text_as_a_whole_where_its_blank_lines_stay(compressor):
    text = "\n\n".join(["one two", "three four"] * 5)
    left = run(compressor, text, rate=0.4, keep_split=True)
    assert left.count("\n\n") == 9
    assert len(left.split()) == 8
