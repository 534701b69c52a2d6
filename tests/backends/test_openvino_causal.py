"""The CPU backend: a tiny model against plain NumPy, and facts about the real one."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tersely.backends.load import load_causal
from tersely.backends.openvino_causal import OpenVINOCausal, convert
from tersely.backends.weights import LlamaShape, Q4Weight, Q8Weight, to_dense
from tersely.errors import BackendError, SettingError

SHAPE = LlamaShape(
    layers=2, hidden=64, inner=96, heads=4, kv_heads=2, head_dim=16, vocabulary=70,
    window_tokens=64, norm_epsilon=1e-5, rope_theta=10_000.0, tied=False, start_id=0, qkv_bias=True,
)  # fmt: skip


class TinyCheckpoint:
    """Random weights of every kind: dense, 4-bit and 8-bit."""

    shape = SHAPE

    def names(self):
        raise AssertionError("weights are asked for by name")

    def weight(self, name):
        rng = np.random.default_rng(sum(map(ord, name)))
        s = SHAPE
        if name.endswith("norm.weight"):
            return rng.uniform(0.5, 1.5, s.hidden).astype(np.float32)
        rows = {"q_proj": 64, "k_proj": 32, "v_proj": 32, "o_proj": 64, "gate_proj": 96,
                "up_proj": 96, "down_proj": 64, "embed_tokens": 70, "lm_head": 70}  # fmt: skip
        part = name.split(".")[-2]
        out, inner = rows[part], 96 if part == "down_proj" else 64
        if name.endswith("bias"):
            return rng.normal(0, 0.2, out).astype(np.float32)
        if part in ("q_proj", "o_proj"):
            codes = rng.integers(0, 16, (out, inner // 32, 32)).astype(np.uint8)
            scale = rng.uniform(0.01, 0.03, (out, inner // 32)).astype(np.float16)
            return Q4Weight(codes, scale, (-8 * scale).astype(np.float16))
        if part == "embed_tokens":
            codes = rng.integers(-127, 128, (out, inner // 32, 32)).astype(np.int8)
            codes[:, :, 0] = 127
            scale = np.repeat(rng.uniform(0.01, 0.02, (out, 1)), inner // 32, 1)
            return Q8Weight(codes, scale.astype(np.float16))
        return rng.normal(0, 0.15, (out, inner)).astype(np.float16).astype(np.float32)


def reference_nats(ids):
    """A Llama-like model read token by token in plain NumPy; surprisal of ids[1:]."""
    w = lambda name: to_dense(TinyCheckpoint().weight(name)).astype(np.float64)  # noqa: E731
    s, n = SHAPE, len(ids)
    norm = lambda x, name: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * w(name)  # noqa: E731
    turn = np.arange(n)[:, None] * s.rope_theta ** (-np.arange(0, 16, 2) / 16)
    cos, sin = np.cos(turn), np.sin(turn)

    def rotate(x):  # (n, heads, 16)
        a, b = x[..., :8], x[..., 8:]
        c, d = cos[:, None], sin[:, None]
        return np.concatenate([a * c - b * d, b * c + a * d], -1)

    x = w("model.embed_tokens.weight")[ids]
    for layer in range(s.layers):
        p = f"model.layers.{layer}."
        h = norm(x, p + "input_layernorm.weight")
        q, k, v = (
            (h @ w(f"{p}self_attn.{m}_proj.weight").T + w(f"{p}self_attn.{m}_proj.bias"))
            .reshape(n, -1, 16) for m in "qkv"
        )  # fmt: skip
        q, k = rotate(q), rotate(k)
        read = np.zeros((n, s.heads, 16))
        for head in range(s.heads):
            logits = q[:, head] @ k[:, head // 2].T / 4
            logits[np.triu_indices(n, 1)] = -np.inf
            p_ = np.exp(logits - logits.max(-1, keepdims=True))
            read[:, head] = p_ / p_.sum(-1, keepdims=True) @ v[:, head // 2]
        x = x + read.reshape(n, -1) @ w(p + "self_attn.o_proj.weight").T
        h = norm(x, p + "post_attention_layernorm.weight")
        gate = h @ w(p + "mlp.gate_proj.weight").T
        inner = gate / (1 + np.exp(-gate)) * (h @ w(p + "mlp.up_proj.weight").T)
        x = x + inner @ w(p + "mlp.down_proj.weight").T
    logits = norm(x, "model.norm.weight") @ w("lm_head.weight").T
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -log_p[np.arange(n - 1), ids[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(70)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    convert(TinyCheckpoint(), tokenizer, place, start_id=3)
    return place


@pytest.fixture(scope="module")
def tiny(folder):
    return OpenVINOCausal(folder, name="tiny", precision="f32")


@pytest.fixture
def ids():
    return np.random.default_rng(5).integers(0, 70, 40)


def test_surprisals_are_those_of_the_plain_model(tiny, ids):
    nats, state = tiny.extend(tiny.empty(), ids, scored_from=1)
    np.testing.assert_allclose(nats, reference_nats(ids), atol=2e-3)
    assert state.length == 40


@pytest.mark.parametrize("lengths", [[9, 0, 12], [300, 5]])  # 300 is longer than the window
def test_scoring_from_a_token_on_is_scoring_everything_and_slicing(tiny, lengths):
    sequences = [np.random.default_rng(n).integers(0, 70, n) for n in lengths]
    first = [n * 2 // 3 for n in lengths]
    some = tiny.score(sequences, scored_from=first)
    for nats, every, at in zip(some, tiny.score(sequences), first, strict=True):
        np.testing.assert_allclose(nats, every[at:], atol=1e-4)


def test_reading_in_pieces_is_reading_at_once(tiny, ids):
    whole, _ = tiny.extend(tiny.empty(), ids, scored_from=1)
    _, state = tiny.extend(tiny.empty(), ids[:17], scored_from=17)
    rest, _ = tiny.extend(state, ids[17:], scored_from=1)
    np.testing.assert_allclose(rest, whole[17:], atol=1e-4)


def test_a_state_can_be_used_twice(tiny, ids):
    _, state = tiny.extend(tiny.empty(), ids[:17], scored_from=17)
    first, _ = tiny.extend(state, ids[17:], scored_from=1)
    second, _ = tiny.extend(state, ids[17:], scored_from=1)
    assert np.array_equal(first, second)


def test_packed_sequences_do_not_see_each_other(tiny, ids):
    packed = tiny.score([ids[:9], ids[9:9], ids[9:30]])
    alone = [reference_nats(np.concatenate([[3], part])) for part in (ids[:9], ids[9:30])]
    np.testing.assert_allclose(packed[0], alone[0], atol=2e-3)
    np.testing.assert_allclose(packed[2], alone[1], atol=2e-3)
    assert len(packed[1]) == 0


def test_selecting_the_first_tokens_is_having_read_only_them(tiny, ids):
    _, state = tiny.extend(tiny.empty(), ids[:20], scored_from=20)
    _, shorter = tiny.extend(tiny.empty(), ids[:12], scored_from=12)
    np.testing.assert_allclose(state.select(np.arange(12)).cache, shorter.cache, atol=1e-5)


def test_positions_close_up_over_what_is_dropped(tiny, ids):
    """Dropping the first entry turns each key back by one position; values stay."""
    _, state = tiny.extend(tiny.empty(), ids[:20], scored_from=20)
    closed = state.select(np.arange(1, 20)).cache
    turn = SHAPE.rope_theta ** (-np.arange(0, 16, 2) / 16)
    a, b = state.cache[0::2, ..., 1:, :8], state.cache[0::2, ..., 1:, 8:]
    back = np.concatenate(
        [a * np.cos(turn) + b * np.sin(turn), b * np.cos(turn) - a * np.sin(turn)], axis=-1
    )
    np.testing.assert_allclose(closed[0::2], back, atol=1e-5)
    assert np.array_equal(closed[1::2], state.cache[1::2, ..., 1:, :])


def least_surprising(model, state, last, steps):
    """Write the obvious way: try every token of the vocabulary, take the best, read it."""
    written = []
    for _ in range(steps):
        nats = [model.extend(state, np.array([last, i]), scored_from=1)[0][0] for i in range(70)]
        _, state = model.extend(state, np.array([last]), scored_from=1)
        last = int(np.argmin(nats))
        written.append(last)
    return written


@pytest.mark.parametrize("lengths", [[17], [5, 0, 30, 17]])
def test_what_is_written_is_the_likeliest_token_each_time(tiny, ids, lengths):
    states = [tiny.extend(tiny.empty(), ids[:n], scored_from=n)[1] if n else tiny.empty()
              for n in lengths]  # fmt: skip
    most = [4, 2, 0, 3][: len(lengths)]
    written = tiny.continue_greedily(states, [7] * len(lengths), most_tokens=most)
    for state, steps, found in zip(states, most, written, strict=True):
        assert found.tolist() == least_surprising(tiny, state, 7, steps)


def test_nothing_is_written_beyond_the_window(tiny, ids):
    _, state = tiny.extend(tiny.empty(), np.tile(ids, 2)[:60], scored_from=60)
    (written,) = tiny.continue_greedily([state], [7], most_tokens=[99])
    assert len(written) == 64 - 60


def test_branches_score_as_they_do_alone(tiny, ids):
    _, state = tiny.extend(tiny.empty(), ids[:11], scored_from=11)
    ways = [ids[20:25], ids[:0], ids[30:31], ids[33:40]]
    for way, nats in zip(ways, tiny.score_after(state, 7, ways), strict=True):
        alone, _ = tiny.extend(state, np.append(7, way), scored_from=1)
        np.testing.assert_allclose(nats, alone, atol=1e-4)


def test_the_start_token_is_the_one_it_was_converted_with(folder, tiny):
    assert tiny.start_id == 3
    assert json.loads((folder / "shape.json").read_text("utf-8"))["qkv_bias"] is True


@pytest.mark.parametrize("bad", [{"threads": 0}, {"precision": "int3"}])
def test_a_setting_out_of_range_is_refused(folder, bad):
    with pytest.raises(SettingError):
        OpenVINOCausal(folder, name="tiny", **bad)


def test_a_broken_model_file_is_reported(folder, tmp_path):
    for name in ("shape.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "body.xml").write_text("not a model", "utf-8")
    with pytest.raises(BackendError, match="cannot load"):
        OpenVINOCausal(tmp_path, name="tiny")


TEXT = "The cat sat on the mat because it was warm, and 1234 dogs barked at it."


@pytest.mark.model
def test_the_real_model_predicts_english(smollm2):
    nats = smollm2.score([smollm2.encode(TEXT).ids])[0]
    assert 2.0 < nats.mean() < 4.5


@pytest.mark.model
def test_every_digit_is_a_token(smollm2):
    tokens = smollm2.encode("1234")
    assert tokens.ends.tolist() == [1, 2, 3, 4]


@pytest.mark.model
def test_what_looks_like_a_special_token_is_text(smollm2):
    assert len(smollm2.encode("<|im_start|>")) > 1


@pytest.mark.model
def test_threads_change_no_bit(smollm2):
    ids = smollm2.encode(TEXT * 8).ids
    scores = [load_causal(threads=threads).score([ids])[0] for threads in (1, 2)]
    assert np.array_equal(*scores)


@pytest.mark.model
def test_the_same_call_gives_the_same_bits_whatever_came_between(smollm2):
    ids = smollm2.encode(TEXT).ids
    first = smollm2.score([ids])[0]
    smollm2.score([ids[::-1].copy(), ids[:5]])
    assert np.array_equal(first, smollm2.score([ids])[0])
