"""What is compared: names, limits, and what bounds every method."""

import pytest
from fakes import WordCounter

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.arms import BASELINES, arm_names, load_arm, read_spec
from tersely.evaluation.task import Example

FACTS = Example(
    id="a",
    contexts=("The sky is blue. Roses grow here.", "Anna lives in Rome. Bert lives in Oslo."),
    question="Where does Bert live?",
    gold=("Bert lives in Oslo.",),
)


def test_the_ends_are_the_whole_prompt_and_what_is_kept():
    full, none = (load_arm(name, WordCounter())(FACTS, 7) for name in ("full", "none"))
    assert full.text == FACTS.prompt.text
    assert none.text == FACTS.question
    assert none.left == ""
    assert full.left == "\n\n".join(FACTS.contexts)


def test_the_oracle_keeps_the_gold_and_nothing_else():
    outcome = load_arm("oracle", WordCounter())(FACTS, 15)
    assert outcome.left.strip() == "Bert lives in Oslo."


@pytest.mark.parametrize("name", ["truncate", "random_drop", "random_sentences", "bm25"])
def test_baselines_keep_to_the_limit_and_use_it(name):
    outcome = load_arm(name, WordCounter())(FACTS, 12)
    assert 10 <= outcome.tokens <= 12
    assert FACTS.question in outcome.text
    assert FACTS.question not in outcome.left


def test_bm25_finds_the_sentence_with_the_rare_word():
    assert "Bert lives in Oslo." in load_arm("bm25", WordCounter())(FACTS, 9).left


def test_coins_differ_from_example_to_example_and_not_from_run_to_run():
    other = Example(id="b", contexts=FACTS.contexts, question=FACTS.question)
    arm = load_arm("random_drop", WordCounter(), seed=1)
    again = load_arm("random_drop", WordCounter(), seed=1)
    assert arm(FACTS, 10) == again(FACTS, 10)
    assert arm(FACTS, 10).left != arm(other, 10).left


def test_an_arm_says_what_it_cannot_be_run_on():
    bare = Example(id="c", contexts=FACTS.contexts)
    assert not load_arm("bm25", WordCounter()).fits(bare)
    assert not load_arm("oracle", WordCounter()).fits(bare)
    assert load_arm("truncate", WordCounter()).fits(bare)


def test_settings_stand_behind_a_colon():
    assert read_spec("a:b=1,c=x,d=true") == ("a", {"b": 1, "c": "x", "d": True})
    tail = load_arm("truncate:keep=tail", WordCounter())(FACTS, 8)
    assert tail.left.endswith("Oslo.")


@pytest.mark.parametrize("spec", ["truncate:", "truncate:keep", ":a=1", "full:a=1", "bm25:a=1"])
def test_what_is_written_otherwise_is_refused(spec):
    with pytest.raises((SettingError, UnknownName)):
        load_arm(spec, WordCounter())


def test_an_unknown_arm_gets_a_suggestion():
    with pytest.raises(UnknownName, match="bm25"):
        load_arm("bm52", WordCounter())


def test_all_methods_and_baselines_are_compared():
    assert {"full", "none", "oracle", "hybrid", *BASELINES} <= set(arm_names())
    assert len(arm_names()) == len(set(arm_names()))
