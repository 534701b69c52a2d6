"""What an oracle keeps where room is short: the answer, then what stands around it."""

import pytest
from fakes import WordCounter

from tersely.api import compress
from tersely.core.prompt import Prompt
from tersely.evaluation.oracle import Oracle

TEXT = "One two three. Anna met Bert in Oslo last year. Four five six. Bert pays the rent there."
GOLD = ("Anna met Bert in Oslo last year.", "Bert pays the rent there.")


def kept(tokens, gold=GOLD, answers=("in Oslo",), text=TEXT):
    oracle = Oracle(gold=gold, answers=answers)
    return compress(
        Prompt.of(contexts=[text]), tokens=tokens, method=oracle, tokenizer=WordCounter()
    )


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (2, "in Oslo"),
        (4, "Bert in Oslo last"),
        (7, "Anna met Bert in Oslo last year."),
        (12, "Anna met Bert in Oslo last year. Bert pays the rent there."),
    ],
)
def test_words_go_by_how_near_they_are_to_the_answer(tokens, text):
    assert kept(tokens).text.split() == text.split()


def test_a_stretch_without_the_answer_goes_from_its_end():
    assert " ".join(kept(9).text.split()) == "Anna met Bert in Oslo last year. Bert pays"


def test_without_a_known_answer_it_is_the_gold_from_the_first_word_on():
    assert kept(3, answers=()).text.split() == ["Anna", "met", "Bert"]


def test_case_and_signs_in_an_answer_do_not_matter():
    gold = "costs (net) $3.50 a day"
    left = kept(2, gold=(gold,), answers=("(NET) $3.50",), text=f"It {gold} here")
    assert left.text.split() == ["(net)", "$3.50"]


def test_gold_that_stands_nowhere_keeps_nothing():
    assert kept(5, gold=("Nobody said this.",)).text.strip() == ""
