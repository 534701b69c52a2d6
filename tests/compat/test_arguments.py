"""The arguments: what is refused, and what a budget in words means."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.compat.llmlingua.arguments import (
    RANK_METHODS,
    Options,
    check_ids,
    read_contexts,
)
from tersely.errors import BudgetError, PromptError, SettingError, UnknownName


@pytest.mark.parametrize(
    ("budget", "tokens"),
    [("+100", 300), ("-50", 150), ("*2.0", 400), ("/2", 100), (" * 1.5 ", 300), ("+.5", 200.5)],
)
def test_a_budget_is_one_sign_and_one_number(budget, tokens):
    assert Options(context_budget=budget).coarse_tokens(200) == tokens


@pytest.mark.parametrize(
    "budget",
    ["", "100", "+", "**2", "*2*2", "+1e9", "/0", "+-1", "+1;x", "+ 1 0", "+inf", None, 100],
)
def test_any_other_budget_is_refused(budget):
    with pytest.raises(SettingError, match="context_budget is one of"):
        Options(context_budget=budget)


@given(st.text(max_size=12))
def test_no_text_makes_a_budget_crash(text):
    with suppress(SettingError):
        assert isinstance(Options(context_budget=text).coarse_tokens(10), float)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"rate": 1.2}, BudgetError, "rate"),
        ({"rate": 0}, BudgetError, "rate"),
        ({"rate": -0.5}, BudgetError, "rate"),
        ({"target_token": 0}, BudgetError, "at least 1"),
        ({"target_token": "100"}, BudgetError, "number of tokens"),
        ({"target_token": float("nan")}, BudgetError, "number of tokens"),
        ({"iterative_size": 0}, SettingError, "iterative_size is a whole number"),
        ({"keep_first_sentence": -1}, SettingError, "keep_first_sentence"),
        ({"use_token_level_filter": 1}, SettingError, "True or False"),
        ({"high_priority_bonus": -1}, SettingError, "high_priority_bonus"),
        ({"token_budget_ratio": "1"}, SettingError, "token_budget_ratio"),
        ({"dynamic_context_compression_ratio": 1.5}, SettingError, r"in \[0, 1\]"),
        ({"condition_in_question": "both"}, SettingError, "none, before, after"),
        ({"condition_in_question": None}, SettingError, "none, before, after"),
        ({"reorder_context": "sorted"}, SettingError, "original, sort, two_stage"),
        ({"force_context_number": 1.5}, SettingError, "force_context_number"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_name(given, error, said):
    with pytest.raises(error, match=said):
        Options(**given)


def test_an_unknown_ranking_is_refused_and_those_there_are_are_listed():
    with pytest.raises(UnknownName, match="Did you mean 'bm25'") as caught:
        Options(rank_method="bm52")
    assert set(caught.value.known) == set(RANK_METHODS)


def test_any_negative_target_stands_for_none_and_a_part_of_a_token_for_nothing():
    assert Options(target_token=-1).most_tokens is Options(target_token=-7.5).most_tokens is None
    assert Options(target_token=20.9).most_tokens == 20


def test_a_condition_says_where_the_question_stands_and_whether_words_are_valued_by_it():
    for text, where, is_given in [
        ("none", "none", False),
        ("after", "after", False),
        ("after_condition", "after", True),
        ("before_condition", "before", True),
    ]:
        options = Options(condition_in_question=text)
        assert (options.condition, options.is_conditioned) == (where, is_given)
    assert Options(condition_compare=True).is_conditioned


@pytest.mark.parametrize("ids", [[5], [-1], [True], ["0"], "0", 3])
def test_contexts_that_are_not_there_cannot_be_forced(ids):
    with pytest.raises(SettingError, match="force_context_ids"):
        check_ids(ids, 5)


@pytest.mark.parametrize("context", [None, 3, b"bytes", [1], ["a", None]])
def test_contexts_are_texts(context):
    with pytest.raises(PromptError, match="context"):
        read_contexts(context)


def test_instruction_and_question_are_texts():
    with pytest.raises(PromptError, match="question is a str, not NoneType"):
        read_contexts("x", "", None)


@pytest.mark.parametrize(
    ("given", "question", "said"),
    [
        ({"condition_compare": True}, "", "need a question"),
        ({"add_instruction": True}, "Why?", "add_instruction=True has no effect"),
        ({"condition_in_question": "after"}, "Why?", "only 'longllmlingua' ranks by it"),
    ],
)
def test_what_has_no_effect_is_warned_of(given, question, said):
    with pytest.warns(UserWarning, match=said):
        Options(**given).warn_pointless(question)
