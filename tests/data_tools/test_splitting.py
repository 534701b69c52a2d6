"""No passage is on both sides, whatever the rows; and the same rows give the same sides."""

import random

import pytest
from dirty import clean_rows, edited, passage
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.data.lines import Line, Place
from tersely.data.splitting import Splitting, leakage, passage_texts, split_rows
from tersely.errors import SettingError


def lines(rows):
    return [Line(Place("x", nth), row) for nth, row in enumerate(rows)]


def sides(rows, **changed):
    found = split_rows(lines(rows), Splitting(**changed)).in_train
    pairs = list(zip(rows, found, strict=True))
    return [row for row, is_in in pairs if is_in], [row for row, is_in in pairs if not is_in]


def text_rows(count, seed=0):
    rng = random.Random(seed)
    return [{"id": f"t{n}", "text": passage(rng)} for n in range(count)]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=4, max_size=20),
    st.integers(0, 9),
)
def test_no_passage_and_no_group_is_on_both_sides(chosen, seed):
    texts = [row["text"] for row in text_rows(8)]
    rows = [
        {"id": str(n), "text": texts[t].upper() if g else texts[t], "group": "abc"[: g % 3]}
        for n, (t, g) in enumerate(chosen)
    ]
    try:
        train, test = sides(rows, seed=seed)
    except SettingError:
        return  # all held together
    assert train
    assert test
    assert not {row["text"].lower() for row in train} & {row["text"].lower() for row in test}
    assert not {row["group"] for row in train} & {row["group"] for row in test} - {""}


def test_near_passages_are_on_one_side():
    rng = random.Random(5)
    rows = text_rows(30)
    rows += [{"id": row["id"] + "n", "text": edited(row["text"], rng)} for row in rows]
    train, test = sides(rows, share=0.5)
    assert {row["id"][:3].rstrip("n") for row in train}.isdisjoint(
        row["id"][:3].rstrip("n") for row in test
    )
    assert leakage(lines(train), lines(test), near=0.7).near == 0


def test_a_split_that_leaks_is_found():
    rng = random.Random(5)
    rows = text_rows(4)
    other = [rows[0], {"text": edited(rows[1]["text"], rng)}, {"text": passage(rng)}]
    found = leakage(lines(rows), lines(other), near=0.7)
    assert (found.same, found.near, found.train_passages, found.test_passages) == (1, 1, 4, 3)
    assert found.documents == pytest.approx(1 / 3)
    assert found.closest < 0.7


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_share_is_met(share):
    train, _ = sides(text_rows(50), share=share)
    assert len(train) == pytest.approx(50 * share, abs=1)


def test_the_order_of_the_rows_does_not_matter():
    rows = clean_rows(count=6)
    turned = random.Random(1).sample(rows, len(rows))
    assert {row["id"] for row in sides(rows)[0]} == {row["id"] for row in sides(turned)[0]}


def test_the_seed_does():
    rows = text_rows(40)
    assert sides(rows, seed=0) != sides(rows, seed=1)


def test_any_field_can_hold_rows_together():
    rows = [{**row, "book": str(nth % 5)} for nth, row in enumerate(text_rows(30))]
    train, test = sides(rows, by=("book",), share=0.6)
    assert {row["book"] for row in train}.isdisjoint(row["book"] for row in test)
    assert len(test) == 12


def test_of_a_question_only_the_gold_documents_hold_together():
    row = {
        "question": "?",
        "answers": ["x"],
        "documents": [{"text": "a"}, {"text": "b"}],
        "gold_index": 1,
    }
    assert passage_texts(row) == ["b"]
    assert passage_texts(row | {"gold_indices": [0, 1]}) == ["a", "b"]
    assert passage_texts(row | {"gold_index": None}) == ["a", "b"]


def test_what_was_made_of_a_row_goes_with_it():
    rows = text_rows(20)
    made = [
        {"id": f"{row['id']}~1", "augmented": ["swap"], "text": new["text"]}
        for row, new in zip(rows, text_rows(20, 9), strict=True)
    ]
    train, test = sides([*rows, *made], share=0.5)
    names = lambda side: {row["id"].removesuffix("~1") for row in side}  # noqa: E731
    assert names(train).isdisjoint(names(test))


@pytest.mark.parametrize("rows", [[], text_rows(1), text_rows(1) * 3])
def test_one_document_cannot_be_split(rows):
    with pytest.raises(SettingError, match="two are needed"):
        sides(rows)


def test_two_groups_are_one_on_each_side():
    one, other = text_rows(2)
    train, test = sides([one] * 9 + [other], share=0.5)
    assert {len(train), len(test)} == {1, 9}


@pytest.mark.parametrize("wrong", [{"share": 0}, {"share": 1}, {"near": 0.1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingError, match="got"):
        Splitting(**wrong)
