"""Expected attention: the closed form against samples, and the scores against loops."""

import math

import pytest
import torch
from evicting import TEXT, tiny_host

from tersely.errors import SettingError
from tersely.soft.expected_attention import (
    ExpectedAttention,
    expected_share,
    mean_turn,
    query_statistics,
)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("expected"))


def turned(row, at, frequencies):
    """Turn one query or key, pair by pair."""
    half, out = len(row) // 2, [0.0] * len(row)
    for i, frequency in enumerate(frequencies.tolist()):
        cos, sin = math.cos(at * frequency), math.sin(at * frequency)
        out[i] = row[i] * cos - row[i + half] * sin
        out[i + half] = row[i + half] * cos + row[i] * sin
    return torch.tensor(out)


def slow_scores(host, reading, future, covariance, floor):
    before, tokens, width = len(host.prefix), len(TEXT), host.head_width
    frequencies, share = host.rotation.frequencies, host.heads // host.kv_heads
    axes = torch.eye(width)
    later = range(before + tokens, before + tokens + future)
    turns = [torch.stack([turned(a.tolist(), at, frequencies) for a in axes]) for at in later]
    turn = sum(turns) / future
    scores = torch.zeros(host.layers, host.kv_heads, tokens)
    for layer, head in torch.cartesian_prod(*map(torch.arange, scores.shape[:2])).tolist():
        rows = reading.keys[layer, head].tolist()
        keys = [turned(row, before + at, frequencies) for at, row in enumerate(rows)]
        for query in range(head * share, (head + 1) * share):
            asked = reading.queries[layer, query]
            mean = asked.mean(dim=0) @ turn
            spread = turn.T @ torch.cov(asked.T, correction=0) @ turn * covariance
            logits = [float(mean @ k / width**0.5 + k @ spread @ k / width / 2) for k in keys]
            weights = torch.tensor([math.exp(one) for one in logits])
            scores[layer, head] += weights / weights.sum() / share
        scores[layer, head] = (scores[layer, head] + floor) * reading.values[layer, head].norm(
            dim=-1
        )
    return scores


@pytest.mark.parametrize(("covariance", "floor"), [(True, 0.0), (False, 0.0), (True, 0.02)])
def test_scores_are_those_of_the_formula(host, covariance, floor):
    reading = host.read(TEXT, queries=True)
    producer = ExpectedAttention(future=5, covariance=covariance, floor=floor)
    wanted = slow_scores(host, reading, 5, covariance, floor)
    torch.testing.assert_close(producer.score(host, TEXT, reading), wanted, rtol=1e-4, atol=1e-6)


def test_the_closed_form_is_the_mean_over_gaussian_queries():
    made = torch.Generator().manual_seed(0)
    mean, keys = torch.randn(4, generator=made), torch.randn(6, 4, generator=made)
    root = 0.5 * torch.randn(4, 4, generator=made)
    queries = mean + torch.randn(400_000, 4, generator=made) @ root.T
    weights = (queries @ keys.T / 2).exp().mean(dim=0)
    share = expected_share(mean, root @ root.T, keys)
    torch.testing.assert_close(share, weights / weights.sum(), rtol=0.03, atol=0.003)


def test_queries_that_do_not_vary_are_the_mean():
    mean, keys = torch.tensor([1.0, 0.0]), torch.tensor([[2.0, 1.0], [0.0, 5.0]])
    nothing = expected_share(mean, torch.zeros(2, 2), keys)
    assert torch.equal(expected_share(mean, None, keys), nothing)
    assert math.isclose(nothing[0] / nothing[1], math.exp(2 / math.sqrt(2)), rel_tol=1e-6)


def test_statistics_are_those_of_a_population():
    queries = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(1))
    mean, spread = query_statistics(queries)
    for head in range(3):
        torch.testing.assert_close(mean[head], queries[head].mean(dim=0))
        torch.testing.assert_close(spread[head], torch.cov(queries[head].T, correction=0))


def test_the_mean_turn_of_one_position_is_that_turn(host):
    row = torch.arange(1.0, host.head_width + 1)
    one = mean_turn(host, range(9, 10))
    torch.testing.assert_close(row @ one, turned(row.tolist(), 9, host.rotation.frequencies))


@pytest.mark.parametrize("settings", [{"future": 0}, {"floor": -0.1}, {"floor": math.nan}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        ExpectedAttention(**settings)
