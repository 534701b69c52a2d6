"""ICAE: one vector a slot, read by the frozen model as a word."""

import pytest
import torch
from tiny_soft import some_texts, tiny_host

from tersely.soft.icae import as_words, read_vectors
from tersely.soft.presets import preset
from tersely.soft.trained import network_of


@pytest.fixture(scope="module")
def host():
    return tiny_host()


def test_vectors_are_as_large_as_words_are(host):
    made = as_words(torch.randn(3, 5, host.width) * 40, host)
    words = host.model.get_input_embeddings().weight
    wanted = words.square().mean().sqrt().expand(3, 5)
    torch.testing.assert_close(made.square().mean(-1).sqrt(), wanted)


def test_word_vectors_read_as_vectors_are_the_words(host):
    (text,) = some_texts(6)
    places = torch.arange(6)[None]
    vectors = host.embed(torch.tensor([text]))
    with torch.no_grad():
        made = read_vectors(host, vectors, places, torch.ones(1, 6) > 0, torch.tensor([6]))
    torch.testing.assert_close(made.keys[:, 0], host.read(text).keys)


def test_all_blocks_are_changed_the_last_one_too(host):
    names = [place.name for place in network_of("icae", host, preset("default")).low_rank.places]
    assert "model.layers.1.self_attn.q_proj" in names


def test_with_the_papers_positions_vectors_stand_first(host):
    network = network_of("icae", host, preset("default", positions="paper"))
    made = network.encode(host, some_texts(12), [3])
    assert (made.positions.tolist(), made.after.tolist()) == ([[0, 1, 2]], [3])
