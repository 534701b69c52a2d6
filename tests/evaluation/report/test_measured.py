"""Means, gains and retention of a run of which everything is known."""

import math
from dataclasses import replace

import pytest
from report_records import known_run, record

from tersely.evaluation.report.corpus import Case, Corpus
from tersely.evaluation.report.measured import Measured, plain_mean

CASE = Case("nq20", "smollm2")
HYBRID, DROP, NONE, FULL = ("hybrid", 0.5), ("random_drop", 0.5), ("none", 0.0), ("full", 1.0)


@pytest.fixture(scope="module")
def known():
    return Measured(Corpus.of(known_run()))


def test_shares_of_the_full_prompt_are_those_worked_out_by_hand(known):
    shares = known.quality(HYBRID)  # survived 0.75 of 1, nats 1 for 2, f1 0.5 of 0.8
    assert shares == pytest.approx({"survived": 0.75, "nats": 0.5, "answer": 0.625})
    by_hand = math.sqrt((0.75**2 + 0.5**2 + 0.625**2) / 3)
    assert known.score(HYBRID) == pytest.approx(by_hand)


def test_retention_is_of_the_main_measure_where_full_beats_none(known):
    assert known.basis(CASE) == "f1"
    assert known.retention(HYBRID) == pytest.approx((0.5 - 0.1) / (0.8 - 0.1))
    assert known.retention(FULL) == 1.0
    assert known.retention(NONE) == 0.0


def test_a_reader_that_no_context_helps_has_no_retention():
    run = [replace(r, scores={"nats": 2.0 + int(r.example[1]) / 9}) for r in known_run()]
    useless = Measured(Corpus.of(run))
    assert useless.basis(CASE) == ""
    assert math.isnan(useless.retention(HYBRID))
    assert "full does not beat none" in useless.retained(CASE, FULL, "nats").reason


def test_where_the_main_measure_says_nothing_nats_stand_in():
    run = [replace(r, scores=r.scores | {"f1": 0.0}) for r in known_run()]
    assert Measured(Corpus.of(run)).basis(CASE) == "nats"


def test_an_answer_that_no_context_helps_with_is_in_no_score():
    run = [replace(r, scores=r.scores | {"f1": 0.2 + int(r.example[1]) / 50}) for r in known_run()]
    lost = Measured(Corpus.of(run))
    assert math.isnan(lost.share(CASE, HYBRID, "answer"))
    assert set(lost.quality(HYBRID)) == {"nats", "survived"}
    unknown = Measured(Corpus.of([r for r in run if r.arm != "none"]))
    assert unknown.share(CASE, HYBRID, "answer") == pytest.approx(1.0)


def test_a_gain_is_positive_where_ours_is_better(known):
    assert known.gain(CASE, HYBRID, DROP, "f1").value == pytest.approx(0.3)
    assert known.gain(CASE, HYBRID, DROP, "nats").value == pytest.approx(2.0)
    assert known.best_baseline(CASE, 0.5, "nats") == "random_drop"
    assert known.compared(CASE, DROP) is None  # the best baseline is not compared with itself


def test_a_failure_counts_as_nothing():
    failed = [record(example="a", scores={"f1": 1.0}), record(example="b", error="X: y")]
    assert plain_mean(failed, "f1") == 0.5


def test_survival_counts_once_for_all_readers():
    two = [replace(r, reader=name) for r in known_run() for name in ("a", "b")]
    half = [replace(r, scores=r.scores | {"survived": 0.0}) if r.reader == "b" else r for r in two]
    assert Measured(Corpus.of(half)).quality(HYBRID)["survived"] == 0.75
