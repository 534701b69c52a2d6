"""Few-shot prompts are taken apart; the pieces make up the text, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.parse import parse_prompt

PIECES = [
    "Q: a",
    "A: b",
    "\n",
    "\n\n",
    " \n\t\n",
    "\r\n\r\n",
    "Question 2: c",
    "text",
    " ",
    "Q:",
    "::",
]
SHOTS = "Answer briefly.\n\nQ: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\n\nQ: 3+3?\nA:\n"


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_pieces_make_up_the_text(text):
    assert parse_prompt(text).text == text


def test_each_piece_has_its_role():
    roles = [segment.role for segment in parse_prompt(SHOTS).segments]
    assert roles == ["instruction", "demonstration", "demonstration", "question"]


def test_blank_lines_stand_between_as_they_were():
    assert parse_prompt(SHOTS).separators == ("\n\n", "\n\n", "\n\n\n")


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("Q: a\nA: b\n\nQ: c\nA: d", "demonstration"),
        ("Q: a\nA: b\n\nQ: c", "question"),
        ("Q: a\nso\nThe answer is 2\n\nQ: c\nso\nThe answer is 3\n\nQ: d\nso", "question"),
        ("Q: a\nso\nThe answer is 2\n\nQ: c\nso\nThe answer is 3", "demonstration"),
    ],
)
def test_the_last_block_is_the_question_if_it_lacks_an_answer(text, last):
    assert parse_prompt(text).segments[-1].role == last


def test_a_block_may_hold_blank_lines():
    prompt = parse_prompt("Q: a\n\nbecause\nA: b\n\nQ: c\n\nsince\nA: d")
    assert [segment.text for segment in prompt.segments] == [
        "Q: a\n\nbecause\nA: b",
        "Q: c\n\nsince\nA: d",
    ]


@pytest.mark.parametrize(
    "text", ["", "Plain text.", "One.\n\nTwo.", "Note: a\n\nElse: b", "Q: one"]
)
def test_what_is_no_few_shot_prompt_is_one_context(text):
    assert [(s.role, s.text) for s in parse_prompt(text).segments] == [("context", text)]


def test_the_example_is_eight_demonstrations_and_a_question(example):
    roles = [segment.role for segment in parse_prompt(example("maths_cot.txt")).segments]
    assert roles == ["demonstration"] * 8 + ["question"]
