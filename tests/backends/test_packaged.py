"""Models that come in the package itself: found, checked, listed, never fetched."""

import json

import pytest
from tiny_classifier import write_classifier
from typer.testing import CliRunner

from tersely.backends import manifest as manifests
from tersely.backends import store
from tersely.backends.load import load_classifier, load_encoder
from tersely.backends.manifest import MANIFEST, Manifest, ModelFile, PackagedSource
from tersely.backends.pull import pull
from tersely.cli import app
from tersely.errors import ModelCorrupt, ModelMismatch, ModelNotFound

FILES = ("model.safetensors", "config.json", "tokenizer.json")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package that has a tiny classifier in it, by the name of "tiny"."""
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(manifests, "SHIPPED", tmp_path / "shipped")
    path = write_classifier(tmp_path / "shipped" / "tiny")
    known = [
        ModelFile(
            file=name,
            size_bytes=(path / name).stat().st_size,
            sha256=store.file_hash(path / name),
        )
        for name in FILES
    ]
    made = Manifest(
        name="tiny",
        summary="keeps words at random",
        source=PackagedSource(folder="tiny"),
        size_bytes=known[0].size_bytes,
        licence="Apache-2.0",
        sha256=known[0].sha256,
        parameters=9,
        kind="classifier",
        beside=tuple(known[1:]),
    )
    monkeypatch.setitem(MANIFEST, "tiny", made)
    return path


def test_it_is_loaded_by_its_short_name_from_the_package(folder):
    backend = load_classifier("tiny")
    assert (backend.name, backend.window_tokens) == ("tiny", 24)
    assert store.pulled_path("tiny") == folder
    assert store.is_pulled("tiny")


def test_there_is_nothing_to_pull(folder):
    def fetch(*_):
        raise AssertionError("nothing is fetched")

    assert pull("tiny", download=fetch).path == folder


def test_another_file_than_the_manifest_knows_is_refused(folder):
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelCorrupt, match="part of this package: install the package again"):
        load_classifier("tiny")
    with pytest.raises(ModelCorrupt, match="'tiny' is not whole"):
        pull("tiny")


def test_a_package_that_lacks_it_says_so(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        ModelNotFound, match=r"'tiny' is not on this machine\. It is a part of this"
    ):
        load_classifier("tiny")
    said = CliRunner().invoke(app, ["doctor"]).stdout
    assert "tiny           not here, though it is a part of this package" in said


def test_it_is_listed_and_shown(folder):
    listed = CliRunner().invoke(app, ["models", "list"]).stdout
    assert "keeps words at random" in listed
    shown = json.loads(CliRunner().invoke(app, ["models", "show", "tiny", "--json"]).stdout)
    assert (shown["kind"], shown["here"], shown["path"]) == ("classifier", True, str(folder))
    assert shown["source"] == "this package: model.safetensors"


def test_it_is_no_encoder(folder):
    with pytest.raises(ModelMismatch, match=r"is a token classifier.*such as 'minilm-l6'"):
        load_encoder("tiny")
