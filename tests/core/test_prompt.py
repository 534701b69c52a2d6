import pytest

from tersely.core.prompt import Prompt, Segment, Span
from tersely.errors import PromptError


def test_a_prompt_is_put_together_in_order():
    prompt = Prompt.of(["a", "b"], instruction="i", demonstrations=["d", "e"], question="q")
    roles = [segment.role for segment in prompt.segments]
    assert roles == ["instruction", *["demonstration"] * 2, *["context"] * 2, "question"]
    assert prompt.text == "i\n\nd\n\ne\n\na\n\nb\n\nq"


def test_an_empty_context_stays_but_leaves_no_separator():
    prompt = Prompt.of(["a", "", "b"])
    assert len(prompt.segments) == 3
    assert prompt.text == "a\n\nb"


def test_an_empty_instruction_or_question_is_left_out():
    assert [segment.role for segment in Prompt.of("a").segments] == ["context"]


def test_the_separator_is_the_one_before_the_text():
    prompt = Prompt((Segment("a"), Segment("b"), Segment("c")), ("-", "+"))
    assert prompt.join(["a", "b", "c"]) == "a-b+c"
    assert prompt.join(["a", "", "c"]) == "a+c"
    assert prompt.join(["", "b", "c"]) == "b+c"


def test_a_span_is_read_from_its_segment():
    assert Prompt.of(["hello", "world"]).read(Span(1, 1, 3)) == "or"


def test_protecting_adds_spans():
    prompt = Prompt.of("hello").protecting([Span(0, 0, 1)]).protecting([Span(0, 3, 5)])
    assert prompt.protected == (Span(0, 0, 1), Span(0, 3, 5))


def test_spans_sort_by_place():
    assert sorted([Span(1, 0, 1), Span(0, 5, 6), Span(0, 2, 9)])[0] == Span(0, 2, 9)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Span(-1, 0, 1), "got segment -1"),
        (lambda: Span(0, 2, 1), "start 2, end 1"),
        (lambda: Span(0, -1, 1), "start -1"),
        (lambda: Segment(b"x"), "is a str, not bytes"),
        (lambda: Segment("x", "system"), "No role is called 'system'. There are: instruction"),
        (lambda: Segment("x", rate=0), "got 0"),
        (lambda: Segment("x", rate=1.5), "got 1.5"),
        (lambda: Segment("x", rate=float("nan")), "got nan"),
        (lambda: Prompt((Segment("x"), Segment("y"))), "2 segments need 1 separators, got 0"),
        (lambda: Prompt((), ("-",)), "0 segments need 0 separators, got 1"),
        (lambda: Prompt.of("abc").protecting([Span(1, 0, 1)]), "names segment 1"),
        (lambda: Prompt.of("abc").protecting([Span(0, 0, 4)]), "ends at character 4 .* has 3"),
        (lambda: Prompt.of(["a", 5]), r"contexts\[1\] is int, not str"),
        (lambda: Prompt.of(5), "contexts is a list of str, not int"),
        (lambda: Prompt.of(b"abc"), "not bytes"),
        (lambda: Prompt.of(demonstrations="abc"), "demonstrations is a list of str, not str"),
    ],
)
def test_what_is_malformed_is_refused_in_one_line(make, says):
    with pytest.raises(PromptError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_separators_stay_in_their_places_when_segments_move():
    prompt = Prompt((Segment("a"), Segment("b"), Segment("c")), ("-", "+"))
    assert prompt.join(["a", "b", "c"], (2, 0, 1)) == "c-a+b"
    assert prompt.join(["a", "", "c"], (2, 1, 0)) == "c+a"


def test_the_question_is_what_question_segments_say():
    assert Prompt.of("x", question="Why?").question == "Why?"
    assert Prompt.of("x", question=" \n").question == ""
