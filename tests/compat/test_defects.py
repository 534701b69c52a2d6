"""What is defective in llmlingua (commit e0e9d99), and is not here: one test per defect."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import FakeBackend, WordCounter

from tersely.compat.llmlingua import PromptCompressor
from tersely.compat.llmlingua.stage import NO_LIMIT
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.errors import PromptError, SettingError
from tersely.hard.llmlingua import LLMLingua

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi"
TEXT = " ".join(f"{word}{n}" for n in range(16) for word in WORDS.split())  # 256 words
DOCUMENTS = [f"Number {n} says: {WORDS}." for n in range(6)]
QUESTION = "What does it say?"


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend(), tokenizer=WordCounter())


@pytest.fixture
def stand_in(backend, monkeypatch):
    """A compressor with use_llmlingua2=True whose method is the fallback, on the fake model."""
    module = "tersely.compat.llmlingua.llmlingua2"
    opened = SimpleNamespace(backend=backend, device="cpu")
    monkeypatch.setattr(f"{module}.open_model", lambda *_: opened)
    monkeypatch.setattr(f"{module}.METHOD", "not-there")
    with pytest.warns(UserWarning, match="stands in"):
        return PromptCompressor(use_llmlingua2=True, fallback="fake", tokenizer=WordCounter())


def words_of(result):
    return result["compressed_prompt"].split()


def is_subsequence(short, long):
    left = iter(long)
    return all(word in left for word in short)


def test_b1_a_word_is_worth_its_own_surprisal(compressor):
    method = LLMLingua(backend=FakeBackend(), k=NO_LIMIT, alignment="paper")
    wanted = method.compress(Prompt.of(TEXT), Budget(tokens=80), counter=WordCounter())
    assert compressor.compress_prompt(TEXT, target_token=80)["compressed_prompt"] == wanted.text


def test_b2_a_prompt_of_several_windows_is_compressed(compressor):
    result = compressor.compress_prompt(" ".join([TEXT] * 8), rate=0.3)
    assert 0.97 * 614 <= result["compressed_tokens"] <= 614  # 2,048 words, some 8,000 tokens


@pytest.mark.model
def test_b2_a_prompt_of_several_windows_is_compressed_on_todays_libraries(smollm2):
    result = PromptCompressor(smollm2).compress_prompt(TEXT, rate=0.2)  # some 900 tokens
    assert 0.9 * 0.2 <= result["compressed_tokens"] / result["origin_tokens"] <= 0.2


def test_b3_use_slingua_alone_is_refused_when_it_is_asked_for():
    with pytest.raises(SettingError, match="SecurityLingua is not in this version"):
        PromptCompressor(FakeBackend(), use_slingua=True)


@pytest.mark.parametrize("words", [20, 60, 150, 190])
def test_b4_short_prompts_are_compressed_too(compressor, words):
    text = " ".join(TEXT.split()[:words])
    assert compressor.compress_prompt(text, rate=0.2)["compressed_tokens"] == words // 5


@pytest.mark.parametrize("words", [210, 250])
def test_b5_the_end_is_compressed_like_the_beginning(compressor, words):
    text = TEXT.split()[:words]
    kept = words_of(compressor.compress_prompt(" ".join(text), rate=0.3))
    last = sum(word in kept for word in text[-50:])
    assert len(kept) == int(0.3 * words)
    assert last <= 30, "the last fifty are not kept whole"


@pytest.mark.parametrize("repeats", [2, 4, 8])
def test_b6_long_prompts_are_not_compressed_more_than_asked(compressor, repeats):
    result = compressor.compress_prompt(" ".join([TEXT] * repeats), rate=0.5)
    assert result["compressed_tokens"] == 128 * repeats
    assert result["rate"] == "50.0%"


def test_b7_target_token_is_the_most_of_the_whole_result(compressor):
    result = compressor.compress_prompt(TEXT, "Read this.", QUESTION, target_token=50)
    assert result["compressed_tokens"] == len(words_of(result)) == 50


@pytest.mark.parametrize("rank_method", ["llmlingua", "longllmlingua", "bm25"])
@pytest.mark.parametrize(("which", "wanted"), [("first", "one"), ("last", "nine")])
def test_b8_sentences_that_are_to_be_kept_are(compressor, rank_method, which, wanted):
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    text = " ".join(f"This is sentence number {number}." for number in numbers)
    result = compressor.compress_prompt(
        text,
        question=QUESTION,
        target_token=14,
        use_sentence_level_filter=True,
        rank_method=rank_method,
        **{f"keep_{which}_sentence": 1},
    )
    assert f"This is sentence number {wanted}." in result["compressed_prompt"]


def test_b9_force_context_number_keeps_so_many_contexts(compressor):
    asked = {"rank_method": "bm25", "question": "Number 3", "context_budget": "-1000"}
    alone = compressor.compress_prompt(DOCUMENTS, rate=0.9, **asked)
    three = compressor.compress_prompt(DOCUMENTS, rate=0.9, force_context_number=3, **asked)
    assert alone["compressed_prompt"].count("says") == 1
    assert three["compressed_prompt"].count("says") == 3


def test_b10_a_small_target_is_not_passed(compressor):
    result = compressor.compress_prompt(DOCUMENTS, target_token=10)
    assert result["compressed_tokens"] <= 10


def test_b11_contexts_longer_than_the_window_are_ranked(compressor):
    short = PromptCompressor(FakeBackend(window_tokens=256), tokenizer=WordCounter())
    ranked = short.get_rank_results([TEXT, *DOCUMENTS], QUESTION, "longllmlingua", "after")
    assert sorted(index for index, _ in ranked) == list(range(7))
    assert all(np.isfinite(score) for _, score in ranked)


@pytest.mark.parametrize("text", ["if a < b then", "<p>x</p> and <br/>", "1 < 2 & 3 > 2"])
def test_b12_a_less_than_sign_costs_no_text(compressor, text):
    tagged = f"before<llmlingua, compress=False>{text}</llmlingua>after"
    result = compressor.structured_compress_prompt(tagged, rate=1.0)
    assert result["compressed_prompt"] == f"before{text}after"


def test_b12_a_rate_of_0_in_a_tag_is_refused(compressor):
    with pytest.raises(PromptError, match="rate"):
        compressor.structured_compress_prompt("<llmlingua, rate=0>text</llmlingua>")


def test_b12_lower_case_and_attributes_without_a_comma_are_read(compressor):
    tagged = f"<llmlingua compress=false>Stay as you are!</llmlingua> {TEXT}"
    result = compressor.structured_compress_prompt(tagged, rate=0.1)
    assert result["compressed_prompt"].startswith("Stay as you are!")


def test_b13_tags_with_llmlingua2_are_refused_and_not_ignored(stand_in):
    with pytest.raises(SettingError, match="use_llmlingua2=False"):
        stand_in.structured_compress_prompt("<llmlingua, compress=False>x</llmlingua>")


def test_b14_no_tokenizer_has_to_give_the_text_back(compressor):
    tagged = (
        "<llmlingua, compress=False>\n\n\n  é\u0301\ud800 </llmlingua> 日本語 and \n\n more words"
    )
    result = compressor.structured_compress_prompt(tagged, target_token=4)
    assert result["compressed_prompt"].startswith("\n\n\n  é\u0301\ud800 ")


def test_b15_json_with_quotes_commas_and_nesting_stays_json(compressor):
    data = {
        "says": 'He said "no, never", and left, slowly, with a \\ in his hand',
        "list": ['a "quoted" thing, and another', "a b c d e f"],
        "nested": {"deep": {"text": "one two three four five six", "n": 1, "ok": None}},
        "pair": ("a b c d", "e f g h"),
    }
    config = {key: {"rate": 0.5, "compress": True} for key in data}
    left = compressor.compress_json(data, config)["compressed_prompt"]
    assert json.loads(json.dumps(left)).keys() == data.keys()
    assert len(left["nested"]["deep"]["text"].split()) == 3
    assert left["nested"]["deep"]["n"] == 1
    assert isinstance(left["pair"], tuple)
    assert is_subsequence(left["says"], data["says"])


def test_b16_no_special_token_is_needed(stand_in):
    text = "[CLS] <s> one two three four </s> [PAD]"
    left = stand_in.compress_prompt(text, rate=0.5)["compressed_prompt"]
    assert is_subsequence(left, text)
    assert "<unk>" not in left


def test_b17_a_list_has_the_rate_that_was_asked_for(stand_in):
    result = stand_in.compress_prompt(DOCUMENTS, rate=0.5)
    assert result["compressed_tokens"] == result["origin_tokens"] // 2


def test_b18_rate_1_changes_nothing(stand_in, compressor):
    text = "2,000.50 don't [NEW0]\n\n\tnew  lines   [NEW1]\n"
    for one in (stand_in, compressor):
        assert one.compress_prompt(text, rate=1.0)["compressed_prompt"] == text


@pytest.mark.parametrize(
    "text", ["今天天气很好，我们去公园散步吧。" * 8, "東京は日本の首都です。" * 12]
)
def test_b19_texts_without_spaces_lose_characters_and_none_is_garbled(text):
    compressor = PromptCompressor(FakeBackend())
    for asked in (0.3, 0.5, 0.8):
        left = compressor.compress_prompt(text, rate=asked)["compressed_prompt"]
        assert "\ufffd" not in left
        assert is_subsequence(left, text)
        assert 0.6 * asked * len(text) < len(left) < len(text)


def test_b20_no_word_is_halved():
    text = (
        "Fuel Dilution of AB-123-CD was measured thoroughly, unbelievably antidisestablishmentarian"
    )
    left = PromptCompressor(FakeBackend()).compress_prompt(text * 1, rate=0.5)["compressed_prompt"]
    words = {text[unit.core : unit.end] for unit in word_units(text)}
    assert {left[unit.core : unit.end] for unit in word_units(left)} <= words


def test_recover_bears_double_spaces(compressor):
    assert compressor.recover("one two three", "one three", "one  three  ") == "one  three  "


def test_nothing_a_caller_gives_is_changed(compressor):
    config, ids, texts = {"torch_dtype": "float32"}, [1], list(DOCUMENTS)
    PromptCompressor(FakeBackend(), model_config=config)
    compressor.compress_prompt(texts, rate=0.3, force_context_ids=ids)
    assert (config, ids, texts) == ({"torch_dtype": "float32"}, [1], DOCUMENTS)


def test_a_context_budget_is_never_evaluated(compressor):
    with pytest.raises(SettingError, match="context_budget is one of"):
        compressor.compress_prompt(DOCUMENTS, context_budget="+__import__('os').getpid()")


def test_text_that_looks_like_a_special_token_is_text():
    compressor = PromptCompressor(FakeBackend())
    result = compressor.compress_prompt("one <|endoftext|> two <|im_start|> three", rate=1.0)
    assert "<|endoftext|>" in result["compressed_prompt"]
