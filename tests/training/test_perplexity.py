"""Perplexity over conversations: whole numbers by hand, and intervals."""

import math

import numpy as np
import pytest

from tersely.training.perplexity import Perplexity

pytest.importorskip("scipy", reason="intervals need the extra train")


def measured(nats, tokens):
    pairs = zip(nats, tokens, strict=True)
    return Perplexity.of({f"c{n}": pair for n, pair in enumerate(pairs)})


def test_it_is_the_exponential_of_nats_by_tokens_not_a_mean_of_means():
    assert measured([10.0, 2.0], [2, 4]).value == pytest.approx(math.e**2)


def test_it_comes_back_from_its_sums():
    one = measured([10.5, 2.25], [2, 4])
    again = Perplexity.of(one.sums)
    assert (again.groups, again.value) == (one.groups, one.value)
    assert one.sums == {"c0": (10.5, 2), "c1": (2.25, 4)}


def test_the_interval_holds_the_value_and_narrows_with_more_conversations():
    rng = np.random.default_rng(0)
    widths = []
    for count in (20, 500):
        one = measured(rng.normal(20, 5, count), np.full(count, 10))
        low, high = one.interval()
        assert low < one.value < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert one.interval() == one.interval()


def test_a_change_is_paired_so_what_conversations_share_does_not_widen_it():
    nats, tokens = np.random.default_rng(0).uniform(10, 90, 50), np.full(50, 10)
    before, after = measured(nats, tokens), measured(nats - 1, tokens)
    share, (low, high) = after.change_from(before)
    assert share == pytest.approx(math.exp(-0.1))
    assert high - low < 1e-9
    assert after.change_json(before)["value"] == round(math.exp(-0.1) - 1, 5)


def test_one_conversation_has_no_interval():
    assert all(math.isnan(bound) for bound in measured([3.0], [2]).interval())


def test_a_card_rounds():
    card = measured([10.0, 2.0], [2, 4]).to_json()
    assert card["value"] == 7.3891
    assert card["interval"] == [round(bound, 4) for bound in card["interval"]]
