"""The arguments: what is refused, and what a budget in words means."""

import warnings
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from tersely.compat.llmlingua import PromptCompressor
from tersely.compat.llmlingua.arguments import (
    RANK_METHODS,
    Options,
    as_plain,
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
        ({"rate": None}, BudgetError, r"rate is a number in \(0, 1\], not None"),
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
        (
            {"dynamic_context_compression_ratio": 0.3, "use_token_level_filter": False},
            "Why?",
            "dynamic_context_compression_ratio has no effect",
        ),
        (
            {"context_budget": "+0", "use_token_level_filter": False},
            "Why?",
            "context_budget has no effect",
        ),
    ],
)
def test_what_has_no_effect_is_warned_of(given, question, said):
    with pytest.warns(UserWarning, match=said):
        Options(**given).warn_pointless(question)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.int64(60), 60),
        (np.float32(0.7), 0.7),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        (np.array("a"), "a"),
        ([np.int32(1), "a", (np.float16(0.5),)], [1, "a", (0.5,)]),
        (Fraction(1, 2), 0.5),
        ({"a": 1}, {"a": 1}),
        (None, None),
    ],
)
def test_numbers_and_arrays_of_numpy_are_pythons(value, wanted):
    plain = as_plain(value)
    assert (plain, type(plain)) == (wanted, type(wanted))


def test_calls_take_numbers_and_arrays_of_numpy():
    compressor = PromptCompressor(FakeBackend())
    texts, more = ["one two three four five"] * 3, {"context_budget": "+0"}
    by_numpy = compressor.compress_prompt(
        np.array(texts),
        rate=np.float32(0.5),
        target_token=np.int64(6),
        keep_split=np.bool_(False),
        force_context_ids=np.array([1]),
        **more,
    )
    assert by_numpy == compressor.compress_prompt(
        texts, rate=0.5, target_token=6, force_context_ids=[1], **more
    )


def test_torchs_numbers_are_pythons():
    torch = pytest.importorskip("torch")
    assert as_plain(torch.tensor(3)) == 3
    assert as_plain(torch.tensor([True, False])) == [True, False]


def test_a_warning_names_the_callers_line():
    compressor = PromptCompressor(FakeBackend())
    config = {"a": {"rate": 0.5}}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compressor.compress_prompt("a b c d", force_tokens=["."])
        compressor("a b c d", add_instruction=True)
        compressor.compress_json({"a": "b c d e"}, config, condition_compare=True)
    assert {warning.filename for warning in said} == {__file__}
    lines = [warning.lineno for warning in said]
    assert lines == list(range(lines[0], lines[0] + 3))
