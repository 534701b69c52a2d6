import pytest
from fakes import WordCounter

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.errors import SettingError
from tersely.hard.truncate import Truncate

TEXT = "one two three four five six"


def left(tokens, prompt=None, **settings):
    prompt = prompt or Prompt.of(TEXT)
    return Truncate(**settings).compress(prompt, Budget(tokens=tokens), counter=WordCounter()).text


@pytest.mark.parametrize(
    ("keep", "text"),
    [("head", "one two three"), ("tail", "four five six"), ("both", "one two six")],
)
def test_the_side_is_kept(keep, text):
    assert left(3, keep=keep) == text


def test_both_ends_are_kept_alike():
    assert left(4, keep="both") == "one two five six"


def test_what_is_protected_survives_wherever_it_is():
    prompt = Prompt.of(TEXT).protecting([Span(0, 14, 18)])
    assert left(3, prompt) == "one two four"


def test_segments_are_cut_as_one_text():
    assert left(4, Prompt.of(["one two three", "four five"])) == "one two three\n\nfour"


def test_an_unknown_side_is_refused():
    with pytest.raises(SettingError, match="keep is one of head, tail, both; not 'middle'"):
        Truncate(keep="middle")


def test_a_word_too_long_ends_it_rather_than_leave_a_gap(o200k):
    prompt = Prompt.of("one incomprehensibilities-incomprehensibilities two")
    result = Truncate().compress(prompt, Budget(tokens=3), counter=o200k)
    assert result.text == "one"
