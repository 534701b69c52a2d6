"""Truncation keeps a side, and nothing but that side."""

import pytest

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.errors import SettingError
from tersely.hard.truncate import Truncate

TEXT = "one two three four five six"


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("head", "one two three"), ("tail", "four five six"), ("both", "one two six")],
)
def test_the_side_that_was_asked_for_survives(words, keep, expected):
    result = Truncate(keep=keep).compress(Prompt.of(TEXT), Budget(tokens=3), counter=words)
    assert sorted(result.text.split()) == sorted(expected.split())


def test_it_goes_on_from_one_segment_to_the_next(words):
    prompt = Prompt.of(["one two", "three four"])
    result = Truncate().compress(prompt, Budget(tokens=3), counter=words)
    assert result.contexts == ["one two", "three"]


def test_a_word_too_long_ends_it_rather_than_leave_a_gap(o200k):
    prompt = Prompt.of("one incomprehensibilities-incomprehensibilities two")
    result = Truncate().compress(prompt, Budget(tokens=3), counter=o200k)
    assert result.text == "one"


def test_another_side_is_refused():
    with pytest.raises(SettingError, match="head, tail, both; not 'middle'"):
        Truncate(keep="middle")
