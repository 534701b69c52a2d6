"""Turning keys and back, against transformers' own rotation."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from soft_reference import HOST, full, model_of, text
from tiny_soft import tiny_host
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from tersely.errors import ModelMismatch
from tersely.soft.rotation import Rotation, find_rotation

places = st.lists(st.integers(0, 8000), min_size=1, max_size=6)


def keys(slots, seed=0, width=8):
    return torch.randn(2, slots, width, generator=torch.Generator().manual_seed(seed))


def theirs(one, positions, model=HOST.model):
    cos, sin = model.base_model.rotary_emb(one, torch.tensor([positions]))
    return apply_rotary_pos_emb(one[None], one[None], cos, sin)[1][0]


@given(places, st.integers(0, 9))
def test_it_turns_as_transformers_does(positions, seed):
    one = keys(len(positions), seed)
    ours = HOST.rotation.rotate(one, torch.tensor(positions))
    assert torch.allclose(ours, theirs(one, positions), atol=1e-6)


@given(places, st.integers(0, 9))
def test_turning_back_is_the_inverse(positions, seed):
    one, at = keys(len(positions), seed), torch.tensor(positions)
    assert torch.allclose(HOST.rotation.unrotate(HOST.rotation.rotate(one, at), at), one, atol=1e-5)


@given(places, st.integers(0, 500))
def test_turned_by_a_and_then_b_is_turned_by_both(positions, more):
    one, at = keys(len(positions)), torch.tensor(positions)
    twice = HOST.rotation.rotate(HOST.rotation.rotate(one, at), torch.tensor(more))
    assert torch.allclose(twice, HOST.rotation.rotate(one, at + more), atol=2e-3)


def test_position_zero_turns_nothing():
    assert torch.equal(HOST.rotation.rotate(keys(3), torch.tensor([0])), keys(3))


def test_heads_may_stand_in_different_places():
    at = torch.tensor([[1, 2, 3], [7, 8, 9]])
    both = HOST.rotation.rotate(keys(3), at)
    assert torch.allclose(both[1], HOST.rotation.rotate(keys(3)[1], at[1]))


def test_bfloat16_stays_bfloat16_and_is_turned_in_float32():
    at = torch.tensor([3, 700])
    turned = HOST.rotation.rotate(keys(2).bfloat16(), at)
    exact = HOST.rotation.rotate(keys(2).bfloat16().float(), at)
    assert turned.dtype == torch.bfloat16
    assert torch.equal(turned, exact.bfloat16())


def test_gradients_pass():
    one = keys(2).requires_grad_()
    HOST.rotation.unrotate(one, torch.tensor([4, 5])).square().sum().backward()
    assert torch.allclose(one.grad, 2 * one.detach(), atol=1e-5)  # turning keeps lengths


def test_what_is_not_turned_stays():
    half = Rotation(HOST.rotation.frequencies[:2])
    turned = half.rotate(keys(2), torch.tensor([5, 6]))
    assert torch.equal(turned[..., 4:], keys(2)[..., 4:])
    assert not torch.allclose(turned[..., :4], keys(2)[..., :4])


def test_yarn_scales_what_it_turns_and_is_turned_back():
    rope = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1000.0,
            "original_max_position_embeddings": 64}  # fmt: skip
    host = tiny_host(rope_parameters=rope)
    assert host.rotation.scaling > 1
    assert torch.allclose(
        host.rotation.rotate(keys(2), torch.tensor([3, 90])),
        theirs(keys(2), [3, 90], host.model), atol=1e-6,
    )  # fmt: skip
    assert full(text(9), host).keys.shape == (2, 2, 9, 8)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: model_of("GPT2", n_embd=32, n_head=4, n_layer=2), "no rotary positions"),
        (lambda: model_of("CodeGen", n_embd=32, n_head=4, n_layer=2, rotary_dim=4), "rotary|takes no"),
        (lambda: model_of("Llama", rope_parameters={"rope_type": "dynamic", "factor": 2.0,
                                                  "rope_theta": 1e4}), "dynamic rotary positions"),
        (lambda: model_of("Cohere", num_key_value_heads=4), "turns its keys in a way"),
    ],
)  # fmt: skip
def test_models_that_turn_otherwise_are_refused(made, says):
    with pytest.raises(ModelMismatch, match=says):
        find_rotation(made(), name="it", start_id=1)


@pytest.mark.parametrize("kind", ["Qwen2", "Qwen3", "Phi"])
def test_others_like_llama_are_known(kind):
    sizes = {"num_key_value_heads": 2} | ({"head_dim": 8} if kind == "Qwen3" else {})
    found = find_rotation(model_of(kind, **sizes), name="it", start_id=1)
    assert found.frequencies.shape == ((2,) if kind == "Phi" else (4,))
