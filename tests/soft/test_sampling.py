"""How tokens are chosen: the settings, and what is handed to transformers."""

import pytest
import torch

from tersely.errors import SettingError
from tersely.soft.sampling import Sampling


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"most_tokens": 0}, "most_tokens is at least 1; got 0"),
        ({"answers": 0}, "answers is at least 1"),
        ({"beams": 0}, "beams is at least 1"),
        ({"top_k": -1}, "top_k is at least 0"),
        ({"temperature": -0.1}, "temperature is at least 0"),
        ({"top_p": 0.0}, r"top_p in \(0, 1\]"),
        ({"top_p": 1.1}, r"top_p in \(0, 1\]"),
        ({"answers": 3}, "3 different answers need a temperature"),
        ({"answers": 3, "beams": 2}, "3 different answers need"),
        ({"answers": 3, "beams": 2, "temperature": 1.0}, "3 different answers need"),
        ({"most_tokens": 2.5}, "most_tokens is a whole number, at least 1; got 2.5"),
        ({"most_tokens": "1"}, "most_tokens is a whole number"),
        ({"most_tokens": None}, "most_tokens is a whole number"),
        ({"beams": True}, "beams is a whole number"),
        ({"top_k": 1.0}, "top_k is a whole number"),
        ({"temperature": float("nan")}, "temperature is a finite number; got nan"),
        ({"temperature": float("inf")}, "temperature is a finite number; got inf"),
        ({"temperature": 10**400}, "temperature is a finite number"),
        ({"temperature": "1"}, "temperature is a finite number; got '1'"),
        ({"temperature": 1e-30}, "temperature is 0, or at least 1e-06"),
        ({"top_p": None}, "top_p is a finite number; got None"),
        ({"seed": -1}, "seed is at least 0; got -1"),
        ({"seed": 2**64}, "seed is of 64 bits"),
        ({"seed": 1.5}, "seed is a whole number"),
        ({"more": "no"}, "more is a mapping"),
        ({"more": {5: 1}}, "there is no '5'"),
        ({"more": {"temperature": 3}}, "temperature cannot be set here"),
        ({"more": {"eos_token_id": 3}}, "eos_token_id cannot be set here"),
        ({"more": {"num_beams": 3}}, "num_beams cannot be set here"),
    ],
)
def test_settings_are_checked(settings, says):
    with pytest.raises(SettingError, match=says):
        Sampling(**settings)


def test_an_option_that_transformers_does_not_have_is_refused():
    with pytest.raises(SettingError, match="there is no 'no_such_option'"):
        Sampling(more={"no_such_option": 1})


def test_an_option_that_transformers_refuses_is_refused():
    with pytest.raises(SettingError, match="An option of generation is wrong"):
        Sampling(more={"cache_implementation": "none such"}).config([2])


def test_without_a_temperature_nothing_is_drawn():
    config = Sampling(top_p=0.5).config([2, 3])
    assert (config.do_sample, config.eos_token_id, config.pad_token_id) == (False, [2, 3], 2)
    assert config.max_new_tokens == 256


def test_with_a_temperature_tokens_are_drawn():
    config = Sampling(temperature=0.7, top_p=0.9, top_k=5, answers=2).config([2])
    assert (config.do_sample, config.temperature, config.top_p, config.top_k) == (True, 0.7, 0.9, 5)
    assert config.num_return_sequences == 2


def test_other_options_are_handed_on():
    assert Sampling(more={"repetition_penalty": 1.3}).config([2]).repetition_penalty == 1.3


def test_the_largest_seed_is_one():
    with Sampling(seed=2**64 - 1).seeded("cpu"):
        assert torch.rand(1) >= 0


def test_a_past_is_needed_for_each_sequence():
    assert Sampling(answers=3, temperature=1.0).copies == 3
    assert Sampling(answers=2, beams=4).copies == 4


def test_a_seed_leaves_torch_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with Sampling(seed=1).seeded("cpu"):
        drawn = torch.rand(1)
    with Sampling(seed=1).seeded("cpu"):
        assert torch.equal(torch.rand(1), drawn)
    assert torch.equal(torch.rand(1), expected)
