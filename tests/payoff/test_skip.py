"""`only_if_it_pays`: what does not pay stays as it is, what pays is as without it."""

import asyncio

import pytest
from fakes import FakeEncoder

import tersely
from tersely.errors import SettingError
from tersely.payoff import Prices, Speed, Terms

TEXT = "The bridge opens on 4 June. It rains a lot. Bread is dear. The old clock has stopped."
FREE = Terms(prices=Prices.given(input=0.0))
DEAR = Terms(prices=Prices.given(input=1000.0))
CHAT = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Seven of nine lamps are lit. " * 40},
    {"role": "assistant", "content": "Noted."},
    {"role": "user", "content": "How many lamps?"},
]


def short(context=TEXT, **given):
    return tersely.compress(context, **({"rate": 0.5, "method": "truncate"} | given))


def test_what_does_not_pay_is_returned_as_it_is_and_says_why():
    result = short(only_if_it_pays=FREE)
    assert (result.text, result.rate, result.method) == (TEXT, 1.0, "truncate")
    assert result.reason.startswith("Compressing it would not pay. Money: 0 -> 0.000")
    assert result.kept == (tersely.Span(0, 0, len(TEXT)),)


def test_the_limit_of_what_is_left_alone_is_its_own_length():
    result = short(only_if_it_pays=FREE, rate=None, tokens=5)
    assert result.tokens_before == result.tokens_after == result.limit_tokens > 5


def test_what_pays_is_what_it_is_without_asking():
    asked, plain = short(only_if_it_pays=DEAR), short()
    assert (asked.text, asked.kept, asked.limit_tokens) == (
        plain.text,
        plain.kept,
        plain.limit_tokens,
    )
    assert asked.reason == ""


def test_a_tiny_prompt_does_not_pay_and_a_long_one_does():
    """The compressor's second is what the target needs for 100 tokens."""
    terms = Terms(prefill_tokens_per_second=100, speed=Speed(fixed_seconds=1.0))
    assert short(only_if_it_pays=terms).text == TEXT
    assert short(TEXT * 50, only_if_it_pays=terms).rate <= 0.5


def test_what_is_within_the_limit_is_left_to_the_method():
    assert short(rate=1.0, only_if_it_pays=FREE).reason == "It has 23 tokens, and may have 23."


def test_true_takes_the_price_of_the_model_whose_tokens_count():
    assert short(only_if_it_pays=True, tokenizer="gpt-5").rate <= 0.5
    with pytest.raises(SettingError, match="No price is known for 'o200k_base'"):
        short(only_if_it_pays=True)


def test_a_counter_has_no_price(words):
    with pytest.raises(SettingError, match="name it with"):
        short(only_if_it_pays=True, tokenizer=words)
    assert short(only_if_it_pays=DEAR, tokenizer=words).rate <= 0.5


def test_no_model_is_loaded_to_decide(monkeypatch):
    monkeypatch.setattr("tersely.loading._classifier", lambda *_: pytest.fail("a model is loaded"))
    result = short(method="auto", only_if_it_pays=FREE)
    assert (result.method, result.model) == ("llmlingua2", "keep-l6")


def test_auto_is_what_it_would_have_been(monkeypatch):
    monkeypatch.setattr("tersely.loading._encoder", lambda *_: pytest.fail("a model is loaded"))
    result = short(method="auto", question="When?", only_if_it_pays=FREE)
    assert (result.method, result.model) == ("hybrid", "minilm-l6")


def test_a_chat_that_does_not_pay_keeps_its_messages():
    result = short(CHAT, only_if_it_pays=FREE)
    assert (result.messages, result.format) == (CHAT, "openai")
    assert result.tokens_after == result.limit_tokens == result.tokens_before
    assert result.reason.startswith("Compressing it would not pay.")


def test_a_chat_that_pays_is_shortened_as_ever():
    assert short(CHAT, only_if_it_pays=DEAR).messages == short(CHAT).messages != CHAT


def test_a_chats_method_is_the_one_for_questions():
    assert short(CHAT, method="auto", only_if_it_pays=FREE).method == "hybrid"


def test_of_many_each_is_decided_for_itself():
    terms = Terms(prefill_tokens_per_second=100, speed=Speed(fixed_seconds=1.0))
    given = {"rate": 0.5, "method": "truncate", "only_if_it_pays": terms}
    tiny, long = tersely.compress_many([TEXT, TEXT * 50], **given)
    assert (tiny.rate, long.rate <= 0.5) == (1.0, True)


def test_it_works_in_an_event_loop():
    given = {"rate": 0.5, "method": "truncate", "only_if_it_pays": FREE}
    assert asyncio.run(tersely.acompress(TEXT, **given)).text == TEXT


def test_prompts_that_share_a_rate_cannot_be_left_out_one_by_one():
    with pytest.raises(SettingError, match="these share a rate"):
        tersely.compress_many([TEXT], rate=0.5, rate_mode="corpus", only_if_it_pays=True)


def test_a_calibrated_rate_is_the_one_to_expect():
    method = tersely.load("hybrid", encoder=FakeEncoder())
    given = {"question": "When does the bridge open?", "method": method}
    calibration = tersely.calibrate([TEXT] * 3, **given)
    corpus = given | {"rate": 0.5, "rate_mode": "corpus", "calibration": calibration}
    assert tersely.compress(TEXT, **corpus, only_if_it_pays=FREE).text.startswith(TEXT)
    asked = tersely.compress(TEXT, **corpus, only_if_it_pays=DEAR)
    assert asked.text == tersely.compress(TEXT, **corpus).text


def test_a_quality_floor_says_nothing_of_the_length():
    with pytest.raises(SettingError, match="give tokens or rate beside it"):
        tersely.compress(TEXT, question="When?", quality_floor=0.5, only_if_it_pays=DEAR)


@pytest.mark.parametrize("given", ["yes", 1, None])
def test_what_is_neither_terms_nor_truth_is_refused(given):
    with pytest.raises(SettingError, match="only_if_it_pays is true, false or Terms"):
        short(only_if_it_pays=given)
