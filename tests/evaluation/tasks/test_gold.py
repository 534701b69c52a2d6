"""The sentences an answer stands in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.evaluation.tasks.gold import around, gold_sentences, needed_sentences, sentences

PASSAGE = "Oslo is a city. It has a harbour. The capital, Oslo, is old. Ships come."


@pytest.mark.parametrize(
    ("answers", "gold"),
    [
        (["harbour"], ["It has a harbour."]),
        (["HARBOUR", "ships"], ["It has a harbour.", "Ships come."]),
        (["Oslo"], ["Oslo is a city.", "The capital, Oslo, is old."]),
        (["city. It  has"], ["Oslo is a city. It has a harbour."]),
        (["ship"], [PASSAGE]),  # no word of the passage
        ([], [PASSAGE]),
        ([" "], [PASSAGE]),
    ],
)
def test_gold_is_whole_sentences(answers, gold):
    assert list(gold_sentences(PASSAGE, answers)) == gold


def test_scripts_without_blanks_have_gold_too():
    assert gold_sentences("東京は首都です。大阪は町です。", ["大阪"]) == ("大阪は町です。",)


def test_a_blank_passage_has_no_gold():
    assert gold_sentences(" \n", ["x"]) == ()


@given(st.lists(st.sampled_from(["A b. ", "c! ", "Dd e?\n", "猫。"]), max_size=8).map("".join))
def test_gold_stands_in_the_passage_and_holds_the_answer(passage):
    for answer in ("b", "e", "猫"):
        gold = gold_sentences(passage, [answer])
        assert all(one in passage and one == one.strip() for one in gold)
        assert (answer in passage) == any(answer in one for one in gold)


def test_of_several_passages_the_link_or_the_first_sentence_is_needed():
    assert needed_sentences(PASSAGE, ["harbour"], []) == ("It has a harbour.",)
    assert needed_sentences(PASSAGE, ["Bergen"], ["Ships"]) == ("Ships come.",)
    assert needed_sentences(PASSAGE, ["Bergen"], ["Rome"]) == ("Oslo is a city.",)


def test_sentences_lose_their_blanks():
    assert sentences(" One.  Two. ") == ["One.", "Two."]


def test_surroundings_are_the_line_or_cut_at_blanks():
    assert around("first\nkey: value\nlast", 11, 16) == "key: value"
    text = "aaa bbb ccc ddd eee fff"
    assert around(text, 8, 11, reach=5) == "bbb ccc ddd"
    assert around("x" * 9 + "key" + "y" * 9, 9, 12, reach=2) == "xxkeyyy"
