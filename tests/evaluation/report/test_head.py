"""The lines at the top: whatever a run noted, fingerprints cut short."""

import json

import pytest
from report_records import known_run

from tersely.errors import SettingError
from tersely.evaluation.report.head import commit_of, head_of, read_run

NOTE = {
    "seed": 3,
    "data": {"nq20": "ab" * 32},
    "commands": ["tersely evaluate run", "again"],
    "versions": {"x": "1"},
    "own_key": True,
    "match": "",
}


def test_every_key_of_a_run_is_said_but_what_records_say_themselves():
    head = dict(head_of(known_run(), [NOTE], command="tersely evaluate report x", commit="c0ffee"))
    assert head["Data"] == "nq20 abababababab"
    assert head["Commands"] == "tersely evaluate run; again"
    assert head["Own key"] == "True"
    assert not {"Seed", "Match"} & head.keys()
    assert (head["Records"], head["Measured"], head["Commit"]) == ("16", "2026-11-21", "c0ffee")


def test_two_runs_are_told_apart():
    head = dict(head_of(known_run(), [NOTE, NOTE]))
    assert head["Own key (run 1)"] == head["Own key (run 2)"]


def test_a_run_without_a_note_says_nothing(tmp_path):
    assert read_run(tmp_path) == {}
    assert read_run(tmp_path / "records.jsonl") == {}


@pytest.mark.parametrize("content", ["{", json.dumps([1])])
def test_a_note_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(SettingError, match=r"run\.json"):
        read_run(tmp_path)


def test_a_folder_outside_a_working_copy_has_no_commit(tmp_path):
    assert commit_of(tmp_path) == ""
