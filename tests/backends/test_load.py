"""From a model's name to a backend."""

import dataclasses
import sys

import numpy as np
import pytest
from tiny_bert import vector, write_folder

from tersely.backends.load import load_causal, load_encoder, start_id_of
from tersely.backends.manifest import MANIFEST
from tersely.backends.store import ModelFiles
from tersely.errors import (
    MissingDependency,
    ModelMismatch,
    ModelNotFound,
    SettingError,
    UnknownName,
)

NAME = "smollm2-135m"


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"runtime": "onnx"}, "runtime is one of openvino, torch; not 'onnx'"),
        ({"precision": "f16"}, "precision is 'f32' or 'bf16', not 'f16'"),
        ({"threads": 0}, "threads is at least 1; got 0"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_anything_is_read(nothing_here, given, says):
    with pytest.raises(SettingError, match=says):
        load_causal(**given)


def test_a_model_that_is_not_here_says_how_to_fetch_it(nothing_here):
    with pytest.raises(ModelNotFound, match="tersely models pull smollm2-135m"):
        load_causal()


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_an_encoder_is_no_causal_model(nothing_here, tmp_path, runtime):
    for name in ("minilm-l6", str(write_folder(tmp_path / "bert"))):
        with pytest.raises(ModelMismatch, match=r"is an encoder.*such as 'smollm2-135m'"):
            load_causal(name, runtime=runtime)


def test_a_causal_model_is_no_encoder(nothing_here, tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"")
    for name in (NAME, str(tmp_path / "x.gguf")):
        with pytest.raises(ModelMismatch, match=r"is a causal model.*such as 'minilm-l6'"):
            load_encoder(name)


def test_an_encoder_that_is_not_here_says_how_to_fetch_it(nothing_here):
    with pytest.raises(ModelNotFound, match="tersely models pull minilm-l6"):
        load_encoder()


def test_an_encoder_runs_on_one_runtime(nothing_here):
    with pytest.raises(SettingError, match="'openvino', not 'torch'"):
        load_encoder(runtime="torch")


def test_an_encoder_of_another_kind_is_refused_by_name(nothing_here, tmp_path):
    folder = write_folder(tmp_path / "m", config={"model_type": "roberta"})
    with pytest.raises(ModelMismatch, match="'roberta'"):
        load_encoder(str(folder))
    assert list((tmp_path / "converted").iterdir()) == []


def test_an_encoder_in_a_local_folder_is_converted_once_and_loaded(nothing_here, tmp_path):
    folder = str(write_folder(tmp_path / "bert"))
    encoder = load_encoder(folder, precision="f32", threads=1)
    again = load_encoder(folder, precision="f32")
    expected = vector(encoder.encode("the cat sat").ids)
    np.testing.assert_allclose(encoder.embed(["the cat sat"])[0], expected, atol=0.01)
    np.testing.assert_allclose(again.embed(["the cat sat"])[0], expected, atol=0.01)
    assert (encoder.name, encoder.window_tokens) == (folder, 24)
    assert len(list((tmp_path / "converted").iterdir())) == 1


def test_a_misspelt_model_is_named(nothing_here):
    with pytest.raises(UnknownName, match="Did you mean 'smollm2-135m'"):
        load_causal("smollm2-135")


def test_torch_that_is_not_installed_is_asked_for(nothing_here, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "x.gguf").write_bytes(b"")
    with pytest.raises(MissingDependency, match=r"tersely\[torch\]"):
        load_causal(str(tmp_path / "x.gguf"), runtime="torch")


def test_the_manifest_chooses_the_start_token(tmp_path):
    class OfShape:
        shape = dataclasses.make_dataclass("Shape", ["start_id"])(5)

    manifest = MANIFEST[NAME]
    assert start_id_of(ModelFiles("x", tmp_path), OfShape()) == 5
    chosen = ModelFiles(NAME, tmp_path, dataclasses.replace(manifest, start_id=2))
    assert start_id_of(chosen, OfShape()) == 2
    left = ModelFiles(NAME, tmp_path, dataclasses.replace(manifest, start_id=None))
    assert start_id_of(left, OfShape()) == 5


@pytest.mark.model
def test_openvino_runs_on_the_cpu(smollm2):
    with pytest.raises(SettingError, match="not on 'cuda'; use runtime='torch'"):
        load_causal(device="cuda")


@pytest.mark.model
def test_the_loaded_model_says_what_it_is(smollm2):
    assert (smollm2.name, smollm2.window_tokens) == (NAME, 8192)


@pytest.mark.model
def test_reading_in_pieces_is_reading_at_once(smollm2, example):
    ids = smollm2.encode(example("meeting.txt")).ids[:300]
    whole = smollm2.score([ids])[0]
    nats, state = [], smollm2.empty()
    pending = np.array([smollm2.start_id])
    for part in np.split(ids, [7, 100, 101, 230]):
        read = np.concatenate([pending, part])
        more, state = smollm2.extend(state, read, scored_from=len(pending))
        nats, pending = [*nats, more], part[-1:]
        state = state.select(np.arange(state.length - 1))
    assert np.corrcoef(np.concatenate(nats), whole)[0, 1] > 0.999
    assert abs(np.concatenate(nats).mean() - whole.mean()) < 0.02


@pytest.mark.model
def test_packed_or_alone_the_numbers_are_close(smollm2, example):
    text = example("documents.txt")
    ids = [smollm2.encode(text[at : at + 300]).ids for at in range(0, 1500, 300)]
    packed = smollm2.score(ids)
    alone = [smollm2.score([one])[0] for one in ids]
    assert np.corrcoef(np.concatenate(packed), np.concatenate(alone))[0, 1] > 0.999


@pytest.mark.model
def test_a_state_is_not_changed_by_reading_on(smollm2):
    ids = smollm2.encode("The cat sat on the mat.").ids
    _, state = smollm2.extend(smollm2.empty(), ids, scored_from=len(ids))
    first, _ = smollm2.extend(state, ids, scored_from=1)
    smollm2.extend(state.select(np.arange(3)), ids[::-1].copy(), scored_from=1)
    again, _ = smollm2.extend(state, ids, scored_from=1)
    assert np.array_equal(first, again)


@pytest.mark.model
def test_dropping_from_the_cache_closes_the_gap(smollm2):
    """The tokens after a dropped stretch are predicted nearly as if it had never been there."""
    before, aside, after = (
        smollm2.encode(text).ids
        for text in ("The capital of France is", " — well, everybody knows —", " Paris.")
    )
    _, state = smollm2.extend(
        smollm2.empty(), np.concatenate([before, aside]), scored_from=len(before) + len(aside)
    )
    kept = state.select(np.arange(len(before) - 1))
    closed, _ = smollm2.extend(kept, np.concatenate([before[-1:], after]), scored_from=1)
    fresh, _ = smollm2.extend(
        smollm2.empty(), np.concatenate([before, after]), scored_from=len(before)
    )
    np.testing.assert_allclose(closed, fresh, atol=0.1)
