"""Low-rank changes: off they are not there, on they are W + s B A, and their number is known."""

import threading

import pytest
import torch
from tiny_soft import tiny_model

from tersely.errors import SettingError
from tersely.soft.lora import ATTENTION, TARGETS, LowRank, check_rank, places_of

IDS = torch.arange(3, 11)[None]


def beside(model, targets=ATTENTION, *, rank=3, filled=True, skip_last=False, **given):
    torch.manual_seed(1)
    places = places_of(model, targets, skip_last=skip_last)
    made = LowRank(model, places, rank=rank, **({"alpha": 6.0, "dropout": 0.0} | given))
    for up in made.up if filled else ():
        torch.nn.init.normal_(up)
    return made


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits


def test_off_the_model_gives_the_same_bits_as_without():
    model = tiny_model()
    before = logits(model)
    beside(model)
    assert torch.equal(logits(model), before)


def test_on_it_is_what_the_changed_weights_give():
    model, merged = tiny_model(), tiny_model()
    low_rank = beside(model, TARGETS)
    for number, place in enumerate(low_rank.places):
        change = low_rank.scale * low_rank.up[number] @ low_rank.down[number]
        merged.get_submodule(place.name).weight.data += change.detach()
    with low_rank.on():
        torch.testing.assert_close(logits(model), logits(merged), atol=1e-4, rtol=1e-4)


def test_a_new_change_changes_nothing_when_on():
    model = tiny_model()
    before = logits(model)
    with beside(model, filled=False).on():
        assert torch.equal(logits(model), before)


def test_after_the_block_it_is_off_even_where_the_block_failed():
    low_rank = beside(tiny_model())
    with pytest.raises(ZeroDivisionError), low_rank.on():
        _ = 1 / 0
    assert not low_rank.is_on


def test_a_block_within_a_block_leaves_it_on():
    low_rank = beside(tiny_model())
    with low_rank.on():
        with low_rank.on():
            pass
        assert low_rank.is_on


def test_it_is_on_in_one_thread_only():
    low_rank, seen = beside(tiny_model()), []
    with low_rank.on():
        thread = threading.Thread(target=lambda: seen.append(low_rank.is_on))
        thread.start()
        thread.join()
    assert seen == [False]


def test_two_adapters_of_one_model_do_not_mix():
    model = tiny_model()
    one, other = beside(model), beside(model)
    with one.on():
        first = logits(model)
    other.detach()
    with one.on():
        assert torch.equal(logits(model), first)


def test_detached_it_cannot_be_turned_on():
    model = tiny_model()
    before, low_rank = logits(model), beside(model)
    low_rank.detach()
    with low_rank.on():
        assert torch.equal(logits(model), before)


@pytest.mark.parametrize("targets", [("q_proj",), ATTENTION, TARGETS])
@pytest.mark.parametrize("skip_last", [False, True])
def test_the_number_of_parameters_by_formula_is_the_one_counted(targets, skip_last):
    low_rank = beside(tiny_model(), targets, skip_last=skip_last)
    assert low_rank.count == sum(one.numel() for one in low_rank.parameters())


def test_of_the_last_block_only_what_feeds_the_cache_is_changed():
    names = [place.name for place in places_of(tiny_model(), TARGETS, skip_last=True)]
    last = [name.rpartition(".")[2] for name in names if ".1." in name]
    assert sorted(last) == ["k_proj", "v_proj"]


def test_dropout_leaves_inputs_out_in_training_only():
    model = tiny_model()
    low_rank = beside(model, dropout=0.5)
    with low_rank.on():
        low_rank.eval()
        assert torch.equal(logits(model), logits(model))
        low_rank.train()
        assert not torch.equal(logits(model), logits(model))


def test_a_layer_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(SettingError, match=r"no layers 'qkv'.* q_proj, k_proj"):
        places_of(tiny_model(), ("qkv",), skip_last=False)


def test_a_rank_above_the_smaller_side_of_a_layer_is_refused_with_the_largest():
    check_rank(tiny_model(), ATTENTION, 16)
    with pytest.raises(SettingError, match=r"rank is at most 16, .*k_proj; got 17"):
        check_rank(tiny_model(), ATTENTION, 17)
