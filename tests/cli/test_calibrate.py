"""`tersely calibrate`: lines in, a file out, and `compress` that uses it."""

import json

import pytest
from fakes import FakeEncoder
from typer.testing import CliRunner

from tersely.cli import app
from tersely.hard.calibration import Calibration

TOWN = "The bridge opens on 4 June. It rains a lot. Bread is dear. The old clock has stopped."
LINES = [
    {"context": TOWN, "question": "When does the bridge open?"},
    {"context": [TOWN, "Nobody came. All went well."], "question": "What about the clock?"},
]


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    monkeypatch.setattr("tersely.loading._encoder", lambda *_: FakeEncoder())


@pytest.fixture
def sample(tmp_path):
    place = tmp_path / "sample.jsonl"
    place.write_text("".join(json.dumps(line) + "\n" for line in LINES) + "\n", "utf-8")
    return place


def run(*arguments, given=None):
    return CliRunner().invoke(app, [*map(str, arguments)], input=given)


def test_a_file_is_made_and_said(sample, tmp_path):
    out = tmp_path / "cal.json"
    result = run("calibrate", sample, "--out", out)
    found = Calibration.load(out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (found.method, found.model, found.tokenizer, found.prompts) == (
        ("hybrid", "fake", "o200k_base", 2)
    )
    assert f"{out}: hybrid, 2 prompts of {found.tokens} tokens" in result.stderr


def test_quiet_says_nothing(sample, tmp_path):
    assert run("calibrate", sample, "--out", tmp_path / "cal.json", "--quiet").output == ""


def test_settings_and_bounds_are_in_the_file(sample, tmp_path):
    out = tmp_path / "cal.json"
    run("calibrate", sample, "-o", out, "-m", "hybrid", "--set", "repair=false", "--max-rate", 0.7)
    found = Calibration.load(out)
    assert (found.settings["repair"], found.bounds.most_rate) == (False, 0.7)
    assert found.rates[1] <= 0.7


def test_compress_uses_the_file(sample, tmp_path):
    out = tmp_path / "cal.json"
    run("calibrate", sample, "--out", out)
    mean = ["--rate", 0.5, "--rate-mode", "corpus", "--calibration", out]
    result = run("compress", "-", *mean, "-q", "When does the bridge open?", given=TOWN)
    assert "4 June" in result.stdout
    assert "clock" not in result.stdout


def test_compress_keeps_to_a_quality_floor():
    found = [
        run("compress", "-", "--quality-floor", floor, "-q", "Bread?", "--quiet", given=TOWN)
        for floor in (0.3, 0.999)
    ]
    assert "Bread is dear." in found[0].stdout
    assert len(found[0].stdout) < len(found[1].stdout)


def test_compress_keeps_to_least_and_most():
    result = run("compress", "-", "--quality-floor", 0.999, "--max-rate", 0.7, "--json", "-q", "Why?",
                 given=TOWN)  # fmt: skip
    assert json.loads(result.stdout)["rate"] <= 0.7


MISTAKES = {
    "no file": ("/no/such.jsonl", "cannot be read"),
    "no JSON": ("not json", "line 1, is not"),
    "no context": ('{"question": "Why?"}', "line 1, is not"),
    "a list": ('{"context": "A. B.", "question": "Why?"}\n[]', "line 2, is not"),
    "a number": ('{"context": 3, "question": "Why?"}', "The context is a str"),
    "empty": ("\n", "holds no prompts"),
    "no question": ('{"context": "A. B."}', "does not say"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(case, tmp_path):
    content, said = MISTAKES[case]
    source = content if content.startswith("/") else "-"
    method = ["-m", "truncate"] if case == "no question" else []
    result = run("calibrate", source, "-o", tmp_path / "cal.json", *method, given=content)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert said in result.stderr


def test_a_folder_that_is_not_there_is_said_first(sample, tmp_path):
    result = run("calibrate", sample, "--out", tmp_path / "none" / "cal.json")
    assert (result.exit_code, "There is no folder" in result.stderr) == (1, True)


def test_the_file_must_be_said(sample):
    assert run("calibrate", sample).exit_code == 2


def test_a_mean_rate_needs_a_calibration():
    result = run("compress", "-", "--rate", 0.5, "--rate-mode", "corpus", "-q", "Why?", given=TOWN)
    assert (result.exit_code, "tersely calibrate" in result.stderr) == (1, True)
