"""The front door: a text of any length as a memory of a given size.

A text that is longer than its producer reads at once is cut into segments of about the same
length, each read on its own; their slots are shared out by length, and the memories are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from tersely.backends.load import DEFAULT_MODEL
from tersely.errors import BudgetError, PromptError, SettingError
from tersely.soft.base import DEFAULT_METHOD, Producer, check_slots, load_producer
from tersely.soft.host import Host, load_host
from tersely.soft.memory import POSITION_BYTES, Memory


def compress(  # noqa: PLR0913 - the front door: every argument is a thing users ask for
    text: str,
    *,
    slots: int | None = None,
    rate: float | None = None,
    max_bytes: int | None = None,
    method: str | Producer = DEFAULT_METHOD,
    model: str | Host = DEFAULT_MODEL,
    segment_tokens: int | None = None,
    quantize: bool = False,
) -> Memory:
    """Make a memory of a text, of at most the size that is asked for.

    Args:
        text: The text.
        slots: The most slots; or
        rate: the most slots per token of the text, in (0, 1]; or
        max_bytes: the most bytes of `Memory.bytes`. Exactly one of the three.
        method: A producer's name, or a producer.
        model: A model's name, or a host.
        segment_tokens: The longest text to read at once; None is the producer's own.
        quantize: Whether to store it in int8.

    Raises:
        PromptError: The text is empty.
        BudgetError: There is not exactly one budget, or it is too small for a slot per segment.
        UnknownName: No method or model is called that.
    """
    if not isinstance(text, str) or not text.strip():
        raise PromptError("The text is empty: there is nothing to remember.")
    if sum(one is not None for one in (slots, rate, max_bytes)) != 1:
        raise BudgetError("Give exactly one of slots, rate and max_bytes.")
    producer = load_producer(method) if isinstance(method, str) else method
    host = _loaded(model) if isinstance(model, str) else model
    ids = host.encode(text)

    def made(most: int) -> Memory:
        memory = compress_ids(host, ids, most, producer, segment_tokens=segment_tokens)
        return memory.quantized() if quantize else memory

    if max_bytes is not None:
        return _within_bytes(host, len(ids), max_bytes, quantize, made)
    if rate is not None:
        if not 0 < rate <= 1:
            raise BudgetError(f"rate is in (0, 1]; got {rate}.")
        slots = int(rate * len(ids) + 1e-9)
        if slots < 1:
            raise BudgetError(f"rate {rate} of {len(ids)} tokens is less than one slot.")
    assert slots is not None
    return made(slots)


def compress_ids(
    host: Host,
    ids: Sequence[int],
    slots: int,
    producer: Producer,
    *,
    segment_tokens: int | None = None,
) -> Memory:
    """Make a memory of tokens; see `compress`.

    Args:
        host: The model.
        ids: (T,), at least 1.
        slots: The most slots, at least one for each segment.
        producer: Makes the memories.
        segment_tokens: The longest text to read at once; None is the producer's own.
    """
    check_slots(slots)
    if not ids:
        raise PromptError("The text is empty: there is nothing to remember.")
    if segment_tokens is not None and segment_tokens < 1:
        raise SettingError(f"segment_tokens is at least 1; got {segment_tokens}.")
    room = host.window_tokens - len(host.prefix)
    lengths = segment_lengths(
        len(ids), min(segment_tokens or producer.segment_tokens or room, room)
    )
    bounds = list(accumulate(lengths, initial=0))
    shares = share_out(slots, lengths)
    return Memory.join(
        [
            producer.produce(host, ids[start:end], share)
            for (start, end), share in zip(pairwise(bounds), shares, strict=True)
        ]
    )


def segment_lengths(tokens: int, longest: int) -> list[int]:
    """Cut a number of tokens into as few lengths as possible, which differ by at most 1."""
    count = -(-tokens // longest)
    return [tokens // count + (at < tokens % count) for at in range(count)]


def share_out(slots: int, lengths: Sequence[int]) -> list[int]:
    """Share slots out by length: at least 1 each, never more than the length, none left over.

    Args:
        slots: How many there are.
        lengths: Tokens of each segment, at least 1.

    Returns:
        One number per segment; they sum to `slots`, or to all tokens if these are fewer.

    Raises:
        BudgetError: There are fewer slots than segments.
    """
    if slots < len(lengths):
        raise BudgetError(
            f"The text is read in {len(lengths)} segments, and {slots} slots are less than one"
            " each. Raise the budget, or segment_tokens."
        )
    total = sum(lengths)
    slots = min(slots, total)
    spare, rest = slots - len(lengths), total - len(lengths)
    if not rest:
        return [1] * len(lengths)
    exact = [spare * (length - 1) / rest for length in lengths]
    shares = [1 + int(one) for one in exact]
    order = sorted(range(len(lengths)), key=lambda at: (int(exact[at]) - exact[at], at))
    for at in order[: slots - sum(shares)]:
        shares[at] += 1
    return shares


def _within_bytes(host: Host, tokens: int, most: int, quantize: bool, made: Any) -> Memory:
    """Make the largest memory of at most some bytes.

    What a slot takes is known once there is one: positions may be one per slot or one per head.
    """
    rows = host.layers * host.kv_heads
    held = rows * 2 * (host.head_width + 4) if quantize else host.slot_bytes
    each = held + POSITION_BYTES
    while True:
        slots = min(most // each, tokens)
        if slots < 1:
            raise BudgetError(f"One slot takes {each} bytes; the budget is {most}.")
        memory: Memory = made(slots)
        if memory.bytes <= most:
            return memory
        each = max(-(-memory.bytes // memory.slots), each + 1)


@lru_cache(maxsize=1)
def _loaded(model: str) -> Host:
    """Keep the last host, so that calling `compress` twice loads once. It holds no text."""
    return load_host(model)
