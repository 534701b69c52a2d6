import dataclasses
import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from tersely.backends import store
from tersely.backends.manifest import MANIFEST
from tersely.errors import BackendError, ModelCorrupt, ModelMismatch, ModelNotFound, UnknownName


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def model_folder(path, **files):
    path.mkdir(parents=True)
    for name, content in {"config.json": "{}", "model.safetensors": "w", **files}.items():
        (path / name).write_text(content)
    return path


def hub_model(cache, name, **files):
    repo = cache / f"models--{name.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("abc")
    return model_folder(repo / "snapshots" / "abc", **files)


def hidden(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_the_store_is_in_the_users_caches_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("TERSELY_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.models_dir() == tmp_path / "tersely" / "models"


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_platform_has_a_place(monkeypatch, platform):
    monkeypatch.delenv("TERSELY_HOME")
    monkeypatch.setattr("sys.platform", platform)
    assert store.home().name == "tersely"
    assert store.home().is_absolute()


def test_a_short_name_that_is_not_here_says_how_to_fetch_it():
    assert not store.is_pulled("smollm2-135m")
    with pytest.raises(ModelNotFound, match=r"tersely models pull smollm2-135m$"):
        store.find_model("smollm2-135m")


def test_a_short_name_that_is_here_is_found_with_its_manifest():
    path = store.pulled_path("smollm2-135m")
    path.parent.mkdir(parents=True)
    path.write_text("gguf")
    files = store.find_model("smollm2-135m")
    assert (files.path, files.manifest, files.is_gguf) == (path, MANIFEST["smollm2-135m"], True)
    assert store.is_pulled("smollm2-135m")


def test_a_short_names_file_with_another_hash_is_corrupt():
    path = store.pulled_path("smollm2-135m")
    path.parent.mkdir(parents=True)
    path.write_text("not the model")
    with pytest.raises(ModelCorrupt, match="b179c9523d0e"):
        store.find_model("smollm2-135m").content_key()


def test_the_place_and_the_key_of_a_single_file_are_what_they_always_were(home, monkeypatch):
    manifest = dataclasses.replace(
        MANIFEST["smollm2-135m"], sha256=hashlib.sha256(b"w").hexdigest()
    )
    monkeypatch.setitem(MANIFEST, "smollm2-135m", manifest)
    path = home / "models" / "smollm2-135m" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"w")
    assert store.find_model("smollm2-135m").path == path
    assert store.find_model("smollm2-135m").content_key() == manifest.sha256


@pytest.fixture
def encoder(monkeypatch):
    """A model of several files that is here, its manifest stating their hashes."""
    manifest = MANIFEST["minilm-l6"]
    known = [dataclasses.replace(f, sha256=sha256_of(f.name)) for f in manifest.files]
    manifest = dataclasses.replace(manifest, sha256=known[0].sha256, beside=tuple(known[1:]))
    monkeypatch.setitem(MANIFEST, "minilm-l6", manifest)
    for path in store.pulled_files(manifest):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return manifest


def sha256_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_model_of_several_files_is_their_folder(encoder, home):
    files = store.find_model("minilm-l6")
    assert files.path == home / "models" / "minilm-l6" == store.pulled_path("minilm-l6")
    assert not files.is_gguf
    assert store.is_pulled("minilm-l6")


def test_a_model_that_lacks_one_of_its_files_is_not_here(encoder):
    store.pulled_files(encoder)[1].unlink()
    assert not store.is_pulled("minilm-l6")
    with pytest.raises(ModelNotFound, match=r"tersely models pull minilm-l6$"):
        store.find_model("minilm-l6")


def test_the_key_of_several_files_needs_each_to_be_right(encoder):
    assert len(store.find_model("minilm-l6").content_key()) == 64
    for path in store.pulled_files(encoder):
        path.write_text("other")
        with pytest.raises(ModelCorrupt, match=f"{path.name} has the SHA-256"):
            store.find_model("minilm-l6").content_key()
        path.write_text(path.name)


def test_a_local_folder_and_a_local_file_are_models(tmp_path):
    folder = model_folder(tmp_path / "mine")
    (tmp_path / "mine.gguf").write_text("gguf")
    assert store.find_model(str(folder)).path == folder
    assert store.find_model(str(tmp_path / "mine.gguf")).is_gguf
    assert not store.find_model(str(folder)).is_gguf


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_a_hub_id_is_found_in_the_hub_cache(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(tmp_path))
    below = {"HF_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}[variable]
    folder = hub_model(tmp_path / below, "org/small.model")
    assert store.find_model("org/small.model").path == folder


def test_a_hub_id_that_is_not_here_says_how_to_fetch_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound, match=r"tersely models pull org/model$"):
        store.find_model("org/model")


def test_a_half_fetched_hub_model_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (hub_model(tmp_path, "org/model") / "config.json").unlink()
    with pytest.raises(ModelNotFound):
        store.find_model("org/model")


def test_a_name_of_no_kind_is_unknown():
    with pytest.raises(UnknownName, match="Did you mean 'smollm2-135m'"):
        store.find_model("smollm-135m")


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "../x/y", "gone.gguf"])
def test_a_path_to_nothing_is_named(name):
    with pytest.raises(ModelNotFound, match="no model folder"):
        store.find_model(name)


