"""Binary strings: the programs, the two sets, and the table of exact curves."""

import json
import os
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.evaluation.synthetic import (
    ANSWERS,
    NEXT_BIT,
    PALINDROME,
    TABLE_RATES,
    Item,
    answer,
    candidates,
    curves,
    make_items,
    pruned,
    read_items,
)

ONES, ZEROS, PARITY, RUN, _, FLIPS, _ = ANSWERS
strings = st.text("01", min_size=1, max_size=8)

# Computed with the authors' val_set.jsonl: rates 0.20 to 0.50 by 0.05, then 0.60 to 0.90 by 0.10.
PUBLISHED = {
    ("all", "agnostic"): "348 281 234 199 172 148 126 089 057 031 016",
    ("all", "aware"): "254 170 106 047 014 014 014 014 014 014 014",
    ("pruned", "agnostic"): "349 282 237 201 174 150 128 091 059 033 017",
    ("pruned", "aware"): "262 174 110 051 014 014 014 014 014 014 014",
}
# The same table of our own set, which anyone can make.
OURS = {
    ("all", "agnostic"): "355 286 241 209 183 159 138 098 064 033 010",
    ("all", "aware"): "259 174 110 051 009 009 009 009 009 009 009",
    ("pruned", "agnostic"): "357 288 244 212 186 162 140 101 067 035 011",
    ("pruned", "aware"): "267 179 115 055 009 009 009 009 009 009 009",
}


def table(items):
    """The table as it is written above: thousandths."""
    found = {pool: curves(items, pool) for pool in ("all", "pruned")}
    return {
        (pool, kind): " ".join(f"{getattr(curve, kind).at(rate):.3f}"[2:] for rate in TABLE_RATES)
        for pool, curve in found.items()
        for kind in ("agnostic", "aware")
    }


@pytest.fixture(scope="module")
def authors():
    """The authors' set has no licence, so it is not here; who has the file can check."""
    place = os.environ.get("TERSELY_SYNTHETIC_SET")
    if not place:
        pytest.skip("TERSELY_SYNTHETIC_SET does not name the authors' val_set.jsonl")
    return read_items(Path(place))


def test_t3_the_published_table_comes_out_to_three_decimals(authors):
    assert (len(authors), len({item.context for item in authors})) == (1400, 241)
    assert table(authors) == PUBLISHED


def test_t3_the_published_curves_of_single_questions_come_out(authors):
    found = curves(authors).by_query
    said = {
        query: [round(curve.at(r), 3) for r in (0.2, 0.5, 0.6)] for query, curve in found.items()
    }
    assert said[ONES] == [0.45, 0.029, 0.0]
    assert said[RUN] == [0.868, 0.389, 0.264]
    assert round(found[RUN].at(0.8), 3) == 0.033
    assert said[FLIPS] == [0.193, 0.0, 0.0]
    assert said[PARITY] == said[PALINDROME] == [0.0, 0.0, 0.0]
    assert said[NEXT_BIT] == [0.1, 0.1, 0.1]
    assert round(curves(authors).agnostic.rates[0], 3) == 0.157


def test_t3_the_table_of_our_own_set_comes_out_to_three_decimals():
    assert table(make_items()) == OURS


def test_every_curve_of_our_own_set_is_ordered_as_theory_says():
    everything, pruned_only = curves(make_items()), curves(make_items(), "pruned")
    for rate in TABLE_RATES:
        aware, agnostic = everything.aware.at(rate), everything.agnostic.at(rate)
        assert aware <= agnostic <= pruned_only.agnostic.at(rate) + 1e-12
        assert aware <= pruned_only.aware.at(rate) + 1e-12


def test_a_set_of_one_question_each_is_the_mean_of_the_questions():
    found = curves(make_items(per_query=30))
    rates = [curve.rates[-1] for curve in found.by_query.values()]
    total = np.mean([curve.at(max(rates)) for curve in found.by_query.values()])
    assert found.aware.at(1.0) == pytest.approx(total)


