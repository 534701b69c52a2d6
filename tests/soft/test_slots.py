"""Where slots stand, and which learnt vectors they have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.soft.slots import SlotTable, slot_places

sizes = st.integers(1, 600).flatmap(lambda k: st.tuples(st.integers(k, 2000), st.just(k)))


@given(sizes, st.sampled_from(["centre", "end"]))
def test_places_rise_and_lie_in_the_text(size, at):
    places = slot_places(*size, at)
    assert len(places) == size[1]
    assert np.all(np.diff(places) > 0)
    assert 0 <= places[0] <= places[-1] < size[0]


@given(sizes)
def test_places_are_the_middles_and_ends_of_equal_spans(size):
    tokens, slots = size
    for j, (middle, end) in enumerate(
        zip(slot_places(tokens, slots), slot_places(tokens, slots, "end"), strict=True)
    ):
        assert middle == int((j + 0.5) * tokens // slots)
        assert end == int(np.ceil((j + 1) * tokens / slots - 1e-9)) - 1


@given(st.integers(1, 300))
def test_as_many_slots_as_tokens_stand_on_every_token(tokens):
    assert slot_places(tokens, tokens).tolist() == list(range(tokens))


def test_the_end_places_hold_the_last_token():
    assert slot_places(96, 16, "end")[-1] == 95


def test_each_budget_has_vectors_of_its_own():
    table = SlotTable((4, 1, 8), 3, each=True, nested=False)
    assert [table.numbers(k).tolist() for k in (1, 4)] == [[0], [1, 2, 3, 4]]
    assert table.numbers(8).tolist() == list(range(5, 13))
    assert table.rows.shape == (13, 3)


def test_a_number_between_two_budgets_takes_the_first_of_the_larger():
    table = SlotTable((1, 4, 8), 3, each=True, nested=False)
    assert table.numbers(5).tolist() == [5, 6, 7, 8, 9]


def test_nested_fewer_slots_are_the_first_of_more():
    table = SlotTable((1, 4, 8), 3, each=True, nested=True)
    assert table.rows.shape == (8, 3)
    assert table.numbers(4).tolist() == table.numbers(8).tolist()[:4]


def test_anchors_of_a_budget_share_one_vector():
    table = SlotTable((1, 4, 8), 3, each=False, nested=False)
    assert table.numbers(4).tolist() == [1, 1, 1, 1]
    assert table.rows.shape == (3, 3)


def test_more_slots_than_the_largest_budget_are_refused():
    with pytest.raises(SettingError, match="at most 8 slots of one segment; got 9"):
        SlotTable((1, 4, 8), 3, each=True, nested=False).numbers(9)
