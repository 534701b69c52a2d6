"""Costs by formula are those that torch counts."""

import pytest
import torch
from tiny_soft import some_texts, tiny_host
from torch.utils.flop_counter import FlopCounterMode

from tersely.soft.flops import Cost
from tersely.soft.presets import preset
from tersely.soft.trained import network_of


@pytest.fixture(scope="module")
def host():
    made = tiny_host(num_hidden_layers=3)
    made.model.set_attn_implementation("eager")  # the fused kernel of a CPU is not counted
    _ = made.prefix_past
    return made


def counted(run):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops()


@pytest.mark.parametrize("kind", ["memory", "anchors"])
@pytest.mark.parametrize(("tokens", "slots"), [(12, 3), (30, 8)])
def test_compressing_costs_what_is_counted(host, kind, tokens, slots):
    network = network_of("compressor500x", host, preset("default", slots=kind, rank=4))
    places, appended = network.low_rank.places, slots * (kind == "memory")
    found = counted(lambda: network.encode(host, some_texts(tokens), [slots]))
    network.detach()
    assert found == Cost.of(host).encode(tokens, appended, places, 4)


@pytest.mark.parametrize("scored", [0, 5])
def test_reading_costs_what_is_counted(host, scored):
    network = network_of("compressor500x", host, preset("default", rank=4))
    past = network.encode(host, some_texts(12), [3]).past(host)
    (ids,) = some_texts(7)

    def read():
        made = host.forward([ids], positions=past.positions(7), past=past)
        return host.head(made.hidden[:, :scored]) if scored else None

    assert counted(read) == Cost.of(host).decode(7, 3, scored)


def test_the_fewer_slots_the_more_is_saved(host):
    saved = [Cost.of(host).saved(200, slots, 20) for slots in (1, 4, 16, 64)]
    assert saved == sorted(saved, reverse=True)
    assert 0 < saved[-1] < saved[0] < 1


@pytest.mark.model
def test_a_token_of_smollm2_costs_what_its_weights_say(soft_host):
    inner = sum(one.numel() for name, one in soft_host.model.named_parameters() if "_proj" in name)
    assert Cost.of(soft_host).token == 2 * inner
