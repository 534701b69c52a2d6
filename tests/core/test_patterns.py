import pytest

from tersely.core import patterns
from tersely.core.patterns import CLASSES, protect_patterns
from tersely.core.prompt import Prompt, Span
from tersely.errors import PromptError


def found(text, *wanted):
    prompt = protect_patterns(Prompt.of(text), wanted)
    return [prompt.read(span) for span in prompt.protected]


@pytest.mark.parametrize(
    ("name", "text", "matches"),
    [
        ("numbers", "-3.5 of 1,200 on 12/03, £40, 50 %, x2", ["-3.5", "1,200", "12/03", "£40", "50 %", "2"]),
        ("numbers", "12:30, $4,711.50 ۱۲ and １２", ["12:30", "$4,711.50", "۱۲", "１２"]),
        ("negations", "He didn't, not even Noting", ["didn't", "not"]),
        ("identifiers", "INV-2024 v2 word", ["INV-2024", "v2"]),
        ("numbers", "٣٤ and 20°, no", ["٣٤", "20°"]),
        ("negations", "Not now, I can't; never. Nothing, knot", ["Not", "can't", "never", "Nothing"]),
        ("negations", "won’t go without", ["won’t", "without"]),
        ("urls", "See https://a.b/c?d=1. Or www.x.org, (http://y.z)", ["https://a.b/c?d=1", "www.x.org", "http://y.z"]),
        ("identifiers", "run my_var2 in camelCase at AB-12 or X9-b.c but Not these", ["my_var2", "camelCase", "AB-12", "X9-b.c"]),
        ("code", "a `b c` d\n```\nx = 1\n```\ne", ["`b c`", "```\nx = 1\n```"]),
        (r"\bINV-\d+\b", "INV-12 and INV-x", ["INV-12"]),
    ],
)  # fmt: skip
def test_classes_and_expressions_find(name, text, matches):
    assert found(text, name) == matches


def test_the_classes_are_the_documented_ones():
    assert list(CLASSES) == ["numbers", "negations", "urls", "identifiers", "code"]


def test_spans_and_patterns_can_be_mixed_over_segments():
    prompt = protect_patterns(Prompt.of(["a 1", "b 2"]), ["numbers", Span(1, 0, 1)])
    assert prompt.protected == (Span(0, 2, 3), Span(1, 2, 3), Span(1, 0, 1))


def test_an_empty_match_protects_nothing():
    assert found("abc", "x*") == []


def test_a_lone_surrogate_shifts_nothing():
    assert found("\ud83d 12", "numbers") == ["12"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (["("], r"'\(' is neither a regular expression .* numbers, negations"),
        ("numbers", "protect is a list of patterns, not one str"),
        ([5], "is a str or a Span, not 5"),
        ([Span(3, 0, 1)], "names segment 3"),
        ([Span(0, 0, 99)], "ends at character 99"),
    ],
)
def test_what_is_no_pattern_is_refused_in_one_line(wanted, says):
    with pytest.raises(PromptError, match=says) as caught:
        protect_patterns(Prompt.of("text"), wanted)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_takes_for_ever_is_stopped(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    with pytest.raises(PromptError, match=r"takes more than 0.05 s on segment 0"):
        protect_patterns(Prompt.of("a" * 40 + "!"), ["(a|a)*(a|a)*$"])
