"""Records as lines of JSON."""

import math

import pytest

from tersely.errors import SettingError
from tersely.evaluation.records import Record, drop_torn_line, from_json, read_records, select


def record(**changes):
    whole = {
        "task": "t", "task_version": 1, "family": "question answering", "example": "e",
        "cluster": "e", "group": "", "arm": "hybrid", "rate": 0.5, "reader": "r",
        "limit_tokens": 60, "tokens": 55, "whole_tokens": 110, "context_tokens": 100,
    }  # fmt: skip
    return Record(**(whole | changes))


def test_a_record_is_the_same_after_a_line_of_json():
    one = record(scores={"f1": None, "nats": 0.1}, answer="é\ud800\n", kept={"numbers": 1.0})
    assert from_json(one.to_json()) == one
    assert "\n" not in one.to_json()


def test_what_cannot_be_scored_is_nan():
    one = record(scores={"f1": None, "em": 0.0})
    assert math.isnan(one.score("f1"))
    assert math.isnan(one.score("rouge_l"))
    assert one.score("em") == 0.0


def test_rates_are_of_the_contexts():
    assert record().kept_context_tokens == 45
    assert record().realised_rate == 0.45
    assert record(tokens=3).realised_rate == 0.0
    assert record(context_tokens=0).realised_rate == 1.0


def test_of_equal_keys_the_last_counts(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text(record(tokens=1).to_json() + "\n" + record(tokens=2).to_json() + "\n", "utf-8")
    assert [one.tokens for one in read_records(tmp_path)] == [2]


def test_a_torn_line_is_not_there_and_is_cut_off(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text(record().to_json() + "\n" + record(arm="x").to_json()[:50], "utf-8")
    assert len(list(read_records(file))) == 1
    drop_torn_line(file)
    assert file.read_text("utf-8") == record().to_json() + "\n"


@pytest.mark.parametrize("line", ["{}", "[]", "no", "7", '{"task": 1}'])
def test_what_is_no_record_is_named(tmp_path, line):
    (tmp_path / "records.jsonl").write_text(line + "\n", "utf-8")
    with pytest.raises(SettingError, match="not a record"):
        list(read_records(tmp_path))


def test_a_folder_without_records_says_how_to_make_some(tmp_path):
    with pytest.raises(SettingError, match="tersely evaluate run"):
        list(read_records(tmp_path))
    with pytest.raises(SettingError, match="tersely evaluate run"):
        list(read_records(tmp_path / "none.jsonl"))


def test_records_are_selected_by_all_that_is_given():
    both = [record(), record(arm="bm25", rate=0.1)]
    assert select(both, arm="bm25", rate=0.1) == both[1:]
    assert select(both, arm="bm25", rate=0.5) == []
    assert select(both) == both


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00\n", b"null\n", b"[1]\n"])
def test_a_damaged_file_is_named(tmp_path, damage):
    file = tmp_path / "records-1-of-1.jsonl"
    file.write_bytes(damage)
    with pytest.raises(SettingError, match=r"records-1-of-1\.jsonl"):
        list(read_records(tmp_path))
