"""The encoder: a tiny model against plain NumPy, and facts about the real one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import texts
from tiny_bert import SHAPE, TinyBert, tokenizer, vector

from tersely.backends import openvino_encoder, store
from tersely.backends.openvino_encoder import OpenVINOEncoder, Window, convert, frame_ids, passes
from tersely.backends.tokenizer import read_tokenizer
from tersely.errors import BackendError, ModelMismatch, SettingError

WORDS = st.sampled_from(["a", "cat", "dogs", "sat", "on", "the", "mat", ".", "running", "X"])
SENTENCES = st.lists(WORDS, max_size=70)
IN_MANY_TONGUES = [
    "A cat sat on the mat.", "Where is the invoice INV-20391?", "x", "42", "Ends without",
    "Le chat est sur la table, n'est-ce pas ?", "Wie viel kostet die Fahrkarte nach Zürich?",
    "¿Dónde está la biblioteca?", "Il treno parte alle 9:15 dal binario 3.", "日本語。 猫。",
    "Привет, как дела?", "العربية، مرحبا", "שלום עולם", "हिन्दी में एक वाक्य", "한국어 문장",
    "def f(x):\n    return x**2 + 1", '{"id": [1, null, 3.5]}', "👩\u200d🚀 in space 🚀",
    "The committee met on 3 March, found no quorum, and adjourned. " * 4,
    "Every train was late; nobody minded. " * 20,
]  # fmt: skip


def made(folder, shape=SHAPE, **settings):
    folder.mkdir(exist_ok=True)
    convert(TinyBert(shape), tokenizer(), folder)
    return OpenVINOEncoder(folder, name="tiny", **settings)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return made(tmp_path_factory.mktemp("tiny"), precision="f32")


def slow(encoder, text):
    """The mean of the vectors of windows of at most 18 tokens, by their tokens."""
    ids = encoder.encode(text).ids
    if len(ids) == 0:
        return np.zeros(32)
    windows = np.array_split(ids, -(-len(ids) // 18))
    total = sum(len(window) * vector(window) for window in windows)
    return total / np.linalg.norm(total)


@given(st.lists(SENTENCES.map(" ".join), max_size=8))
@settings(max_examples=40)
def test_a_vector_is_that_of_the_text_read_alone_in_numpy(tiny, sentences):
    expected = np.array([slow(tiny, text) for text in sentences]).reshape(-1, 32)
    np.testing.assert_allclose(tiny.embed(sentences), expected, atol=0.01)


@given(st.lists(SENTENCES.map(" ".join), min_size=1, max_size=12))
@settings(max_examples=30)
def test_a_vector_does_not_depend_on_the_other_texts(tiny, sentences):
    together = tiny.embed(sentences)
    alone = np.concatenate([tiny.embed([text]) for text in sentences])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@given(texts)
def test_any_text_gives_a_vector_of_length_one_or_zero(tiny, text):
    length = np.linalg.norm(tiny.embed([text]), axis=1)[0]
    assert length == pytest.approx(1 if len(tiny.encode(text)) else 0)


@given(texts)
def test_tokens_tile_the_original_though_the_model_reads_lower_case(tiny, text):
    tokens = tiny.encode(text)
    if len(tokens):
        assert (tokens.starts[0], tokens.ends[-1]) == (0, len(text))
        assert np.array_equal(tokens.starts[1:], tokens.ends[:-1])


def test_the_first_token_can_stand_for_the_text(tmp_path):
    shape = replace(SHAPE, pooling="cls")
    encoder = made(tmp_path / "cls", shape, precision="f32")
    ids = encoder.encode("the cat sat").ids
    np.testing.assert_allclose(encoder.embed(["the cat sat"])[0], vector(ids, shape), atol=0.01)


def test_windows_count_by_their_tokens(tiny):
    parts = ["cat " * 10, "on the mat sat a dog . and ran"]  # 19 tokens: more than 18
    ten, nine = tiny.embed(parts)
    whole = 10 * ten + 9 * nine
    expected = whole / np.linalg.norm(whole)
    np.testing.assert_allclose(tiny.embed(["".join(parts)])[0], expected, atol=1e-5)


def test_no_texts_give_no_vectors(tiny):
    assert tiny.embed([]).shape == (0, 32)


def test_a_name_of_a_special_token_is_plain_text(tiny):
    assert len(tiny.encode("[CLS]")) == 3
    assert not np.array_equal(tiny.embed(["[CLS] cat"]), tiny.embed(["cat"]))


def test_each_pass_is_reported_with_the_tokens_it_took(tiny):
    seen = []
    tiny.embed(["a cat", "", "the dog", "cat " * 20], on_tokens=seen.append)
    assert seen == [8, 24]


@given(st.lists(st.integers(1, 500), max_size=60))
def test_a_pass_is_of_one_width_and_bounded_and_none_is_left_out(widths):
    windows = [Window(n, np.ones(1, np.int64), width) for n, width in enumerate(widths)]
    groups = list(passes(windows))
    assert sorted(w.text for group in groups for w in group) == list(range(len(widths)))
    for group in groups:
        assert len({window.width for window in group}) == 1
        assert len(group) * group[0].width <= openvino_encoder.PASS_TOKENS


def test_two_threads_may_embed_at_once(tiny):
    batches = [["the cat sat"] * 3, ["a dog ran and ran"], ["mat ."] * 9] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tiny.embed, batches))
    for vectors, batch in zip(found, batches, strict=True):
        np.testing.assert_allclose(vectors, tiny.embed(batch), atol=1e-6)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"threads": 0}, "threads is at least 1; got 0"), ({"precision": "f16"}, "not 'f16'")],
)
def test_a_setting_out_of_range_is_refused(tmp_path, given, says):
    with pytest.raises(SettingError, match=says):
        OpenVINOEncoder(tmp_path, name="x", **given)


def test_a_damaged_folder_is_refused(tmp_path):
    made(tmp_path)
    (tmp_path / "encoder.xml").write_text("<net")
    with pytest.raises(BackendError, match="OpenVINO cannot load"):
        OpenVINOEncoder(tmp_path, name="x")


def test_a_tokenizer_that_frames_no_text_is_refused():
    bare = tokenizer()
    bare.post_processor = None
    with pytest.raises(ModelMismatch, match="puts 0 tokens around a text"):
        frame_ids(bare)


@pytest.mark.model
def test_the_real_encoder_says_what_it_is(minilm):
    assert (minilm.name, minilm.window_tokens) == ("minilm-l6", 256)


@pytest.mark.model
@pytest.mark.parametrize(
    "text", ["[CLS]", "\ud83d x", "x y" * 400, "a " + "b" * 100_000, "İ ﬁ é 猫"]
)
def test_the_real_encoder_reads_any_text(minilm, text):
    assert np.linalg.norm(minilm.embed([text])) == pytest.approx(1)
    assert minilm.encode(text).ends[-1] == len(text)


@pytest.mark.model
@pytest.mark.parametrize("text", ["", " \n", "\0", "\u200b"])
def test_nothing_to_read_is_the_zero_vector(minilm, text):
    assert not minilm.embed([text]).any()


@pytest.mark.model
def test_what_means_the_same_lies_nearer(minilm):
    vectors = minilm.embed(["How much is a ticket?", "The fare is two francs.", "Cats purr."])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


@pytest.mark.model
def test_alone_or_among_others_the_real_vector_is_the_same(minilm, example):
    pieces = [example("meeting.txt")[at : at + 40 + at // 9] for at in range(0, 2000, 100)]
    alone = np.concatenate([minilm.embed([piece]) for piece in pieces])
    np.testing.assert_allclose(minilm.embed(pieces), alone, atol=1e-3)


@pytest.fixture(scope="module")
def bert():
    """The same model by transformers, in float32."""
    transformers = pytest.importorskip("transformers", reason="parity needs the extra torch")
    pytest.importorskip("torch", reason="parity needs the extra torch")
    return transformers.BertModel.from_pretrained(store.pulled_path("minilm-l6")).eval()


@pytest.mark.model
def test_vectors_lie_where_transformers_puts_them(minilm, bert):
    import torch

    first, last = frame_ids(read_tokenizer(store.pulled_path("minilm-l6") / "tokenizer.json"))
    ours = minilm.embed(IN_MANY_TONGUES)
    for vector_, text in zip(ours, IN_MANY_TONGUES, strict=True):
        ids = torch.tensor([[first, *minilm.encode(text).ids.tolist(), last]])
        with torch.no_grad():
            mean = bert(ids).last_hidden_state[0].double().mean(0)
        assert vector_ @ (mean / mean.norm()).numpy() >= 0.998
