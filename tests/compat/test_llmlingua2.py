"""use_llmlingua2: the method where there is one, the stand-in where that is allowed."""

from types import SimpleNamespace

import pytest
from fakes import FakeBackend, WordCounter
from tiny_classifier import write_classifier

from tersely.compat.llmlingua import PromptCompressor
from tersely.compat.llmlingua.llmlingua2 import Options2
from tersely.errors import BudgetError, BudgetTooSmall, SettingError
from tersely.hard.llmlingua import LLMLingua

MODULE = "tersely.compat.llmlingua.llmlingua2"
TEXT = "Item 15, from 2024, is the report. It says: yes!\n\nThen 3 more + 4 = 7.\nThe answer is 7."
CONTEXTS = [f"{TEXT} Part {name} of it." for name in ("one", "two", "three", "four")]


@pytest.fixture
def without(monkeypatch):
    """A package that has no method llmlingua2, and a fake model by every name."""
    opened = SimpleNamespace(backend=FakeBackend(), device="cpu")
    monkeypatch.setattr(f"{MODULE}.METHOD", "not-there")
    monkeypatch.setattr(f"{MODULE}.open_model", lambda *_: opened)


@pytest.fixture
def compressor(without):
    with pytest.warns(UserWarning, match="'llmlingua' with 'fake' stands in for it"):
        return PromptCompressor(use_llmlingua2=True, fallback="fake", tokenizer=WordCounter())


def test_without_the_method_it_says_so_and_what_to_do(without):
    with pytest.raises(SettingError, match=r"not in this version.*leave use_llmlingua2 out"):
        PromptCompressor("microsoft/llmlingua-2-xlm-roberta-large-meetingbank", use_llmlingua2=True)


def test_where_there_is_the_method_it_is_used(monkeypatch):
    asked = []

    def load(name, **given):
        asked.append((name, given))
        return LLMLingua(backend=FakeBackend())

    monkeypatch.setattr(f"{MODULE}.compressor_class", lambda name: LLMLingua)
    monkeypatch.setattr(f"{MODULE}.load", load)
    compressor = PromptCompressor("some/model", use_llmlingua2=True)
    assert asked == [("llmlingua2", {"model": "some/model"})]
    assert compressor.compress_prompt(TEXT, rate=0.5)["compressed_tokens"] > 0


def test_a_classifier_in_a_folder_runs_and_values_words_as_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    folder = write_classifier(tmp_path / "m")
    compressor = PromptCompressor(folder, use_llmlingua2=True, tokenizer=WordCounter())
    text = "cats sating on mating dogs the maths and ons catting a doging"

    def left(how, rate):
        return compressor.compress_prompt(text, rate=rate, token_to_word=how)["compressed_prompt"]

    assert len(left("first", 0.5).split()) == 6
    assert any(left("mean", n / 12) != left("first", n / 12) for n in range(1, 12))


def test_the_result_has_a_list_with_one_text_per_context(compressor):
    result = compressor.compress_prompt_llmlingua2(CONTEXTS, rate=0.5)
    assert "\n\n".join(result["compressed_prompt_list"]) == result["compressed_prompt"]
    assert len(result["compressed_prompt_list"]) == 4
    assert result["compressed_tokens"] == result["origin_tokens"] // 2


def test_force_tokens_and_digits_are_all_there(compressor):
    forced = ["+", "=", "The answer is", "\n", "yes!"]
    left = compressor.compress_prompt(
        TEXT, target_token=16, force_tokens=forced, force_reserve_digit=True
    )
    for token in [*forced, "15", "2024", "3", "4", "7"]:
        assert left["compressed_prompt"].count(token) == TEXT.count(token)


def test_force_tokens_that_do_not_fit_are_refused_under_a_target_and_kept_under_a_rate(compressor):
    with pytest.raises(BudgetTooSmall):
        compressor.compress_prompt(TEXT, target_token=1, force_reserve_digit=True)
    with pytest.warns(UserWarning, match="that is all that is kept"):
        left = compressor.compress_prompt(TEXT, rate=0.05, force_reserve_digit=True)
    assert "2024" in left["compressed_prompt"]


