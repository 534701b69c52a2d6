"""Rows of data sets: folders, files, and what is wrong with them."""

import gzip
import json

import pytest

from tersely.errors import MissingDependency, SettingError
from tersely.evaluation.source import Source, number_of


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_folder_has_sets_by_name(tmp_path):
    (tmp_path / "one.jsonl").write_text(lines({"id": 1}) + "\n" + lines({"id": 2}), "utf-8")
    with gzip.open(tmp_path / "two.jsonl.gz", "wt") as out:
        out.write(lines({"id": 3}))
    source = Source(str(tmp_path))
    assert [row["id"] for row in source.rows("one")] == [1, 2]
    assert [row["id"] for row in source.rows("two")] == [3]
    assert source.sha256("one") != source.sha256("two")


def test_a_file_stands_for_any_set(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text(lines({"id": "é\ud800"}), "utf-8")
    assert list(Source(str(file)).rows("gsm8k")) == [{"id": "é\ud800"}]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "Line 2 of .* is not JSON"),
        ("[1]", "is not a JSON object"),
        ("7", "not a JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, match):
    (tmp_path / "one.jsonl").write_text(f"{{}}\n{text}\n", "utf-8")
    with pytest.raises(SettingError, match=match):
        list(Source(str(tmp_path)).rows("one"))


def test_what_is_no_gzip_cannot_be_read(tmp_path):
    (tmp_path / "one.jsonl.gz").write_bytes(b"plain")
    with pytest.raises(SettingError, match="cannot be read"):
        list(Source(str(tmp_path)).rows("one"))


def test_a_missing_set_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(SettingError, match=r"no one.jsonl or one.jsonl.gz in .*--data"):
        Source(str(tmp_path)).file("one")
    with pytest.raises(SettingError, match=r"no prompts/x.txt"):
        Source(str(tmp_path)).text("prompts/x.txt")


@pytest.mark.parametrize("place", ["hub:", "hub:a:b:c:d"])
def test_a_hub_set_has_a_name_and_at_most_three_parts(place):
    with pytest.raises(SettingError, match="hub:ID"):
        next(Source(place).rows("any"))


def test_a_hub_set_needs_datasets(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises((MissingDependency, ModuleNotFoundError)):
        next(Source("hub:some/set").rows("any"))


def test_numbers_of_things_do_not_change():
    assert number_of(0, "a") == number_of("0 a") != number_of(1, "a")
    assert 0 <= number_of("\ud800") < 2**32
