"""A method's name → a compressor: which model it gets, and which it refuses."""

import pytest
from fakes import FakeBackend, FakeEncoder

import tersely
from tersely import errors, loading
from tersely.counting import load_counter

TEXT = "Rain fell on the hills. The mill was opened by Ann. Cows ate grass there."


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine on which no model has been pulled."""
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path))
    loading._loaded.cache_clear()
    loading._loaded_encoder.cache_clear()


def test_hybrid_runs_without_an_encoder(bare):
    method = tersely.load("hybrid", encoder=None)
    result = tersely.compress(TEXT, question="Who opened the mill?", tokens=14, method=method)
    assert (result.method, result.model) == ("hybrid", "")
    assert "The mill was opened by Ann." in result.text


def test_an_encoder_can_be_given(bare):
    encoder = FakeEncoder()
    assert tersely.load("hybrid", model=encoder).encoder is encoder
    assert tersely.load("hybrid", encoder=encoder).encoder is encoder


def test_settings_reach_hybrid(bare):
    method = tersely.load("hybrid", encoder=None, repair=False, diversity=0.5)
    assert (method.repair, method.diversity) == (False, 0.5)


def test_an_encoder_that_is_not_here_says_the_command(bare):
    for given in ({}, {"threads": 1}, {"encoder": "minilm-l6"}, {"model": "minilm-l6"}):
        with pytest.raises(errors.ModelNotFound, match="tersely models pull minilm-l6"):
            tersely.load("hybrid", **given)


MISTAKES = [
    ({"runtime": "torch"}, errors.SettingError, "encoder's runtime is 'openvino', not 'torch'"),
    ({"runtime": "tpu"}, errors.SettingError, "encoder's runtime is 'openvino', not 'tpu'"),
    ({"model": "smollm2-135m"}, errors.ModelMismatch, "is a causal model.*such as 'minilm-l6'"),
    ({"model": "minilm"}, errors.UnknownName, "Did you mean 'minilm-l6'"),
    ({"model": FakeBackend()}, errors.SettingError, "a FakeBackend does not"),
    ({"encoder": 3}, errors.SettingError, "a int does not"),
    ({"encoder": None, "repair": "no"}, errors.SettingError, "repair of hybrid is True or False"),
    ({"encoder": None, "diversity": "much"}, errors.SettingError, "is a number; got 'much'"),
    ({"encoder": None, "k": 2}, errors.SettingError, "no setting 'k'.*diversity, encoder, repair"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_what_hybrid_cannot_use_is_refused(bare, number):
    given, kind, said = MISTAKES[number]
    with pytest.raises(kind, match=said):
        tersely.load("hybrid", **given)


def test_a_causal_method_refuses_an_encoder(bare):
    with pytest.raises(errors.ModelMismatch, match="is an encoder"):
        tersely.load("llmlingua", model="minilm-l6")


@pytest.mark.model
def test_the_encoder_is_loaded_once(minilm):
    one, other = tersely.load("hybrid"), tersely.load("hybrid", repair=False)
    assert one.encoder is other.encoder
    assert one.model_name == "minilm-l6"


@pytest.mark.model
def test_threads_change_nothing_but_the_time(minilm):
    results = [
        tersely.load("hybrid", threads=threads).compress(
            tersely.Prompt.of(TEXT, question="Who opened the mill?"),
            tersely.Budget(tokens=14),
            counter=load_counter("o200k_base"),
        )
        for threads in (1, 2)
    ]
    assert results[0].kept == results[1].kept


@pytest.mark.model
def test_no_thread_is_refused(minilm):
    with pytest.raises(errors.SettingError, match="at least 1"):
        tersely.load("hybrid", threads=0)


@pytest.mark.parametrize("name", ["hybrid+", "+", "+truncate"])
def test_a_stage_without_a_name_is_refused(name):
    with pytest.raises(errors.SettingError, match="has no name"):
        tersely.load(name)
