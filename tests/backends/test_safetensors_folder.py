"""Folders written here byte by byte, in all the types that models come in."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from tersely.backends.safetensors_folder import SafetensorsFolder
from tersely.errors import BackendError, ModelMismatch

CONFIG = {
    "model_type": "llama",
    "bos_token_id": 1,
    "eos_token_id": [2, 3],
    "hidden_size": 8,
    "intermediate_size": 12,
    "max_position_embeddings": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 5000.0,
    "tie_word_embeddings": True,
    "vocab_size": 10,
}


def weights(*, bias=False, head=False):
    rng, shapes = np.random.default_rng(0), {"model.embed_tokens.weight": (10, 8)}
    for layer in ("model.layers.0.", "model.layers.1."):
        for part, rows in {"q": 8, "k": 4, "v": 4}.items():
            shapes[f"{layer}self_attn.{part}_proj.weight"] = (rows, 8)
            shapes |= {f"{layer}self_attn.{part}_proj.bias": (rows,)} if bias else {}
        shapes[f"{layer}self_attn.o_proj.weight"] = (8, 8)
        shapes |= {f"{layer}mlp.{part}_proj.weight": (12, 8) for part in ("gate", "up")}
        shapes[f"{layer}mlp.down_proj.weight"] = (8, 12)
        shapes |= {f"{layer}{n}_layernorm.weight": (8,) for n in ("input", "post_attention")}
    shapes |= {"model.norm.weight": (8,)} | ({"lm_head.weight": (10, 8)} if head else {})
    return {name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def write(folder, tensors, **changes):
    config = {k: v for k, v in (CONFIG | changes).items() if v != "absent"}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    return folder


def write_bfloat16(path, tensors):
    """Write the upper halves of float32 numbers, as the format says."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        upper = (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
        offsets = [len(data), len(data) + len(upper)]
        header[name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": offsets}
        data += upper
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def test_the_shape_is_that_of_the_config(tmp_path):
    shape = SafetensorsFolder(write(tmp_path, weights())).shape
    assert (shape.layers, shape.hidden, shape.inner, shape.vocabulary) == (2, 8, 12, 10)
    assert (shape.heads, shape.kv_heads, shape.head_dim) == (4, 2, 2)
    assert (shape.window_tokens, shape.norm_epsilon, shape.rope_theta) == (64, 1e-5, 5000.0)
    assert (shape.tied, shape.start_id, shape.qkv_bias) == (True, 1, False)


def test_every_weight_is_named_once_and_read_as_it_was_written(tmp_path):
    written = weights(head=True)
    folder = SafetensorsFolder(write(tmp_path, written, tie_word_embeddings=False))
    names = list(folder.names())
    assert sorted(names) == sorted(written)
    assert all(np.array_equal(folder.weight(name), written[name]) for name in names)


def test_float16_comes_as_float32(tmp_path):
    halves = {name: tensor.astype(np.float16) for name, tensor in weights().items()}
    weight = SafetensorsFolder(write(tmp_path, halves)).weight("model.norm.weight")
    assert weight.dtype == np.float32
    assert np.array_equal(weight, halves["model.norm.weight"].astype(np.float32))


def test_bfloat16_comes_as_the_float32_it_is_half_of(tmp_path):
    written = weights()
    write(tmp_path, written)
    write_bfloat16(tmp_path / "model.safetensors", written)
    folder = SafetensorsFolder(tmp_path)
    for name, tensor in written.items():
        assert folder.weight(name).shape == tensor.shape
        assert np.array_equal(
            folder.weight(name).view(np.uint32), tensor.view(np.uint32) & 0xFFFF0000
        )


def test_shards_are_read_as_one_model(tmp_path):
    written = weights()
    write(tmp_path, {})
    shards = [dict(list(written.items())[:5]), dict(list(written.items())[5:])]
    for number, shard in enumerate(shards):
        save_file(shard, tmp_path / f"{number}.safetensors")
    index = {name: f"{number}.safetensors" for number, shard in enumerate(shards) for name in shard}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    folder = SafetensorsFolder(tmp_path)
    assert all(np.array_equal(folder.weight(name), written[name]) for name in folder.names())


def test_a_head_that_is_missing_is_the_embedding(tmp_path):
    assert SafetensorsFolder(write(tmp_path, weights(), tie_word_embeddings=False)).shape.tied


@pytest.mark.parametrize("use", ["absent", False])
def test_qwen2_has_biases_and_a_window_it_does_not_use(tmp_path, use):
    written = weights(bias=True)
    changes = {"model_type": "qwen2", "sliding_window": 32, "use_sliding_window": use}
    folder = SafetensorsFolder(write(tmp_path, written, **changes))
    assert folder.shape.qkv_bias
    assert sorted(folder.names()) == sorted(written)


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_a_window_that_is_null_is_none(tmp_path, kind):
    assert SafetensorsFolder(write(tmp_path, weights(), model_type=kind, sliding_window=None))


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}, "rope_theta": "absent"},
        {"rope_theta": 7.0, "rope_scaling": None},
        {"rope_theta": 7.0, "rope_parameters": {"rope_theta": 7.0}},
    ],
)
def test_rotary_settings_of_transformers_4_and_5_are_read(tmp_path, rope):
    assert SafetensorsFolder(write(tmp_path, weights(), **rope)).shape.rope_theta == 7.0


def test_head_width_can_differ_from_hidden_over_heads(tmp_path):
    assert SafetensorsFolder(write(tmp_path, weights(), head_dim=16)).shape.head_dim == 16


@pytest.mark.parametrize("bos", ["absent", None])
def test_a_text_starts_with_the_end_token_where_there_is_no_other(tmp_path, bos):
    assert SafetensorsFolder(write(tmp_path, weights(), bos_token_id=bos)).shape.start_id == 2


def test_a_model_without_either_token_is_refused(tmp_path):
    with pytest.raises(ModelMismatch, match="neither bos_token_id"):
        SafetensorsFolder(write(tmp_path, weights(), bos_token_id=None, eos_token_id=None))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_type": "gpt2"}, "'gpt2' model"),
        ({"model_type": "absent"}, "None model"),
        ({"model_type": "mistral", "sliding_window": 4096}, "sliding window"),
        ({"model_type": "qwen2", "sliding_window": 9, "use_sliding_window": True}, "sliding"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "'llama3'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "'linear'"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "'yarn'"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "part of each head"),
        ({"attention_bias": True}, "attention has a bias"),
        ({"mlp_bias": True}, "feed-forward"),
        ({"hidden_act": "gelu"}, "silu"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ({"vocab_size": "absent"}, "lacks 'vocab_size'"),
        ({"num_hidden_layers": 3}, r"lacks 9 of its weights, first model\.layers\.2"),
    ],
)
def test_what_the_graphs_do_not_compute_is_refused_by_name(tmp_path, changes, why):
    with pytest.raises(ModelMismatch, match=why):
        SafetensorsFolder(write(tmp_path, weights(), **changes))


def test_a_cut_off_file_is_named(tmp_path):
    file = write(tmp_path, weights()) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(BackendError, match=r"model\.safetensors is not a whole"):
        SafetensorsFolder(tmp_path)


def test_pickles_are_refused_with_the_reason(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(ModelMismatch, match="pickles, which can run code"):
        SafetensorsFolder(tmp_path)
