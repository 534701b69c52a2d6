"""An export is small, is read by the runtime, and keeps the words that the weights keep."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tiny_labels import make_base, make_row, make_rows, write_labels

from tersely.backends.classifier_folder import ClassifierFolder
from tersely.backends.load import load_classifier
from tersely.backends.safetensors_folder import names_in
from tersely.errors import BackendError, ModelMismatch, SettingError
from tersely.training import export
from tersely.training.export import export_classifier, kept_overlap, read_texts, to_rows
from tersely.training.token_classifier import Settings, train

WORDS = ["the", "a", "on", "and", "sat", "ran", "mat", "dog", "cat"]
NAME = "encoder.layer.0.intermediate.dense.weight"


def graded_rows(count):
    """Texts of different words, each word with a value of its own: no two are equally good."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.permutation(WORDS).tolist()) for _ in range(count)]
    grades = {word: number / len(WORDS) for number, word in enumerate(WORDS)}
    return [
        make_row(text, number=number, values=tuple(grades[word] for word in text.split()))
        for number, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint that knows an order of words."""
    place = tmp_path_factory.mktemp("export")
    labels = write_labels(place / "labels.jsonl", graded_rows(30))
    base = str(make_base(place / "base"))
    settings = Settings(
        labels=(labels,), out=place / "out", base_model=base, window_tokens=32, batch_tokens=64,
        learning_rate=2e-2, epochs=8, patience=8, threads=1, device="cpu",
    )  # fmt: skip
    return train(settings).out


@pytest.fixture(autouse=True)
def no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-9, 9, width=32))
)
def test_no_weight_moves_by_more_than_half_a_step(dense):
    rows = to_rows(dense)
    assert rows.codes.dtype == np.int8
    assert (np.abs(rows.dense() - dense) <= rows.scale * 0.5001 + 1e-12).all()
    assert (np.abs(rows.codes) <= 127).all()


def test_an_export_is_read_as_what_it_was_made_from(trained, tmp_path):
    exported = export_classifier(str(trained), tmp_path / "small", int8=True)
    one, other = ClassifierFolder(trained), ClassifierFolder(exported.out)
    assert other.weight(NAME).codes.dtype == np.int8
    assert np.abs(other.weight(NAME).dense() - one.weight(NAME)).max() < 0.02
    assert np.array_equal(other.head()[0], one.head()[0])
    assert other.shape == one.shape


def test_an_export_is_a_model_that_loads(trained, tmp_path):
    exported = export_classifier(str(trained), tmp_path / "small", int8=True)
    backend = load_classifier(str(exported.out))
    (chances,) = backend.classify([backend.encode(" ".join(WORDS)).ids])
    assert chances[-1] > 0.6 > 0.4 > chances[0]
    assert exported.texts == 3
    assert min(exported.overlaps.values()) > 0.9


def test_int8_is_about_a_quarter(trained, tmp_path):
    whole = export_classifier(str(trained), tmp_path / "whole").out / "model.safetensors"
    small = export_classifier(str(trained), tmp_path / "small", int8=True).out / "model.safetensors"
    assert small.stat().st_size < 0.6 * whole.stat().st_size  # of a tiny model, biases are much
    assert NAME + ".scale" in [name.removeprefix("bert.") for name in names_in(small)]


def test_the_same_checkpoint_gives_the_same_file(trained, tmp_path):
    for name in ("one", "two"):
        export_classifier(str(trained), tmp_path / name, int8=True)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_card_says_what_was_learnt_and_names_no_place(trained, tmp_path):
    notes = {"licence": "CC-BY-SA-4.0", "data": "Invented sentences."}
    out = export_classifier(str(trained), tmp_path / "small", int8=True, notes=notes).out
    card = (out / "README.md").read_text()
    for said in ("Licence: CC-BY-SA-4.0", "Invented sentences.", "30 `toy`", " steps, ", "| seed | 0 |",
                 "8-bit rows", "| epoch |", "languages only: en", "It knows no question"):  # fmt: skip
        assert said in card
    assert str(trained.parent) not in card + (out / "tersely.json").read_text()
    assert json.loads((out / "tersely.json").read_text())["export"]["int8"] is True


def test_an_export_that_keeps_other_words_is_refused_unless_forced(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "to_rows", lambda dense: to_rows(np.roll(dense, 1)))
    with pytest.raises(BackendError, match=r"At rate 0\.\d+ the export keeps other words"):
        export_classifier(str(trained), tmp_path / "small", int8=True)
    assert not (tmp_path / "small").exists()
    forced = export_classifier(str(trained), tmp_path / "small", int8=True, force=True)
    assert min(forced.overlaps.values()) < 0.9
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_texts_can_be_given(trained, tmp_path):
    exported = export_classifier(str(trained), tmp_path / "small", texts=["the cat sat", "", "a"])
    assert exported.texts == 3
    assert exported.overlaps == {0.5: 1.0, 0.33: 1.0, 0.2: 1.0}


def test_texts_are_read_from_rows_or_whole_files(tmp_path):
    labels = write_labels(tmp_path / "l.jsonl", make_rows(2) * 2)
    (tmp_path / "t.txt").write_text("one\ntwo")
    assert len(read_texts(labels)) == 2
    assert read_texts(tmp_path / "t.txt") == ["one\ntwo"]
    with pytest.raises(SettingError, match=r"no\.txt cannot be read"):
        read_texts(tmp_path / "no.txt")


def test_the_overlap_of_kept_words_is_jaccards():
    values, other = np.array([4.0, 3, 2, 1]), np.array([4.0, 1, 2, 3])
    assert kept_overlap(values, other, 0.5) == pytest.approx(1 / 3)
    assert kept_overlap(values, other, 0.01) == 1.0


def test_what_cannot_be_exported_is_refused(trained, tmp_path):
    with pytest.raises(BackendError, match="is there already; nothing was written"):
        export_classifier(str(trained), tmp_path)
    with pytest.raises(SettingError, match="no text to check"):
        export_classifier(str(trained), tmp_path / "new", texts=[" "])
    with pytest.raises(ModelMismatch, match="lacks 2 of its weights, first classifier"):
        export_classifier(str(trained.parent / "base"), tmp_path / "new")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelMismatch, match="is a causal model, not a token classifier"):
        export_classifier(str(tmp_path / "model.gguf"), tmp_path / "new")


def test_an_export_is_not_exported_again(trained, tmp_path):
    small = export_classifier(str(trained), tmp_path / "small", int8=True)
    with pytest.raises(ModelMismatch, match="is in 8 bits already"):
        export_classifier(str(small.out), tmp_path / "new")
