"""The front door: what it takes, what it refuses, and that it is one door."""

import asyncio

import pytest

import tersely
from tersely import errors
from tersely.core.prompt import Prompt, Segment, Span

TEXT = "One two three, four five six. Seven eight nine."


def short(context=TEXT, **settings):
    return tersely.compress(context, **({"method": "truncate", "tokens": 5} | settings))


def test_a_text_is_shortened_to_the_budget():
    result = short()
    assert (result.text, result.tokens_after, result.limit_tokens) == ("One two three, four", 5, 5)


def test_each_context_of_a_list_has_its_own_text():
    result = short(["One two.", "Three four."], tokens=5)
    assert result.contexts == ["One two.", "Three four"]


def test_question_and_instruction_stand_around_the_context_verbatim():
    result = short(question="Why  not?", instruction="Be brief.", tokens=9)
    assert result.text == "Be brief.\n\nOne\n\nWhy  not?"


def test_a_few_shot_text_is_taken_apart():
    text = "Q: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\nQ: 3+3?\nA:"
    roles = [segment.role for segment in short(text, tokens=15).prompt.segments]
    assert roles == ["demonstration", "demonstration", "question"]


def test_protected_numbers_survive():
    result = short("Take one or two or three of the 4,711 at 12:30.", protect=["numbers"], tokens=8)
    assert "4,711" in result.text
    assert "12:30" in result.text


def test_a_protected_span_survives():
    result = short(protect=[Span(0, 30, 35)], tokens=5)
    assert "Seven" in result.text


def test_a_question_moves_the_protected_spans_of_a_prompt():
    prompt = Prompt.of(TEXT).protecting([Span(0, 30, 35)])
    assert "Seven" in short(prompt, instruction="Be brief.", tokens=8).text


def test_a_limit_above_the_whole_is_the_whole():
    result = short(tokens=10_000)
    assert (result.text, result.rate, result.dropped) == (TEXT, 1.0, ())


def test_the_tokenizer_can_be_a_models_name():
    assert short(tokenizer="gpt-4").tokenizer == "cl100k_base"


def test_a_loaded_compressor_is_a_method():
    assert short(method=tersely.load("truncate", keep="tail")).text.endswith("eight nine.")


def test_many_is_each_alone():
    texts = [TEXT, "Ten eleven twelve thirteen fourteen fifteen."]
    many = tersely.compress_many(texts, method="truncate", tokens=4)
    assert [r.kept for r in many] == [short(text, tokens=4).kept for text in texts]


def test_many_reports_how_far_it_is():
    seen = []
    tersely.compress_many(
        [TEXT] * 3, method="truncate", tokens=4, progress=lambda *at: seen.append(at)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_async_gives_the_same():
    result = asyncio.run(tersely.acompress(TEXT, method="truncate", tokens=5))
    assert result.kept == short().kept


def test_a_model_can_be_a_backend(backend):
    method = tersely.load("llmlingua", model=backend)
    assert tersely.compress(TEXT, tokens=5, method=method).model == "fake"


MISTAKES = [
    (lambda: short(tokens=None), errors.BudgetError, "exactly one"),
    (lambda: short(rate=0.5), errors.BudgetError, "exactly one"),
    (lambda: short(tokens=None, rate=0), errors.BudgetError, "in \\(0, 1\\]"),
    (lambda: short(tokens=None, rate=float("nan")), errors.BudgetError, "in \\(0, 1\\]"),
    (lambda: short(tokens=None, rate="half"), errors.BudgetError, "a number"),
    (lambda: short(tokens=2.5), errors.BudgetError, "whole number"),
    (lambda: short(tokens=True), errors.BudgetError, "whole number"),
    (lambda: short(""), errors.PromptError, "empty"),
    (lambda: short([]), errors.PromptError, "empty"),
    (lambda: short([" ", "\n"]), errors.PromptError, "empty"),
    (lambda: short(None), errors.PromptError, "NoneType"),
    (lambda: short(b"bytes"), errors.PromptError, "bytes"),
    (lambda: short([TEXT, 3]), errors.PromptError, "contexts\\[1\\] is int"),
    (lambda: short(question=3), errors.PromptError, "question is a str"),
    (lambda: short(protect="numbers"), errors.PromptError, "list of patterns"),
    (lambda: short(protect=["("]), errors.PromptError, "regular expression"),
    (lambda: short(protect=[3]), errors.PromptError, "str or a Span"),
    (lambda: short(protect=[Span(3, 0, 1)]), errors.PromptError, "there is none"),
    (lambda: short(question=TEXT), errors.BudgetTooSmall, "needs"),
    (lambda: short(tokenizer="o200k_bse"), errors.UnknownName, "Did you mean 'o200k_base'"),
    (lambda: short(method="truncat"), errors.UnknownName, "Did you mean 'truncate'"),
    (lambda: short(method=3), errors.SettingError, "what tersely.load returned"),
    (lambda: tersely.load("truncate", side="head"), errors.SettingError, "no setting 'side'"),
    (lambda: tersely.load("truncate", keep="middle"), errors.SettingError, "head, tail, both"),
    (lambda: tersely.load("truncate", model="smollm2-135m"), errors.SettingError, "no model"),
    (lambda: tersely.load("llmlingua", runtime="tpu"), errors.SettingError, "openvino, torch"),
    (lambda: tersely.load("llmlingua", threads=0), errors.SettingError, "at least 1"),
    (lambda: tersely.load("llmlingua", model="smollm"), errors.UnknownName, "Did you mean"),
    (lambda: tersely.compress_many(TEXT, tokens=5), errors.PromptError, "list of prompts"),
    (lambda: Segment("a", "system"), errors.PromptError, "No role"),
    (lambda: Segment("a", rate=0.0), errors.PromptError, "in \\(0, 1\\]"),
    (lambda: Prompt((Segment("a"),), ("-",)), errors.PromptError, "separators"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_says_in_one_line_what_to_do(number):
    call, kind, said = MISTAKES[number]
    with pytest.raises(kind, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, tersely.Error)
