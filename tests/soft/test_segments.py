"""The front door: budgets that are kept, and texts that are read in segments."""

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from soft_reference import HOST, full, text

import tersely.soft
from tersely.errors import BackendError, BudgetError, PromptError, SettingError, UnknownName
from tersely.soft.base import load_producer
from tersely.soft.memory import Memory
from tersely.soft.segments import compress, compress_ids, segment_lengths, share_out

FULL = load_producer("full")
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@dataclass(frozen=True)
class First:
    """Keeps the first tokens, of all heads or of each; notes what it was asked."""

    by_head: bool = False
    segment_tokens: int | None = None
    name = "first"
    settings = {}  # noqa: RUF012

    def produce(self, host, ids, slots):
        kept = torch.arange(min(slots, len(ids)))
        return full(ids, host).select(kept.expand(2, 2, -1) if self.by_head else kept)


def words(count):
    return " ".join(f"w{3 + n % 60}" for n in range(count))


def made(count, **options):
    return compress(words(count), **({"method": First(), "model": HOST} | options))


@given(sizes, st.integers(1, 400))
def test_slots_are_shared_out_to_the_last(lengths, slots):
    assume(slots >= len(lengths))
    shares = share_out(slots, lengths)
    assert sum(shares) == min(slots, sum(lengths))
    assert all(1 <= share <= length for share, length in zip(shares, lengths, strict=True))


@given(sizes, st.integers(1, 400))
def test_longer_segments_have_no_fewer_slots_and_equal_ones_as_many_but_one(lengths, slots):
    assume(slots >= len(lengths))
    pairs = sorted(zip(lengths, share_out(slots, lengths), strict=True))
    shares = [share for _, share in pairs]
    assert shares == sorted(shares)
    for length in lengths:
        alike = [share for own, share in pairs if own == length]
        assert max(alike) - min(alike) <= 1


def test_fewer_slots_than_segments_are_refused():
    with pytest.raises(BudgetError, match="read in 3 segments, and 2 slots are less than one each"):
        share_out(2, [5, 5, 5])


