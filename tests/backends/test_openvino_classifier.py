"""The token classifier on the CPU: against transformers, alone and in company, in 8 bits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tiny_classifier import multiplied_out, renamed, to_8_bits, write_classifier
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from tersely.backends.classifier_folder import ClassifierFolder
from tersely.backends.load import load_classifier
from tersely.backends.openvino_classifier import frames
from tersely.backends.tokenizer import read_tokenizer
from tersely.errors import BackendError, ModelMismatch, SettingError

WORDS = st.sampled_from(["a", "cat", "dogs", "sat", "on", "the", "mat", ".", "running", "X"])
TEXTS = st.lists(st.lists(WORDS, max_size=10).map(" ".join), max_size=9)
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁a", "▁cat", "▁dog", "s", "▁sat", "▁the", "."]


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_classifier(tmp_path_factory.mktemp("bert") / "m")


@pytest.fixture(scope="module")
def tiny(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERSELY_HOME", str(tmp_path_factory.mktemp("home")))
        return load_classifier(str(folder), precision="f32")


def ids_of(backend, texts):
    return [backend.encode(text).ids for text in texts]


def write_roberta(path, kind):
    """Write a random (XLM-)RoBERTa or DistilBERT of transformers, with a tokenizer of its kind."""
    torch = pytest.importorskip("torch", reason="parity needs the extra torch")
    made = pytest.importorskip("transformers", reason="parity needs the extra torch")
    torch.manual_seed(3)
    sizes = {"vocab_size": len(PIECES), "pad_token_id": 1, "initializer_range": 0.3}
    if kind == "distilbert":
        sizes |= {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
        config = made.DistilBertConfig(**sizes, max_position_embeddings=24)
        model = made.DistilBertForTokenClassification(config)
    else:
        sizes |= {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
        sizes |= {"intermediate_size": 48, "max_position_embeddings": 26}
        names = {"roberta": "Roberta", "xlm-roberta": "XLMRoberta"}[kind]
        config = getattr(made, f"{names}Config")(**sizes, type_vocab_size=1)
        model = getattr(made, f"{names}ForTokenClassification")(config)
    for name, weight in model.named_parameters():
        if name.endswith(("bias", "LayerNorm.weight", "layer_norm.weight")):
            torch.nn.init.normal_(weight, 1.0 if "weight" in name else 0.0, 0.2)
    model.half().float().save_pretrained(path)  # 16 bits are what the graph has
    unigram = models.Unigram([(piece, -float(at)) for at, piece in enumerate(PIECES)], unk_id=3)
    tokenizer = Tokenizer(unigram)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.save(str(path / "tokenizer.json"))
    return path


def by_transformers(folder, text, question=""):
    """P(keep) of each token of a text, by torch; what is around it is left out."""
    import torch
    import transformers

    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    both = tokenizer.encode(question, text) if question else tokenizer.encode(text)
    given = {"input_ids": torch.tensor([both.ids])}
    if model.config.model_type == "bert":
        given["token_type_ids"] = torch.tensor([both.type_ids])
    with torch.no_grad():
        chances = model(**given).logits[0].double().softmax(-1)[:, 1].numpy()
    return chances[[owner == (1 if question else 0) for owner in both.sequence_ids]]


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", "distilbert"])
@pytest.mark.parametrize("question", ["", "the cat"])
def test_probabilities_are_those_of_transformers(tmp_path, folder, kind, question):
    pytest.importorskip("torch", reason="parity needs the extra torch")
    path = folder if kind == "bert" else write_roberta(tmp_path / "m", kind)
    backend = load_classifier(str(path), precision="f32")
    asked = backend.encode(question).ids
    texts = ["the cat sat", "a", "the dogs sat. a cat sat.", "the the the a cat. dogs"]
    found = backend.classify(ids_of(backend, texts), question=asked)
    for text, chances in zip(texts, found, strict=True):
        np.testing.assert_allclose(chances, by_transformers(path, text, question), atol=1e-4)


def test_a_random_model_tells_words_apart(tiny):
    (chances,) = tiny.classify(ids_of(tiny, ["the cat sat on a mat ."]))
    assert np.ptp(chances) > 0.1
    assert (chances >= 0).all()
    assert (chances <= 1).all()


@given(TEXTS)
@settings(max_examples=30)
def test_company_and_order_change_nothing_at_all(tiny, texts):
    ids = ids_of(tiny, texts)
    together, backwards = tiny.classify(ids), tiny.classify(ids[::-1])[::-1]
    for one, other, window in zip(together, backwards, ids, strict=True):
        assert len(one) == len(window)
        assert np.array_equal(one, other)
        assert np.array_equal(one, tiny.classify([window])[0])


def test_two_threads_may_ask_at_once(tiny):
    batches = [ids_of(tiny, ["the cat sat"] * n) for n in (1, 3, 9)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tiny.classify, batches))
    for chances, batch in zip(found, batches, strict=True):
        assert all(map(np.array_equal, chances, tiny.classify(batch)))


def test_windows_are_padded_to_their_own_width_and_passes_reported(tiny):
    seen = []
    texts = ["a cat", "", "the dog", "cat " * 20]
    tiny.classify(ids_of(tiny, texts), on_tokens=seen.append)
    assert seen == [8, 22]


def test_the_room_is_what_special_tokens_and_a_question_leave(tiny):
    assert tiny.window_tokens == 24
    assert tiny.room(np.zeros(0, np.int64)) == 22
    assert tiny.room(np.arange(5)) == 16
    full = np.full(16, 5)
    assert len(tiny.classify([full], question=np.arange(5))[0]) == 16


def test_a_question_changes_what_words_are_worth(tiny):
    ids = ids_of(tiny, ["the cat sat"])
    asked = tiny.encode("a dog").ids
    assert not np.allclose(tiny.classify(ids)[0], tiny.classify(ids, question=asked)[0])


def test_a_tokenizer_without_a_template_of_pairs_cannot_be_asked(tmp_path):
    path = write_classifier(tmp_path / "m")
    bare = Tokenizer.from_file(str(path / "tokenizer.json"))
    frame = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    bare.post_processor = frame
    bare.save(str(path / "tokenizer.json"))
    backend = load_classifier(str(path))
    assert len(backend.classify([np.array([4])])[0]) == 1
    with pytest.raises(ModelMismatch, match="no template of pairs"):
        backend.room(np.array([4]))


def test_8_bit_rows_are_read_as_their_product_and_stay_8_bits(tmp_path, folder):
    small = to_8_bits(folder, tmp_path / "int8")
    large = multiplied_out(small, tmp_path / "float")
    one, other = (load_classifier(str(path), precision="f32") for path in (small, large))
    ids = ids_of(one, ["the cat sat on the mat .", "dogs ran"])
    for left, right in zip(one.classify(ids), other.classify(ids), strict=True):
        np.testing.assert_allclose(left, right, atol=2e-3)  # the other has 16 bits
    sizes = sorted(file.stat().st_size for file in tmp_path.glob("home/converted/*/encoder.bin"))
    assert not sizes or sizes[0] < 0.7 * sizes[-1]


def test_8_bit_weights_need_a_scale_for_each_row(tmp_path, folder):
    small = to_8_bits(folder, tmp_path / "int8")
    weights = load_file(small / "model.safetensors")
    name = "bert.encoder.layer.0.output.dense.weight"
    save_file(weights | {f"{name}.scale": np.ones(3, np.float32)}, small / "model.safetensors")
    with pytest.raises(ModelMismatch, match=r"scale has 3 numbers for the 32 rows of"):
        load_classifier(str(small))
    weights.pop(f"{name}.scale")
    save_file(weights, small / "model.safetensors")
    with pytest.raises(ModelMismatch, match=r"is in 8 bits, and has no .*dense\.weight\.scale"):
        load_classifier(str(small))


def test_the_window_it_was_trained_on_is_kept_to(tmp_path):
    path = write_classifier(tmp_path / "m", config={"tersely_window": 16})
    assert load_classifier(str(path)).window_tokens == 16


BAD = [
    ({"config": {"model_type": "llama"}}, "it is a 'llama' model, and only 'bert' and 'roberta'"),
    ({"config": {"architectures": ["BertModel"]}}, "BertModel, which has no head that labels"),
    ({"config": {"architectures": ["BertForSequenceClassification"]}}, "labels tokens"),
    ({"config": {"id2label": {"0": "a", "1": "b", "2": "c"}}}, "its head has 3 labels"),
    ({"config": {"is_decoder": True}}, "left to right"),
    ({"config": {"hidden_size": 64}}, "word_embeddings.weight is 16 x 32, and is to be any x 64"),
    ({"config": {"num_attention_heads": 5}}, "5 heads do not divide a width of 32"),
    ({"sizes": {"bert.encoder.layer.0.intermediate.dense.weight": (48, 9)}}, "sizes of the weights"),
    ({"sizes": {"classifier.weight": (3, 32)}}, "classifier.weight is 3 x 32, and is to be 2 x 32"),
    ({"lost": ["classifier.weight", "classifier.bias"]}, "lacks 2 of its weights, first classif"),
    ({"sizes": {"bert.embeddings.word_embeddings.weight": (9, 32)}}, "knows 16 tokens, and the mo"),
    ({"sizes": {"bert.embeddings.word_embeddings.weight": (9999, 32)}}, "is another model's"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_is_no_token_classifier_is_refused_by_name(tmp_path, number):
    given, says = BAD[number]
    path = write_classifier(tmp_path / "m", **given)
    with pytest.raises(ModelMismatch, match=says):
        load_classifier(str(path))


def test_a_folder_without_tokenizer_or_with_a_damaged_file_is_refused(tmp_path):
    path = write_classifier(tmp_path / "m", lost=["tokenizer.json"])
    with pytest.raises(BackendError, match=r"has no tokenizer\.json"):
        load_classifier(str(path))
    write_classifier(path)
    (path / "tokenizer.json").write_text("{")
    with pytest.raises(BackendError, match="is not a tokenizer"):
        load_classifier(str(path))
    write_classifier(path)
    (path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(BackendError, match="not a whole safetensors file"):
        load_classifier(str(path))


def test_a_tokenizer_that_frames_no_text_is_refused(folder):
    bare = Tokenizer.from_file(str(folder / "tokenizer.json"))
    bare.post_processor = None
    with pytest.raises(ModelMismatch, match="puts no tokens around a text"):
        frames(bare)


def test_a_missing_setting_is_named(tmp_path):
    path = write_classifier(tmp_path / "m")
    (path / "config.json").write_text('{"model_type": "xlm-roberta"}')
    with pytest.raises(ModelMismatch, match="lacks 'max_position_embeddings'"):
        ClassifierFolder(path)


def test_labels_may_be_counted_instead_of_named(tmp_path):
    path = write_classifier(tmp_path / "m")
    renamed(path, {"num_labels": 2, "architectures": None})
    assert ClassifierFolder(path).vocabulary == 16


@pytest.mark.parametrize("given", [{"threads": 0}, {"precision": "f16"}, {"runtime": "torch"}])
def test_a_setting_out_of_range_is_refused(folder, given):
    with pytest.raises(SettingError):
        load_classifier(str(folder), **given)
