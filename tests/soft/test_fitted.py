"""Slots that are fitted to one text: what changes, what does not, and whether it helps."""

import pytest
import torch
from evicting import TEXT, tiny_host

from tersely.errors import PromptError, SettingError, UnknownName
from tersely.soft.anchors import Anchors
from tersely.soft.base import load_producer
from tersely.soft.fitted import Fitted
from tersely.soft.full import Full


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("fitted"))


def again(host, memory):
    """Surprisal of the text behind a memory of it."""
    past = host.cache_of([[memory]])
    read = host.forward([TEXT[:-1]], positions=past.positions(len(TEXT) - 1), past=past)
    return float(host.nats(read.hidden[0], torch.tensor(TEXT[1:])).mean())


def distance(host, memory):
    """How far what is expected behind a memory is from what is expected behind the text."""
    logs = []
    for one in (Full().produce(host, TEXT, len(TEXT)), memory):
        past = host.cache_of([[one]])
        read = host.forward([TEXT[:-1]], positions=past.positions(len(TEXT) - 1), past=past)
        logs.append(host.head(read.hidden[0]).log_softmax(dim=-1))
    return float((logs[0].exp() * (logs[0] - logs[1])).sum(dim=-1).mean())


@pytest.mark.parametrize("start", ["anchors", "snapkv"])
def test_fitting_to_the_words_makes_them_likelier(host, start):
    first = load_producer(start).produce(host, TEXT, 6)
    fitted = Fitted(start=start, match="words", passage_tokens=99).produce(host, TEXT, 6)
    assert again(host, fitted) < again(host, first) - 0.1


def test_fitting_to_the_model_brings_it_nearer_to_the_whole_text(host):
    first = Anchors().produce(host, TEXT, 6)
    fitted = Fitted(start="anchors", passage_tokens=99).produce(host, TEXT, 6)
    assert distance(host, fitted) < distance(host, first) - 0.1


def test_the_first_step_goes_down_the_slope(host):
    """Adam's first step is as long everywhere, so its sign is that of the slope."""
    first, settings = Anchors().produce(host, TEXT, 4), {"match": "words", "passage_tokens": 99}
    step = Fitted(start="anchors", steps=1, step_size=0.001, **settings).fit(host, TEXT, first)
    for name in ("keys", "values"):
        moved = getattr(step, name) - getattr(first, name)
        assert float(moved.abs().max()) == pytest.approx(0.001, rel=1e-3)
        for at in [(0, 1, 2, 3), (1, 0, 1, 9), (1, 1, 3, 14)]:
            rows = getattr(first, name)
            kept, found = float(rows[at]), []
            for offset in (0.05, -0.05):
                rows[at] = kept + offset
                found.append(again(host, first))
            rows[at] = kept
            assert (found[0] - found[1]) * float(moved[at]) < 0


def test_places_are_those_of_the_producer_it_starts_from(host):
    for start in ("anchors", "expected_attention"):
        first = load_producer(start).produce(host, TEXT, 5)
        fitted = Fitted(start=start, steps=1).produce(host, TEXT, 5)
        assert torch.equal(fitted.positions, first.positions)
        assert fitted.keys.shape == first.keys.shape


def test_the_same_text_gives_the_same_memory(host):
    one, two = (Fitted(start="anchors", steps=3).produce(host, TEXT, 5) for _ in range(2))
    assert torch.equal(one.keys, two.keys)
    assert torch.equal(one.values, two.values)


def test_the_model_stays_as_it_was(host):
    before = {name: one.clone() for name, one in host.model.state_dict().items()}
    with torch.no_grad():  # whoever calls it
        memory = Fitted(start="anchors", steps=2).produce(host, TEXT, 5)
    assert all(torch.equal(one, before[name]) for name, one in host.model.state_dict().items())
    assert all(one.grad is None and not one.requires_grad for one in host.model.parameters())
    assert not memory.keys.requires_grad


@pytest.mark.parametrize("slots", [len(TEXT), len(TEXT) + 1])
def test_with_enough_slots_nothing_is_lost(host, slots):
    memory, full = Fitted().produce(host, TEXT, slots), Full().produce(host, TEXT, slots)
    assert torch.equal(memory.keys, full.keys)
    assert memory.made_by == {"name": "fitted", "settings": dict(Fitted().settings)}


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"step_size": 0.0},
        {"step_size": 2.0},
        {"passage_tokens": 1},
        {"segment_tokens": 0},
        {"match": "text"},
        {"start": "fitted"},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        Fitted(**settings)


def test_a_text_that_leaves_no_room_for_a_passage_is_refused(host):
    with pytest.raises(PromptError, match=r"100 tokens of a text again, behind 157, .* 256"):
        Fitted(start="anchors", passage_tokens=100).produce(host, [*TEXT, *TEXT, *TEXT], 4)


def test_what_the_first_producer_refuses_is_refused(host):
    with pytest.raises(SettingError, match="slots is at least 1; got 0"):
        Fitted().produce(host, TEXT, 0)
    with pytest.raises(SettingError, match="4 slots are too few: 5 are needed"):
        Fitted(start="streaming").produce(host, TEXT, 4)
    with pytest.raises(UnknownName, match="Did you mean 'anchors'"):
        Fitted(start="anchor").produce(host, TEXT, 4)
