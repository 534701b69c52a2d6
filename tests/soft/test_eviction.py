"""What the training-free producers share, against slow and obvious code."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.soft.base import check_count
from tersely.soft.eviction import (
    best_positions,
    check_room,
    seen_share,
    smoothed,
)


def drawn(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_the_best_positions_are_the_best_in_reading_order(tokens, data):
    slots = data.draw(st.integers(1, tokens))
    rows = data.draw(st.lists(st.integers(0, 3), min_size=tokens, max_size=tokens))
    by_score = sorted(range(tokens), key=lambda at: (-rows[at], at))
    found = best_positions(torch.tensor([[rows]], dtype=torch.float32), slots)
    assert found.tolist() == [[sorted(by_score[:slots])]]


def test_heads_and_layers_choose_for_themselves():
    scores = torch.tensor([[[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], [[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]]])
    assert best_positions(scores, 2).tolist() == [[[0, 1], [1, 2]], [[1, 2], [0, 1]]]


def test_what_is_held_is_kept_whatever_its_score():
    scores = torch.tensor([[[9.0, 8.0, 7.0, 0.0]]])
    assert best_positions(scores, 2, held=torch.tensor([3])).tolist() == [[[0, 3]]]
    assert scores[0, 0, 3] == 0  # the caller's scores are left alone


def test_attention_is_a_causal_softmax_of_shared_heads():
    queries, keys, after = drawn(4, 3, 8), drawn(2, 7, 8, seed=1), 4
    share = seen_share(queries, keys, after=after)
    for head in range(4):
        for at in range(3):
            seen = [float(queries[head, at] @ k) / math.sqrt(8) for k in keys[head // 2]]
            weights = [math.exp(x) if n <= after + at else 0.0 for n, x in enumerate(seen)]
            wanted = torch.tensor(weights) / sum(weights)
            torch.testing.assert_close(share[head, at], wanted)


def test_scores_are_smoothed_over_neighbours_that_exist():
    scores = torch.tensor([[0.0, 3.0, 6.0, 0.0]])
    assert smoothed(scores, 3).tolist() == [[1.5, 3.0, 3.0, 3.0]]
    assert torch.equal(smoothed(scores, 1), scores)


def test_too_few_slots_are_refused_with_the_reason():
    with pytest.raises(SettingError, match="4 slots are too few: 5 are needed for 4 sinks"):
        check_room(4, 5, "4 sinks and a recent token")
    check_room(5, 5, "4 sinks and a recent token")


def test_a_setting_too_small_is_refused_by_name():
    with pytest.raises(SettingError, match="sink is at least 0; got -1"):
        check_count("sink", -1)
    check_count("sink", 0)
