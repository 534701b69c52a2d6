"""KVzip against attention as transformers gives it out, in loops."""

import pytest
import torch
from evicting import TEXT, attention_of, tiny_host

from tersely.errors import PromptError, SettingError
from tersely.soft.kvzip import KVzip
from tersely.soft.segments import compress_ids

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


@pytest.mark.parametrize("tokens", [117, 118, 130, 400])
def test_as_a_method_it_cuts_a_text_so_that_the_window_has_room_twice(host, tokens):
    ids = (list(TEXT) * 9)[:tokens]
    memory = compress_ids(host, ids, 9, KVZIP)
    assert (memory.slots, memory.source_tokens) == (9, tokens)
    most = KVZIP.most_tokens(host)
    assert KVZIP.produce(host, ids[:most], 4).slots == 4
    with pytest.raises(PromptError, match="reads a text twice"):
        KVZIP.produce(host, (list(TEXT) * 9)[: most + 1], 4)


def test_segments_that_are_asked_for_are_not_cut_again(host):
    with pytest.raises(PromptError, match="reads a text twice"):
        compress_ids(host, (list(TEXT) * 9)[:130], 9, KVZIP, segment_tokens=130)


def test_a_text_is_kept_whole_without_a_second_reading(host):
    memory = KVZIP.produce(host, [*TEXT, *TEXT, *TEXT][:130], 130)
    assert memory.slots == 130


def test_segments_have_a_token():
    with pytest.raises(SettingError, match="segment_tokens is at least 1; got 0"):
        KVzip(segment_tokens=0)
