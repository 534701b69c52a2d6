"""Adapters by name: a base and its changes give the numbers that peft gives."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from tiny_llama import CONFIG, changes, write_adapter, write_folder, write_gguf

from tersely.backends.adapter import Adapted, Adapter, adapted
from tersely.backends.export import export
from tersely.backends.gguf_file import GGUFFile
from tersely.backends.load import load_causal, load_encoder
from tersely.backends.safetensors_folder import SafetensorsFolder
from tersely.backends.store import content_key, find_model, split_name
from tersely.backends.weights import Q4Weight, to_dense
from tersely.errors import BackendError, ModelMismatch, ModelNotFound, UnknownName

QUERY = "model.layers.1.self_attn.q_proj.weight"
EVERY = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TEXT = "The cat sat on the mat, and the dog ran off."


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))


@pytest.fixture(params=["folder", "gguf"])
def base(request, tmp_path):
    if request.param == "folder":
        return write_folder(tmp_path / "base")
    return write_gguf(tmp_path / "base.gguf")


@pytest.fixture
def adapter(tmp_path):
    return write_adapter(tmp_path / "ad", changes(EVERY), target_modules=list(EVERY))


def by_peft(base, adapter, ids):
    """Surprisals from peft's own forward pass over the base."""
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    from tersely.backends.torch_load import read_model

    model, _, start_id = read_model(find_model(str(base)), torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft, of transformers
        model = peft.PeftModel.from_pretrained(model, str(adapter)).eval()
    read = torch.tensor([[start_id, *ids]])
    with torch.inference_mode():
        logits = model(read).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, read[0, 1:], reduction="none").numpy()


@pytest.mark.parametrize(("runtime", "apart"), [("torch", 1e-4), ("openvino", 0.2)])
def test_the_numbers_are_those_of_peft(base, adapter, runtime, apart):
    if runtime == "torch":
        pytest.importorskip("torch")
    backend = load_causal(f"{base}+{adapter}", runtime=runtime, precision="f32", threads=1)
    ids = backend.encode(TEXT).ids
    expected = by_peft(base, adapter, ids)
    found = backend.score([ids])[0]
    np.testing.assert_allclose(found, expected, atol=apart)
    without = load_causal(str(base), runtime=runtime, precision="f32", threads=1)
    assert np.abs(without.score([ids])[0] - expected).mean() > 10 * np.abs(found - expected).mean()


@pytest.mark.parametrize("more", [{"use_rslora": True}, {"lora_alpha": 3}, {"r": 2}])
def test_the_scale_is_that_of_peft(tmp_path, more):
    base = write_folder(tmp_path / "base")
    adapter = write_adapter(tmp_path / "ad", changes(rank=more.get("r", 4)), **more)
    backend = load_causal(f"{base}+{adapter}", runtime="torch", threads=1)
    ids = backend.encode(TEXT).ids
    np.testing.assert_allclose(backend.score([ids])[0], by_peft(base, adapter, ids), atol=1e-4)


def test_a_change_is_up_times_down_times_alpha_by_rank(tmp_path):
    halves = changes()
    changed = Adapter(write_adapter(tmp_path / "ad", halves)).add_to(
        QUERY, np.zeros((64, 64), "f4")
    )
    key = f"base_model.model.{QUERY.removesuffix('.weight')}"
    up, down = (halves[f"{key}.lora_{half}.weight"].astype(float) for half in "BA")
    np.testing.assert_allclose(changed, 2 * up @ down, atol=1e-5)  # alpha 8, rank 4


def test_what_is_stored_the_other_way_round_is_changed_so(tmp_path):
    plain = Adapter(write_adapter(tmp_path / "a"))
    turned = Adapter(write_adapter(tmp_path / "b", fan_in_fan_out=True))
    value = QUERY.replace("q_proj", "v_proj")
    given = np.arange(32 * 64, dtype=np.float32).reshape(32, 64)
    np.testing.assert_array_equal(turned.add_to(value, given.T).T, plain.add_to(value, given))


def test_what_an_adapter_leaves_alone_stays_in_four_bits(tmp_path):
    base = GGUFFile(write_gguf(tmp_path / "base.gguf"))
    both = Adapted(base, Adapter(write_adapter(tmp_path / "ad")), "base")
    assert isinstance(both.weight(QUERY.replace("q_proj", "o_proj")), Q4Weight)
    assert isinstance(both.weight(QUERY), np.ndarray)
    assert (both.shape, list(both.names())) == (base.shape, list(base.names()))


