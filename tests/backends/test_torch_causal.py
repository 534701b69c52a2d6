"""The torch backend, on models with random weights, against all their logits at once."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tersely.backends.store import find_model
from tersely.errors import BackendError, ModelMismatch, SettingError

torch = pytest.importorskip("torch", reason="the torch backend needs the extra torch")
transformers = pytest.importorskip("transformers", reason="it needs the extra torch")

from tersely.backends.torch_causal import TorchCausal  # noqa: E402

BYTES = {char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
SIZES = {"vocab_size": len(BYTES), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def tokenizer():
    cut = Tokenizer(models.BPE(BYTES, []))
    cut.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut.decoder = decoders.ByteLevel()
    return cut


def model(kind="Llama", **changes):
    """Build a model whose weights are large enough for its predictions to differ."""
    torch.manual_seed(0)
    sizes = (LLAMA | {"num_hidden_layers": 2}) if "n_embd" not in changes else {}
    config = getattr(transformers, f"{kind}Config")(**(SIZES | sizes | changes))
    config.initializer_range = 0.3
    return transformers.AutoModelForCausalLM.from_config(config)


def backend(kind="Llama", **changes):
    return TorchCausal(model(kind, **changes), tokenizer(), name="tiny", start_id=0)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models this small are read faster by one thread than by several that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def llama():
    return backend()


@pytest.fixture(scope="module")
def one_layer():
    """With one layer a key depends on its token and position only, so cutting is exact."""
    return backend(num_hidden_layers=1)


def random_ids(length, seed=0):
    return np.random.default_rng(seed).integers(2, len(BYTES), length)


def reference(backend, ids):
    """Surprisal from the whole (T, V) table of logits."""
    whole = torch.as_tensor(np.concatenate([[backend.start_id], ids]))[None]
    with torch.inference_mode():
        logits = backend._model(whole).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, whole[0, 1:], reduction="none").numpy()


def read(backend, ids):
    return backend.extend(backend.empty(), ids, scored_from=len(ids))[1]


def same_cache(a, b):
    pairs = zip((*a.keys, *a.values), (*b.keys, *b.values), strict=True)
    return all(torch.allclose(x, y, atol=1e-5) for x, y in pairs)


@given(st.lists(st.integers(0, 30), max_size=9), st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_packed_scores_are_those_of_all_logits(llama, lengths, seed):
    sequences = [random_ids(n, seed + i) for i, n in enumerate(lengths)]
    for ids, nats in zip(sequences, llama.score(sequences), strict=True):
        np.testing.assert_allclose(nats, reference(llama, ids), atol=1e-4)


def test_a_sequence_longer_than_a_pass_scores_as_if_read_at_once(llama):
    ids = random_ids(700)
    np.testing.assert_allclose(llama.score([ids])[0], reference(llama, ids), atol=1e-4)


@pytest.mark.parametrize("lengths", [[9, 0, 12], [700, 5]])
def test_scoring_from_a_token_on_is_scoring_everything_and_slicing(llama, lengths):
    sequences = [random_ids(n, seed=n) for n in lengths]
    first = [n * 2 // 3 for n in lengths]
    some = llama.score(sequences, scored_from=first)
    for nats, every, at in zip(some, llama.score(sequences), first, strict=True):
        np.testing.assert_allclose(nats, every[at:], atol=1e-5)


def test_a_text_longer_than_the_window_is_read_all_the_same():
    small = backend(max_position_embeddings=64)
    ids = random_ids(300)
    nats = small.score([ids])[0]
    assert nats.shape == (300,)
    np.testing.assert_allclose(nats[:60], reference(small, ids[:60]), atol=1e-4)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_reading_in_pieces_is_reading_at_once(llama, sizes, seed):
    ids = random_ids(sum(sizes), seed)
    state, expected = llama.empty(), reference(llama, ids[1:])
    whole = np.concatenate([[llama.start_id], ids[1:]])
    for piece in np.split(whole, np.cumsum(sizes)[:-1]):
        first = state.length
        nats, state = llama.extend(state, piece, scored_from=1)
        np.testing.assert_allclose(nats, expected[first : first + len(nats)], atol=1e-4)
    assert state.length == len(ids)
    assert same_cache(state, read(llama, whole))


@pytest.mark.parametrize("scored_from", [1, 7, 9, 10])
def test_only_what_is_asked_for_is_scored(llama, scored_from):
    ids = random_ids(10)
    nats, _ = llama.extend(llama.empty(), ids, scored_from=scored_from)
    every, _ = llama.extend(llama.empty(), ids, scored_from=1)
    np.testing.assert_allclose(nats, every[scored_from - 1 :], atol=1e-5)


def test_a_state_can_be_used_twice(llama):
    state, ids = read(llama, random_ids(12)), random_ids(5, seed=1)
    before = [tensor.clone() for tensor in state.keys]
    first, _ = llama.extend(state, ids, scored_from=1)
    llama.extend(state, random_ids(5, seed=2), scored_from=1)
    again, _ = llama.extend(state, ids, scored_from=1)
    assert np.array_equal(first, again)
    assert all(map(torch.equal, before, state.keys))


kept_tokens = st.lists(st.integers(0, 19), unique=True, min_size=1).map(sorted)


@given(kept_tokens)
@settings(deadline=None, max_examples=20)
def test_selected_keys_are_those_of_the_new_positions(one_layer, kept):
    ids = random_ids(20)
    state = read(one_layer, ids).select(np.array(kept))
    assert state.length == len(kept)
    assert same_cache(state, read(one_layer, ids[kept]))


@given(kept_tokens)
@settings(deadline=None, max_examples=20)
def test_selecting_turns_keys_as_the_model_itself_would(llama, kept):
    state, kept = read(llama, random_ids(20)), np.array(kept)
    rotate = transformers.models.llama.modeling_llama.apply_rotary_pos_emb
    angles = llama._body.rotary_emb
    old_cos, old_sin = angles(state.keys[0], torch.as_tensor(kept)[None])
    new_cos, new_sin = angles(state.keys[0], torch.arange(len(kept))[None])
    for layer, selected in zip(state.keys, state.select(kept).keys, strict=True):
        plain, _ = rotate(layer[:, :, kept], layer[:, :, kept], old_cos, -old_sin)
        expected, _ = rotate(plain, plain, new_cos, new_sin)
        assert torch.allclose(selected, expected, atol=1e-5)


def test_selecting_twice_is_selecting_once(llama):
    state = read(llama, random_ids(20))
    twice = state.select(np.array([1, 3, 5, 9, 15])).select(np.array([0, 2, 4]))
    assert same_cache(twice, state.select(np.array([1, 5, 15])))


def test_selecting_all_or_none_needs_no_arithmetic(llama):
    state = read(llama, random_ids(6))
    assert state.select(np.arange(6)) is state
    assert state.select(np.arange(0)).length == 0
    assert llama.empty().select(np.arange(0)).length == 0


def test_reading_goes_on_after_everything_was_dropped(llama):
    ids = random_ids(8)
    emptied = read(llama, random_ids(6)).select(np.arange(0))
    np.testing.assert_allclose(
        llama.extend(emptied, ids, scored_from=1)[0],
        llama.extend(llama.empty(), ids, scored_from=1)[0],
        atol=1e-5,
    )


def likeliest(backend, ids, steps):
    """Write the obvious way: read everything again for each token."""
    for _ in range(steps):
        with torch.inference_mode():
            logits = backend._model(torch.as_tensor(ids)[None]).logits[0, -1]
        ids = np.append(ids, int(logits.argmax()))
    return ids[-steps:].tolist() if steps else []


@pytest.mark.parametrize("lengths", [[12], [5, 0, 12, 9]])
def test_what_is_written_is_the_likeliest_token_each_time(llama, lengths):
    states = [read(llama, random_ids(n)) if n else llama.empty() for n in lengths]
    most = [4, 2, 0, 3][: len(lengths)]
    written = llama.continue_greedily(states, [7] * len(lengths), most_tokens=most)
    for n, steps, found in zip(lengths, most, written, strict=True):
        assert found.tolist() == likeliest(llama, np.append(random_ids(n), 7), steps)


def test_a_special_token_ends_what_is_written_and_is_not_in_it():
    own = tokenizer()
    state = read(backend(), random_ids(12))
    third = backend().continue_greedily([state], [7], most_tokens=[3])[0][2]
    own.add_special_tokens([own.id_to_token(int(third))])
    (written,) = TorchCausal(model(), own, name="tiny", start_id=0).continue_greedily(
        [state], [7], most_tokens=[9]
    )
    assert third not in written
    assert len(written) <= 2


def test_branches_score_as_they_do_alone(llama):
    state, ways = read(llama, random_ids(11)), [random_ids(n, seed=n) for n in (5, 0, 1, 7)]
    for way, nats in zip(ways, llama.score_after(state, 7, ways), strict=True):
        alone, _ = llama.extend(state, np.append(7, way), scored_from=1)
        np.testing.assert_allclose(nats, alone, atol=1e-4)


def test_the_same_call_gives_the_same_bytes(llama):
    sequences = [random_ids(n) for n in (40, 3, 600)]
    first = llama.score(sequences)
    read(llama, random_ids(50))
    again = llama.score(sequences)
    assert all(map(np.array_equal, first, again))


def test_bfloat16_is_close():
    ids, exact = random_ids(50), backend()
    rough = TorchCausal(model().bfloat16(), tokenizer(), name="tiny", start_id=0)
    moved = read(rough, ids).select(np.arange(0, 50, 2))
    assert moved.keys[0].dtype == torch.bfloat16
    assert np.abs(rough.score([ids])[0] - exact.score([ids])[0]).mean() < 0.3


def test_passes_report_their_tokens(llama):
    counts = []
    llama.score([random_ids(10), random_ids(20)], on_tokens=counts.append)
    assert counts == [30]


def test_text_is_cut_by_the_models_tokenizer(llama):
    tokens = llama.encode("a é")
    assert tokens.ids.tolist() == [BYTES[c] for c in "aĠÃ©"]
    assert tokens.ends.tolist() == [1, 2, 2, 3]
    assert (llama.name, llama.start_id, llama.window_tokens) == ("tiny", 0, 4096)


ONE_LAYER = {"num_hidden_layers": 1}
PARTIAL = {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}


@pytest.mark.parametrize(
    ("kind", "changes"), [("Qwen2", {}), ("Mistral", {}), ("GPTNeoX", PARTIAL), ("Phi", PARTIAL)]
)
def test_other_rotary_models_move_their_keys_too(kind, changes):
    other, ids = backend(kind, **ONE_LAYER, **changes), random_ids(12)
    np.testing.assert_allclose(other.score([ids])[0], reference(other, ids), atol=1e-4)
    assert same_cache(read(other, ids).select(np.array([2, 7])), read(other, ids[[2, 7]]))


GPT2 = {"n_embd": 32, "n_layer": 1, "n_head": 4, "n_positions": 64}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("GPT2", GPT2),
        ("GPTJ", GPT2 | {"rotary_dim": 8}),
        ("Cohere", ONE_LAYER | {"logit_scale": 1.0}),
    ],
)
def test_keys_that_are_not_turned_by_halves_stay_where_they_are(kind, changes):
    other, ids = backend(kind, **changes), random_ids(12)
    np.testing.assert_allclose(other.score([ids])[0], reference(other, ids), atol=1e-4)
    assert read(other, ids).select(np.arange(5)).length == 5
    with pytest.raises(ModelMismatch, match="cannot be moved"):
        read(other, ids).select(np.array([2, 7]))


def test_rotary_frequencies_that_depend_on_the_length_are_not_turned():
    rope = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    with pytest.raises(ModelMismatch, match="cannot be moved"):
        read(backend(rope_parameters=rope), random_ids(9)).select(np.array([2, 7]))


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        ("Gemma2", {"head_dim": 8, "final_logit_softcapping": 0.1}, "after its head"),
        ("Bloom", {"n_embd": 32, "n_layer": 1, "n_head": 4}, "window|how long a text|positions"),
    ],
)
def test_models_that_would_be_read_wrongly_are_refused(kind, changes, why):
    with pytest.raises(ModelMismatch, match=why):
        backend(kind, **changes)


@pytest.fixture
def folder(tmp_path):
    model().save_pretrained(tmp_path)
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_folder_is_loaded_whole(folder, llama):
    loaded, ids = TorchCausal.load(find_model(str(folder))), random_ids(30)
    assert np.array_equal(loaded.score([ids])[0], llama.score([ids])[0])
    assert (loaded.name, loaded.start_id) == (str(folder), 0)


def test_a_folder_in_bfloat16_is_loaded_as_asked(folder):
    loaded = TorchCausal.load(find_model(str(folder)), dtype="bfloat16")
    assert read(loaded, random_ids(3)).keys[0].dtype == torch.bfloat16


def test_a_folder_that_lacks_a_weight_is_refused(folder):
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelMismatch, match=r"first model\.layers\.1\.mlp\.up_proj"):
        TorchCausal.load(find_model(str(folder)))


def test_a_model_that_brings_its_own_code_is_not_run(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(folder / 'was_run')!r}, 'w')")
    with pytest.raises(BackendError, match="could not be loaded"):
        TorchCausal.load(find_model(str(folder)))
    assert not (folder / "was_run").exists()


@pytest.mark.parametrize("setting", [{"dtype": "int8"}, {"device": "nowhere"}])
def test_a_setting_out_of_range_is_named(folder, setting):
    with pytest.raises(SettingError, match=next(iter(setting.values()))):
        TorchCausal.load(find_model(str(folder)), **setting)
