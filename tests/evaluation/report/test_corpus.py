"""Records by task, reader, arm and rate; what they are judged and broken down by."""

from dataclasses import replace

import pytest
from report_records import known_run, record

from tersely.errors import SettingError
from tersely.evaluation.report.corpus import Case, Corpus, kind_of, role_of, slug_of

CASE = Case("nq20", "smollm2")


def test_no_record_at_all_is_refused():
    with pytest.raises(SettingError, match="There are no records to report on"):
        Corpus.of([])


def test_records_of_two_versions_of_a_task_are_not_mixed():
    with pytest.raises(SettingError, match=r"'nq20' has records of the versions \[1, 2\]"):
        Corpus.of([record(), record(example="e1", task_version=2)])


def test_of_equal_keys_the_last_record_counts():
    found = Corpus.of([record(tokens=1), record(tokens=2)])
    assert [one.tokens for one in found.records] == [2]


def test_methods_come_first_then_baselines_then_the_oracle():
    arms = ["oracle", "mine", "bm25", "random_drop", "truncate:keep=tail", "hybrid"]
    corpus = Corpus.of(record(arm) for arm in arms)
    assert corpus.arms == ["hybrid", "mine", "truncate:keep=tail", "random_drop", "bm25", "oracle"]
    assert [role_of(arm) for arm in ("mine", "bm25", "none")] == ["method", "baseline", "reference"]


def test_points_fall_from_full_to_none():
    corpus = Corpus.of([record("none"), record(rate=0.1), record(rate=0.5), record("full")])
    assert corpus.points == [("full", 1.0), ("hybrid", 0.5), ("hybrid", 0.1), ("none", 0.0)]


def test_a_prompt_that_two_readers_read_was_shortened_once():
    pair = [record(reader="a", error="E"), record(reader="b"), record("full")]
    assert [r.reader for r in Corpus.of(pair).compressed_at(("hybrid", 0.5))] == ["b"]


MAIN = {
    "written": ({"survived": 1.0, "nats": 1.0, "option": 1.0, "f1": 0.0, "em": 0.0}, "f1"),
    "option": ({"survived": 1.0, "nats": 1.0, "option": 1.0}, "option"),
    "nats": ({"survived": 1.0, "nats": 1.0}, "nats"),
    "survived": ({"survived": 1.0, "nats": None}, "survived"),
    "nothing": ({}, ""),
}


@pytest.mark.parametrize(("scores", "name"), MAIN.values(), ids=MAIN)
def test_the_main_measure_is_the_first_of_the_written_answer(scores, name):
    assert Corpus.of([record(scores=scores)]).main_measure(CASE) == name


def test_groups_are_sorted_as_what_they_are():
    run = known_run()
    places = [replace(r, group=str(5 * int(r.example[1]))) for r in run]
    assert Corpus.of(places).groups(CASE) == ["0", "5", "10", "15"]
    assert Corpus.of(run).groups(CASE) == []
    assert [kind_of(names) for names in (["0", "19"], ["en", "zh"], ["bridge", "zh"])] == [
        "position",
        "language",
        "kind",
    ]


def test_names_become_names_of_files():
    assert slug_of("a b/c", "<x>", "") == "a_b_c-x-x"
