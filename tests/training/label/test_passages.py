"""Passages from rows of every shape, cut at sentence ends, with the questions that are on them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.training.label.passages import Cut, interleave, read_passages
from tersely.training.label.rows import word_bounds
from tersely.training.split import is_held_out

SMALL = Cut(least_words=3, most_words=12, most_per_text=99)
SENTENCES = "Ann has a red hat. Bob has a blue one. Cy found a coin in 1999. Dee lost it again."


def asked(text, question, *answers, title="A", **more):
    row = {"id": question, "question": question, "answers": list(answers)}
    return row | {"documents": [{"title": title, "text": text}]} | more


def read(name, *rows, cut=SMALL, **settings):
    return list(read_passages(name, rows, cut, **settings))


def test_questions_on_one_document_come_together():
    (passage,) = read("squad2_dev", asked("A cat sat.", "Who?", "cat"), asked("A cat sat.", "How?"))
    assert (passage.group, passage.text, passage.source) == (
        "wikipedia/A",
        "A cat sat.",
        "squad2_dev",
    )
    assert [(question.text, question.answers) for question in passage.own] == [
        ("Who?", ("cat",)),
        ("How?", ()),
    ]


def test_questions_without_an_answer_and_other_languages_are_left_out():
    rows = [asked("A cat sat.", "?", unanswerable=True), asked("Un gato.", "¿?", lang="es")]
    assert read("squad2_dev", *rows) == []


def test_a_verdict_is_no_answer_that_stands_in_the_text():
    (passage,) = read("pubmedqa", asked("No cat sat.", "Did it?", "no"))
    assert passage.own[0].answers == ()


def test_each_gold_document_of_a_question_is_a_passage():
    documents = [{"title": t, "text": f"{t} is a town."} for t in "ABC"]
    row = {"id": "1", "question": "?", "answers": ["x"], "documents": documents}
    found = read("hotpotqa500", row | {"gold_indices": [0, 2]})
    assert {p.group for p in found} == {"wikipedia/A", "wikipedia/C"}


def test_the_parts_of_an_abstract_are_one_text():
    documents = [{"title": "Aim", "text": "We ask."}, {"title": "End", "text": "We know."}]
    row = {"id": "7", "question": "?", "answers": ["yes"], "documents": documents}
    (passage,) = read("pubmedqa", row | {"gold_index": 0})
    assert (passage.text, passage.group) == ("We ask.\nWe know.", "pubmedqa/7")


def test_a_long_text_is_cut_at_sentence_ends_and_a_question_goes_where_its_answer_stands():
    rows = [asked(SENTENCES, "When?", "1999"), asked(SENTENCES, "What?", "has a")]
    found = read("squad2_dev", *rows)
    assert " ".join(sorted(p.text for p in found)) == SENTENCES
    assert len(found) > 1
    assert {q.text: "1999" in p.text for p in found for q in p.own} == {"When?": True}


def test_a_passage_knows_the_sentence_after_it():
    found = {p.text: p.after for p in read("textbooks", {"id": "1", "text": SENTENCES})}
    assert found.pop(max(found, key=SENTENCES.find)) == ""
    assert all(SENTENCES.find(text) + len(text) + 1 == SENTENCES.find(after)
               for text, after in found.items())  # fmt: skip


def test_of_a_long_text_those_passages_are_taken_that_are_asked_about():
    cut = Cut(least_words=3, most_words=12, most_per_text=1)
    (passage,) = read("squad2_dev", asked(SENTENCES, "When?", "1999"), cut=cut)
    assert "1999" in passage.text


def test_a_meeting_is_one_text_and_its_questions_go_to_the_turns_they_are_on():
    turns = [{"role": r, "text": t} for r, t in (("Ann", "We start now ."), ("Bob", "I am late ."))]
    queries = [{"query": "Who is late?", "answer": "Bob.", "spans": [["1", "1"]]},
               {"query": "Sum it up.", "answer": "They met.", "spans": None}]  # fmt: skip
    cut = Cut(least_words=3, most_words=6)
    found = read("qmsum", {"id": "m", "turns": turns, "queries": queries}, cut=cut)
    assert {p.text: [q.text for q in p.own] for p in found} == {
        "Ann: We start now .": [],
        "Bob: I am late .": ["Who is late?"],
    }


def test_of_a_chat_the_longest_answer_is_read():
    turns = [{"role": r, "text": t} for r, t in (("user", "Why?"), ("assistant", "Because it is."))]
    (passage,) = read("sharegpt", {"id": "c", "turns": turns})
    assert passage.text == "Because it is."


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 9), st.integers(0, 20))
def test_passages_are_of_the_wanted_length_and_never_overlap(lengths, least, more):
    text = " ".join(f"A{' word' * (n - 1)}{number}." for number, n in enumerate(lengths))
    cut = Cut(least_words=least, most_words=2 * least + more, most_per_text=99)
    found = read("textbooks", {"id": "1", "text": text}, cut=cut)
    places = sorted((text.find(p.text), text.find(p.text) + len(p.text)) for p in found)
    assert all(least <= len(word_bounds(p.text)) <= cut.most_words for p in found)
    assert all(first[1] <= second[0] for first, second in pairwise(places))


def test_groups_that_are_not_allowed_are_left_out():
    rows = [asked("A cat sat.", "?", title=t) for t in ("Normans", "Islamism")]
    found = read("squad2_dev", *rows, allowed=lambda group: not is_held_out(group))
    assert [p.group for p in found] == ["wikipedia/Normans"]


def test_the_order_does_not_depend_on_that_of_the_rows():
    rows = [{"id": str(number), "text": f"Text number {number}."} for number in range(20)]
    assert read("tech_docs", *rows) == read("tech_docs", *reversed(rows))


def test_sets_take_turns_and_what_is_the_same_comes_once():
    one = read("squad2_dev", asked("A cat sat.", "?"), asked("A dog ran.", "?"))
    two = read("xquad", asked("A  cat sat.", "?"), asked("An owl flew.", "?"))
    mixed = interleave([one, two], None)
    assert len(mixed) == 3
    assert interleave([one, two], 2) == mixed[:2]
    assert {passage.source for passage in mixed[:2]} <= {"squad2_dev", "xquad"}


@pytest.mark.parametrize("text", ["", " ", "\n\n", "Too short."])
def test_a_text_with_too_few_words_is_no_passage(text):
    cut = Cut(least_words=5, most_words=12)
    assert read("textbooks", {"id": "1", "text": text}, cut=cut) == []


WRONG = {
    "no shape": ({"id": "x"}, "row x: it has neither documents, turns nor text"),
    "no id": ({"text": "A text."}, "row 1: it has not the fields"),
    "a number": ({"id": "x", "text": 3}, "row x: 'text' is int, not a string"),
    "no document": ({"id": "x", "question": "?", "documents": []}, "row x: it has not the fields"),
    "turns": ({"id": "x", "turns": ["hello"]}, "row x: it has not the fields"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_row_that_cannot_be_read_is_named(case):
    row, said = WRONG[case]
    with pytest.raises(SettingError, match=f"In mine, {said}"):
        read("mine", row)


@pytest.mark.parametrize(
    "cut", [{"least_words": 0}, {"most_per_text": 0}, {"least_words": 9, "most_words": 17}]
)
def test_lengths_that_no_text_can_be_cut_to_are_refused(cut):
    with pytest.raises(SettingError, match=r"is at least twice|are at least 1"):
        Cut(**cut)