def test_shards_are_those_of_the_index_in_its_order(tmp_path):
    index = {"weight_map": {"a": "2.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}
    shards = {"1.safetensors": "", "2.safetensors": ""}
    folder = model_folder(
        tmp_path / "m", **{"model.safetensors.index.json": json.dumps(index)}, **shards
    )
    assert [path.name for path in store.weight_files(folder)] == ["2.safetensors", "1.safetensors"]


def test_a_missing_shard_is_named(tmp_path):
    index = json.dumps({"weight_map": {"a": "lost.safetensors"}})
    folder = model_folder(tmp_path / "m", **{"model.safetensors.index.json": index})
    with pytest.raises(ModelNotFound, match=r"lacks lost\.safetensors"):
        store.weight_files(folder)


def test_weights_that_are_there_twice_are_read_once(tmp_path):
    folder = model_folder(tmp_path / "m", **{"consolidated.safetensors": "again"})
    assert [path.name for path in store.weight_files(folder)] == ["model.safetensors"]


def test_pickles_are_refused(tmp_path):
    folder = model_folder(tmp_path / "m", **{"pytorch_model.bin": "x"})
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelMismatch, match="pickles"):
        store.find_model(str(folder))


def test_a_folder_without_config_is_no_model(tmp_path):
    with pytest.raises(ModelMismatch, match=r"no config\.json"):
        store.find_model(str(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_json_file_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelMismatch, match=r"config\.json"):
        store.read_json(tmp_path / "config.json")


def test_the_content_key_follows_content_and_order_not_names(tmp_path):
    for name, content in {"a": "1", "b": "2", "c": "1"}.items():
        (tmp_path / name).write_text(content)
    a, b, c = (tmp_path / name for name in "abc")
    assert store.content_key([a, b]) == store.content_key([c, b])
    assert len({store.content_key(paths) for paths in ([a, b], [b, a], [a], [a, c])}) == 4


def test_the_content_key_of_a_folder_follows_weights_settings_and_tokenizer(tmp_path):
    keys = set()
    for number, changed in enumerate(["-", "config.json", "tokenizer.json", "model.safetensors"]):
        folder = model_folder(tmp_path / str(number), **{"tokenizer.json": "t"})
        (folder / changed).write_text('{"x": 1}')
        keys.add(store.find_model(str(folder)).content_key())
    assert len(keys) == 4


def test_the_content_key_of_a_folder_follows_how_it_pools(tmp_path):
    keys = set()
    for number, text in enumerate([None, "1", "2"]):
        folder = model_folder(tmp_path / str(number), **{"tokenizer.json": "t"})
        if text:
            (folder / "1_Pooling").mkdir()
            (folder / "1_Pooling" / "config.json").write_text(text)
        keys.add(store.find_model(str(folder)).content_key())
    assert len(keys) == 3


def test_a_file_hash_is_its_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert store.file_hash(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


def test_a_converted_folder_is_made_once(home):
    made = []

    def build(folder):
        made.append(folder)
        (folder / "x").write_text("content")

    first, second = store.prepared("key", build), store.prepared("key", build)
    assert first == second == home / "converted" / "key"
    assert (first / "x").read_text() == "content"
    assert len(made) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_conversion_leaves_nothing(home, error):
    def build(folder):
        (folder / "half").write_text("x")
        raise error

    with pytest.raises(error):
        store.prepared("key", build)
    assert list((home / "converted").iterdir()) == []


def test_two_conversions_at_once_give_one_whole_folder(home):
    meet, places = threading.Barrier(2, timeout=10), []

    def build(folder):
        (folder / "x").write_text("content")
        meet.wait()

    threads = [
        threading.Thread(target=lambda: places.append(store.prepared("key", build)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places == [home / "converted" / "key"] * 2
    assert [path.name for path in (home / "converted").iterdir()] == ["key"]


def test_what_a_killed_process_left_is_deleted_a_day_later(tmp_path):
    for name in (".tersely-making-1-a", ".tersely-making-2-b", ".other-1"):
        (tmp_path / name).mkdir()
    for name in (".tersely-making-1-a", ".other-1"):
        os.utime(tmp_path / name, times=(time.time() - 90_000,) * 2)
    with store.new_folder(tmp_path):
        pass
    assert sorted(hidden(tmp_path)) == [".other-1", ".tersely-making-2-b"]


def test_a_store_that_cannot_be_written_says_which_setting_moves_it(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "file"))
    with pytest.raises(BackendError, match="TERSELY_HOME"):
        store.prepared("key", Path.touch)
