"""Keeping everything."""

import pytest
import torch
from soft_reference import HOST, text

from tersely.errors import PromptError, SettingError
from tersely.soft.full import Full


def test_it_keeps_every_token_in_its_place():
    made = Full().produce(HOST, text(7), 9)
    read = HOST.read(text(7))
    assert torch.equal(made.keys, read.keys)
    assert torch.equal(made.values, read.values)
    assert made.positions.tolist() == list(range(7))
    assert made.rate == 1


@pytest.mark.parametrize(
    ("slots", "says"), [(6, "keeps all 7 tokens and there are 6 slots"), (0, "slots is at least 1")]
)
def test_it_does_not_leave_anything_out(slots, says):
    with pytest.raises(SettingError, match=says):
        Full().produce(HOST, text(7), slots)


def test_nothing_cannot_be_kept():
    with pytest.raises(PromptError, match="is empty"):
        Full().produce(HOST, [], 3)
