"""`tersely evaluate bound`: a file and a question in, the bound out; and the binary set."""

import json

import pytest
import typer
from typer.testing import CliRunner

from tersely.cli.evaluate.bound import bound
from tersely.evaluation.readers.base import Reading
from tersely.evaluation.synthetic import make_items

TOWN = "The bridge opens on 4 June. It rains a lot. Bread is dear."
ASKED = ("--question", "When?", "--answer", "4 June", "--quiet")


class Finder:
    """A reader whom the answer surprises less if it stands in the text."""

    name = "finder"
    models: dict = {}  # noqa: RUF012

    def __init__(self, backend):
        self.backend = backend

    def read(self, asks, *, progress=None):
        assert all(" 4 June" in ask.answers for ask in asks)
        return [Reading(nats=0.5 if "4 June" in ask.text else 3.0) for ask in asks]


@pytest.fixture(autouse=True)
def fake_reader(monkeypatch):
    monkeypatch.setattr("tersely.backends.load.load_causal", lambda name: name)
    monkeypatch.setattr("tersely.evaluation.readers.local.LocalReader", Finder)


@pytest.fixture
def town(tmp_path):
    place = tmp_path / "town.txt"
    place.write_text(TOWN + "\n", "utf-8")
    return str(place)


def run(*arguments, given=None):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(bound)
    return CliRunner().invoke(app, [*map(str, arguments)], input=given)


def test_the_corners_and_the_methods_are_printed(town):
    result = run(town, *ASKED, "--units", "sentences", "-m", "truncate", "-r", 0.5, "-r", 0.3)
    assert (result.exit_code, result.stderr) == (0, "")
    first, _, none, best, _, _, half, third = result.stdout.splitlines()
    assert first == "3 sentences, 8 texts read: exact. Whole 0.500 nats, without it 3.000."
    assert none.split() == ["0.000", "3.000"]
    assert best.endswith("0.500  The bridge opens on 4 June.")
    assert half.split()[:2] == ["truncate", "0.50"]
    assert third.split()[3] == "3.000"


def test_json_has_every_number_and_the_texts(town):
    out = json.loads(run(town, *ASKED, "--units", "sentences", "-m", "truncate", "--json").stdout)
    assert (out["label"], out["units"], out["unit_count"]) == ("exact", "sentences", 3)
    assert (out["reader"], out["texts"], out["whole_nats"]) == ("finder", 8, 0.5)
    assert out["curve"][1]["text"] == "The bridge opens on 4 June."
    assert [one["asked_rate"] for one in out["methods"]] == [0.5, 0.25]
    assert [one["among_candidates"] for one in out["methods"]] == [True, False]


def test_standard_input_and_several_answers_work():
    result = run("-", "-q", "When?", "-a", "4 June", "-a", "June 4", "--quiet", given=TOWN)
    assert "phrases" in result.stdout or "words" in result.stdout
    assert result.exit_code == 0


def test_a_long_text_is_searched_within_the_readings(tmp_path):
    place = tmp_path / "long.txt"
    place.write_text(TOWN + " Nothing else is known." * 30, "utf-8")
    result = run(place, *ASKED, "--units", "words", "--readings", 100)
    assert "best found" in result.stdout


def test_a_method_that_fails_has_its_line(town):
    result = run(town, *ASKED, "-m", "oracle", "-r", 0.5)
    assert "It asks for a question, or for where the answer stands." in result.stdout
    as_json = json.loads(run(town, *ASKED, "-m", "oracle", "-r", 0.5, "--json").stdout)
    assert as_json["methods"][0]["nats"] is None


@pytest.mark.parametrize("left_out", ["--question", "--answer"])
def test_what_is_missing_is_named(town, left_out):
    kept = [option for option in ("--question", "--answer") if option != left_out]
    result = run(town, kept[0], "x")
    assert result.exit_code == 2
    assert "--synthetic" in result.stderr


def test_mistakes_are_one_line(town):
    for wrong, said in (
        (("--units", "letters"), "No kind of unit is called 'letters'"),
        (("-m", "trunkate"), "No method is called 'trunkate'"),
        (("-m", "truncate", "-r", "2"), "rate"),
    ):
        result = run(town, *ASKED, *wrong)
        assert result.exit_code == 1
        assert said in result.stderr
        assert result.stderr.startswith("error: ")


def test_the_synthetic_table_is_printed():
    lines = run("--synthetic").stdout.splitlines()
    assert lines[0].startswith("1400 items, 207 strings, least rate 0.159")
    assert lines[3].split()[:4] == ["agnostic", "0.355", "0.286", "0.241"]
    assert sum("aware" in line for line in lines) == 2


def test_the_synthetic_table_is_there_in_json():
    out = json.loads(run("--synthetic", "--json").stdout)
    assert out["items"] == 1400
    assert len(out["rates"]) == len(out["distortion"]["pruned"]["agnostic"]) == 11


def test_another_set_is_read_from_a_file(tmp_path):
    place = tmp_path / "set.jsonl"
    rows = [{"context": i.context, "query": i.query, "answer": i.answer} for i in make_items()[::9]]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert run("--synthetic", "--data", place).stdout.startswith(f"{len(rows)} items")
    gone = run("--synthetic", "--data", tmp_path / "gone.jsonl")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("error: ")
