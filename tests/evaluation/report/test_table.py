"""Cells: how they are printed, sorted and stored."""

import math

import pytest

from tersely.evaluation.report.table import Column, Spread, Table, plain, sort_value, text_of
from tersely.evaluation.statistics import Estimate

SHARE = Column(name="share", title="%", form=".1f", scale=100)
COUNT = Column(name="count", title="n", form=",d")
PRINTED = {
    "share": (0.6104, SHARE, "61.0"),
    "count": (12345, COUNT, "12,345"),
    "interval": (Estimate(0.61, 0.55, 0.668, 9, 0), SHARE, "61.0 [55.0, 66.8]"),
    "one cluster": (Estimate(0.61, math.nan, math.nan, 1, 0), SHARE, "61.0"),
    "spread": (Spread(2.0, 1.0, 3.0), Column(name="x", title="x", form=".1f"), "2.0 [1.0, 3.0]"),
    "nothing": (None, SHARE, ""),
    "not a number": (math.nan, SHARE, ""),
    "nothing lost": (-0.0001, Column(name="x", title="x", form="+.1f"), "0.0"),
    "text": ("a|b", Column(name="x", title="x"), "a|b"),
}


@pytest.mark.parametrize(("cell", "column", "text"), PRINTED.values(), ids=PRINTED)
def test_a_cell_is_printed_by_its_column(cell, column, text):
    assert text_of(cell, column) == text


def test_json_has_numbers_as_they_are_and_none_for_what_is_none():
    table = Table(
        name="t", title="", columns=(SHARE, COUNT), rows=((0.12345678, 3), (math.nan, None))
    )
    assert table.numbers == [{"share": 0.123457, "count": 3}, {"share": None, "count": None}]
    assert plain(Estimate(1.0, math.nan, 2.0, 1, 0)) == {"value": 1.0, "low": None, "high": 2.0}


def test_intervals_sort_by_their_value_and_blanks_by_nothing():
    assert sort_value(Estimate(0.5, 0.0, 1.0, 2, 0)) == 0.5
    assert sort_value(None) == sort_value(math.nan) == ""
