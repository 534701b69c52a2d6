"""`tersely train token-classifier` and `export`: a folder out, one line for each mistake."""

import json
import signal

import pytest
from tiny_labels import make_base, make_row, make_rows, write_labels
from typer.testing import CliRunner

from tersely.backends.load import load_classifier
from tersely.cli import app
from tersely.training import token_classifier


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A base and labels, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    make_base(tmp_path / "base")
    write_labels(tmp_path / "labels.jsonl", make_rows(20))
    return tmp_path


def train(*arguments):
    given = ["--base", "base", "--window", 32, "--batch-tokens", 64, "--learning-rate", 0.02]
    given += ["--threads", 1, "--device", "cpu", "--epochs", 2, "--out", "out"]
    given += arguments or ["labels.jsonl"]
    return CliRunner().invoke(app, ["train", "token-classifier", *map(str, given)])


def export(*arguments):
    return CliRunner().invoke(app, ["train", "export", *map(str, arguments)])


def test_a_classifier_is_trained_exported_and_loaded():
    trained = train()
    assert (trained.exit_code, trained.stdout) == (0, "")
    assert trained.stderr.count("rank correlation") == 2
    assert "Make it small: tersely train export out --int8 --out FOLDER" in trained.stderr
    exported = export("out", "--out", "small", "--int8", "--licence", "MIT")
    assert (exported.exit_code, exported.stdout) == (0, "")
    assert "small: 0.0 MB. Same words kept" in exported.stderr
    assert load_classifier("small").window_tokens == 32


def test_json_is_for_programs(place):
    trained = train("--json", "--quiet", "--share", "toy=1.5", "--weight", "toy=2", "labels.jsonl")
    assert trained.stderr == ""
    card = json.loads(trained.stdout)
    assert card["settings"]["shares"] == {"toy": 1.5}
    assert card == json.loads((place / "out" / "tersely.json").read_text())
    exported = export("out", "--out", "small", "--json", "--quiet")
    assert json.loads(exported.stdout)["texts"] == 2


def test_ctrl_c_keeps_the_state_and_says_how_to_go_on(monkeypatch):
    steps = []

    def learn(*given):
        steps.append(1)
        if len(steps) == 2:
            signal.raise_signal(signal.SIGINT)
        return real(*given)

    real = token_classifier.learn
    monkeypatch.setattr(token_classifier, "learn", learn)
    before = signal.getsignal(signal.SIGINT)
    stopped = train()
    assert stopped.exit_code == 130
    assert "stopped after step 2 of 10; the state is in out. The same command" in stopped.stderr
    assert signal.getsignal(signal.SIGINT) is before
    assert train().exit_code == 0
    assert len(steps) == 10


def test_ctrl_c_twice_ends_it_now(monkeypatch):
    def learn(*given):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(token_classifier, "learn", learn)
    stopped = train()
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("interrupted\n")


MISTAKES = {
    "share": (["--share", "toy", "labels.jsonl"], "--share is KIND=NUMBER; got 'toy'"),
    "weight": (["--weight", "=2", "labels.jsonl"], "--weight is KIND=NUMBER; got '=2'"),
    "kind": (["--share", "toys=1", "labels.jsonl"], "Did you mean 'toy'?"),
    "file": (["no.jsonl"], "no.jsonl cannot be read"),
    "base": (["--base", "smollm2-135m", "labels.jsonl"], "smollm2-135m"),
    "window": (["--window", "99", "labels.jsonl"], "window_tokens is at most 64"),
    "epochs": (["--epochs", "0", "labels.jsonl"], "epochs is at least 1"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(case):
    arguments, said = MISTAKES[case]
    result = train(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_labels_of_one_class_are_one_line(place):
    rows = [make_row("a cat", number=n, kept=()) for n in range(3)]
    result = train(write_labels(place / "same.jsonl", rows))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "there is nothing to tell apart" in result.stderr


def test_exporting_what_is_no_classifier_is_one_line():
    result = export("base", "--out", "small")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "classifier" in result.stderr
