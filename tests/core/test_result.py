"""A result says what was kept, what was dropped, and what it comes to."""

import pytest

from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.errors import PromptError


def result(prompt, *kept, before=10, after=4):
    return Compression(
        prompt=prompt, kept=kept, tokens_before=before, tokens_after=after, limit_tokens=5,
        tokenizer="words", exact=True, method="truncate", model="", model_tokens=0, seconds=0.0,
    )  # fmt: skip


PROMPT = Prompt.of(["one two", "three"], question="why?")


def test_dropped_is_the_complement_of_kept():
    found = result(PROMPT, Span(0, 1, 3), Span(0, 5, 7), Span(2, 0, 4))
    assert found.dropped == (Span(0, 0, 1), Span(0, 3, 5), Span(1, 0, 5))


def test_text_joins_what_is_left_and_skips_what_is_empty():
    found = result(PROMPT, Span(0, 0, 3), Span(2, 0, 4))
    assert (found.text, found.contexts) == ("one\n\nwhy?", ["one", ""])


def test_rate_is_kept_by_original():
    assert result(PROMPT).rate == 0.4
    assert result(PROMPT, before=0, after=0).rate == 1.0
    assert result(PROMPT).saved_tokens == 6


def test_a_separator_is_the_one_before_the_later_segment():
    prompt = Prompt((Segment("a"), Segment("b"), Segment("c")), ("-", "+"))
    assert [prompt.join(["a", "b", "c"]), prompt.join(["a", "", "c"])] == ["a-b+c", "a+c"]
    assert prompt.join(["", "b", ""]) == "b"


@pytest.mark.parametrize("span", [(-1, 0, 1), (0, -1, 1), (0, 2, 1)])
def test_a_span_that_is_none_is_refused(span):
    with pytest.raises(PromptError, match="start <= end"):
        Span(*span)


def test_a_protected_span_outside_its_segment_is_refused():
    with pytest.raises(PromptError, match="which has 7"):
        PROMPT.protecting([Span(0, 0, 8)])
