"""Recovery without spans: where the words of a compressed text stood."""

from itertools import pairwise

import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.compat.llmlingua import PromptCompressor
from tersely.compat.llmlingua.recovery import aligned
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.errors import PromptError
from tersely.hard.random_drop import RandomDrop

TEXT = "The Apollo 11 spacecraft of NASA landed in the Sea of Tranquillity on 20 July 1969."


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend())


def read(text, spans):
    return [text[span.start : span.end].strip() for span in spans]


def test_a_response_gets_the_original_wording_back(compressor):
    short = "Apollo landed Sea Tranquillity July 1969"
    got = compressor.recover(TEXT, short, "It was that Apollo landed Sea Tranquillity, I think.")
    assert "Sea of Tranquillity, I think." in got
    assert got.startswith("It was that Apollo")


def test_of_several_places_the_nearest_is_taken():
    text = "the cat sat. the dog ran to the red house and the end came"
    assert read(text, aligned(text, "dog ran the house")) == ["dog ran", "the", "house"]
    spans = aligned(text, "dog ran the house")
    assert text[: spans[1].start].endswith("to")


def test_words_that_are_not_in_the_original_are_passed_over():
    assert read(TEXT, aligned(TEXT, "Answer this: Apollo landed. Why?"))[0] == "Apollo"
    assert aligned(TEXT, "xyz") == aligned("", "xyz") == aligned(TEXT, "") == ()


@settings(max_examples=60)
@given(spaced_texts, st.integers(1, 12))
def test_what_a_compressor_keeps_is_found_as_one_run_of_words_in_order(text, tokens):
    result = RandomDrop().compress(Prompt.of(text), Budget(tokens=tokens), counter=WordCounter())
    assume(result.text)
    spans = aligned(text, result.text)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert sum(len(part.split()) for part in read(text, spans)) <= len(result.text.split()) + 12


def test_nearly_all_of_a_real_text_is_found(example):
    text = example("meeting.txt")[:3000]
    result = RandomDrop().compress(Prompt.of(text), Budget(tokens=150), counter=WordCounter())
    kept = {at for span in result.kept for at in range(span.start, span.end)}
    found = {at for span in aligned(text, result.text) for at in range(span.start, span.end)}
    assert len(kept & found) >= 0.9 * len(kept)


def test_what_is_no_text_is_refused(compressor):
    with pytest.raises(PromptError, match="response is a str, not NoneType"):
        compressor.recover("a", "b", None)
