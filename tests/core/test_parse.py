import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core.parse import parse_prompt

LINES = [
    "Q: 1\nA: 2",
    " \n\t\n",
    "\r\n\r\n",
    "Q:",
    "::",
    "Question: 2 + 2?",
    "Answer: 4",
    "Q: x",
    "A: The answer is 4.",
    "\n",
    "\n\n",
    "",
    " ",
    "Note",
]


def roles(text):
    return [segment.role for segment in parse_prompt(text).segments]


@given(spaced_texts | st.lists(st.sampled_from(LINES), max_size=14).map("\n".join))
def test_the_parts_make_up_the_text(text):
    prompt = parse_prompt(text)
    parts = [segment.text for segment in prompt.segments]
    both = [piece for pair in zip(parts, [*prompt.separators, ""], strict=True) for piece in pair]
    assert "".join(both) == text
    assert prompt.text == text


@pytest.mark.parametrize("text", ["", "One paragraph.\n\nAnother.", "Note: one.\n\nElse.", "Q: 1"])
def test_a_text_that_is_no_few_shot_prompt_is_one_context(text):
    assert roles(text) == ["context"]


def test_blocks_with_one_label_are_demonstrations():
    text = "Q: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA: 4"
    assert roles(text) == ["demonstration", "demonstration"]


def test_what_stands_before_the_first_is_the_instruction():
    text = "Do sums.\n\nBe quick.\n\nQ: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA: 4"
    assert roles(text) == ["instruction", "demonstration", "demonstration"]
    assert parse_prompt(text).segments[0].text == "Do sums.\n\nBe quick."


@pytest.mark.parametrize("last", ["Q: 3 + 3?", "Q: 3 + 3?\nA:", "Q: 3 + 3?\nLet us think:"])
def test_a_last_block_without_the_others_ending_is_the_question(last):
    text = f"Q: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA: 4\n\n{last}"
    assert roles(text) == ["demonstration", "demonstration", "question"]


def test_the_shared_last_line_tells_too():
    shots = "Question: a?\nThink.\nThe answer is 2.\n\n" * 2
    assert roles(shots + "Question: b?")[-1] == "question"
    assert roles(shots + "Question: b?\nThink.\nThe answer is 3.")[-1] == "demonstration"


def test_a_demonstration_may_hold_blank_lines():
    text = "Q: 1?\n\nThink.\nA: 2\n\nQ: 2?\n\nThink.\nA: 3"
    assert [segment.text for segment in parse_prompt(text).segments] == [
        *["Q: 1?\n\nThink.\nA: 2", "Q: 2?\n\nThink.\nA: 3"]
    ]


def test_numbered_labels_are_one_label():
    assert roles("Input 1: a\nOut: b\n\nInput 2: c\nOut: d") == ["demonstration"] * 2


def test_blank_lines_at_the_ends_stay_where_they_are():
    text = "\n\nQ: 1?\nA: 2\r\n\r\nQ: 2?\nA: 4\n\n"
    prompt = parse_prompt(text)
    assert prompt.separators == ("\r\n\r\n",)
    assert prompt.text == text


def test_the_example_is_read_as_its_reader_does(example):
    found = roles(example("maths_cot.txt"))
    assert found == ["demonstration"] * 8 + ["question"]


def test_each_piece_has_its_role_and_blank_lines_stay_as_they_were():
    prompt = parse_prompt("Be brief.\n\nQ: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\n\nQ: 3+3?\nA:\n")
    roles = [segment.role for segment in prompt.segments]
    assert roles == ["instruction", "demonstration", "demonstration", "question"]
    assert prompt.separators == ("\n\n", "\n\n", "\n\n\n")


@pytest.mark.parametrize("head", ["Document [1](Title: A)", "Passage 3: A", "Title: A"])
def test_documents_are_no_demonstrations(head):
    text = f"{head}\nThe mayor pays.\n\n" * 5
    assert [segment.role for segment in parse_prompt(text).segments] == ["context"]


def test_a_document_with_notes_is_no_row_of_demonstrations():
    paragraphs = [f"Paragraph {n} says something." for n in range(20)]
    text = "\n\n".join(["Note: this is one.", *paragraphs, "Note: this is another.", "The end."])
    assert [segment.role for segment in parse_prompt(text).segments] == ["context"]


def test_an_address_is_no_label():
    text = "\n\n".join(f"https://example.org/{n} is a page." for n in range(3))
    assert len(parse_prompt(text).segments) == 1
