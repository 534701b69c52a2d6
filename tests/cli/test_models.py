import json

import pytest
import typer
from typer.testing import CliRunner

from tersely.backends.manifest import MANIFEST
from tersely.backends.store import pulled_path
from tersely.cli.models import app
from tersely.cli.report import BROKEN_PIPE, INTERRUPTED, reported
from tersely.errors import BudgetTooSmall


@pytest.fixture
def run(tmp_path):
    """Run `tersely models ...` with a store of its own."""
    places = {"TERSELY_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    return lambda *args: CliRunner(env=places).invoke(app, args)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Put a file where the model would be."""
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    path = pulled_path("smollm2-135m")
    path.parent.mkdir(parents=True)
    path.write_text("not the model")
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "m" / name).write_text("{}")
    return tmp_path / "m"


def test_list_says_which_models_there_are_and_which_are_here(run):
    result = run("list")
    assert result.exit_code == 0
    for name, manifest in MANIFEST.items():
        assert name in result.stdout
        assert manifest.licence in result.stdout
    assert "not here" in result.stdout


def test_list_as_json_is_one_object_per_model(run, here):
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == list(MANIFEST)
    assert (rows[0]["here"], rows[0]["path"]) == (True, str(here))
    assert rows[0]["size_bytes"] == MANIFEST["smollm2-135m"].size_bytes


def test_show_prints_the_manifest(run, here):
    stdout = run("show", "smollm2-135m").stdout
    assert MANIFEST["smollm2-135m"].sha256 in stdout
    assert str(here) in stdout


def test_show_names_every_file_and_its_hash(run):
    stdout = run("show", "minilm-l6").stdout
    assert "encoder" in stdout
    for file in MANIFEST["minilm-l6"].files:
        assert file.name in stdout
        assert file.sha256 in stdout


def test_show_as_json_holds_every_hash_and_the_size_of_all_files(run):
    shown, manifest = json.loads(run("show", "minilm-l6", "--json").stdout), MANIFEST["minilm-l6"]
    assert shown["kind"] == "encoder"
    assert shown["beside"] == {file.name: file.sha256 for file in manifest.beside}
    assert shown["size_bytes"] == manifest.total_bytes


def test_show_as_json_says_what_is_not_here(run):
    shown = json.loads(run("show", "smollm2-135m", "--json").stdout)
    assert (shown["here"], shown["path"]) == (False, None)


def test_show_knows_local_folders(run, folder):
    shown = json.loads(run("show", str(folder), "--json").stdout)
    assert shown == {"name": str(folder), "here": True, "path": str(folder), "size_bytes": 6}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "smollm-135m"], "Did you mean 'smollm2-135m'?"),
        (["show", "org/model"], "tersely models pull org/model"),
        (["pull", "nonsense"], "No model is called 'nonsense'"),
        (["export", "smollm2-135m", "out"], "tersely models pull smollm2-135m"),
    ],
)
def test_a_mistake_is_one_line_on_standard_error(run, args, message):
    result = run(*args)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_export_of_a_damaged_model_is_refused(run, here, tmp_path):
    result = run("export", "smollm2-135m", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "has the SHA-256" in result.stderr
    assert not (tmp_path / "out").exists()


def command_that_raises(error):
    command = typer.Typer()

    @command.command()
    def fail():
        with reported():
            raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (BudgetTooSmall(limit_tokens=3, protected_tokens=9), 1, "error: The budget is 3 tokens"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted\n"),
        (typer.BadParameter("not both"), 2, ""),
    ],
)
def test_each_way_to_end_has_its_exit_code(error, code, stderr):
    result = CliRunner().invoke(command_that_raises(error))
    assert result.exit_code == code
    assert stderr in result.stderr


def test_a_fault_of_ours_is_not_hidden():
    result = CliRunner().invoke(command_that_raises(ZeroDivisionError()))
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_reader_that_goes_away_ends_it_quietly():
    """`| head` closes the pipe; a process of its own, because its standard output is replaced."""
    import subprocess
    import sys

    code = (
        "import typer\nfrom tersely.cli.report import reported\n"
        "def main():\n    with reported():\n        for n in range(100_000): typer.echo('x' * 99)\n"
        "typer.run(main)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == BROKEN_PIPE
