"""The front door: a text of any length as a memory of a given size.

A text that is longer than its producer reads at once is cut into segments of about the same
length, each read on its own; their slots are shared out by length, and the memories are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate, pairwise

from tersely.backends.load import DEFAULT_MODEL
from tersely.errors import BackendError, BudgetError, Error, PromptError, SettingError
from tersely.soft.base import (
    DEFAULT_METHOD,
    Producer,
    check_count,
    check_slots,
    check_trained,
    is_number,
    load_producer,
)
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
        PromptError: The text is empty, or no text.
        BudgetError: There is not exactly one budget, or it is too small for a slot per segment.
        UnknownName: No method or model is called that.
        SettingError: Another argument is not what it should be, or the method is yet to be trained
            (which a producer may be that is given itself).
        BackendError: What the producer makes is not finite.
    """
    check_text(text)
    check_budget(slots=slots, rate=rate, max_bytes=max_bytes)
    producer = _producer(method)
    host = _loaded(model) if isinstance(model, str) else model
    if not isinstance(host, Host):
        raise SettingError(f"model is a name, or a host as load_host returns; got {model!r}.")
    ids = host.encode(text)

    def made(most: int, some: Sequence[int] = ids) -> Memory:
        memory = compress_ids(host, some, most, producer, segment_tokens=segment_tokens)
        return memory.quantized() if quantize else memory

    if max_bytes is not None:
        return _within_bytes(host, ids, max_bytes, quantize, made)
    if rate is not None:
        slots = int(rate * len(ids) + 1e-9)
        if slots < 1:
            raise BudgetError(f"rate {rate} of {len(ids)} tokens is less than one slot.")
    assert slots is not None
    return made(slots)


def check_text(text: object) -> None:
    """Refuse what is no text to remember.

    Raises:
        PromptError: It is something else, or empty.
    """
    if not isinstance(text, str):
        raise PromptError(f"The text is a str, not {type(text).__name__}.")
    if not text.strip():
        raise PromptError("The text is empty: there is nothing to remember.")


def check_budget(*, slots: object, rate: object, max_bytes: object) -> None:
    """Refuse what is not exactly one budget.

    Raises:
        BudgetError: There is none, or several, or it is out of range.
    """
    if sum(one is not None for one in (slots, rate, max_bytes)) != 1:
        raise BudgetError(
            "Give exactly one of slots, rate and max_bytes (--slots, --rate, --max-bytes)."
        )
    if rate is not None and not (is_number(rate) and 0 < rate <= 1):  # type: ignore[operator]
        raise BudgetError(f"rate is in (0, 1]; got {rate!r}.")
    for name, given in (("slots", slots), ("max_bytes", max_bytes)):
        if given is not None:
            try:
                check_count(name, given, least=1)
            except SettingError as error:
                raise BudgetError(str(error)) from None


def check_segment(tokens: int | None) -> None:
    """Refuse a length of segments that is none.

    Raises:
        SettingError: It is not whole, or less than 1.
    """
    if tokens is not None:
        check_count("segment_tokens", tokens, least=1)


def _producer(method: object) -> Producer:
    """Return the producer that is named, or given."""
    if isinstance(method, str):
        producer = load_producer(method)
        check_trained(producer)
        return producer
    if isinstance(method, type) or not isinstance(method, Producer):
        raise SettingError(
            f"method is a name, or a producer as load_producer returns; got {method!r}."
        )
    return method


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

    Raises:
        BudgetError: There are fewer slots than segments.
        BackendError: What the producer makes is not finite.
    """
    check_slots(slots)
    if not ids:
        raise PromptError("The text is empty: there is nothing to remember.")
    longest = producer.segment_tokens if segment_tokens is None else segment_tokens
    check_segment(longest)
    room = host.window_tokens - len(host.prefix)
    most = getattr(producer, "most_tokens", None)  # of those that read a text more than once
    if most is not None and segment_tokens is None:
        room = min(room, most(host))
    lengths = segment_lengths(len(ids), min(longest or room, room))
    bounds = list(accumulate(lengths, initial=0))
    shares = share_out(slots, lengths)
    memory = Memory.join(
        [
            producer.produce(host, ids[start:end], share)
            for (start, end), share in zip(pairwise(bounds), shares, strict=True)
        ]
    )
    if not memory.is_finite:
        raise BackendError(
            f"{producer.name} made numbers that are infinite or NaN. Its adapter or its settings"
            " are at fault, or the model computes in too small a type: try float32."
        )
    return memory


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
            " each. Raise the budget, or segment_tokens (--segment-tokens)."
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


def _within_bytes(
    host: Host, ids: Sequence[int], most: int, quantize: bool, made: Callable[..., Memory]
) -> Memory:
    """Make the largest memory of at most some bytes.

    What a slot takes is known once there is one: positions may be one per slot or one per head.
    """
    rows = host.layers * host.kv_heads
    held = rows * 2 * (host.head_width + 4) if quantize else host.slot_bytes
    each = held + POSITION_BYTES
    while True:
        slots = min(most // each, len(ids))
        if slots < 1:
            with suppress(Error):  # a method that needs several slots has one position for each
                each = max(each, made(1, ids[:2]).bytes)
            raise BudgetError(f"One slot takes {each} bytes; the budget is {most}.")
        memory = made(slots)
        if memory.bytes <= most:
            return memory
        each = max(-(-memory.bytes // memory.slots), each + 1)


@lru_cache(maxsize=1)
def _loaded(model: str) -> Host:
    """Keep the last host, so that calling `compress` twice loads once. It holds no text."""
    return load_host(model)
