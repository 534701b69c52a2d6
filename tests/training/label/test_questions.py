"""Expected questions: made from the text alone, the same with the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.training.label.questions import (
    BLANK,
    KINDS,
    LONGEST_QUESTION,
    Mix,
    Question,
    Rarity,
    answer_spans,
    cloze_questions,
    keyword_questions,
    make_questions,
)

TEXT = (
    "The old bridge over the river Tiber was built in 1475 by order of the pope."
    " Merchants and pilgrims crossed the bridge on foot for more than four hundred years."
    " It is short."
)
OWN = (Question("Who ordered it?", ("the pope",)), Question("When?", ("1475",)))


def made(text=TEXT, own=OWN, seed=0, after="", **settings):
    rarity = Rarity([text, "Another text on a bridge."])
    return make_questions(text, own, Mix(**settings), rarity=rarity, after=after, seed=seed)


def test_the_kinds_come_in_the_order_that_was_asked_for():
    kinds = [q.kind for q in made(kinds=("keyword", "own", "cloze"), cloze=1, keyword=1)]
    assert kinds == ["keyword", "own", "own", "cloze"]


def test_a_cloze_question_is_a_sentence_without_the_word_that_answers_it():
    for question in cloze_questions(TEXT, 9, np.random.default_rng(0)):
        sentence = question.text.partition(": ")[2].replace(BLANK, question.answers[0])
        assert sentence in TEXT
        assert question.answers[0] not in ("the", "of", "by", "It")


def test_short_sentences_are_not_asked_about():
    questions = cloze_questions(TEXT, 9, np.random.default_rng(0))
    assert len(questions) == 2
    assert not any("short" in question.text for question in questions)


def test_numbers_and_names_are_left_out_most_often():
    chances = [np.random.default_rng(seed) for seed in range(200)]
    gaps = [q.answers[0] for chance in chances for q in cloze_questions(TEXT, 1, chance)]
    assert gaps.count("1475") > 2 * gaps.count("river")
    assert gaps.count("Tiber") > gaps.count("river")


def test_keywords_are_frequent_here_and_rare_elsewhere():
    rarity = Rarity(["bridge"] * 9 + [TEXT])
    (first,) = keyword_questions("zebra zebra bridge okapi the the the", 1, rarity)
    assert first.text == "What about zebra and okapi?"


def test_what_follows_is_asked_where_there_is_something():
    assert made(kinds=("continuation",), after=" Then it  fell.")[0].text == "Then it fell."
    assert made(kinds=("continuation",)) == []


def test_of_many_own_questions_some_are_taken_and_the_order_stays():
    own = [Question(f"{number}?") for number in range(50)]
    rarity = Rarity([TEXT])
    found = make_questions(TEXT, own, Mix(kinds=("own",), own=8), rarity=rarity)
    numbers = [int(question.text[:-1]) for question in found]
    assert len(numbers) == 8
    assert numbers == sorted(numbers)


def test_a_long_question_is_cut_at_a_word():
    (found,) = made(own=[Question("word " * 200)], kinds=("own",))
    assert len(found.text) <= LONGEST_QUESTION
    assert found.text.endswith("word")


@given(st.text(max_size=300), st.integers(0, 3))
def test_any_text_is_asked_the_same_twice(text, seed):
    first = made(text, (), seed=seed, kinds=KINDS, after=text)
    assert first == made(text, (), seed=seed, kinds=KINDS, after=text)
    assert all(question.text.strip() for question in first)


@pytest.mark.parametrize("text", ["", " \n", "the of and", "?!"])
def test_nothing_is_asked_of_a_text_that_says_nothing(text):
    assert made(text, ()) == []


def test_an_answer_is_found_as_whole_words_whatever_its_case_and_blanks():
    assert answer_spans("An Art of the\nPope's; the pope.", "the Pope") == [(10, 18), (22, 30)]
    assert answer_spans("cartoon", "art") == []
    assert answer_spans("anything", " ") == []


@pytest.mark.parametrize("kinds", [(), ("own", "own"), ("quiz",)])
def test_kinds_that_are_none_are_refused(kinds):
    with pytest.raises(SettingError, match="questions are one or more of own, cloze"):
        Mix(kinds=kinds)


@pytest.mark.parametrize("name", ["own", "cloze", "keyword"])
def test_a_kind_that_is_asked_for_is_asked_once_at_least(name):
    with pytest.raises(SettingError, match=f"{name} is at least 1; got 0"):
        Mix(**{name: 0})
