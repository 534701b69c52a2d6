"""`tersely train`: a file out, one line for each mistake."""

import pytest
from fakes import FakeBackend
from typer.testing import CliRunner

from tersely.cli import app
from tersely.scorers.head_file import HeadFile


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    load = lambda name, *, runtime, threads: FakeBackend(name=f"{name}-{runtime}")  # noqa: E731
    monkeypatch.setattr("tersely.backends.load.load_causal", load)


def run(*arguments):
    return CliRunner().invoke(app, ["train", "heads", *map(str, arguments)])


def test_heads_are_found_and_written(tmp_path):
    out = tmp_path / "heads.json"
    result = run("--model", "mine", "--out", out, "--count", 2, "--samples", 2, "--seed", 4)
    assert (result.exit_code, result.stdout) == (0, "")
    found = HeadFile.load(out)
    assert (found.model, len(found.heads), found.made["seed"]) == ("mine-openvino", 2, 4)
    assert f"{out}: heads" in result.stderr
    assert "4 layers are run" in result.stderr


def test_quiet_says_nothing(tmp_path):
    result = run("--out", tmp_path / "heads.json", "--samples", 1, "--quiet", "--runtime", "torch")
    assert (result.exit_code, result.output) == (0, "")
    assert HeadFile.load(tmp_path / "heads.json").model == "smollm2-135m-torch"


MISTAKES = {
    "folder": (["--out", "/no/such/folder/x.json"], "There is no folder /no/such/folder"),
    "count": (["--out", "x.json", "--count", "0"], "count is at least 1"),
    "samples": (["--out", "x.json", "--samples", "0"], "samples is at least 1"),
    "seed": (["--out", "x.json", "--seed", "-1"], "seed is at least 0"),
    "many": (["--out", "x.json", "--count", "99"], "count is at most 12"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(case):
    arguments, said = MISTAKES[case]
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_file_must_be_said():
    assert run("--samples", 1).exit_code == 2


def test_a_folder_is_no_file_to_write(tmp_path):
    result = run("--out", tmp_path)
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: {tmp_path} is a folder; --out names the file to write.\n",
    )