@given(strings)
def test_the_programs_answer_as_one_would_by_hand(string):
    runs = [len(list(run)) for _, run in groupby(string)]
    assert answer(ONES, string) == str(sum(map(int, string)))
    assert answer(ZEROS, string) == str(len(string) - sum(map(int, string)))
    assert answer(PARITY, string) == str(sum(map(int, string)) % 2)
    assert answer(RUN, string) == str(max(runs))
    assert answer(FLIPS, string) == str(len(runs) - 1)
    assert answer(PALINDROME, string) == ("Yes" if list(string) == [*reversed(string)] else "No")
    assert answer(NEXT_BIT, string) == string[-1]


@given(strings)
def test_pruned_strings_are_all_that_dropping_symbols_leaves(string):
    masks = product([0, 1], repeat=len(string))
    left = {"".join(s for s, kept in zip(string, mask, strict=True) if kept) for mask in masks}
    assert pruned(string) == left - {""}


@given(strings, st.sampled_from([*ANSWERS]))
def test_candidates_are_all_shorter_strings_and_the_string_itself(string, query):
    (found,) = candidates([Item(string, query, answer(query, string))])
    shorter = ["".join(bits) for n in range(1, len(string)) for bits in product("01", repeat=n)]
    right = answer(query, string)
    slow = [(len(s) / len(string), float(answer(query, s) != right)) for s in [*shorter, string]]
    assert [*zip(found.rates, found.distortions, strict=True)] == slow


def test_our_set_follows_the_law_of_the_authors():
    items = make_items(seed=3, per_query=2000)
    asked = [item for item in items if item.query not in (PALINDROME, NEXT_BIT)]
    flips = sum(int(answer(FLIPS, item.context)) for item in asked)
    assert {len(item.context) for item in items} == set(range(4, 11))
    assert flips / sum(len(item.context) - 1 for item in asked) == pytest.approx(0.1, abs=0.005)
    stayed = [item.answer == item.context[-1] for item in items if item.query == NEXT_BIT]
    assert np.mean(stayed) == pytest.approx(0.9, abs=0.02)
    ones = np.mean([item.context[0] == "1" for item in asked])
    assert ones == pytest.approx(0.5, abs=0.02)
    mirrored = np.mean([item.answer == "Yes" for item in items if item.query == PALINDROME])
    assert mirrored == pytest.approx(0.78, abs=0.03)  # 0.5, and half of the others are of one run


def test_equal_seeds_give_equal_sets_and_others_differ():
    assert make_items(seed=1) == make_items(seed=1) != make_items(seed=2)
    assert len(make_items()) == 1400
    assert sum(item.query == PALINDROME for item in make_items()) == 200


def test_a_set_is_read_in_the_authors_form(tmp_path):
    file = tmp_path / "set.jsonl"
    rows = [{"idx": 0, "context": "0110", "query": PARITY, "answer": "0"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert read_items(file) == [Item("0110", PARITY, "0")]


@pytest.mark.parametrize(
    "row",
    [
        {"context": "0120", "query": PARITY, "answer": "0"},
        {"context": "", "query": PARITY, "answer": "0"},
        {"context": "01", "query": "What?", "answer": "0"},
        {"query": PARITY},
    ],
)
def test_a_row_of_another_form_is_refused(tmp_path, row):
    file = tmp_path / "set.jsonl"
    file.write_text(json.dumps(row) + "\n", "utf-8")
    with pytest.raises(SettingError, match=r"Row 1 of .* is not a string of 0s and 1s"):
        read_items(file)


def test_no_items_and_long_strings_are_refused(tmp_path):
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    with pytest.raises(SettingError, match="holds no items"):
        read_items(tmp_path / "empty.jsonl")
    with pytest.raises(SettingError, match="At least 1 item per question"):
        make_items(per_query=0)
    with pytest.raises(SettingError, match="string of 13 symbols"):
        curves([Item("0" * 13, PARITY, "0")])
