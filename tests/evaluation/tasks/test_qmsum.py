"""Stretches of a meeting that hold what a query is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_rows import folder

from tersely.errors import SettingError
from tersely.evaluation.tasks import qmsum
from tersely.evaluation.tasks.qmsum import read, stretches_of

ONES = [1] * 20


@pytest.mark.parametrize(
    ("spans", "most", "ahead", "shown"),
    [
        ([(8, 10)], 6, 0.0, [(8, 14)]),
        ([(8, 10)], 6, 1.0, [(4, 10)]),
        ([(8, 10)], 6, 0.5, [(6, 12)]),
        ([(1, 3)], 8, 1.0, [(0, 8)]),  # the beginning is near: the rest goes behind
        ([(17, 19)], 8, 0.0, [(12, 20)]),  # and here before
        ([(2, 4), (6, 8)], 8, 0.5, [(1, 9)]),
        ([(2, 4), (15, 17)], 8, 0.5, [(1, 5), (14, 18)]),
        ([(2, 4), (6, 9), (15, 17)], 13, 0.5, [(1, 10), (14, 18)]),  # neighbours grow together
    ],
)
def test_stretches_hold_the_spans_and_fill_up(spans, most, ahead, shown):
    assert stretches_of(ONES, spans, most, ahead=ahead) == shown


words = st.lists(st.integers(1, 30), min_size=1, max_size=25)


@given(words, st.data(), st.floats(0, 1), st.integers(0, 200))
def test_stretches_are_whole_and_never_too_long(lengths, data, ahead, room):
    edges = data.draw(st.sets(st.integers(0, len(lengths)), min_size=2, max_size=6).map(sorted))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    most = sum(sum(lengths[a:b]) for a, b in spans) + room
    shown = stretches_of(lengths, spans, most, ahead=ahead)
    assert all(any(c <= a and b <= d for c, d in shown) for a, b in spans)
    assert sum(sum(lengths[a:b]) for a, b in shown) <= most
    assert shown == sorted(shown)


def meeting(**changed):
    turns = [{"role": "A", "text": f"word {{vocalsound}} number{n} ."} for n in range(30)]
    query = {"query": "What?", "answer": "This.", "kind": "specific", "spans": [["3", "5"]]}
    return {"id": "m", "domain": "made", "turns": turns, "queries": [query | changed]}


def test_a_query_has_its_turns_as_gold(tmp_path):
    (example,) = read(folder(tmp_path, qmsum=[meeting()]))
    assert example.gold == tuple(f"A: word number{n} ." for n in (3, 4, 5))
    assert example.contexts[0].count("\n") == 29
    assert (example.id, example.cluster, example.group) == ("m#0", "m", "made")


@pytest.mark.parametrize("spans", [None, [], [["40", "50"]]])
def test_a_query_without_turns_is_left_out(tmp_path, spans):
    assert list(read(folder(tmp_path, qmsum=[meeting(spans=spans)]))) == []


def test_a_query_about_most_of_the_meeting_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(qmsum, "MOST_GOLD_WORDS", 11)
    assert list(read(folder(tmp_path, qmsum=[meeting()]))) == []


@pytest.mark.parametrize("spans", [["3"], [["a", "b"]], [[1, 2, 3]], 5])
def test_wrong_spans_are_named(tmp_path, spans):
    with pytest.raises(SettingError, match=r"In qmsum, row m, queries\[0\]: 'spans' is not a list"):
        list(read(folder(tmp_path, qmsum=[meeting(spans=spans)])))
