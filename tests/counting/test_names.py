import pytest

from tersely.counting import known_tokenizers
from tersely.counting.names import STAND_IN, Choice, choose_tokenizer
from tersely.errors import UnknownName

EXACT = {
    "o200k_base": """o200k_base O200K_BASE gpt-4o gpt-4o-mini GPT-4o-2024-08-06 chatgpt-4o-latest
        gpt-4.1 gpt-4.1-nano gpt-4.5-preview gpt-5 gpt-5-mini gpt-5.6 gpt-5.1-codex o1 o1-preview
        o3 o3-pro o4-mini openai/gpt-4o-2024-08-06 openai:gpt-5 azure/gpt-4.1 ft:gpt-4o-mini:me::7
        openrouter/openai/o3-mini gpt4o""",
    "o200k_harmony": "o200k_harmony gpt-oss gpt-oss-20b openai/gpt-oss-120b openai.gpt-oss-20b-1:0",
    "cl100k_base": """cl100k_base gpt-3.5 gpt-3.5-turbo-0125 gpt-35-turbo gpt-4 gpt-4-turbo
        gpt-4-0613 gpt-4-32k gpt4 gpt-4-1106-preview openai/gpt-4 ft:gpt-3.5-turbo:me::7
        text-embedding-3-large text-embedding-ada-002 davinci-002""",
    "llama3": """llama3 llama-3 llama3:8b llama3.1 llama-3.3-70b-versatile meta-llama/Llama-3.2-1B
        meta-llama/Meta-Llama-3-8B-Instruct accounts/fireworks/models/llama-v3p1-8b-instruct
        us.meta.llama3-1-70b-instruct-v1:0 llama-3-8b""",
    "qwen3": """qwen3 qwen3:8b Qwen/Qwen3-0.6B qwen3-235b-a22b Qwen/Qwen2-7B qwen2.5-coder:32b
        Qwen1.5-7B qwen-2.5-72b-instruct Qwen/Qwen3-Next-80B-A3B-Instruct""",
}
STOOD_IN = """claude-opus-5 anthropic/claude-3.5-sonnet gemini-2.5-pro mistral-large-latest
    deepseek-chat deepseek-v3.2 llama4 llama-4-scout meta-llama/Llama-4-Scout-17B llama2 llama-2-7b
    llama-30b llama-3b codellama qwen qwen4 qwen3.5 Qwen/Qwen3.5-9B qwen3.6 qwen-max gpt-6
    gpt-6-mini gpt-50 gpt4all gpt-2 o2 o5-mini o10 grok-4 gemma3 phi-4 kimi-k2 foo foo/bar
    yi-34b-200k deepseek-ai/DeepSeek-R1-Distill-Llama-8B my_company_model"""
MISSPELT = """o200k_bse o200k o200k-base 0200k_base o20k_base cl100k cl100_base cl100k_bas p50k_base
    r50k_base o200k_harmoni lama3 lllama3 kwen3"""


@pytest.mark.parametrize(
    ("name", "tokenizer"), [(name, key) for key, names in EXACT.items() for name in names.split()]
)
def test_a_known_model_has_its_own_tokenizer(name, tokenizer):
    assert choose_tokenizer(name) == Choice(tokenizer, exact=True)


@pytest.mark.parametrize("name", STOOD_IN.split())
def test_any_other_model_has_the_stand_in(name):
    assert choose_tokenizer(name) == Choice(STAND_IN, exact=False)


@pytest.mark.parametrize("name", MISSPELT.split())
def test_a_misspelt_tokenizer_is_refused(name):
    with pytest.raises(UnknownName, match=r"No tokenizer is called .*There are: cl100k_base"):
        choose_tokenizer(name)


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_an_empty_name_is_refused(name):
    with pytest.raises(UnknownName):
        choose_tokenizer(name)


def test_a_misspelling_is_corrected():
    with pytest.raises(UnknownName, match="Did you mean 'cl100k_base'"):
        choose_tokenizer("cl100k")


def test_every_known_tokenizer_means_itself():
    assert known_tokenizers() == tuple(sorted(EXACT))
    assert all(choose_tokenizer(name) == Choice(name, exact=True) for name in known_tokenizers())
