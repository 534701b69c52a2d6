"""`tersely evaluate report`: files out, numbers on standard output, one line for a mistake."""

import json

import pytest
from report_records import known_run
from typer.testing import CliRunner

from tersely.cli import app


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", "report", *map(str, arguments)])


@pytest.fixture
def records(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    lines = "".join(record.to_json() + "\n" for record in known_run() if record.arm != "none")
    (folder / "records-1-of-1.jsonl").write_text(lines)
    (folder / "run.json").write_text(json.dumps({"processor": "abacus"}))
    return folder


def test_json_goes_to_standard_output(records):
    result = run(records, "--json", "--title", "Mine", "--quiet")
    numbers = json.loads(result.stdout)
    assert (result.exit_code, numbers["title"]) == (0, "Mine")
    assert numbers["head"]["Processor"] == "abacus"
    assert "quality" in numbers["sections"]


def test_a_report_is_written_and_said(records, tmp_path):
    result = run(records, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "12 records of 1 tasks" in result.stderr
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "report.md").is_file()


def test_the_page_can_be_left_out_and_nothing_said(records, tmp_path):
    result = run(records, "--out", tmp_path / "out", "--no-html", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert not (tmp_path / "out" / "report.html").exists()


def test_nowhere_to_write_is_a_mistake(records):
    result = run(records)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: Say where to write the report (--out)" in result.stderr


def test_no_records_are_a_mistake(tmp_path):
    result = run(tmp_path, "--json")
    assert result.exit_code == 1
    assert "error: There are no records in" in result.stderr
