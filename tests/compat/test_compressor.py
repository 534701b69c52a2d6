"""The class: its signatures, its promises, several threads."""

import copy
import inspect
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.compat.llmlingua import PromptCompressor
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError, SettingError

CL100K = load_counter("cl100k_base")
DOCUMENTS = [
    f"Document {n} is about cheese number {n}. The mouse ate it, they say. " * 3 for n in range(5)
]
QUESTION = "Who ate cheese number 3?"
ORDER = [
    "context",
    "instruction",
    "question",
    "rate",
    "target_token",
    "iterative_size",
    "force_context_ids",
    "force_context_number",
    "use_sentence_level_filter",
    "use_context_level_filter",
    "use_token_level_filter",
    "keep_split",
    "keep_first_sentence",
    "keep_last_sentence",
    "keep_sentence_number",
    "high_priority_bonus",
    "context_budget",
    "token_budget_ratio",
    "condition_in_question",
    "reorder_context",
    "dynamic_context_compression_ratio",
    "condition_compare",
    "add_instruction",
    "rank_method",
    "concate_question",
]
MORE = [
    "context_segs",
    "context_segs_rate",
    "context_segs_compress",
    "target_context",
    "context_level_rate",
    "context_level_target_token",
    "return_word_label",
    "word_sep",
    "label_sep",
    "token_to_word",
    "force_tokens",
    "force_reserve_digit",
    "drop_consecutive",
    "chunk_end_tokens",
    "strict_preserve_uncompressed",
]
MADE = [
    "model_name",
    "device_map",
    "model_config",
    "open_api_config",
    "use_llmlingua2",
    "use_slingua",
    "llmlingua2_config",
    "fallback",
    "tokenizer",
]
options = st.fixed_dictionaries(
    {},
    optional={
        "question": st.sampled_from(["", QUESTION]),
        "instruction": st.sampled_from(["", "Read this:"]),
        "concate_question": st.booleans(),
        "iterative_size": st.sampled_from([1, 20, 200, 5000]),
        "force_context_number": st.integers(0, 5),
        "use_sentence_level_filter": st.booleans(),
        "use_context_level_filter": st.booleans(),
        "keep_split": st.booleans(),
        "keep_first_sentence": st.integers(0, 2),
        "keep_last_sentence": st.integers(0, 2),
        "keep_sentence_number": st.integers(0, 2),
        "context_budget": st.sampled_from(["+100", "-20", "*1.5", "/2", "+0"]),
        "token_budget_ratio": st.sampled_from([0.5, 1.4]),
        "condition_in_question": st.sampled_from(["none", "after_condition", "before_condition"]),
        "reorder_context": st.sampled_from(["original", "sort", "two_stage"]),
        "dynamic_context_compression_ratio": st.sampled_from([0.0, 0.4, 1.0]),
        "condition_compare": st.booleans(),
        "rank_method": st.sampled_from(["llmlingua", "longllmlingua", "bm25", "gzip"]),
    },
)


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend())


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_arguments_stand_in_llmlinguas_order():
    structured = PromptCompressor.structured_compress_prompt
    assert parameters(PromptCompressor.compress_prompt) == ORDER + MORE
    assert parameters(structured) == [*ORDER, "strict_preserve_uncompressed"]
    assert parameters(PromptCompressor) == MADE
    assert parameters(PromptCompressor.get_token_length)[1:] == [
        "add_special_tokens",
        "use_oai_tokenizer",
    ]


def test_arguments_may_be_given_by_position(compressor):
    given_by_place = compressor.compress_prompt(DOCUMENTS, "Read:", QUESTION, 0.5, 80)
    named = compressor.compress_prompt(
        context=DOCUMENTS, instruction="Read:", question=QUESTION, rate=0.5, target_token=80
    )
    assert given_by_place == named == compressor(DOCUMENTS, "Read:", QUESTION, 0.5, 80)


@pytest.mark.filterwarnings("ignore::UserWarning")  # what has no effect is warned of
@settings(max_examples=150)
@given(st.lists(spaced_texts, max_size=4), options, st.integers(1, 60))
def test_a_target_is_never_passed(contexts, chosen, target):
    compressor = PromptCompressor(FakeBackend())
    try:
        result = compressor.compress_prompt(contexts, target_token=target, **chosen)
    except (BudgetTooSmall, PromptError):
        assume(False)
    text = result["compressed_prompt"]
    assert result["compressed_tokens"] == CL100K.count(text) <= target
    assert text.startswith(chosen.get("instruction", ""))
    if chosen.get("concate_question", True):
        assert text.endswith(chosen.get("question", ""))


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60)
@given(st.lists(spaced_texts, min_size=1, max_size=4), options, st.floats(0.05, 0.95))
def test_a_rate_is_passed_only_by_what_is_kept_verbatim(contexts, chosen, rate):
    chosen = chosen | {"question": QUESTION, "instruction": "", "keep_split": False}
    result = PromptCompressor(FakeBackend()).compress_prompt(contexts, rate=rate, **chosen)
    allowed = int(rate * result["origin_tokens"] + 1e-9)
    assert result["compressed_tokens"] <= max(allowed, CL100K.count(QUESTION))


@settings(max_examples=60)
@given(st.lists(spaced_texts, max_size=4), st.sampled_from(["", "Why?"]))
def test_rate_1_is_the_identity(contexts, question):
    result = PromptCompressor(FakeBackend()).compress_prompt(contexts, "Read:", question, rate=1.0)
    parts = ["Read:", "\n\n".join(filter(None, contexts)), question]
    assert result["compressed_prompt"] == "\n\n".join(filter(None, parts))


