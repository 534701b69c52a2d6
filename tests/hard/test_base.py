"""What all ranking methods share: protected text first, own rates next, then the best that fits."""

import numpy as np
import pytest
from fakes import WordCounter

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.hard.base import Ranking, RankingCompressor


class EarlierIsBetter(RankingCompressor):
    """Values words by their place, and notes what it was asked for."""

    name = "earlier"

    def __init__(self, rates=None):
        self.rates = rates or {}
        self.goals = []

    def segment_rate(self, segment):
        return 0.5 if segment.role == "instruction" else super().segment_rate(segment)

    def rank(self, layout, goal):
        self.goals.append(goal)
        return Ranking(-np.arange(len(layout), dtype=float), 7, self.rates)


def compress(prompt, method=None, **budget):
    method = method or EarlierIsBetter()
    return method.compress(prompt, Budget(**budget), counter=WordCounter())


def test_a_ranking_hears_what_is_fixed_and_how_much_room_is_left():
    method = EarlierIsBetter()
    compress(Prompt.of("a b c d e f", question="x y"), method, tokens=5)
    (goal,) = method.goals
    assert goal.rate == pytest.approx((5 - 2) / (8 - 2))
    assert goal.fixed.tolist() == [False] * 6 + [True] * 2


def test_what_the_model_read_is_reported():
    assert compress(Prompt.of("a b c"), tokens=2).model_tokens == 7


def test_nothing_is_ranked_where_all_fits():
    method = EarlierIsBetter()
    result = compress(Prompt.of("a b c"), method, tokens=3)
    assert (result.text, method.goals) == ("a b c", [])


def test_a_segment_with_a_rate_is_cut_even_where_all_fits():
    prompt = Prompt.joined([Segment("a b c d", rate=0.5), Segment("e f")])
    assert compress(prompt, tokens=100).texts == ["a b", "e f"]


def test_own_rates_that_are_too_much_together_share_the_budget():
    prompt = Prompt.joined([Segment("a b c d", rate=0.75), Segment("e f g h", rate=0.75)])
    assert compress(prompt, tokens=4).texts == ["a b c", "e"]


def test_what_is_protected_survives_even_then():
    prompt = Prompt.joined([Segment("a b c d", rate=0.75), Segment("e f g h", rate=0.75)])
    assert compress(prompt.protecting([Span(1, 4, 5)]), tokens=4).texts == ["a b c", "g"]


def test_a_rate_the_method_decides_replaces_the_segments_own():
    prompt = Prompt.of("a b c d", instruction="i j k l")
    assert compress(prompt, tokens=5).texts == ["i j", "a b c"]
    assert compress(prompt, EarlierIsBetter({0: 0.75}), tokens=5).texts == ["i j k", "a b"]


def test_a_segment_given_back_whole_is_whole():
    prompt = Prompt.of("a b c d", instruction="i j k l  ")
    assert compress(prompt, EarlierIsBetter({0: 1.0}), tokens=5).texts == ["i j k l  ", "a"]


def test_the_whole_of_a_segment_that_is_too_much_is_cut_after_all():
    prompt = Prompt.of("a b c d", instruction="i j k l")
    assert compress(prompt, EarlierIsBetter({0: 1.0}), tokens=3).texts == ["i j k", ""]


class LastFirst(EarlierIsBetter):
    """Writes the contexts in reverse."""

    def rank(self, layout, goal):
        order = tuple(reversed(range(len(layout.prompt.segments))))
        return Ranking(-np.arange(len(layout), dtype=float), order=order)


def test_a_ranking_can_reorder_the_segments():
    result = compress(Prompt.of(["a b", "c d", "e f"]), LastFirst(), tokens=4)
    assert (result.text, result.order) == ("c d\n\na b", (2, 1, 0))
    assert [span.segment for span in result.kept] == [1, 0]


def test_what_needs_no_cutting_is_not_reordered():
    result = compress(Prompt.of(["a b", "c d"]), LastFirst(), tokens=4)
    assert (result.text, result.order) == ("a b\n\nc d", None)
