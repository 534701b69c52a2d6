import json

import pytest
from fakes import FakeBackend

from tersely.errors import ModelMismatch, SettingError
from tersely.scorers.head_file import HeadFile, load_heads

FILE = HeadFile(model="fake", shape=(4, 3), heads=((1, 0), (3, 2)), made={"seed": 7})


class NoAttention:
    """A backend without `attend`."""

    name = "http-model"


def named(name, shape=(4, 3)):
    backend = FakeBackend(name=name)
    backend.attention_shape = shape
    return backend


def test_a_file_is_read_as_it_was_written(tmp_path):
    FILE.save(tmp_path / "heads.json")
    assert HeadFile.load(tmp_path / "heads.json") == FILE
    assert load_heads(tmp_path / "heads.json", FakeBackend()) == FILE.heads
    assert load_heads(str(tmp_path / "heads.json"), FakeBackend()) == FILE.heads


def test_heads_can_be_given():
    assert load_heads([[1, 0], (3, 2)], FakeBackend()) == ((1, 0), (3, 2))


def test_the_default_model_has_its_heads_in_the_package():
    heads = load_heads(None, named("smollm2-135m", (30, 9)))
    assert len(heads) == 5
    assert max(layer for layer, _ in heads) < 20, "most of the upper layers are not run"


def test_a_model_without_a_file_says_how_to_make_one():
    with pytest.raises(ModelMismatch, match=r"tersely train heads --model fake --out heads\.json"):
        load_heads(None, FakeBackend())


@pytest.mark.parametrize("name", ["../heads", "/", "a/smollm2-135m", ""])
def test_a_models_name_is_not_a_path(name):
    with pytest.raises(ModelMismatch, match="is not known yet"):
        load_heads(None, named(name))


def test_heads_of_another_model_are_refused():
    with pytest.raises(ModelMismatch, match="30 layers of 9 heads; smollm2-135m has 4 of 3"):
        load_heads(None, named("smollm2-135m"))


def test_a_backend_that_shows_no_attention_is_refused():
    with pytest.raises(ModelMismatch, match="'http-model' does not show its attention"):
        load_heads(None, NoAttention())


BROKEN = ["", "[]", "{}", "null", '{"model": "m", "shape": [1], "heads": []}',
          '{"model": "m", "shape": [4, 3], "heads": [1]}']  # fmt: skip


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_head_file_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content, "utf-8")
    with pytest.raises(SettingError, match=r"x\.json is not a head file"):
        HeadFile.load(tmp_path / "x.json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"none\.json cannot be read: No such file"):
        HeadFile.load(tmp_path / "none.json")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(SettingError, match="cannot be written: No such file"):
        FILE.save(tmp_path / "none" / "heads.json")


WRONG = {
    "layer": ([[4, 0]], r"no head \(4, 0\): the model has 4 layers of 3 heads"),
    "head": ([[0, 3]], r"no head \(0, 3\)"),
    "negative": ([[-1, 0]], r"no head \(-1, 0\)"),
    "none": ([], "at least one"),
    "twice": ([[1, 0], [1, 0]], "only once"),
    "flat": ([1, 0], r"\(layer, head\) pairs; got \[1, 0\]"),
    "number": (3, "pairs; got 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_are_no_heads_is_refused(case):
    heads, said = WRONG[case]
    with pytest.raises(SettingError, match=said):
        load_heads(heads, FakeBackend())


def test_the_shipped_file_says_how_it_was_made():
    from importlib import resources

    shipped = resources.files("tersely.scorers") / "head_files" / "smollm2-135m.json"
    made = json.loads(shipped.read_text("utf-8"))["made"]
    assert {"seed", "samples", "sentences", "count", "scores", "tersely"} <= set(made)