def test_repeated_force_tokens_are_written_once_if_wanted(compressor):
    text = "one . . . two . three four five six seven"
    asked = {"force_tokens": ["."], "rate": 0.9}
    assert compressor.compress_prompt(text, **asked)["compressed_prompt"].count(".") == 4
    left = compressor.compress_prompt(text, drop_consecutive=True, **asked)
    assert left["compressed_prompt"].count(".") == 2


def test_contexts_may_be_dropped(compressor):
    def count(**given):
        asked = {"rate": 0.5, "use_context_level_filter": True} | given
        return len(
            compressor.compress_prompt_llmlingua2(CONTEXTS, **asked)["compressed_prompt_list"]
        )

    assert count(target_context=2) == 2
    assert count(context_level_rate=0.5) == 2
    assert count(context_level_target_token=1) == 1
    assert count(context_level_target_token=1, force_context_ids=[0, 2, 3]) == 3
    assert count(rate=1.0, target_context=1) == 4, "rate 1 is the identity"


def test_contexts_alone_are_kept_whole(compressor):
    asked = {"use_context_level_filter": True, "use_token_level_filter": False}
    left = compressor.compress_prompt_llmlingua2(CONTEXTS, rate=0.5, **asked)
    assert set(left["compressed_prompt_list"]) <= set(CONTEXTS)
    assert len(left["compressed_prompt_list"]) == 2
    with pytest.raises(SettingError, match="Nothing may be dropped"):
        compressor.compress_prompt_llmlingua2(TEXT, use_token_level_filter=False)


def test_words_are_labelled_by_whether_they_stay(compressor):
    result = compressor.compress_prompt_llmlingua2(
        "one two three four", return_word_label=True, word_sep="|", label_sep=":"
    )
    labels = dict(pair.split(":") for pair in result["fn_labeled_original_prompt"].split("|"))
    kept = result["compressed_prompt"].split()
    assert labels == {word: str(int(word in kept)) for word in ("one", "two", "three", "four")}
    assert len(kept) == 2


def test_next_to_nothing_is_no_trouble(compressor):
    for context in ([], "", [""], ["", "a b"]):
        for given in ({"rate": 0.5}, {"target_token": 1}):
            result = compressor.compress_prompt_llmlingua2(
                context, use_context_level_filter=True, **given
            )
            assert result["compressed_tokens"] <= 1


def test_what_it_does_not_know_is_warned_of(compressor):
    with pytest.warns(UserWarning, match="instruction, question have no effect with"):
        compressor.compress_prompt(TEXT, "Do.", "Why?")
    with pytest.warns(UserWarning, match="token_to_word has no effect"):
        compressor.compress_prompt(TEXT, token_to_word="first")


def test_it_is_for_those_who_asked_for_it():
    with pytest.raises(SettingError, match="use_llmlingua2=True"):
        PromptCompressor(FakeBackend()).compress_prompt_llmlingua2("x")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"rate": 0}, BudgetError),
        ({"target_token": 0}, BudgetError),
        ({"context_level_rate": 2}, BudgetError),
        ({"target_context": 0}, SettingError),
        ({"token_to_word": "max"}, SettingError),
        ({"force_tokens": "abc"}, SettingError),
        ({"force_tokens": [str(n) for n in range(101)]}, SettingError),
        ({"chunk_end_tokens": [1]}, SettingError),
        ({"word_sep": None}, SettingError),
        ({"drop_consecutive": "yes"}, SettingError),
    ],
)
def test_what_is_out_of_range_is_refused(given, error):
    with pytest.raises(error):
        Options2(**given)


def test_how_many_contexts_stay_has_no_effect_where_none_may_go(compressor):
    with pytest.warns(UserWarning, match="target_context, context_level_rate: no effect"):
        compressor.compress_prompt_llmlingua2(CONTEXTS, target_context=1, context_level_rate=0.5)
