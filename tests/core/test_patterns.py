"""What `protect=` finds."""

import pytest

from tersely.core.patterns import CLASSES, protect_patterns
from tersely.core.prompt import Prompt, Span
from tersely.errors import PromptError


def found(text, *patterns):
    prompt = protect_patterns(Prompt.of(text), patterns)
    return [prompt.read(span) for span in prompt.protected]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("numbers", "at 12:30 pay $4,711.50, 5 % of -3", ["12:30", "$4,711.50", "5 %", "-3"]),
        ("numbers", "۱۲ and １２", ["۱۲", "１２"]),
        ("negations", "He didn't, not even Noting", ["didn't", "not"]),
        ("urls", "see https://a.b/c?d=1, or www.x.y.", ["https://a.b/c?d=1", "www.x.y"]),
        (
            "identifiers",
            "INV-2024 my_var camelCase v2 word",
            ["INV-2024", "my_var", "camelCase", "v2"],
        ),
        ("code", "run `x = 1` or\n```\na\nb\n```", ["`x = 1`", "```\na\nb\n```"]),
    ],
)
def test_a_class_finds_what_it_says(name, text, expected):
    assert found(text, name) == expected


def test_any_regular_expression_works_in_every_segment():
    prompt = protect_patterns(Prompt.of(["a1", "b2"]), [r"\d"])
    assert prompt.protected == (Span(0, 1, 2), Span(1, 1, 2))


def test_empty_matches_protect_nothing():
    assert found("abc", "x*") == []


def test_a_span_is_taken_as_it_is():
    assert found("abc", Span(0, 1, 2)) == ["b"]


def test_a_pattern_that_is_none_names_the_classes():
    with pytest.raises(PromptError, match=", ".join(CLASSES)):
        found("abc", "(")


def test_a_lone_surrogate_is_searched_around():
    assert found("\ud800 12", "numbers") == ["12"]
