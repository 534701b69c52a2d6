"""Settings of trained compressors: presets by name, saved and read again, nonsense refused."""

import pytest
from tiny_soft import tiny_host

from tersely.errors import SettingError, UnknownName
from tersely.soft.presets import PRESETS, Shape, preset
from tersely.soft.trained import network_of


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_same_after_saving(name):
    assert Shape.from_json(PRESETS[name].to_json()) == PRESETS[name]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slots": "vectors"}, "slots is one of memory, anchors; got 'vectors'"),
        ({"attention": "both"}, "attention is one of"),
        ({"budgets": (0, 4)}, "budgets are numbers of slots"),
        ({"budgets": ()}, "budgets are numbers of slots"),
        ({"targets": ("qkv",)}, "got 'qkv'"),
        ({"targets": ()}, "targets is empty"),
        ({"rank": -1}, "rank is at least 0"),
        ({"dropout": 1.0}, "dropout is less than 1"),
        ({"dropout": float("nan")}, "dropout is at least 0"),
        ({"alpha": float("inf")}, "alpha is at least 0 and finite; got inf"),
        ({"alpha": float("nan")}, "alpha is at least 0 and finite; got nan"),
        ({"budgets": (10**9,)}, "budgets are numbers of slots, from 1 to 65536"),
        ({"digest_layers": 10**6}, "digest_layers is at most 64"),
        ({"slots": "anchors", "positions": "paper"}, "anchors stand in the text"),
    ],
)
def test_a_setting_out_of_range_is_refused(change, said):
    with pytest.raises(SettingError, match=said):
        preset("default", **change)


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match="paper"):
        preset("papers")


def test_an_unknown_setting_of_a_saved_shape_is_refused():
    with pytest.raises(SettingError, match="'heads'"):
        Shape.from_json({"heads": 3})


def test_the_papers_preset_takes_the_rank_that_comes_nearest_to_its_share():
    host = tiny_host(hidden_size=128, intermediate_size=512, num_hidden_layers=6)
    whole = sum(one.numel() for one in host.model.parameters())
    low_rank = network_of("compressor500x", host, preset("paper")).low_rank
    one_rank = low_rank.count / low_rank.rank
    assert abs(low_rank.count - 0.003 * whole) <= one_rank


def test_rank_and_alpha_that_were_taken_are_told():
    shape = network_of("compressor500x", tiny_host(), preset("paper")).shape
    assert (shape.rank, shape.alpha) == (1, 0.5)


@pytest.mark.model
def test_the_papers_preset_is_three_thousandths_of_smollm2(soft_host):
    whole = sum(one.numel() for one in soft_host.model.parameters())
    network = network_of("compressor500x", soft_host, preset("paper"))
    network.detach()
    assert network.shape.rank == 7
    assert round(100 * network.low_rank.count / whole, 1) == 0.3
    assert round(100 * network.trainable / whole, 1) == 0.3
