import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_bert import SHAPE, TinyBert, write_folder

from tersely.backends.bert_folder import BertFolder
from tersely.errors import BackendError, ModelMismatch

WORDS = "embeddings.word_embeddings.weight"
CLS = {
    "pooling_mode_cls_token": True,
    "pooling_mode_mean_tokens": False,
    "word_embedding_dimension": 1,
}
MODULE = "sentence_transformers.models."


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_weights_are_read_by_name_with_or_without_a_head_above(tmp_path, prefix):
    folder = BertFolder(write_folder(tmp_path, prefix=prefix))
    assert np.array_equal(folder.weight(WORDS), TinyBert().weight(WORDS))


def test_the_shape_is_that_of_the_settings(tmp_path):
    window = {"sentence_bert_config.json": {"max_seq_length": 20}}
    assert BertFolder(write_folder(tmp_path, **window)).shape == SHAPE


@pytest.mark.parametrize(("asked", "window"), [(None, 24), (512, 24), (9, 9)])
def test_the_window_is_never_longer_than_the_positions(tmp_path, asked, window):
    folder = write_folder(tmp_path, **{"sentence_bert_config.json": {"max_seq_length": asked}})
    assert BertFolder(folder).shape.window_tokens == window


def test_the_first_token_stands_for_the_text_where_the_model_says_so(tmp_path):
    assert BertFolder(write_folder(tmp_path / "a")).shape.pooling == "mean"
    first = write_folder(tmp_path / "b", **{"1_Pooling/config.json": CLS})
    assert BertFolder(first).shape.pooling == "cls"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "roberta"}, "it is a 'roberta' model, and only 'bert'"),
        ({"model_type": "llama"}, "it is a 'llama' model.*An encoder that can: 'minilm-l6'"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"is_decoder": True}, "left to right"),
        ({"position_embedding_type": "relative_key"}, "'relative_key', not 'absolute'"),
        ({"hidden_act": "relu"}, "not gelu"),
        ({"num_hidden_layers": 3}, r"lacks 16 of its weights, first encoder\.layer\.2"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path, config, reason):
    with pytest.raises(ModelMismatch, match=reason):
        BertFolder(write_folder(tmp_path, config=config))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"modules.json": [{"type": MODULE + "Transformer"}, {"type": MODULE + "Dense"}]},
            "'Dense'",
        ),
        ({"modules.json": {"type": 1}}, "modules.json is not the list"),
        ({"1_Pooling/config.json": {"pooling_mode_max_tokens": True}}, "neither mean nor cls"),
        (
            {"1_Pooling/config.json": CLS | {"pooling_mode_mean_tokens": True}},
            "neither mean nor cls",
        ),
    ],
)
def test_another_way_from_tokens_to_a_vector_is_refused(tmp_path, files, reason):
    with pytest.raises(ModelMismatch, match=reason):
        BertFolder(write_folder(tmp_path, **files))


def test_a_missing_setting_is_named(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelMismatch, match="lacks 'max_position_embeddings'"):
        BertFolder(folder)


def test_a_damaged_file_and_a_folder_of_other_weights_are_refused(tmp_path):
    folder = write_folder(tmp_path)
    save_file({"x": np.zeros(1, np.float32)}, folder / "model.safetensors")
    with pytest.raises(ModelMismatch, match=r"lacks 37 of its weights, first embeddings\.word"):
        BertFolder(folder)
    (folder / "model.safetensors").write_bytes(b"half")
    with pytest.raises(BackendError, match="not a whole safetensors file"):
        BertFolder(folder)