def test_a_rate_below_what_is_kept_verbatim_keeps_that_and_says_so(compressor):
    with pytest.warns(UserWarning, match="allows 4 tokens, and what is kept verbatim takes 7"):
        result = compressor.compress_prompt("hello", question="What do you say to people?")
    assert result["compressed_prompt"] == "What do you say to people?"


def test_a_target_below_what_is_kept_verbatim_is_refused(compressor):
    with pytest.raises(BudgetTooSmall, match="budget is 5 tokens"):
        compressor.compress_prompt("hello", question="What do you say to people?", target_token=5)


@pytest.mark.parametrize("context", [[], "", [""], [" \n"], ["", "x", ""]])
@pytest.mark.filterwarnings("ignore:A rate of")
def test_next_to_nothing_is_no_trouble(compressor, context):
    for rank_method in ("llmlingua", "bm25"):
        result = compressor.compress_prompt(context, "", "Why?", rank_method=rank_method)
        assert result["compressed_prompt"].endswith("Why?")


def test_the_layout_is_instruction_contexts_question(compressor):
    contexts = ["one two", "three four"]
    whole = compressor.compress_prompt(contexts, "Do.", "Why?", target_token=1000)
    assert whole["compressed_prompt"] == "Do.\n\none two\n\nthree four\n\nWhy?"
    without = compressor.compress_prompt(
        contexts, "Do.", "Why?", target_token=1000, concate_question=False
    )
    assert without["compressed_prompt"] == "Do.\n\none two\n\nthree four"
    assert without["origin_tokens"] == whole["origin_tokens"]


def test_another_tokenizer_may_count():
    compressor = PromptCompressor(FakeBackend(), tokenizer="o200k_base")
    result = compressor.compress_prompt(DOCUMENTS, target_token=50)
    count = load_counter("o200k_base").count
    assert count(result["compressed_prompt"]) == result["compressed_tokens"] <= 50


def test_threads_get_what_one_alone_gets_and_their_own_ranks(compressor):
    asked = {"question": QUESTION, "rank_method": "bm25", "reorder_context": "sort"}

    def work(nth):
        texts = DOCUMENTS[nth:] + DOCUMENTS[:nth]
        return compressor.compress_prompt(texts, rate=0.4, **asked), compressor.context_idxs

    alone = [work(nth) for nth in range(5)]
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(work, range(5))) == alone
    assert compressor.context_idxs == alone[-1][1]
    assert all(len(ranks) == 1 for _, ranks in alone)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_does_the_same(compressor, copied):
    wanted = compressor.compress_prompt(DOCUMENTS, rate=0.4)
    assert copied(compressor).compress_prompt(DOCUMENTS, rate=0.4) == wanted


def test_rates_of_segments_without_segments_are_warned_of(compressor):
    with pytest.warns(UserWarning, match="context_segs_rate has no effect without context_segs"):
        compressor.compress_prompt("a b c d", context_segs_rate=[[0.5]])


def test_the_same_call_gives_the_same_result_and_seeds_nothing(compressor):
    import random

    state = random.getstate()
    first = compressor.compress_prompt(DOCUMENTS, rate=0.4)
    assert first == compressor.compress_prompt(DOCUMENTS, rate=0.4)
    assert random.getstate() == state


def test_attributes_that_others_read_are_there(compressor):
    assert compressor.device == "cpu"
    assert compressor.max_position_embeddings == 2048
    assert compressor.oai_tokenizer.encode("two words") == [20375, 4339]
    assert len(compressor.tokenizer.encode("two words")) == 3
    ids = compressor.tokenizer("x", add_special_tokens=False)["input_ids"]
    assert ids == compressor.tokenizer("x")["input_ids"] == compressor.tokenizer.encode("x")
    assert (compressor.cache_bos_num, compressor.prefix_bos_num) == (10, 100)
    assert compressor.context_idxs == []
    assert repr(compressor) == "PromptCompressor('fake' on 'cpu', tokens of 'cl100k_base')"


def test_a_counter_without_ids_says_what_to_call(words):
    compressor = PromptCompressor(FakeBackend(), tokenizer=WordCounter())
    with pytest.raises(SettingError, match="use_oai_tokenizer=True"):
        compressor.oai_tokenizer.encode("x")


def test_arguments_of_llmlingua2_are_warned_of_without_it(compressor):
    with pytest.warns(UserWarning, match="force_tokens, drop_consecutive have no effect without"):
        compressor.compress_prompt("a b c d", force_tokens=["\n"], drop_consecutive=True)
    compressor.compress_prompt("a b c d", force_tokens=[], chunk_end_tokens=[".", "\n"])  # silent


def test_importing_it_loads_no_model_library():
    code = (
        "import sys, tersely.compat.llmlingua;"
        "print(sorted({'torch', 'transformers', 'openvino'} & {*sys.modules}))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.model
def test_the_real_model_keeps_the_budget(smollm2):
    compressor = PromptCompressor(smollm2)
    result = compressor.compress_prompt(DOCUMENTS, "Read:", QUESTION, target_token=60)
    assert 0.9 * 60 <= result["compressed_tokens"] <= 60
    assert result["compressed_prompt"].startswith("Read:\n\n")


@pytest.mark.model
def test_the_real_model_finds_the_document_that_is_asked_for(smollm2):
    result = PromptCompressor(smollm2).compress_prompt(
        DOCUMENTS,
        question=QUESTION,
        target_token=50,
        rank_method="longllmlingua",
        condition_compare=True,
        context_budget="+0",
    )
    assert "3" in result["compressed_prompt"].removesuffix(QUESTION)
