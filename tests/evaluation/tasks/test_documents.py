"""Passages in a prompt, and the others around the one that answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.evaluation.tasks.documents import Passage, Pool, placed, titled

HOME = Passage("Oslo", "The harbour is old.")


def pool(*passages):
    made = Pool()
    for passage in (HOME, *passages):
        made.add(passage)
    return made


def around(pool, **changed):
    settings = {"kin": 2, "others": 4, "most": 10_000, "key": "k"} | changed
    return pool.around(HOME, ["harbour"], **settings)


def test_documents_are_numbered_and_titled():
    assert titled([HOME]) == ("Document [1](Title: Oslo) The harbour is old.",)


@pytest.mark.parametrize("position", [0, 1, 3])
def test_the_first_document_goes_to_its_position(position):
    others = [Passage("", str(n)) for n in range(3)]
    order = placed([HOME, *others], position)
    assert order[position] == HOME
    assert [one for one in order if one != HOME] == others


def test_others_are_of_the_same_title_first():
    kin = [Passage("Oslo", f"kin {n}") for n in range(5)]
    foreign = [Passage("Rome", f"far {n}") for n in range(5)]
    found = around(pool(*kin, *foreign))
    assert len(found) == 5
    assert sum(passage.title == "Oslo" for passage in found) == 3
    assert HOME in found


def test_no_other_holds_the_answer():
    found = around(pool(Passage("Rome", "A Harbour, too."), Passage("Rome", "A hill.")))
    assert sorted(passage.text for passage in found) == ["A hill.", HOME.text]


def test_no_title_is_no_kinship():
    made = Pool()
    home = Passage("", "here")
    for passage in (home, *(Passage("", str(n)) for n in range(6))):
        made.add(passage)
    assert len(made.around(home, ["here"], kin=0, others=4, most=999, key="k")) == 5


@given(st.integers(0, 200), st.text("abc", max_size=4))
def test_all_together_fit_unless_there_is_one_other(most, key):
    others = [Passage("Rome", "é" * (n + 1)) for n in range(9)]
    found = around(pool(*others), most=most, key=key)
    size = sum(len(passage.text.encode()) for passage in found)
    assert size <= most or len(found) == 2
    assert found == around(pool(*others), most=most, key=key)