@given(st.integers(1, 2000), st.integers(1, 600))
def test_segments_are_as_few_and_as_even_as_can_be(tokens, longest):
    lengths = segment_lengths(tokens, longest)
    assert sum(lengths) == tokens
    assert max(lengths) <= longest
    assert max(lengths) - min(lengths) <= 1
    assert len(lengths) == -(-tokens // longest)


@given(st.integers(1, 60), st.integers(1, 80), st.integers(5, 30))
@settings(max_examples=25)
def test_the_slots_asked_for_are_used_and_never_exceeded(tokens, slots, longest):
    assume(slots >= -(-tokens // longest))
    memory = made(tokens, slots=slots, segment_tokens=longest)
    assert memory.slots == min(slots, tokens)
    assert memory.source_tokens == memory.places == tokens


@given(st.integers(1, 60), st.floats(0.01, 1))
@settings(max_examples=25)
def test_a_rate_is_an_upper_limit_that_is_used(tokens, rate):
    assume(rate * tokens >= 1)
    memory = made(tokens, rate=rate)
    assert memory.slots <= rate * tokens + 1e-6 < memory.slots + 1 + 1e-6


@given(st.integers(1, 40), st.integers(100, 6000), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=25)
def test_bytes_are_an_upper_limit_that_is_used(tokens, most, by_head, quantize, in_segments):
    each = (4 * 2 * (8 + 4) if quantize else 4 * 2 * 8 * 4) + (16 if by_head else 4)
    cut = {"segment_tokens": 20} if in_segments else {}
    assume(most >= 2 * each)
    memory = made(tokens, max_bytes=most, quantize=quantize, method=First(by_head), **cut)
    assert memory.bytes <= most
    assert memory.slots == min(tokens, most // each)
    assert memory.is_quantized is quantize


def test_each_segment_is_read_on_its_own_and_they_are_joined():
    ids = text(10)
    whole = compress_ids(HOST, ids, 10, FULL, segment_tokens=4)
    parts = Memory.join([full(ids[:4]), full(ids[4:7]), full(ids[7:])])
    assert torch.equal(whole.keys, parts.keys)
    assert whole.positions.tolist() == list(range(10))


def test_a_producer_says_how_much_it_reads_at_once():
    once = compress_ids(HOST, text(12), 6, First())
    thrice = compress_ids(HOST, text(12), 6, First(segment_tokens=4))
    assert once.positions.tolist() == [0, 1, 2, 3, 4, 5]
    assert thrice.positions.tolist() == [0, 1, 4, 5, 8, 9]
    assert compress_ids(HOST, text(12), 6, First(segment_tokens=4), segment_tokens=12).positions.tolist() == [0, 1, 2, 3, 4, 5]  # fmt: skip


def test_a_text_longer_than_the_window_is_cut():
    memory = compress_ids(HOST, text(600), 30, First())
    assert (memory.slots, memory.source_tokens) == (30, 600)
    assert memory.positions.max() > 400


def test_a_rate_of_one_keeps_everything():
    assert made(9, rate=1.0, method="full").slots == 9


@pytest.mark.parametrize("content", ["", " \n\t"])
def test_an_empty_text_is_refused(content):
    with pytest.raises(PromptError, match="text is empty"):
        compress(content, slots=1, model=HOST, method=FULL)


@pytest.mark.parametrize("content", [None, 3, ["w3"], b"w3"])
def test_what_is_no_text_is_refused(content):
    with pytest.raises(PromptError, match=f"text is a str, not {type(content).__name__}"):
        compress(content, slots=1, model=HOST, method=FULL)


@pytest.mark.parametrize("method", [None, 5, b"full", type(FULL)])
def test_what_is_no_method_is_refused(method):
    with pytest.raises(SettingError, match="method is a name, or a producer"):
        made(9, slots=3, method=method)


@pytest.mark.parametrize("model", [None, 5, b"tiny"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(SettingError, match="model is a name, or a host"):
        made(9, slots=3, model=model)


@pytest.mark.parametrize("name", ["compressor500x", "icae", "icformer"])
def test_a_method_that_is_not_trained_is_refused_by_name_only(name):
    with pytest.raises(SettingError, match=f"{name} is not trained: .*--adapter"):
        made(9, slots=3, method=name)
    assert made(9, slots=3, method=load_producer(name)).slots == 3


@dataclass(frozen=True)
class Broken(First):
    """Makes numbers that are none."""

    number: float = float("nan")

    def produce(self, host, ids, slots):
        memory = First.produce(self, host, ids, slots)
        return replace(memory, keys=memory.keys * self.number)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("quantize", [True, False])
def test_numbers_that_are_none_are_refused(number, quantize):
    with pytest.raises(BackendError, match="first made numbers that are infinite or NaN"):
        made(9, slots=3, method=Broken(number=number), quantize=quantize)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "exactly one"),
        ({"slots": 1, "rate": 0.5}, "exactly one"),
        ({"rate": 0.0}, r"rate is in \(0, 1\]"),
        ({"rate": 1.1}, r"rate is in \(0, 1\]"),
        ({"rate": float("nan")}, r"rate is in \(0, 1\]"),
        ({"rate": "0.5"}, "rate is in .*; got '0.5'"),
        ({"rate": True}, "rate is in .*; got True"),
        ({"slots": 0}, "slots is at least 1"),
        ({"slots": -3}, "slots is at least 1"),
        ({"slots": 2.5}, "slots is a whole number"),
        ({"slots": True}, "slots is a whole number"),
        ({"max_bytes": 0}, "max_bytes is at least 1"),
        ({"max_bytes": 5e5}, "max_bytes is a whole number, at least 1; got 500000.0"),
        ({"max_bytes": float("inf")}, "max_bytes is a whole number"),
        ({"max_bytes": "5"}, "max_bytes is a whole number, at least 1; got '5'"),
        ({"rate": 0.05}, "rate 0.05 of 9 tokens is less than one slot"),
        ({"max_bytes": 100}, "One slot takes 260 bytes; the budget is 100"),
        ({"max_bytes": 262, "method": First(by_head=True)}, "One slot takes 272 bytes"),
        ({"max_bytes": 9, "method": First(by_head=True)}, "One slot takes 272 bytes"),
        ({"max_bytes": 9, "method": load_producer("streaming")}, "One slot takes 260 bytes"),
        ({"slots": 2, "segment_tokens": 3}, "read in 3 segments"),
    ],
)
def test_a_budget_that_is_none_or_too_small_is_refused(options, says):
    with pytest.raises(BudgetError, match=says):
        made(9, **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"segment_tokens": 0}, "segment_tokens is at least 1"),
        ({"segment_tokens": -1}, "segment_tokens is at least 1"),
        ({"segment_tokens": 2.5}, "segment_tokens is a whole number"),
        ({"method": First(segment_tokens=-1)}, "segment_tokens is at least 1"),
    ],
)
def test_segments_that_are_none_are_refused(options, says):
    with pytest.raises(SettingError, match=says):
        made(9, slots=5, **options)


@pytest.mark.parametrize("slots", [0, -3, 2.5, True])
def test_tokens_are_compressed_to_whole_numbers_of_slots(slots):
    with pytest.raises(SettingError, match="slots is "):
        compress_ids(HOST, text(9), slots, First())


def test_an_unknown_method_is_named():
    with pytest.raises(UnknownName, match=r"No soft method is called 'fulll'. Did you mean 'full'"):
        made(9, slots=3, method="fulll")


def test_the_front_door_is_there():
    assert tersely.soft.compress is compress
    assert set(tersely.soft.__all__) == set(dir(tersely.soft))
    assert all(getattr(tersely.soft, name) is not None for name in tersely.soft.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'compres'"):
        _ = tersely.soft.compres
