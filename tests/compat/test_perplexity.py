"""Surprisals in nats, and token counts."""

import numpy as np
import pytest

from tersely.compat.llmlingua import PromptCompressor
from tersely.errors import PromptError, SettingError

TEXT, QUESTION = "The mouse ate the cheese.", "Which mouse?"


@pytest.fixture
def compressor(backend):
    return PromptCompressor(backend)


def test_a_sentence_is_the_mean_of_its_tokens(compressor, backend):
    (nats,) = backend.score([backend.encode(TEXT).ids])
    assert np.array_equal(compressor.get_ppl(TEXT, "token"), nats)
    assert compressor.get_ppl(TEXT) == nats.mean()
    assert compressor.get_ppl(TEXT).item() == nats.mean()
    assert compressor.get_ppl("") == 0


def test_a_part_may_be_asked_for(compressor):
    nats = compressor.get_ppl(TEXT, "token")
    for mode, wanted in [("before", nats[:3]), ("after", nats[3:]), ("none", nats)]:
        got = compressor.get_ppl(TEXT, "token", condition_mode=mode, condition_pos_id=3)
        assert np.array_equal(got, wanted)


def test_a_text_is_scored_given_another(compressor, backend):
    asked, text = backend.encode(QUESTION).ids, backend.encode(TEXT).ids
    (both,) = backend.score([np.concatenate([asked, text])])
    (other,) = backend.score([np.concatenate([text, asked])])
    get = compressor.get_condition_ppl
    assert np.array_equal(get(TEXT, QUESTION, "before", "token"), both[len(asked) :])
    assert np.array_equal(get(TEXT, QUESTION, "after", "token"), other[len(text) :])
    assert get(TEXT, QUESTION) == compressor.get_ppl(TEXT)
    assert get(TEXT, QUESTION, "after") == other[len(text) :].mean()


@pytest.mark.parametrize(
    "given", [{"input_ids": [1]}, {"past_key_values": []}, {"return_kv": True}, {"end": 3}]
)
def test_tensors_are_refused(compressor, given):
    with pytest.raises(SettingError, match="belong to a torch model"):
        compressor.get_ppl(TEXT, **given)


def test_what_is_out_of_range_is_refused(compressor):
    with pytest.raises(SettingError, match="granularity is 'sentence' or 'token'"):
        compressor.get_ppl(TEXT, "word")
    with pytest.raises(SettingError, match="condition_mode is one of"):
        compressor.get_ppl(TEXT, condition_mode="between")
    with pytest.raises(PromptError, match="text is a str"):
        compressor.get_ppl(None)


def test_tokens_are_counted_by_the_model_or_by_the_target(compressor, backend):
    assert compressor.get_token_length(TEXT, False) == len(backend.encode(TEXT))
    assert compressor.get_token_length(TEXT) == len(backend.encode(TEXT)) + 1
    assert compressor.get_token_length(TEXT, use_oai_tokenizer=True) == 6


@pytest.mark.model
def test_the_real_model_is_less_surprised_by_what_it_was_told(smollm2):
    get = PromptCompressor(smollm2).get_condition_ppl
    assert get("Paris is the capital of France.", "The capital of France?", "before") < get(
        "Paris is the capital of France.", "", "none"
    )


def test_a_place_is_a_number_and_a_text_a_text(compressor):
    with pytest.raises(SettingError, match="condition_pos_id is a whole number"):
        compressor.get_ppl(TEXT, condition_mode="before", condition_pos_id="a")
    with pytest.raises(PromptError, match="text is a str"):
        compressor.get_token_length(None)
