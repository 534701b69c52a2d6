"""The calls of llmlingua's example notebooks, their arguments as they stand there, on a small model."""

import pytest

from tersely.compat.llmlingua import PromptCompressor

KEYS = {
    "compressed_prompt",
    "origin_tokens",
    "compressed_tokens",
    "ratio",
    "rate",
    "saving",
}
DOCUMENTS = "\n".join(
    f"Document [{n}](Title: Mouse {n}) Mouse number {n} lives in house {n} and eats bread on most"
    f" days. It has {n + 2} brothers, and was seen last in the year {1900 + n}."
    for n in range(8)
)
DEMONSTRATIONS = "\n\n".join(
    f"Question: There are {n} cats and {n + 1} dogs. How many animals are there?\n"
    f"Let's think step by step. {n} cats and {n + 1} dogs are {2 * n + 1} animals.\n"
    f"The answer is {2 * n + 1}."
    for n in range(2, 8)
)
MEETING = "\n".join(
    f"Speaker {n % 3}: item {n} of the budget is agreed, for now." for n in range(40)
)
CODE = "\n\n".join(
    f"def mouse_{n}(cheese):\n    # how much mouse {n} eats\n    share = cheese * {n}\n    return share"
    for n in range(8)
)
QUESTION = "Which mouse was seen last in the year 1905?"
LONG = {
    "condition_compare": True,
    "condition_in_question": "after",
    "rank_method": "longllmlingua",
    "context_budget": "+100",
    "dynamic_context_compression_ratio": 0.4,
    "reorder_context": "sort",
}
CALLS = {
    "CoT": (
        DEMONSTRATIONS.split("\n\n"),
        {"target_token": 150, "context_budget": "*1.5", "iterative_size": 100},
    ),
    "RAG": (DOCUMENTS.split("\n"), LONG | {"target_token": 200}),
    "OnlineMeeting": (
        MEETING.split("\n"),
        LONG | {"target_token": 200, "use_sentence_level_filter": True},
    ),
    "Code": (CODE.split("\n\n"), LONG | {"target_token": 180}),
}


@pytest.fixture(scope="module")
def compressor(smollm2):
    return PromptCompressor(smollm2)


@pytest.mark.model
@pytest.mark.parametrize("name", CALLS)
def test_a_notebooks_call_gives_what_the_notebook_reads(compressor, name):
    contexts, settings = CALLS[name]
    result = compressor.compress_prompt(
        contexts, instruction="Please answer.", question=QUESTION, **settings
    )
    assert set(result) >= KEYS
    first, *_, last = result["compressed_prompt"].split("\n\n")
    assert (first, last) == ("Please answer.", QUESTION)
    assert result["compressed_tokens"] <= settings["target_token"] < result["origin_tokens"]
    assert result["ratio"] == f"{result['origin_tokens'] / result['compressed_tokens']:.1f}x"


@pytest.mark.model
def test_the_retrieval_notebook_finds_the_document(compressor):
    ranked = compressor.get_rank_results(DOCUMENTS.split("\n"), QUESTION, "bm25", "none", [40] * 8)
    assert ranked[0][0] == 5


@pytest.mark.model
def test_the_notebook_of_llmlingua2_runs_on_a_fallback(smollm2):
    with pytest.warns(UserWarning, match="stands in for it"):
        compressor = PromptCompressor(use_llmlingua2=True, fallback=smollm2)
    result = compressor.compress_prompt(
        MEETING, rate=0.33, force_tokens=["\n", ".", ":"], drop_consecutive=True
    )
    assert result["compressed_tokens"] <= 0.33 * result["origin_tokens"] + 1
