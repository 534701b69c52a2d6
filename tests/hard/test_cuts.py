"""Where a ranking can be cut: sentences stay whole, and the hull is the slow one's."""

import numpy as np
import pytest
from fakes import FakeEncoder, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.errors import BudgetError, BudgetTooSmall, SettingError
from tersely.hard.base import Ranking, RankingCompressor
from tersely.hard.cuts import Bounds, cuts_of
from tersely.hard.hybrid import Hybrid
from tersely.hard.truncate import Truncate


class Told(RankingCompressor):
    """Values words by their place; their shares of the answer are told."""

    name = "told"

    def __init__(self, *shares):
        self.shares = np.array(shares, dtype=float)

    def rank(self, layout, goal):
        return Ranking(-np.arange(len(layout), dtype=float), shares=self.shares)


def told(text, *shares, **settings):
    return cuts_of(Told(*shares), Prompt.of(text), counter=WordCounter(), **settings)


def hull_slowly(tokens, shares):
    """Cuts that are the best at some price of a token, the first cut always there."""
    points = range(1, len(tokens))
    slopes = [
        (shares[b] - shares[a]) / (tokens[b] - tokens[a]) for a in points for b in points if a < b
    ]
    prices = sorted({0.0, 1e9, *slopes, *(s + e for s in slopes for e in (1e-7, -1e-7))})
    best = {max(points, key=lambda c: (shares[c] - price * tokens[c], c)) for price in prices}
    return best | {1}


def test_words_of_one_share_are_one_cut():
    cuts = told("a b c d e", 0.1, 0.1, 0.2, 0.2, 0.2)
    assert cuts.ends.tolist() == [0, 2, 5]
    assert cuts.tokens.tolist() == [0, 2, 5]
    assert cuts.shares.tolist() == pytest.approx([0, 0.2, 0.8])


def test_what_has_no_share_goes_with_what_is_before_it():
    assert told("a b c d e", 0.3, 0.3, 0, 0, 0.4).ends.tolist() == [0, 4, 5]


def test_a_protected_word_does_not_part_a_sentence():
    prompt = Prompt.of("a b c d").protecting([Span(0, 2, 3)])
    cuts = cuts_of(Told(0.2, 0.2, 0.2, 0.4), prompt, counter=WordCounter())
    assert cuts.ends.tolist() == [0, 2, 3]
    assert cuts.shares.tolist() == pytest.approx([0.2, 0.6, 1.0])
    assert cuts.tokens.tolist() == [1, 3, 4]


def test_neighbours_of_one_share_elsewhere_are_two_cuts():
    class Apart(Told):
        def rank(self, layout, goal):
            return Ranking(np.array([3.0, 0.0, 2.0]), shares=self.shares)

    cuts = cuts_of(Apart(0.4, 0.2, 0.4), Prompt.of("a b c"), counter=WordCounter())
    assert cuts.ends.tolist() == [0, 1, 2, 3]


def test_the_share_to_reach_is_reached_by_the_fewest():
    cuts = told("a b c d", 0.5, 0.3, 0.15, 0.05)
    assert [cuts.at_share(p) for p in (0.01, 0.5, 0.51, 0.8, 0.96, 0.999)] == [1, 1, 2, 2, 4, 4]


def test_a_share_that_is_never_reached_keeps_everything():
    cuts = told("a b c", 0.3, 0.2, 0.1)
    assert cuts.compress(cuts.at_share(0.9)).text == "a b c"


def test_the_hull_leaves_out_what_a_later_cut_makes_dearer():
    cuts = told("a b c d e", 0.4, 0.01, 0.3, 0.2, 0.0)
    assert [cut for cut, _ in cuts.hull] == [1, 3, 4]
    found = [cuts.at_threshold(slope) for slope in (0.16, 0.15, 0.11, 0.09)]
    assert found == [1, 3, 3, 4]  # b and c together buy 0.155 a token, d and e 0.1


@given(st.lists(st.integers(1, 999), min_size=1, max_size=12, unique=True))
def test_the_hull_is_the_obvious_one(parts):
    cuts = told(" ".join("w" * len(parts)), *(np.array(parts) / sum(parts)))
    assert {cut for cut, _ in cuts.hull} == hull_slowly(cuts.tokens, cuts.shares)
    slopes = [slope for _, slope in cuts.hull[1:]]
    assert slopes == sorted(slopes, reverse=True)


def test_a_cut_keeps_what_it_says():
    cuts = told("a b c d e", 0.1, 0.1, 0.2, 0.2, 0.2)
    assert [cuts.compress(cut).text for cut in range(3)] == ["", "a b", "a b c d e"]


def test_least_and_most_hold_whatever_the_cut():
    cuts = told("a b c d e", 0.1, 0.1, 0.2, 0.2, 0.2, bounds=Bounds(0.6, 0.8))
    assert [cuts.compress(cut).text for cut in range(3)] == ["a b c", "a b c", "a b c d"]
    assert {cuts.compress(cut).limit_tokens for cut in range(3)} == {4}


def test_the_budget_is_the_most_even_of_the_least():
    cuts = told(
        "a b c d e", 0.1, 0.1, 0.2, 0.2, 0.2, bounds=Bounds(0.6, 1), budget=Budget(tokens=2)
    )
    assert [cuts.compress(cut).text for cut in (0, 2)] == ["a b", "a b"]


def test_a_prompt_without_anything_to_cut_has_no_hull():
    cuts = told("", budget=Budget(rate=1.0))
    assert (cuts.hull, cuts.at_share(0.5), cuts.at_threshold(0.1)) == ([], 0, 0)
    assert cuts.compress(0).text == ""


def test_segments_with_rates_of_their_own_do_not_compete():
    prompt = Prompt.joined([Segment("a b c d", rate=0.5), Segment("e f")])
    cuts = cuts_of(Told(0.1, 0.1, 0.1, 0.1, 0.4, 0.2), prompt, counter=WordCounter())
    assert cuts.compress(0).texts == ["a b", ""]
    assert cuts.compress(1).texts == ["a b", "e"]


def test_sentences_of_hybrid_stay_whole():
    text = "The cat sat on a mat. Dogs bark at night. The moon is far away. Fish swim in seas."
    prompt = Prompt.of(text, question="Where is the moon?")
    cuts = cuts_of(Hybrid(encoder=FakeEncoder()), prompt, counter=WordCounter())
    kept = [cuts.compress(cut).contexts[0] for cut in range(len(cuts.ends))]
    assert [one.count(".") for one in kept] == [0, 1, 2, 3, 4]
    assert kept[1] == "The moon is far away."


def test_a_method_that_does_not_say_shares_is_refused():
    with pytest.raises(SettingError, match="truncate, as it is set, does not say"):
        cuts_of(Truncate(), Prompt.of("a b c"), counter=WordCounter())


def test_what_is_protected_must_fit_the_most():
    prompt = Prompt.of("a b c d", question="e f g h")
    with pytest.raises(BudgetTooSmall):
        cuts_of(Told(*[0.1] * 8), prompt, counter=WordCounter(), bounds=Bounds(0, 0.4))


@pytest.mark.parametrize("pair", [(-0.1, 1), (0, 0), (0.5, 0.4), (0, 1.1), (float("nan"), 1)])
def test_bounds_that_are_none_are_refused(pair):
    with pytest.raises(BudgetError, match="0 <= min_rate <= max_rate <= 1"):
        Bounds(*pair)


@pytest.mark.parametrize("pair", [("0", 1), (0, True), (None, 1)])
def test_bounds_are_numbers(pair):
    with pytest.raises(BudgetError, match="is a number in"):
        Bounds(*pair)
