"""Models: what is on the machine is used, what is not is said."""

import logging
from pathlib import Path

import pytest
from fakes import FakeBackend, FakeEncoder

from tersely.backends.load import DEFAULT_MODEL
from tersely.compat.llmlingua import PromptCompressor, models
from tersely.compat.llmlingua.models import open_encoder, open_model
from tersely.errors import ModelNotFound, SettingError


@pytest.fixture
def loaded(monkeypatch):
    """Note what is loaded; only the default model is there."""
    asked = []

    def load_causal(name, **given):
        asked.append((name, given))
        if name not in (DEFAULT_MODEL, "/there"):
            raise ModelNotFound("not here")
        return FakeBackend(name=name)

    monkeypatch.setattr(models, "load_causal", load_causal)
    return asked


def test_a_model_that_is_not_here_is_refused_with_what_to_do(loaded):
    with pytest.raises(ModelNotFound, match=r'nothing is fetched here.*fallback="smollm2-135m"'):
        PromptCompressor()
    with pytest.raises(ModelNotFound, match="'gpt2' is not on this machine"):
        PromptCompressor("gpt2")


def test_a_fallback_stands_in_and_says_so_once(loaded):
    with pytest.warns(UserWarning, match="'smollm2-135m' stands in") as said:
        compressor = PromptCompressor(fallback=DEFAULT_MODEL)
    assert len(said) == 1
    assert compressor.model.name == DEFAULT_MODEL


def test_a_fallback_may_be_set_on_the_class(loaded, monkeypatch):
    monkeypatch.setattr(PromptCompressor, "fallback", DEFAULT_MODEL)
    with pytest.warns(UserWarning, match="stands in"):
        assert PromptCompressor("gpt2").model.name == DEFAULT_MODEL


def test_a_cpu_stands_in_for_the_gpu_that_nobody_asked_for(loaded, caplog):
    with caplog.at_level(logging.INFO):
        assert PromptCompressor(DEFAULT_MODEL).device == "cpu"
    assert "runs on 'cpu'" in caplog.text
    assert loaded == [(DEFAULT_MODEL, {"runtime": "openvino", "device": "cpu", "precision": None})]


def test_a_cpu_stands_in_for_a_gpu_that_was_asked_for_with_a_warning(loaded):
    with pytest.warns(UserWarning, match="device_map='cuda:7'.* runs on 'cpu' here"):
        assert open_model(DEFAULT_MODEL, "cuda:7", {}, None).device == "cpu"


@pytest.mark.parametrize("device_map", ["cpu", "cuda", "auto", "balanced"])
@pytest.mark.filterwarnings("ignore:device_map")
def test_a_folder_is_run_by_torch_where_that_is(loaded, device_map):
    torch = pytest.importorskip("torch")
    wanted = "cuda" if torch.cuda.is_available() and device_map != "cpu" else "cpu"
    assert open_model("/there", device_map, {"torch_dtype": torch.float16}, None).device == wanted
    assert loaded == [("/there", {"runtime": "torch", "device": wanted, "precision": "bf16"})]


def test_an_adapter_is_run_by_what_runs_its_base(loaded):
    for base in (DEFAULT_MODEL, "m.gguf"):
        with pytest.raises(ModelNotFound):
            open_model(f"{base}+adapter", "cpu", {}, None)
    assert [given["runtime"] for _, given in loaded] == ["openvino", "openvino"]


def test_a_folder_is_run_without_torch_where_that_is_not(loaded, monkeypatch):
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    assert open_model("/there", "cpu", {}, None).device == "cpu"
    assert loaded[0][1]["runtime"] == "openvino"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"revision": "gptq-4bit"}, "only 'main'"),
        ({"torch_dtype": "int8"}, "torch_dtype is one of"),
    ],
)
def test_what_cannot_be_had_is_refused(loaded, config, said):
    with pytest.raises(SettingError, match=said):
        open_model(DEFAULT_MODEL, "cpu", config, None)
    with pytest.raises(SettingError, match="device_map is a str"):
        open_model(DEFAULT_MODEL, None, {}, None)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"trust_remote_code": True}, "no code of a model"),
        ({"max_memory": {}}, "max_memory not used"),
    ],
)
def test_what_is_not_used_is_warned_of(loaded, config, said):
    with pytest.warns(UserWarning, match=said):
        open_model(DEFAULT_MODEL, "cpu", config, None)


def test_released_versions_have_llmlingua2_config_in_place_of_use_slingua(loaded):
    compressor = PromptCompressor(DEFAULT_MODEL, "cpu", {}, {}, False, {"max_batch_size": 50})
    assert compressor.model.name == DEFAULT_MODEL


def test_an_encoder_that_is_not_here_is_refused_or_replaced(monkeypatch):
    def load_encoder(name):
        if name != "minilm-l6":
            raise ModelNotFound("It is not here.")
        return "minilm"

    monkeypatch.setattr(models, "load_encoder", load_encoder)
    with pytest.raises(ModelNotFound, match=r"BAAI/bge.*It is not here.*rank by bm25"):
        open_encoder("BAAI/bge", may_stand_in=False)
    with pytest.warns(UserWarning, match="'minilm-l6' ranks in its place"):
        assert open_encoder("BAAI/bge", may_stand_in=True) == "minilm"


def test_a_path_names_a_folder(loaded, monkeypatch):
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    assert PromptCompressor(Path("/there"), "cpu").model.name == "/there"


@pytest.mark.parametrize("name", [None, 3, "", FakeBackend, object()])
@pytest.mark.parametrize("words", [True, False])
def test_what_is_no_model_is_refused(name, words):
    with pytest.raises(SettingError, match="model_name is a short name"):
        PromptCompressor(name, use_llmlingua2=words)


def test_an_encoder_is_no_causal_model():
    with pytest.raises(SettingError, match="a causal model's name or backend"):
        PromptCompressor(FakeEncoder())
