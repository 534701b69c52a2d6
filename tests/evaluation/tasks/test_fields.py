"""Rows whose fields are checked: what is wrong is named, with its set and its row."""

import gzip
import json

import pytest
from task_rows import folder

from tersely.errors import SettingError
from tersely.evaluation.source import Source
from tersely.evaluation.tasks import fields
from tersely.evaluation.tasks.fields import (
    Fields,
    present,
    read_fields,
    read_loose,
)


def row(**given):
    return Fields(given, "set", "r7")


@pytest.mark.parametrize(
    ("given", "read", "message"),
    [
        ({}, "text", "In set, row r7: 'x' is missing; there are: "),
        ({"x": 3}, "text", "'x' is int, not a string"),
        ({"x": " "}, "text", "'x' is empty"),
        ({"x": "a"}, "texts", "'x' is not a list of strings"),
        ({"x": ["a", 1]}, "texts", "'x' is not a list of strings"),
        ({"x": [["a"]]}, "rows", "'x' is not a list of objects"),
    ],
)
def test_a_wrong_field_is_named(given, read, message):
    with pytest.raises(SettingError) as caught:
        getattr(row(**given), read)("x")
    assert message in str(caught.value)


def test_what_is_inside_a_row_says_where_it_is():
    inner = row(turns=[{}, {"role": 1}]).rows("turns")[1]
    with pytest.raises(SettingError, match=r"row r7, turns\[1\]: 'role' is int"):
        inner.text("role")


def test_blank_strings_of_a_list_are_left_out():
    assert row(x=["a", " ", ""]).texts("x") == ("a",)
    assert row(x="").text("x", empty=True) == ""


def test_a_row_without_an_id_is_refused(tmp_path):
    source = folder(tmp_path, one=[{"id": "a"}, {"id": 2}])
    with pytest.raises(SettingError, match="In one, row 2: 'id' is missing"):
        list(read_fields(source, "one"))


@pytest.mark.parametrize("open_file", [open, gzip.open])
def test_raw_line_breaks_are_read_loosely(tmp_path, open_file):
    file = tmp_path / ("a.jsonl" if open_file is open else "a.jsonl.gz")
    with open_file(file, "wt", encoding="utf-8") as out:
        out.write('{"id": "a", "text": "one\n\ntwo\tthree"}\n\n{"id": "b"}\n')
    rows = list(read_loose(Source(str(file)), "a"))
    assert [row.id for row in rows] == ["a", "b"]
    assert rows[0].text("text") == "one\n\ntwo\tthree"


def test_a_file_that_ends_within_a_row_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "a"}\n{"id": "b"', "utf-8")
    with pytest.raises(SettingError, match="ends within a row"):
        list(read_loose(Source(str(tmp_path)), "a"))


def test_what_never_becomes_a_row_is_not_read_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(fields, "LONGEST_ROW", 20)
    (tmp_path / "a.jsonl").write_text("{broken\n" * 9, "utf-8")
    with pytest.raises(SettingError, match="Up to line 3"):
        list(read_loose(Source(str(tmp_path)), "a"))


def test_a_file_that_is_not_gzip_is_refused(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(b"no")
    with pytest.raises(SettingError, match="cannot be read"):
        list(read_loose(Source(str(tmp_path)), "a"))


def test_of_a_folder_the_sets_that_are_there_are_read(tmp_path):
    source = folder(tmp_path, two=[], three=[])
    assert present(source, ("one", "two", "three")) == ["two", "three"]
    assert present(Source(str(tmp_path / "two.jsonl")), ("one", "two")) == ["one"]
    assert present(Source("hub:x/y"), ("one", "two")) == ["one"]
    with pytest.raises(SettingError, match=r"no one\.jsonl"):
        present(source, ("one",))


def test_rows_of_a_file_are_checked_json(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(["no row"]), "utf-8")
    with pytest.raises(SettingError, match="not a JSON object"):
        list(read_fields(Source(str(tmp_path)), "a"))