def test_without_an_adapter_a_checkpoint_is_itself(tmp_path):
    base = SafetensorsFolder(write_folder(tmp_path / "base"))
    assert adapted(base, find_model(str(tmp_path / "base"))) is base


def test_the_base_is_not_changed_and_each_pair_is_converted_for_itself(base, tmp_path):
    before = content_key(find_model(str(base)).files)
    adapters = [write_adapter(tmp_path / "a"), write_adapter(tmp_path / "b", lora_alpha=1)]
    backends = [load_causal(f"{base}+{a}", threads=1) for a in (*adapters, adapters[0])]
    load_causal(str(base), threads=1)
    scores = [backend.score([backend.encode(TEXT).ids])[0] for backend in backends]
    assert not np.allclose(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
    assert len(list((tmp_path / "home" / "converted").iterdir())) == 3
    assert content_key(find_model(str(base)).files) == before


def test_a_result_says_base_and_adapter(base, adapter):
    name = f"{base}+{adapter}"
    assert load_causal(name, threads=1).name == name
    assert find_model(name).files[-2:] == [
        adapter / "adapter_config.json",
        adapter / "adapter_model.safetensors",
    ]


def test_a_compressor_takes_it_by_name(tmp_path):
    import tersely

    name = f"{write_folder(tmp_path / 'base')}+{write_adapter(tmp_path / 'ad')}"
    method = tersely.load("selective_context", model=name, threads=1)
    result = tersely.compress(TEXT * 3, rate=0.5, method=method)
    assert (result.model, result.rate <= 0.5) == (name, True)


def test_exported_it_is_a_model_with_the_changes_in_it(tmp_path):
    base, adapter = write_gguf(tmp_path / "base.gguf"), write_adapter(tmp_path / "ad")
    out = SafetensorsFolder(export(f"{base}+{adapter}", tmp_path / "out"))
    expected = Adapter(adapter).add_to(QUERY, to_dense(GGUFFile(base).weight(QUERY)))
    np.testing.assert_array_equal(out.weight(QUERY), expected)


def test_the_base_is_what_stands_before_the_first_plus_that_has_a_model_before_it(tmp_path):
    plus = write_folder(tmp_path / "c++" / "base")
    assert split_name("smollm2-135m+a+b") == ("smollm2-135m", "a+b")
    assert split_name("org/model+../a") == ("org/model", "../a")
    assert split_name(f"{plus}+{tmp_path}/a+b") == (str(plus), f"{tmp_path}/a+b")
    assert split_name(str(plus)) == (str(plus), "")
    assert split_name("model+") == ("model+", "")


def write_note(folder, **base):
    (folder / "tersely.json").write_text(json.dumps({"base": base}))


def test_an_adapter_that_names_another_base_is_refused_also_once_converted(base, adapter):
    name, key = f"{base}+{adapter}", find_model(str(base)).content_key()
    write_note(adapter, name="base", sha256=key)
    load_causal(name, threads=1)
    write_note(adapter, name="other", sha256="0" * 64)
    said = rf"for the base 'other', whose content is 0{{12}}\.\.\., and that of .* is {key[:12]}"
    with pytest.raises(ModelMismatch, match=said):
        load_causal(name, threads=1)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_another_shape_is_another_base(tmp_path, base, runtime):
    halves = changes()
    key = "base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight"
    halves[key] = np.ones((48, 4), np.float32)
    name = f"{base}+{write_adapter(tmp_path / 'ad', halves)}"
    said = r"made for another base: .*v_proj\.weight is 32 x 64 here, and the adapter's is 48 x 64"
    with pytest.raises(ModelMismatch, match=said):
        load_causal(name, runtime=runtime, threads=1)
    assert list((tmp_path / "home").rglob("body.xml")) == []


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
@pytest.mark.parametrize("module", ["model.layers.7.self_attn.q_proj", "lm_head"])
def test_a_weight_that_the_base_has_not_is_another_base(tmp_path, base, runtime, module):
    halves = {f"base_model.model.{module}.lora_{h}.weight": np.ones((4, 4), "f4") for h in "AB"}
    name = f"{base}+{write_adapter(tmp_path / 'ad', halves)}"
    with pytest.raises(ModelMismatch, match=f"it changes {module}.weight, which base"):
        load_causal(name, runtime=runtime, threads=1)


UNREAD = {
    "ia3": ({"peft_type": "IA3"}, "not LoRA but 'IA3'"),
    "dora": ({"use_dora": True}, "DoRA, whose weights also have magnitudes"),
    "bias": ({"bias": "all"}, r"it has biases \(bias='all'\)"),
    "lora_bias": ({"lora_bias": True}, "low-rank layers have a bias"),
    "whole": ({"modules_to_save": ["lm_head"]}, r"\(modules_to_save\)"),
    "alphas": ({"alpha_pattern": {"q_proj": 2}}, r"\(alpha_pattern\)"),
    "pissa": ({"init_lora_weights": "pissa"}, "began by changing its base"),
    "task": ({"task_type": "SEQ_CLS"}, "another task than writing on"),
    "alpha": ({"lora_alpha": None}, "lora_alpha is None, not a number"),
    "new": ({"megatron_config": {"a": 1}}, "setting 'megatron_config' is not known"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_is_not_computed_is_refused_by_name(tmp_path, case):
    config, said = UNREAD[case]
    with pytest.raises(ModelMismatch, match=f"{said}.*merge_and_unload"):
        Adapter(write_adapter(tmp_path / "ad", **config))


NAME = "base_model.model.model.layers.0.self_attn.q_proj"
ODD = {
    "empty": ({}, "it holds no tensor"),
    "half": ({f"{NAME}.lora_A.weight": (4, 64)}, "it lacks .*lora_B.weight"),
    "embedding": ({"base_model.model.model.embed_tokens.lora_embedding_A": (4, 9)}, "embedding_A"),
    "magnitude": ({f"{NAME}.lora_magnitude_vector": (64,)}, "no low-rank change of a weight"),
}


@pytest.mark.parametrize("case", ODD)
def test_a_tensor_that_is_no_half_is_refused_by_name(tmp_path, case):
    sizes, said = ODD[case]
    tensors = {name: np.ones(size, np.float32) for name, size in sizes.items()}
    with pytest.raises(ModelMismatch, match=said):
        Adapter(write_adapter(tmp_path / "ad", tensors))


def test_halves_that_do_not_fit_together_are_damaged(tmp_path):
    tensors = changes() | {f"{NAME}.lora_A.weight": np.ones((3, 64), np.float32)}
    opened = Adapter(write_adapter(tmp_path / "ad", tensors))
    with pytest.raises(ModelMismatch, match=r"is damaged: .*q_proj"):
        opened.add_to(NAME.removeprefix("base_model.model.") + ".weight", np.ones((64, 64), "f4"))


@pytest.mark.parametrize("lost", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_file_that_is_missing_is_named(tmp_path, base, adapter, lost):
    (adapter / lost).unlink()
    with pytest.raises(ModelMismatch, match=f"has no {lost}. An adapter folder holds"):
        load_causal(f"{base}+{adapter}")


def test_pickles_and_missing_folders_are_refused(tmp_path, base, adapter):
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(ModelMismatch, match="a pickle, which can run code"):
        load_causal(f"{base}+{adapter}")
    with pytest.raises(ModelNotFound, match=r"no adapter folder .*nowhere"):
        load_causal(f"{base}+{tmp_path}/nowhere")


def test_a_damaged_file_is_named(base, adapter):
    (adapter / "adapter_model.safetensors").write_bytes(b"no")
    with pytest.raises(BackendError, match="is not a whole safetensors file"):
        load_causal(f"{base}+{adapter}")


def test_an_unknown_base_is_said_to_be_unknown(adapter):
    with pytest.raises(UnknownName, match="Did you mean 'smollm2-135m'"):
        load_causal(f"smollm2-135+{adapter}")


def test_an_encoder_takes_no_adapter(base, adapter):
    with pytest.raises(ModelMismatch, match="Adapters are for causal models"):
        load_encoder(f"{base}+{adapter}")


def test_the_tiny_models_are_what_they_say(tmp_path):
    shape = SafetensorsFolder(write_folder(tmp_path / "base")).shape
    other = GGUFFile(write_gguf(tmp_path / "base.gguf")).shape
    assert replace(other, norm_epsilon=shape.norm_epsilon) == shape
    assert (shape.layers, shape.vocabulary) == (2, CONFIG["vocab_size"])
