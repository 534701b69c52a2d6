"""What the report says in words, the bad rows too."""

from dataclasses import replace

import pytest
from report_records import known_run, record

from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.measured import Measured
from tersely.evaluation.report.verdicts import comparisons, missing, verdicts


def run_of(ours, theirs, count=12):
    """Prompts on which a method and a baseline have fixed scores, next to a perfect reader."""
    scores = {"full": 1.0, "hybrid": ours, "bm25": theirs, "none": 0.0}
    return [
        record(arm, example=f"e{at}", scores={"f1": value - 0.01 * (at % 3) * (0 < value < 1)})
        for arm, value in scores.items()
        for at in range(count)
    ]


def words(records):
    return " ".join(verdicts(Measured(Corpus.of(records))).items)


WORDS = {"better": (0.9, 0.5), "worse": (0.5, 0.9)}


@pytest.mark.parametrize(("word", "scores"), WORDS.items(), ids=WORDS)
def test_a_clear_difference_is_named(word, scores):
    said = words(run_of(*scores))
    assert f"Beside bm25 it is {word} on nq20." in said
    assert ("clearly worse than the best baseline" in said) == (word == "worse")


def test_where_ours_is_worse_it_says_by_how_much():
    assert "hybrid on 1 of 1 (most on nq20, -40.0 points of f1)" in words(run_of(0.5, 0.9))


def test_a_tie_is_not_called_a_win():
    even = [
        replace(r, scores={"f1": 0.5 + 0.1 * (-1) ** int(r.example[1:])})
        if r.arm == "hybrid"
        else r
        for r in run_of(0.5, 0.5)
    ]
    assert [c.word for c in comparisons(Measured(Corpus.of(even)))] == ["not told apart"]


def test_failures_and_broken_limits_are_said():
    run = known_run()
    broken = [replace(run[0], error="X"), replace(run[5], tokens=9999), *run[1:5], *run[6:]]
    assert "Of 16 records 1 failed (full) and 1 exceed their limit (hybrid)." in words(broken)


def test_every_comparison_is_in_the_table_and_baselines_are_not_compared():
    section = verdicts(Measured(Corpus.of(known_run())))
    every = section.tables[1].numbers
    assert [(row["arm"], row["baseline"], row["verdict"]) for row in every] == [
        ("hybrid", "random_drop", "not told apart")
    ]


def test_what_was_not_run_is_named():
    said = " ".join(missing(Corpus.of([record(reader="")])))
    for part in ("No full prompts", "(none)", "No baseline", "Nobody read", "Nothing is scored"):
        assert part in said
    assert "No method" not in said
    assert missing(Corpus.of(known_run())) == []


def test_arms_are_judged_by_what_the_context_helps_with():
    """A reader that writes no right answer even with the whole prompt tells arms apart by nats."""
    nats = {"full": 1.0, "hybrid": 1.2, "bm25": 2.0, "none": 4.0}
    even = [replace(r, scores={"f1": 0.0, "nats": nats[r.arm]}) for r in run_of(0.5, 0.5)]
    (compared,) = comparisons(Measured(Corpus.of(even)))
    assert (compared.measure, compared.word) == ("nats", "better")
    assert compared.gain.value == pytest.approx(0.8)
