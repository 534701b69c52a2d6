"""What every trained compressor promises: its memories, its gradients, and that it changes nothing."""

import pytest
import torch
from tiny_soft import some_texts, tiny_host

from tersely.errors import PromptError, SettingError, UnknownName
from tersely.soft.base import load_producer
from tersely.soft.icae import ICAE
from tersely.soft.presets import preset
from tersely.soft.reader import nats
from tersely.soft.trained import NETWORKS, joined, network_of

METHODS = sorted(NETWORKS)
SHAPES = [
    ("compressor500x", {}),
    ("compressor500x", {"slots": "anchors", "at": "end"}),
    ("compressor500x", {"attention": "memory"}),
    ("compressor500x", {"attention": "full"}),
    ("compressor500x", {"positions": "paper", "start": "paper"}),
    ("compressor500x", {"start": "mean", "nested": True}),
    ("icae", {}),
    ("icae", {"positions": "paper"}),
    ("icformer", {}),
]


@pytest.fixture(scope="module")
def host():
    return tiny_host()


def network(host, method="compressor500x", **changes):
    """One with changes that are not 0, so that it does what a trained one does."""
    made = network_of(method, host, preset("default", rank=4, **changes))
    torch.manual_seed(2)
    for one in made.parameters():
        torch.nn.init.normal_(one, std=0.1)
    return made.eval()


@pytest.mark.parametrize(("method", "changes"), SHAPES)
def test_a_batch_with_padding_gives_what_single_texts_give(host, method, changes):
    made, texts, slots = network(host, method, **changes), some_texts(12, 7, 20), [4, 2, 8]
    with torch.no_grad():
        whole = made.encode(host, texts, slots)
        for row, (text, count) in enumerate(zip(texts, slots, strict=True)):
            alone = made.encode(host, [text], [count])
            for name in ("keys", "values"):
                got = getattr(whole, name)[:, row, :, :count]
                torch.testing.assert_close(got, getattr(alone, name)[:, 0], atol=1e-5, rtol=1e-4)
            assert whole.present[row].tolist() == [True] * count + [False] * (8 - count)


@pytest.mark.parametrize(("method", "changes"), SHAPES)
def test_gradients_reach_everything_that_is_trained(host, method, changes):
    made = network(host, method, budgets=(4,), **changes)
    slots = made.encode(host, some_texts(12, 9), [4, 4])
    past = slots.past(host)
    read = host.forward([[5, 6], [7, 8]], positions=past.positions(2), past=past)
    read.hidden.square().sum().backward()
    assert [name for name, one in made.named_parameters() if not one.grad.abs().sum() > 0] == []


def test_no_gradient_reaches_the_model(host):
    network(host).encode(host, some_texts(12), [4]).keys.sum().backward()
    assert all(one.grad is None for one in host.model.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_what_the_model_reads_and_says_is_the_same_bits_with_a_compressor_beside_it(method):
    host, other = tiny_host(), tiny_host()
    network(host, method).encode(host, some_texts(12), [4])
    (text,) = some_texts(9)
    assert torch.equal(host.read(text).hidden, other.read(text).hidden)
    assert torch.equal(host.prefix_past.keys, other.prefix_past.keys)


@pytest.mark.parametrize("method", METHODS)
def test_as_many_slots_as_tokens_are_lossless(host, method):
    (text,) = some_texts(10)
    memory = load_producer(method).produce(host, text, 10)
    full = load_producer("full").produce(host, text, 10)
    assert torch.equal(memory.keys, full.keys)
    assert torch.equal(nats(host, memory, [5, 6, 7]), nats(host, full, [5, 6, 7]))


@pytest.mark.parametrize("method", METHODS)
def test_a_memory_stands_where_its_text_stood(host, method):
    memory = load_producer(method).produce(host, some_texts(20)[0], 4)
    assert memory.positions.tolist() == [2, 7, 12, 17]
    assert (memory.slots, memory.source_tokens) == (4, 20)
    assert memory.made_by["name"] == method


@pytest.mark.parametrize("method", METHODS)
def test_the_same_text_gives_the_same_memory_each_time(host, method):
    (text,) = some_texts(20)
    producer = load_producer(method)
    first, again = producer.produce(host, text, 4), load_producer(method).produce(host, text, 4)
    assert torch.equal(first.keys, again.keys)


def test_segments_joined_stand_one_behind_the_other(host):
    made = network(host)
    parts = [made.encode(host, some_texts(n), [2]) for n in (10, 6)]
    whole = joined(parts)
    assert whole.positions.tolist() == [[2, 7, 11, 14]]
    assert whole.after.tolist() == [16]
    assert whole.keys.shape[3] == 4


def test_a_text_without_tokens_has_no_slots(host):
    made = network(host).encode(host, [[], some_texts(8)[0]], [0, 2])
    assert made.present.tolist() == [[False, False], [True, True]]
    assert made.after.tolist() == [0, 8]


def test_more_slots_than_the_adapter_has_are_refused(host):
    with pytest.raises(SettingError, match="at most 64 slots of one segment; got 65"):
        load_producer("compressor500x").produce(host, some_texts(100)[0], 65)


def test_more_slots_than_tokens_are_refused_by_the_network(host):
    with pytest.raises(SettingError, match="5 tokens has no room for 6 slots"):
        network(host).encode(host, some_texts(5), [6])


def test_an_empty_text_is_refused(host):
    with pytest.raises(PromptError, match="empty"):
        load_producer("icae").produce(host, [], 4)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"segment_tokens": -1}, "segment_tokens is at least 1; got -1"),
     ({"adapter": "somewhere", "preset": "paper"}, "an adapter, which says what it is")],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(SettingError, match=says):
        load_producer("icformer", **settings)


def test_what_has_no_adapter_is_known_to_be_untrained():
    assert load_producer("icae").untrained == "icae"
    assert load_producer("fitted", start="icae").untrained == "icae"
    assert not ICAE(adapter="somewhere").untrained
    assert not load_producer("fitted").untrained


def test_with_the_papers_positions_a_memory_lies_ahead_of_its_reader(host):
    producer = load_producer("compressor500x", preset="paper-exactly")
    memory = producer.produce(host, some_texts(20)[0], 4)
    assert memory.positions.tolist() == [20, 21, 22, 23]
    assert (memory.places, memory.source_tokens) == (4, 20)


def test_an_unknown_method_is_refused_with_those_there_are(host):
    with pytest.raises(UnknownName, match="icformer"):
        network_of("icaes", host, preset("default"))
