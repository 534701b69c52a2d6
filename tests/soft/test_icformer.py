"""IC-Former: a digest of word vectors, and what it costs."""

import pytest
import torch
from tiny_soft import some_texts, tiny_host
from torch.utils.flop_counter import FlopCounterMode

from tersely.errors import SettingError
from tersely.soft.presets import preset
from tersely.soft.trained import network_of


@pytest.fixture(scope="module")
def host():
    return tiny_host()


def flops(host, method, length):
    network = network_of(method, host, preset("default", rank=1))
    (text,) = some_texts(length)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.encode(host, [text], [2])
    network.detach()
    return counter.get_total_flops()


def test_it_grows_more_slowly_with_the_text_than_the_model(host):
    grown = {
        method: flops(host, method, 100) - flops(host, method, 50)
        for method in ("icformer", "icae")
    }
    assert grown["icformer"] < grown["icae"]


def test_untrained_its_vectors_are_the_words_where_they_stand(host):
    (text,) = some_texts(12)
    made = network_of("icformer", host, preset("default")).encode(host, [text], [3])
    past = host.prefix_past
    words = [text[2], text[6], text[10]]
    places = torch.tensor([2, 6, 10]) + len(host.prefix)
    embeddings = host.embed(torch.tensor([words]))
    size = host.model.get_input_embeddings().weight.square().mean().sqrt()
    embeddings = embeddings * (size / embeddings.square().mean(-1, keepdim=True).sqrt())
    read = host.forward(embeddings=embeddings, positions=places, past=past)
    torch.testing.assert_close(made.keys, read.keys, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("change", [{"slots": "anchors"}, {"positions": "paper"}])
def test_settings_of_other_methods_are_refused(host, change):
    with pytest.raises(SettingError, match="icformer is for"):
        network_of("icformer", host, preset("default", **change))


def test_a_model_with_odd_heads_is_refused():
    with pytest.raises(SettingError, match="no multiple"):
        network_of("icformer", tiny_host(head_dim=12), preset("default"))
