"""The calls that LangChain's and LlamaIndex's adapters make, re-enacted, and how they read the result."""

import re

import pytest
from fakes import FakeBackend

from tersely.compat.llmlingua import PromptCompressor

INSTRUCTION = "Given this documents, please answer the final question"
QUESTION = "Which mouse ate the cheese?"
TEXTS = [f"Mouse number {n} lives in house {n} and eats bread, most days. " * 6 for n in range(5)]
REFERENCE = re.compile(r"<#?ref(\d+)#?>?|<#ref(\d+)", re.IGNORECASE)


@pytest.fixture
def compressor():
    """Made as both adapters make it."""
    return PromptCompressor(
        model_name=FakeBackend(), device_map="cuda", model_config={}, open_api_config={}
    )


def as_langchain(compressor, texts, target_token):
    """Return what LLMLinguaCompressor calls and keeps."""
    result = compressor.compress_prompt(
        context=[f"\n\n<#ref{n}#> {text} <#ref{n}#>\n\n" for n, text in enumerate(texts)],
        instruction=INSTRUCTION,
        question=QUESTION,
        target_token=target_token,
        rank_method="longllmlingua",
        concate_question=False,
        add_instruction=True,
        condition_compare=True,
        condition_in_question="after",
        context_budget="+100",
        reorder_context="sort",
        dynamic_context_compression_ratio=0.4,
    )
    return result, result["compressed_prompt"].split("\n\n")[1:]


def as_llama_index(compressor, texts, **more):
    """Return what LongLLMLinguaPostprocessor calls and keeps."""
    given = {"target_token": -1, "rank_method": "longllmlingua"} | more
    result = compressor.compress_prompt(
        "".join(texts), instruction=INSTRUCTION, question=QUESTION, **given
    )
    return result, result["compressed_prompt"].split("\n\n")[1:-1]


def test_langchain_gets_documents_without_instruction_and_question(compressor):
    result, parts = as_langchain(compressor, TEXTS, 200)
    assert result["compressed_prompt"].startswith(INSTRUCTION + "\n\n")
    assert QUESTION not in result["compressed_prompt"]
    assert INSTRUCTION not in "".join(parts)
    assert any("Mouse" in part or "house" in part for part in parts)


def test_langchain_keeps_its_budget(compressor):
    for target in (60, 150, 300.0):
        assert as_langchain(compressor, TEXTS, target)[0]["compressed_tokens"] <= target


def test_langchain_finds_its_references(compressor):
    _, parts = as_langchain(compressor, TEXTS, 10_000)
    found = [int(match[1]) for part in parts for match in REFERENCE.finditer(part)]
    assert sorted(set(found)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("target", [40, 60, 100, 150, 300])
def test_langchain_knows_each_document_under_a_tight_budget(compressor, target):
    result, parts = as_langchain(compressor, TEXTS, target)
    assert result["compressed_tokens"] <= target
    for part in filter(None, parts):
        first, last = REFERENCE.findall(part)
        assert first == last
        assert part.startswith(f"<#ref{first[0]}#>")


def test_markers_that_leave_no_room_for_words_are_text_as_any(compressor):
    for target in range(12, 30):
        assert as_langchain(compressor, TEXTS, target)[0]["compressed_tokens"] <= target


def test_llama_index_gets_the_context_alone(compressor):
    result, parts = as_llama_index(compressor, TEXTS)
    assert result["compressed_prompt"].startswith(INSTRUCTION + "\n\n")
    assert result["compressed_prompt"].endswith("\n\n" + QUESTION)
    assert len(parts) == 1
    left = iter("".join(TEXTS))
    assert all(char in left for char in parts[0])


def test_llama_index_passes_more_arguments(compressor):
    result, _ = as_llama_index(
        compressor,
        TEXTS,
        target_token=90,
        condition_in_question="after_condition",
        reorder_context="sort",
        dynamic_context_compression_ratio=0.3,
        condition_compare=True,
        context_budget="+100",
    )
    assert result["compressed_tokens"] <= 90


def test_llama_index_counts_tokens_with_it(compressor):
    assert compressor.get_token_length("two words", use_oai_tokenizer=True) == 2
