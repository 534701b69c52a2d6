"""The six tracks: the full prompt has 1.0 in each; every cell of a small run is known."""

from dataclasses import replace

import pytest
from report_records import known_run, record

from tersely.backends.manifest import MANIFEST
from tersely.evaluation.report.acceleration import acceleration, pays_from
from tersely.evaluation.report.build_cost import build_cost, need_of
from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.generalisation import generalisation
from tersely.evaluation.report.measured import Measured
from tersely.evaluation.report.quality import blanks, quality
from tersely.evaluation.report.run_cost import run_cost
from tersely.evaluation.report.trust import trust, unequal

TRACKS = ("quality", "generalisation", "build_cost", "run_cost", "acceleration", "trust")


def tracks(records):
    corpus = Corpus.of(records)
    measured = Measured(corpus)
    found = [quality(measured)[0], generalisation(measured)]
    found += [part(corpus) for part in (build_cost, run_cost, acceleration, trust)]
    return {section.name: section for section in found}


def rows(section, table=0):
    return {row["arm"]: row for row in section.tables[table].numbers}


@pytest.fixture(scope="module")
def known():
    identity = [replace(r, arm="truncate", rate=1.0) for r in known_run() if r.arm == "full"]
    return tracks(known_run() + identity)


@pytest.mark.parametrize("track", TRACKS)
def test_what_changes_nothing_scores_one(known, track):
    scores = {arm: row["score"] for arm, row in rows(known[track]).items()}
    assert scores["full"] == scores["truncate"] == 1.0


@pytest.mark.parametrize("track", ["quality", "generalisation", "trust"])
def test_dropping_everything_and_dropping_at_random_score_below(known, track):
    scores = {arm: row["score"] for arm, row in rows(known[track]).items()}
    assert scores["none"] < scores["random_drop"] < scores["hybrid"] < 1.0


def test_no_shortening_is_free_of_cost_and_little_of_it_is_faster(known):
    cost, time = rows(known["run_cost"]), rows(known["acceleration"])
    assert cost["hybrid"]["score"] < cost["random_drop"]["score"] < 1.0
    assert time["random_drop"]["score"] > time["hybrid"]["score"] > 1.0


def test_run_cost_is_per_thousand_tokens_and_beside_the_reader(known):
    row = rows(known["run_cost"])["hybrid"]
    ms, reader = 1e6 * 0.1 / 900, 1e6 * 1.0 / 900
    assert row["ms"]["value"] == pytest.approx(ms, abs=1e-5)
    assert row["cpu_ms"]["value"] == pytest.approx(2 * ms, abs=1e-5)
    assert row["time_ratio"] == pytest.approx(reader / (reader + ms), abs=1e-5)
    assert row["token_ratio"] == pytest.approx(1000 / (1000 + 900), abs=1e-5)


def test_break_even_is_where_shortening_takes_as_long_as_it_saves(known):
    row = rows(known["acceleration"])["hybrid"]
    assert row["speedup"]["value"] == pytest.approx(1.0 / (0.1 + 0.55), abs=1e-6)
    assert row["even_ms"] == pytest.approx(1e6 * 0.1 / 450, abs=1e-5)
    assert (row["reader_ms"], row["not_slower"]) == (1000.0, 1.0)
    assert row["even_tokens"] == "1,000"


def test_it_pays_from_the_shortest_bin_after_which_nothing_is_slower():
    whole = [record("full", whole_tokens=n, reader_seconds=1.0) for n in (300, 700, 1500)]
    mine = [replace(r, arm="x", seconds=s) for r, s in zip(whole, (0, 0.5, 0), strict=True)]
    faster = [replace(r, reader_seconds=0.5 + 0.1 * (r.seconds > 0)) for r in mine]
    pairs = [pair for pair in zip(faster, whole, strict=True) for _ in range(3)]
    assert pays_from(pairs) == "1,000"
    assert pays_from(pairs[:6]) == "never here"


def test_trust_counts_failures_broken_limits_and_what_cannot_be_scored():
    made = [
        record(example="a", scores={"f1": 1.0}, tokens=551),
        record(example="b", scores={"f1": None}),
        record(example="c", error="X: too long", tokens=0),
    ]
    found = trust(Corpus.of(made))
    row = rows(found)["hybrid"]
    assert (row["failed"], row["over"], row["unscorable"]) == (1, 1, 1)
    assert (row["done"], row["within"]) == (pytest.approx(2 / 3, abs=1e-6), 0.5)
    assert rows(found, -1)["hybrid"]["error"] == "X: too long"


def test_what_is_kept_of_a_class_stands_beside_what_is_kept_of_all(known):
    row = rows(known["trust"], 1)["hybrid"]
    assert (row["kept"], row["numbers"]) == (0.5, 1.5)


def test_an_arm_with_other_room_than_its_limit_is_marked():
    assert unequal("oracle", [record(tokens=275)]) == "-50.0%"
    assert unequal("hybrid", [record(tokens=540)]) == ""
    assert unequal("none", [record("none")]) == ""


def test_an_arm_needs_the_models_of_its_stages():
    both = need_of("hybrid+evaluator_heads")
    assert both.models == ("minilm-l6", "smollm2-135m")
    assert both.megabytes == sum(MANIFEST[name].total_bytes for name in both.models) / 1e6
    assert need_of("hybrid:encoder=null").models == ()
    assert need_of("llmlingua:model=mine").megabytes is None
    assert [need_of(arm).models for arm in ("bm25", "minilm")] == [(), ("minilm-l6",)]
    assert need_of("somebody_elses") is None


def test_the_worst_reader_and_language_are_found():
    languages = {"e0": "de", "e1": "de", "e2": "en", "e3": "en"}
    run = [replace(r, group=languages[r.example], reader=who) for r in known_run() for who in "ab"]
    spoiled = [
        replace(r, scores=r.scores | {"f1": 0.0}) if (r.reader, r.arm) == ("b", "hybrid") else r
        for r in run
    ]
    row = rows(tracks(spoiled)["generalisation"])["hybrid"]
    assert (row["reader_name"], row["language_name"], row["task_name"]) == ("b", "en", "nq20")
    assert row["language"] < row["task"]


def test_a_blank_retention_says_why():
    flat = [replace(r, scores={"nats": 2.0 + int(r.example[1])}) for r in known_run()]
    (line,) = blanks(Measured(Corpus.of(flat)))
    assert line.startswith("nq20, read by smollm2: retention is blank. By nats: full does not beat")


def test_the_gap_to_the_bound_is_none_on_it_and_all_at_the_baseline(known):
    table = next(t for t in known["quality"].tables if t.name == "nq20-smollm2")
    closed = {row["arm"]: row["closed"] for row in table.numbers}
    assert closed["random_drop"] == 0.0
    assert 0.0 < closed["hybrid"] <= 1.0
    assert closed["full"] is None
