"""GGUF files, written by the gguf library and read back."""

import gguf
import numpy as np
import pytest
from gguf.quants import dequantize, quantize
from tokenizers import pre_tokenizers

from tersely.backends.gguf_file import GGUFFile
from tersely.backends.weights import Q4Weight, Q8Weight, to_dense
from tersely.errors import BackendError, ModelMismatch

TYPES = gguf.GGMLQuantizationType
TOKENS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "12", "ab"]
HEADS, KV_HEADS, HIDDEN = 4, 2, 64


def weights(rows, columns=HIDDEN, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (rows, columns)).astype(np.float32)


def interleaved(rows, heads):
    """What llama.cpp's converter does to the rows of query and key weights."""
    size = rows.shape[0] // heads
    return rows.reshape(heads, 2, size // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def write(path, *, architecture="llama", kind="gpt2", split="smollm", output=False):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(96)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_context_length(512)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(12_345.0)
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre(split)
    writer.add_token_list(TOKENS)
    writer.add_token_merges(["1 2", "a b"])
    writer.add_bos_token_id(7)
    tensors = {
        "token_embd.weight": (weights(len(TOKENS)), TYPES.Q8_0),
        "output_norm.weight": (weights(1)[0], TYPES.F32),
        "blk.0.attn_q.weight": (interleaved(weights(HIDDEN), HEADS), TYPES.Q4_1),
        "blk.0.attn_k.weight": (interleaved(weights(32), KV_HEADS), TYPES.Q8_0),
        "blk.0.attn_v.weight": (weights(32), TYPES.F16),
        "blk.0.ffn_norm.weight": (weights(1, seed=1)[0], TYPES.F32),
    }
    if output:
        tensors["output.weight"] = (weights(len(TOKENS), seed=2), TYPES.Q8_0)
    for name, (dense, dtype) in tensors.items():
        writer.add_tensor(name, quantize(dense, dtype), raw_dtype=dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return GGUFFile(write(tmp_path_factory.mktemp("gguf") / "tiny.gguf"))


def test_the_shape_is_read(file):
    s = file.shape
    assert (s.layers, s.hidden, s.inner, s.heads, s.kv_heads) == (1, 64, 96, 4, 2)
    assert (s.head_dim, s.vocabulary, s.window_tokens) == (16, len(TOKENS), 512)
    assert (s.norm_epsilon, s.rope_theta) == (pytest.approx(1e-5), 12_345.0)
    assert (s.tied, s.start_id, s.qkv_bias) == (True, 7, False)


def test_a_head_of_its_own_is_seen(tmp_path):
    file = GGUFFile(write(tmp_path / "untied.gguf", output=True))
    assert file.shape.tied is False
    assert "lm_head.weight" in file.names()


def test_weights_have_the_names_of_a_hub_checkpoint(file):
    layer = "model.layers.0."
    assert sorted(file.names()) == [
        *("model.embed_tokens.weight", f"{layer}post_attention_layernorm.weight"),
        *(f"{layer}self_attn.{part}_proj.weight" for part in "kqv"),
        "model.norm.weight",
    ]


def in_file(dense, dtype):
    return dequantize(quantize(dense, dtype), dtype)


def test_four_bit_weights_come_back_as_they_were_in_the_hubs_row_order(file):
    weight = file.weight("model.layers.0.self_attn.q_proj.weight")
    assert isinstance(weight, Q4Weight)
    assert weight.codes.max() <= 15
    np.testing.assert_allclose(weight.dense(), in_file(weights(HIDDEN), TYPES.Q4_1), atol=1e-6)


def test_eight_bit_weights_do_too(file):
    weight = file.weight("model.layers.0.self_attn.k_proj.weight")
    assert isinstance(weight, Q8Weight)
    np.testing.assert_allclose(weight.dense(), in_file(weights(32), TYPES.Q8_0), atol=1e-6)
    embedding = file.weight("model.embed_tokens.weight")
    expected = in_file(weights(len(TOKENS)), TYPES.Q8_0)
    np.testing.assert_allclose(to_dense(embedding), expected, atol=1e-6)


def test_all_others_are_read_as_floats(file):
    values = file.weight("model.layers.0.self_attn.v_proj.weight")
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, weights(32), atol=2e-3)
    assert np.array_equal(file.weight("model.norm.weight"), weights(1)[0])


@pytest.mark.parametrize(
    ("split", "tokens"), [("smollm", ["1", "2", "ab"]), ("gpt-2", ["12", "ab"])]
)
def test_digits_are_split_where_the_model_wants_it(tmp_path, split, tokens):
    tokenizer = GGUFFile(write(tmp_path / "tiny.gguf", split=split)).tokenizer()
    assert tokenizer.encode("12ab").tokens == tokens
    assert tokenizer.decode(tokenizer.encode("1é 猫").ids) == "1é 猫"


@pytest.mark.parametrize("given", [{"kind": "llama"}, {"split": "qwen9"}])
def test_an_unknown_tokenizer_is_refused(tmp_path, given):
    file = GGUFFile(write(tmp_path / "other.gguf", **given))
    with pytest.raises(ModelMismatch, match=r"other.gguf has a .* tokenizer, not known here"):
        file.tokenizer()


def test_another_kind_of_model_is_refused(tmp_path):
    with pytest.raises(ModelMismatch, match="is a 'mamba' model; only llama is read"):
        GGUFFile(write(tmp_path / "other.gguf", architecture="mamba"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a gguf file at all, but long enough" * 9])
def test_a_file_that_is_no_gguf_is_refused(tmp_path, content):
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(BackendError, match=r"bad.gguf is not a GGUF file") as caught:
        GGUFFile(tmp_path / "bad.gguf")
    assert "\n" not in str(caught.value)
