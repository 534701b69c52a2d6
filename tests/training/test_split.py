"""The split: the same for everyone, and never two sides of one article."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.training.split import group_of, is_held_out, stable_number


@pytest.mark.parametrize("title", ["Steam engine", "Harvard University", "Islamism", "Geology"])
def test_these_articles_are_held_out(title):
    assert is_held_out(f"wikipedia/{title}")


@pytest.mark.parametrize("title", ["Normans", "Warsaw", "Force", "Yuan dynasty"])
def test_these_are_for_training(title):
    assert not is_held_out(f"wikipedia/{title}")


def test_about_three_tenths_are_held_out():
    assert 0.27 < sum(is_held_out(f"set/{number}") for number in range(2000)) / 2000 < 0.33


@given(st.text())
def test_case_blanks_and_underscores_do_not_count(name):
    other = f"  {name.replace(' ', '_')} "
    assert is_held_out(name) == is_held_out(other)
    if name.isascii():
        assert is_held_out(name) == is_held_out(name.upper())


def test_sets_that_share_articles_share_groups():
    row = {"id": "1", "documents": [{"title": "Warsaw", "text": "It is a city."}]}
    groups = {group_of(name, row) for name in ("squad2_dev", "xquad", "hotpotqa500")}
    assert groups == {"wikipedia/Warsaw"}


def test_each_document_has_its_own_group():
    row = {"id": "1", "documents": [{"title": "A", "text": "a"}, {"title": "B", "text": "b"}]}
    assert group_of("hotpotqa500", row, 1) == "wikipedia/B"


def test_questions_on_one_paper_share_a_group_whatever_its_line_breaks():
    one = {"id": "1", "documents": [{"title": "", "text": "A paper.\nIt is long."}]}
    two = {"id": "2", "documents": [{"title": "", "text": "A paper. It is long."}]}
    assert group_of("covidqa", one) == group_of("covidqa", two) != group_of("mctest", one)


def test_all_else_is_told_apart_by_its_id():
    assert group_of("textbooks", {"id": "x-1", "title": "Cells"}) == "textbooks/x-1"


def test_a_surrogate_is_no_trouble():
    assert stable_number("\ud800") != stable_number("\udfff")
