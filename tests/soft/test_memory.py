"""Memories: sizes, slots chosen, types, joining, and what they refuse."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from soft_reference import HOST, full, text

from tersely.errors import ModelMismatch, SettingError
from tersely.soft.memory import Fingerprint, Memory

MADE = Fingerprint("a" * 64, "b" * 64)


def memory(slots=3, tokens=9, seed=0, **changes):
    made = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(2, 2, slots, 8, generator=made) for _ in range(2))
    given = {
        "keys": keys, "values": values, "positions": torch.arange(slots) * 2,
        "source_tokens": tokens, "fingerprint": MADE, "made_by": {"name": "x", "settings": {}},
    }  # fmt: skip
    return Memory(**(given | changes))


def by_head(slots=3, seed=0, **changes):
    made = torch.Generator().manual_seed(seed)
    places = torch.randint(0, 9, (2, 2, slots), generator=made).sort(-1).values
    return memory(slots, seed=seed, positions=places, **changes)


def test_its_size_is_what_it_holds():
    assert memory(slots=3).bytes == 2 * 2 * 2 * 3 * 8 * 4 + 3 * 4
    assert by_head(slots=3).bytes == 2 * 2 * 2 * 3 * 8 * 4 + 2 * 2 * 3 * 4
    assert memory(slots=3).to(dtype=torch.bfloat16).bytes == 2 * 2 * 2 * 3 * 8 * 2 + 3 * 4
    assert (memory(slots=3).slots, memory(slots=3).rate) == (3, 1 / 3)


def test_it_says_what_it_is_in_a_line():
    said = "<Memory of 9 tokens in 3 slots, 780 bytes of torch.float32, by x>"
    assert repr(memory()) == said


def test_int8_takes_a_byte_a_number_and_a_scale_a_row():
    small = memory(slots=3).quantized()
    assert small.bytes == 2 * 2 * 2 * 3 * (8 + 4) + 3 * 4
    assert small.is_quantized
    assert small.quantized() is small


@given(st.floats(1e-6, 1e6), st.integers(0, 20))
def test_int8_is_off_by_at_most_half_a_step_of_its_row(size, seed):
    whole = memory(seed=seed)
    whole = replace(whole, keys=whole.keys * size)
    back = whole.quantized().dequantized()
    for before, after in ((whole.keys, back.keys), (whole.values, back.values)):
        step = before.abs().amax(-1, keepdim=True) / 127
        assert bool(((before - after).abs() <= step * 0.501).all())


def test_a_row_of_zeros_stays_zeros_in_int8():
    none = memory(values=torch.zeros(2, 2, 3, 8)).quantized().dequantized()
    assert torch.equal(none.values, torch.zeros(2, 2, 3, 8))


def test_types_can_be_changed():
    one = memory()
    half = one.to(dtype=torch.bfloat16)
    assert half.keys.dtype == half.values.dtype == torch.bfloat16
    assert half.positions.dtype == torch.int64
    assert one.quantized().to(dtype=torch.bfloat16).keys.dtype == torch.bfloat16
    assert one.quantized().to(device="cpu").is_quantized
    assert one.dequantized() is one
    assert half.dequantized(torch.float32).keys.dtype == torch.float32


def test_some_slots_can_be_chosen():
    one, chosen = memory(slots=4), torch.tensor([0, 3])
    some = one.select(chosen)
    assert torch.equal(some.keys, one.keys[:, :, [0, 3]])
    assert some.positions.tolist() == [0, 6]
    assert (some.source_tokens, some.places) == (9, 9)


@given(st.integers(0, 30), st.booleans())
def test_each_head_can_choose_its_own(seed, quantized):
    one = by_head(5, seed) if seed % 2 else memory(5, seed=seed, tokens=20)
    one = one.quantized() if quantized else one
    chosen = torch.randint(0, 5, (2, 2, 3), generator=torch.Generator().manual_seed(seed))
    some = one.select(chosen)
    places = one.positions.expand(2, 2, 5)
    for layer, head, slot in ((0, 0, 0), (0, 1, 2), (1, 0, 1), (1, 1, 2)):
        at = chosen[layer, head, slot]
        assert torch.equal(some.values[layer, head, slot], one.values[layer, head, at])
        assert some.positions[layer, head, slot] == places[layer, head, at]
    assert some.is_quantized is quantized


def test_the_slots_of_a_head_wise_memory_can_be_chosen_for_all():
    one = by_head(4)
    assert torch.equal(one.select(torch.tensor([1, 2])).positions, one.positions[..., 1:3])


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=4))
def test_joined_memories_stand_one_after_the_other(sizes):
    parts = [(by_head if own else memory)(slots, seed=slots) for slots, own in sizes]
    whole = Memory.join(parts)
    assert whole.slots == sum(part.slots for part in parts)
    assert whole.source_tokens == whole.places == 9 * len(parts)
    at = 0
    for number, part in enumerate(parts):
        own = slice(at, at := at + part.slots)
        assert torch.equal(whole.keys[:, :, own], part.keys)
        places = whole.positions[..., own].expand(2, 2, -1)
        assert torch.equal(places, (part.positions + 9 * number).expand(2, 2, -1))


def test_joining_goes_by_the_places_that_memories_take():
    long = memory(places=30)
    assert Memory.join([long, memory()]).positions.tolist() == [0, 2, 4, 30, 32, 34]
    assert Memory.join([long, memory()]).places == 39


def test_joined_memories_say_what_each_was_made_by():
    other = memory(made_by={"name": "y", "settings": {"window": 3}})
    assert Memory.join([memory(), memory()]).made_by == memory().made_by
    joined = Memory.join([memory(), other]).made_by
    assert joined["settings"]["of"] == [memory().made_by, other.made_by]


def test_memories_of_an_adapter_join_with_raw_ones():
    written = memory(fingerprint=replace(MADE, adapter="c" * 64))
    for order in ([memory(), written], [written, memory()]):
        assert Memory.join(order).fingerprint == written.fingerprint


@pytest.mark.parametrize(
    ("other", "error", "says"),
    [
        (memory(fingerprint=Fingerprint("d" * 64, "b" * 64)), ModelMismatch, "another model"),
        (memory(fingerprint=Fingerprint("a" * 64, "d" * 64)), ModelMismatch, "another tokenizer"),
        (memory(prefix="e" * 64), SettingError, "another prefix"),
        (memory().to(dtype=torch.bfloat16), SettingError, "is torch.bfloat16 on cpu, the first is"),
        (memory().quantized(), SettingError, "is torch.int8 on cpu, the first is torch.float32"),
        (memory().to(device="meta"), SettingError, "float32 on meta, the first is"),
    ],
)
def test_what_does_not_go_together_is_not_joined(other, error, says):
    with pytest.raises(error, match=says):
        Memory.join([memory(), other])


def test_memories_of_different_adapters_are_not_joined():
    one, two = (memory(fingerprint=replace(MADE, adapter=part * 64)) for part in "ce")
    with pytest.raises(ModelMismatch, match=r"Memory 3 of 3 was made by another adapter: .*e{12}"):
        Memory.join([memory(), one, two])


@pytest.mark.parametrize("given", [memory(), "a.memory", None, 5, [memory(), "a"], [[memory()]]])
def test_what_is_no_memories_cannot_be_joined(given):
    with pytest.raises(SettingError, match=r"Memory\.load reads a file"):
        Memory.join(given)


def test_memories_can_come_one_by_one():
    assert Memory.join(memory(seed=seed) for seed in range(3)).slots == 9


def test_memories_of_other_sizes_are_not_joined():
    wide = torch.zeros(5, 2, 3, 8)
    with pytest.raises(ModelMismatch, match=r"has \(5, 2, 8\) layers.*the first \(2, 2, 8\)"):
        Memory.join([memory(), memory(keys=wide, values=wide)])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_seen(number):
    assert memory().is_finite
    assert memory().quantized().is_finite
    assert not memory(values=torch.full((2, 2, 3, 8), number)).is_finite


def test_nothing_cannot_be_joined():
    with pytest.raises(SettingError, match="There is no memory"):
        Memory.join([])


@pytest.mark.parametrize("part", ["model", "tokenizer", "adapter"])
def test_a_mismatch_names_both_fingerprints(part):
    own, wanted = (
        Fingerprint("1" * 64, "2" * 64, "3" * 64),
        Fingerprint("1" * 64, "2" * 64, "3" * 64),
    )
    wanted = replace(wanted, **{part: "4" * 64})
    with pytest.raises(ModelMismatch, match=f"another {part}: .*{getattr(own, part)[:12]}.*4444"):
        own.check(wanted)


def test_the_model_without_an_adapter_reads_what_any_adapter_wrote():
    replace(MADE, adapter="c" * 64).check(MADE)
    with pytest.raises(ModelMismatch, match="another adapter"):
        MADE.check(replace(MADE, adapter="c" * 64))


bad = torch.zeros(2, 2, 3, 8)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"keys": bad[0]}, r"both \(L, H, S, D\)"),
        ({"values": bad[:, :, :2]}, r"both \(L, H, S, D\)"),
        ({"values": bad.bfloat16()}, "of one type, on one device"),
        ({"values": bad.to("meta")}, "of one type, on one device"),
        ({"positions": torch.arange(4)}, "positions are int64"),
        ({"positions": torch.zeros(3)}, "positions are int64"),
        ({"positions": torch.tensor([-1, 0, 1])}, "a slot stands at -1"),
        ({"positions": torch.tensor([0, 1, 1 << 40])}, "far behind the 9 tokens"),
        ({"source_tokens": 0}, "at least 1 token"),
        ({"source_tokens": 2.0}, "source_tokens of a memory is a whole number; got 2.0"),
        ({"source_tokens": 2**31}, "source_tokens of a memory is a whole number"),
        ({"places": "3"}, "places of a memory is a whole number; got '3'"),
        ({"places": True}, "places of a memory is a whole number; got True"),
        ({"places": -1}, "at least 1 token"),
        ({"prefix": None}, "fingerprint and prefix are text"),
        ({"fingerprint": Fingerprint("a", 3)}, "fingerprint and prefix are text"),
        ({"made_by": "x"}, 'made_by is {"name"'),
        ({"made_by": {"settings": "x"}}, 'made_by is {"name"'),
        ({"made_by": {"trigger": "x"}}, 'made_by is {"name"'),
        ({"keys": bad.long(), "values": bad.long()}, "floating-point or int8, not torch.int64"),
        ({"keys": bad[:, :, :0], "values": bad[:, :, :0], "positions": torch.arange(0)},
         "at least 1 slot"),
        ({"keys": bad.to(torch.int8), "values": bad.to(torch.int8)}, "has scales of"),
        ({"key_scales": bad[..., :1], "value_scales": bad[..., :1]}, "has scales of"),
    ],
)  # fmt: skip
def test_parts_that_do_not_go_together_are_refused(changes, says):
    with pytest.raises(SettingError, match=says):
        memory(**changes)


def test_a_memory_of_a_host_says_by_whom_and_behind_what_it_was_made():
    made = full(text(5))
    assert made.fingerprint == HOST.fingerprint
    assert made.prefix == HOST.prefix_sha256
    assert made.made_by == {"name": "full", "settings": {}}
