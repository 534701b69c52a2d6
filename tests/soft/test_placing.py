"""Memories where they are read: padded, placed anywhere, one after the other; against the text."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from soft_reference import HOST, behind, chat_host, full, logits, text
from tiny_soft import tiny_host

from tersely.errors import ModelMismatch, SettingError
from tersely.soft.memory import Memory

START = list(HOST.prefix)
FLAT = tiny_host(num_hidden_layers=1)  # its keys depend on the token alone, so moving is exact
close = {"atol": 2e-4, "rtol": 1e-4}
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=3)


def by_head(ids, slots, seed=0):
    """A memory whose heads keep different tokens."""
    chosen = torch.rand(2, 2, len(ids), generator=torch.Generator().manual_seed(seed))
    return full(ids).select(chosen.topk(slots).indices)


@given(st.lists(lengths, min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 9))
@settings(max_examples=8)
def test_rows_of_different_slots_read_as_alone(rows, more, seed):
    made = [
        [full(text(n, seed + n)) if n % 2 else by_head(text(n), n // 2, n) for n in row]
        for row in rows
    ]
    prompts = [text(more, seed + at) for at in range(len(rows))]
    together = behind(HOST.cache_of(made), prompts)
    for row, prompt, ours in zip(made, prompts, together, strict=True):
        assert torch.allclose(ours, behind(HOST.cache_of([row]), [prompt])[0], **close)


def test_a_row_without_a_memory_is_behind_the_prefix_alone():
    past = HOST.cache_of([[], [full(text(6))]])
    ours = behind(past, [text(3), text(3)])
    assert torch.allclose(ours[0], logits([*START, *text(3)])[1:], **close)
    assert torch.allclose(ours[1], logits([*START, *text(6), *text(3)])[-3:], **close)
    assert torch.equal(HOST.cache_of([[], []]).keys, HOST.prefix_past.repeat(2).keys)


def block_logits(texts, prompt):
    """The same in one pass: each text behind a prefix of its own, and a prompt behind all of them.

    A text and its own prefix stand further on together, which changes nothing between the two;
    the prompt sees the first prefix only.
    """
    ids, places, part, start = [], [], [], 0
    for number, one in enumerate(texts, start=1):
        ids += [*START, *one]
        places += range(start, start + len(START) + len(one))
        part += [-number] * len(START) + [number] * len(one)
        start += len(one)
    ids, part = torch.tensor([*ids, *prompt]), torch.tensor([*part, *[0] * len(prompt)])
    places = torch.tensor([*places, *range(start + len(START), start + len(START) + len(prompt))])
    seen = (part.abs()[:, None] == part.abs()) | ((part[:, None] == 0) & (part >= -1))
    mask = torch.zeros(1, 1, len(ids), len(ids)).masked_fill(~seen.tril(), -1e9)
    how = {"attention_mask": mask, "position_ids": places[None], "use_cache": False}
    with torch.no_grad():
        return HOST.model(ids[None], **how).logits[0, -len(prompt) :]


@given(lengths, st.integers(1, 5))
@settings(max_examples=20)
def test_memories_one_after_the_other_are_texts_that_do_not_see_each_other(sizes, more):
    texts, prompt = [text(n, n) for n in sizes], text(more, 50)
    ours = behind(HOST.cache_of([[full(ids) for ids in texts]]), [prompt])[0]
    assert torch.allclose(ours, block_logits(texts, prompt), **close)


@given(lengths, st.integers(1, 5))
@settings(max_examples=20)
def test_where_tokens_are_remembered_alone_several_memories_are_one_text(sizes, more):
    texts, prompt = [text(n, n) for n in sizes], text(more, 50)
    whole = [*START, *[one for ids in texts for one in ids], *prompt]
    ours = behind(FLAT.cache_of([[full(ids, FLAT) for ids in texts]]), [prompt], FLAT)[0]
    assert torch.allclose(ours, logits(whole, FLAT)[-more:], **close)


def test_of_two_texts_the_first_stands_where_it_was_read():
    one, two, prompt = text(5, 1), text(4, 2), text(3, 3)
    ours = HOST.cache_of([[full(one), full(two)]])
    exact = HOST.cache_of([[full(one)]])
    assert torch.equal(ours.keys[:, :, :, : exact.length], exact.keys)
    assert torch.allclose(ours.values[0], HOST.cache_of([[full([*one, *two])]]).values[0], **close)
    assert ours.next_positions.tolist() == [len(START) + 9]
    assert behind(ours, [prompt]).shape == (1, 3, 64)


def test_several_memories_are_read_as_one_that_is_joined():
    parts = [full(text(5, 1)), by_head(text(6, 2), 3), full(text(2, 3))]
    one = HOST.cache_of([[Memory.join(parts)]])
    assert torch.equal(HOST.cache_of([parts]).keys, one.keys)


@given(st.integers(0, 60), st.integers(1, 8))
@settings(max_examples=20)
def test_a_memory_can_be_placed_anywhere(shift, more):
    ids, prompt = text(7), text(more, 9)
    ours = behind(FLAT.cache_of([[full(ids, FLAT)]], shift=shift), [prompt], FLAT)[0]
    at = torch.cat([torch.arange(len(START)), torch.arange(7 + more) + len(START) + shift])
    assert torch.allclose(ours, logits([*START, *ids, *prompt], FLAT, at)[-more:], **close)


def test_what_follows_stands_behind_the_places_a_memory_takes():
    past = HOST.cache_of([[replace(full(text(4)), places=50)], [full(text(4))], []])
    assert past.next_positions.tolist() == [51, 5, 1]


def test_slots_left_out_are_left_out_of_sight():
    ids, prompt = text(6), text(2, 4)
    some = full(ids).select(torch.tensor([0, 5]))
    past = HOST.cache_of([[some]])
    kept = replace(HOST.cache_of([[full(ids)]]))
    hidden = torch.tensor([[True, True, False, False, False, False, True]])
    ours = behind(replace(kept, present=hidden), [prompt])
    assert torch.allclose(behind(past, [prompt]), ours, **close)


@pytest.mark.parametrize("kind", ["int8", "bfloat16"])
def test_a_memory_in_fewer_bits_is_read_in_the_type_of_the_model(kind):
    made = full(text(12))
    small = made.quantized() if kind == "int8" else made.to(dtype=torch.bfloat16)
    past = HOST.cache_of([[small, made]])
    exact = HOST.cache_of([[made, made]])
    assert past.keys.dtype == torch.float32
    off = (past.keys - exact.keys).norm() / exact.keys.norm()
    assert 1e-4 < off < 0.01


def test_int8_changes_little_of_what_is_said():
    ids, prompt = text(30), text(8, 1)
    exact = behind(HOST.cache_of([[full(ids)]]), [prompt])
    ours = behind(HOST.cache_of([[full(ids).quantized()]]), [prompt])
    assert (ours.softmax(-1) - exact.softmax(-1)).abs().sum(-1).max() < 0.1


def test_a_host_in_bfloat16_reads_and_makes_memories():
    half = tiny_host()
    half.model.to(torch.bfloat16)
    made = full(text(5), half)
    assert made.keys.dtype == half.cache_of([[made]]).keys.dtype == torch.bfloat16
    assert half.cache_of([[full(text(5))]]).keys.dtype == torch.bfloat16


def test_rows_can_be_repeated():
    past = HOST.cache_of([[full(text(3))], [full(text(5))]]).repeat(2)
    ours = behind(past, [text(2)] * 4)
    assert torch.equal(ours[0], ours[1])
    assert not torch.equal(ours[1], ours[2])
    assert past.rows == 4


def test_a_memory_of_another_model_is_refused():
    other = tiny_host(rope_theta=77.0, hidden_size=64)
    with pytest.raises(ModelMismatch, match="made by another model"):
        HOST.cache_of([[full(text(3), other)]])


def test_a_memory_of_another_size_is_refused():
    made = full(text(3))
    wide = torch.zeros(5, 2, 3, 8)
    with pytest.raises(ModelMismatch, match=r"has \(5, 2, 8\) layers.* reads has \(2, 2, 8\)"):
        HOST.cache_of([[replace(made, keys=wide, values=wide)]])


def test_a_memory_behind_another_prefix_is_refused():
    with pytest.raises(SettingError, match="behind another prefix"):
        HOST.cache_of([[full(text(3), chat_host())]])
