"""KVzip against attention as transformers gives it out, in loops."""

import pytest
import torch
from evicting import TEXT, attention_of, tiny_host

from tersely.errors import PromptError, SettingError
from tersely.soft.kvzip import KVzip

KVZIP = KVzip(trigger="\n\nAgain:\n")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("kvzip"))


def test_scores_are_the_largest_attention_of_a_second_reading(host):
    again = [*host.encode(KVZIP.trigger), *TEXT]
    seen, before, tokens = attention_of(host, [*TEXT, *again]), len(host.prefix), len(TEXT)
    scores = KVZIP.score(host, TEXT, host.read(TEXT))
    share = host.heads // host.kv_heads
    for layer, head, at in torch.cartesian_prod(*map(torch.arange, scores.shape)).tolist():
        group = seen[layer, head * share : (head + 1) * share, before + tokens :, before + at]
        torch.testing.assert_close(scores[layer, head, at], group.max())


def test_no_score_is_of_the_prefix_or_of_the_second_reading(host):
    scores = KVZIP.score(host, TEXT, host.read(TEXT))
    assert scores.shape == (host.layers, host.kv_heads, len(TEXT))
    assert scores.min() > 0


def test_a_text_that_cannot_be_read_twice_is_refused(host):
    with pytest.raises(PromptError, match=r"reads a text twice: 131 \+ 139 tokens.* 256"):
        KVZIP.produce(host, [*TEXT, *TEXT, *TEXT][:130], 4)


def test_a_text_is_kept_whole_without_a_second_reading(host):
    memory = KVZIP.produce(host, [*TEXT, *TEXT, *TEXT][:130], 130)
    assert memory.slots == 130


def test_segments_have_a_token():
    with pytest.raises(SettingError, match="segment_tokens is at least 1; got 0"):
        KVzip(segment_tokens=0)
