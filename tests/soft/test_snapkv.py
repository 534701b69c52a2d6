"""SnapKV against attention as transformers gives it out, in loops."""

import pytest
import torch
from evicting import TEXT, attention_of, tiny_host

from tersely.errors import SettingError
from tersely.soft.snapkv import SnapKV


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("snapkv"))


def slow_scores(host, window):
    """Mean attention of the last queries that can see a token, over the heads that share it."""
    seen, before, tokens = attention_of(host, TEXT), len(host.prefix), len(TEXT)
    share = host.heads // host.kv_heads
    scores = torch.zeros(host.layers, host.kv_heads, tokens)
    for layer, head, at in torch.cartesian_prod(*map(torch.arange, scores.shape)).tolist():
        asking = range(max(at, tokens - window), tokens)
        group = range(head * share, (head + 1) * share)
        rows = [seen[layer, q, before + r, before + at] for q in group for r in asking]
        scores[layer, head, at] = sum(rows) / len(rows)
    return scores


def scores_of(host, **settings):
    producer = SnapKV(**settings)
    return producer.score(host, TEXT, host.read(TEXT, queries=True))


def test_scores_are_the_mean_attention_of_the_end(host):
    torch.testing.assert_close(scores_of(host, window=6, kernel=1), slow_scores(host, 6))


def test_a_window_longer_than_the_text_is_the_text(host):
    torch.testing.assert_close(scores_of(host, window=999, kernel=5), slow_scores(host, len(TEXT)))


def test_only_what_stands_before_the_window_is_smoothed(host):
    plain, smooth = slow_scores(host, 6), scores_of(host, window=6, kernel=3)
    early = len(TEXT) - 6
    assert torch.allclose(smooth[..., early:], plain[..., early:])
    torch.testing.assert_close(smooth[..., 1], plain[..., :3].mean(dim=-1))
    torch.testing.assert_close(smooth[..., early - 1], plain[..., early - 2 : early].mean(dim=-1))


@pytest.mark.parametrize(("slots", "window", "kept"), [(12, 4, 4), (12, 32, 6), (1, 4, 0)])
def test_the_end_is_kept_but_in_half_of_the_slots_at_most(slots, window, kept):
    held = SnapKV(window=window).held(100, slots)
    assert held.tolist() == list(range(100 - kept, 100))


def test_every_head_of_a_memory_keeps_the_end(host):
    memory = SnapKV(window=4).produce(host, TEXT, 10)
    last = torch.arange(len(TEXT) - 4, len(TEXT)).expand(host.layers, host.kv_heads, 4)
    assert torch.equal(memory.positions[..., -4:], last)


@pytest.mark.parametrize("settings", [{"window": 0}, {"kernel": 4}, {"kernel": -1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        SnapKV(**settings)
