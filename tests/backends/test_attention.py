"""Whom the last tokens look at: both backends against each other and the model's own attention."""

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tersely.backends.attention import AttentionBackend
from tersely.backends.openvino_causal import OpenVINOCausal, convert
from tersely.backends.weights import LlamaShape
from tersely.errors import ModelMismatch

torch = pytest.importorskip("torch", reason="the torch backend needs the extra torch")
transformers = pytest.importorskip("transformers", reason="it needs the extra torch")

from tersely.backends.torch_causal import TorchCausal  # noqa: E402

LAYERS, HEADS = 3, 4
ALL = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]
BYTES = {char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
SHAPE = LlamaShape(
    layers=LAYERS, hidden=32, inner=48, heads=HEADS, kv_heads=2, head_dim=8, vocabulary=len(BYTES),
    window_tokens=2048, norm_epsilon=1e-6, rope_theta=10_000.0, tied=False, start_id=0,
)  # fmt: skip


class StateDict:
    """The checkpoint of a torch model."""

    shape = SHAPE

    def __init__(self, model):
        self.weights = {name: w.numpy() for name, w in model.state_dict().items()}

    def names(self):
        return iter(self.weights)

    def weight(self, name):
        return self.weights[name]


def tokenizer():
    cut = Tokenizer(models.BPE(BYTES, []))
    cut.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut.decoder = decoders.ByteLevel()
    return cut


def build(kind="Llama", **changes):
    """A model with weights large enough for its heads to differ, all of them exact in float16."""
    torch.manual_seed(0)
    sizes = {"vocab_size": len(BYTES), "hidden_size": 32, "intermediate_size": 48,
             "num_attention_heads": HEADS, "num_key_value_heads": 2, "num_hidden_layers": LAYERS,
             "max_position_embeddings": 2048, "pad_token_id": 1} | changes  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**sizes)
    config.initializer_range = 0.3
    model = transformers.AutoModelForCausalLM.from_config(config)
    for weight in model.parameters():
        weight.data = weight.data.half().float()
    return model.eval()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same model, run by torch and by OpenVINO."""
    model, folder = build(), tmp_path_factory.mktemp("tiny")
    convert(StateDict(model), tokenizer(), folder, start_id=0)
    theirs = TorchCausal(model, tokenizer(), name="tiny", start_id=0)
    return theirs, OpenVINOCausal(folder, name="tiny", threads=1, precision="f32")


def ids_of(length):
    return np.random.default_rng(length).integers(2, len(BYTES), length)


def own_attention(ids, rows):
    """What the model itself says it looks at, from the whole (T, T) table of every head."""
    model = build()
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        tables = model(torch.as_tensor(ids)[None], output_attentions=True).attentions
    return np.concatenate([table[0, :, -rows:].double().numpy() for table in tables])


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_both_show_their_attention(pair):
    for backend in pair:
        assert isinstance(backend, AttentionBackend)
        assert backend.attention_shape == (LAYERS, HEADS)


# Inside one pass, over several, rows on both sides of a cut between passes, every row.
@pytest.mark.parametrize(("length", "rows"), [(9, 3), (1100, 20), (520, 20), (12, 12), (1, 1)])
def test_logits_are_those_of_the_models_own_attention(pair, length, rows):
    ids = ids_of(length)
    expected = own_attention(ids, rows)
    for backend in pair:
        logits = backend.attend(ids, rows=rows, heads=ALL)
        assert logits.shape == (len(ALL), rows, length)
        np.testing.assert_allclose(softmax(logits), expected, atol=2e-4)


def test_both_agree_before_the_softmax_too(pair):
    theirs, ours = (b.attend(ids_of(700), rows=30, heads=ALL) for b in pair)
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_no_row_looks_ahead(pair):
    for backend in pair:
        logits = backend.attend(ids_of(6), rows=3, heads=[(0, 0)])
        assert np.isfinite(logits[0]).tolist() == np.tri(3, 6, 3, dtype=bool).tolist()


@pytest.mark.parametrize("heads", [[(0, 1)], [(1, 3), (0, 2)], [(2, 0), (2, 0)]])
def test_fewer_heads_and_layers_say_the_same(pair, heads):
    ids = ids_of(600)
    for backend in pair:
        whole = backend.attend(ids, rows=5, heads=ALL)[[ALL.index(head) for head in heads]]
        np.testing.assert_allclose(backend.attend(ids, rows=5, heads=heads), whole, rtol=1e-6)


def test_passes_report_their_tokens(pair):
    for backend in pair:
        passes = []
        backend.attend(ids_of(1100), rows=20, heads=[(1, 1)], on_tokens=passes.append)
        assert sum(passes) == 1100
        assert max(passes) <= 512


def test_attending_changes_no_score(pair):
    ids = ids_of(50)
    for backend in pair:
        before = backend.score([ids])[0]
        first = backend.attend(ids, rows=5, heads=[(0, 0)])
        assert backend.score([ids])[0].tobytes() == before.tobytes()
        assert backend.attend(ids, rows=5, heads=[(0, 0)]).tobytes() == first.tobytes()


@pytest.mark.parametrize("kind", ["Qwen2", "GPTNeoX", "Phi3"])
def test_other_models_show_theirs_in_torch(kind):
    backend = TorchCausal(build(kind), tokenizer(), name=kind, start_id=0)
    ids = torch.as_tensor(ids_of(40))
    logits = backend.attend(ids.numpy(), rows=7, heads=ALL)
    backend._model.set_attn_implementation("eager")
    with torch.inference_mode():
        tables = backend._model(ids[None], output_attentions=True).attentions
    expected = np.concatenate([table[0, :, -7:].double().numpy() for table in tables])
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-5)


def test_a_model_with_an_attention_of_its_own_is_refused():
    backend = TorchCausal(build(), tokenizer(), name="tiny", start_id=0)
    backend._model.set_attn_implementation("eager")
    with pytest.raises(ModelMismatch, match="run with 'eager' attention; only 'sdpa'"):
        backend.attend(ids_of(9), rows=2, heads=[(0, 0)])


def test_a_layer_that_forgets_tokens_is_refused():
    backend = TorchCausal(build("GPT2", n_layer=1), tokenizer(), name="tiny", start_id=0)
    forget = backend._read
    backend._read = lambda ids, at, **how: forget(ids[-5:], at[-5:], **how)
    with pytest.raises(ModelMismatch, match="one that forgets tokens"):
        backend.attend(ids_of(15), rows=8, heads=[(0, 0)])


@pytest.mark.parametrize("length", [1, 40, 700])
def test_what_may_follow_a_text_sees_what_it_would_see_alone(pair, length):
    ids = ids_of(length)
    branches = [ids_of(5), ids_of(300), ids_of(301), ids_of(1)]
    (_, ours), read = pair, []
    found = ours.attend_branches(ids, branches, heads=ALL, on_tokens=read.append)
    for branch, logits in zip(branches, found, strict=True):
        both = np.concatenate([ids, branch])
        alone = ours.attend(both, rows=len(branch), heads=ALL)[:, :, :length]
        np.testing.assert_allclose(logits, alone, atol=5e-3)
    assert sum(read) == length + sum(map(len, branches))
