"""What holds of every training-free producer, and where those without scores keep tokens."""

import pytest
import torch
from evicting import TEXT, tiny_host

from tersely.errors import SettingError
from tersely.soft.anchors import Anchors
from tersely.soft.expected_attention import ExpectedAttention
from tersely.soft.full import Full
from tersely.soft.kvzip import KVzip
from tersely.soft.snapkv import SnapKV
from tersely.soft.streaming import Streaming
from tersely.soft.truncate import Truncate

BY_PLACE = [Truncate(keep="head"), Truncate(), Streaming(sink=2), Anchors(), Anchors(sink=1)]
BY_SCORE = [SnapKV(window=6), ExpectedAttention(future=9), KVzip(trigger="Again:")]
ALL = [*BY_PLACE, *BY_SCORE]
every = pytest.mark.parametrize("producer", ALL, ids=lambda one: f"{one.name}-{one.settings}")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("evictors"))


@every
@pytest.mark.parametrize("slots", [3, 17, len(TEXT) - 1])
def test_a_memory_has_exactly_the_slots_that_were_asked_for(host, producer, slots):
    memory = producer.produce(host, TEXT, slots)
    assert memory.keys.shape == (host.layers, host.kv_heads, slots, host.head_width)
    assert memory.source_tokens == len(TEXT)
    assert bool((memory.positions.diff(dim=-1) > 0).all())  # each token once, in reading order


@every
@pytest.mark.parametrize("slots", [len(TEXT), len(TEXT) + 5])
def test_with_enough_slots_nothing_is_lost(host, producer, slots):
    memory, full = producer.produce(host, TEXT, slots), Full().produce(host, TEXT, slots)
    assert torch.equal(memory.keys, full.keys)
    assert torch.equal(memory.values, full.values)
    assert memory.positions.tolist() == list(range(len(TEXT)))


@every
def test_slots_are_the_keys_and_values_of_the_tokens_they_stand_for(host, producer):
    memory, reading = producer.produce(host, TEXT, 5), host.read(TEXT)
    places = memory.positions.expand(host.layers, host.kv_heads, 5)
    for layer, head in torch.cartesian_prod(torch.arange(2), torch.arange(2)).tolist():
        own = places[layer, head]
        assert torch.equal(memory.keys[layer, head], reading.keys[layer, head, own])
        assert torch.equal(memory.values[layer, head], reading.values[layer, head, own])


@every
def test_the_same_text_gives_the_same_memory(host, producer):
    one, two = producer.produce(host, TEXT, 7), producer.produce(host, TEXT, 7)
    assert torch.equal(one.keys, two.keys)
    assert torch.equal(one.positions, two.positions)


@every
def test_one_reading_and_one_scoring_serve_every_number_of_slots(host, producer):
    reading = host.read(TEXT, queries=True)
    scores = producer.score(host, TEXT, reading)
    for slots in (4, 9):
        alone = producer.produce(host, TEXT, slots)
        assert torch.equal(producer.evict(host, reading, slots, scores).keys, alone.keys)


@every
@pytest.mark.parametrize("slots", [0, -1])
def test_a_memory_without_slots_is_refused(host, producer, slots):
    with pytest.raises(SettingError, match=f"slots is at least 1; got {slots}"):
        producer.produce(host, TEXT, slots)


@every
def test_a_memory_says_how_it_was_made(host, producer):
    made = producer.produce(host, TEXT, 4).made_by
    assert made == {"name": producer.name, "settings": dict(producer.settings)}


@pytest.mark.parametrize("producer", BY_SCORE, ids=lambda one: one.name)
def test_heads_keep_what_is_worth_most_to_them(host, producer):
    reading = host.read(TEXT, queries=True)
    scores = producer.score(host, TEXT, reading)
    places = producer.evict(host, reading, 8, scores).positions
    held = producer.held(len(TEXT), 8)
    sure = set() if held is None else set(held.tolist())
    for layer, head in torch.cartesian_prod(torch.arange(2), torch.arange(2)).tolist():
        row = scores[layer, head].tolist()
        best = sorted(range(len(row)), key=lambda at, row=row: (at not in sure, -row[at], at))[:8]
        assert places[layer, head].tolist() == sorted(best)


@pytest.mark.parametrize(
    ("producer", "places"),
    [
        (Truncate(keep="head"), [0, 1, 2, 3]),
        (Truncate(keep="tail"), [6, 7, 8, 9]),
        (Streaming(sink=0), [6, 7, 8, 9]),
        (Streaming(sink=3), [0, 1, 2, 9]),
        (Anchors(), [1, 3, 6, 8]),
        (Anchors(sink=1), [0, 2, 5, 8]),
    ],
)
def test_methods_without_scores_go_by_place(producer, places):
    assert producer.places(10, 4, None).tolist() == places


@pytest.mark.parametrize("producer", [Streaming(), Anchors(sink=4)])
def test_a_sink_that_leaves_no_room_is_refused(host, producer):
    with pytest.raises(SettingError, match="4 slots are too few: 5 are needed for a sink of 4"):
        producer.produce(host, TEXT, 4)
    assert producer.produce(host, TEXT, 5).slots == 5


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingError, match="keep is one of head, tail; not 'both'"):
        Truncate(keep="both")
    for cls in (Streaming, Anchors):
        with pytest.raises(SettingError, match="sink is at least 0; got -1"):
            cls(sink=-1)
