"""From conversations to what a causal model is trained and measured on: windows of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tersely.backends.base import Ints, Tokens
from tersely.training.conversations import Conversation, Span
from tersely.training.split import is_held_out

Flags = npt.NDArray[np.bool_]
Plan = list[list[list[int]]]
"""Steps, of passes, of the indices of windows."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a conversation, read after the start token.

    Attributes:
        ids: (T,), the tokens; each is predicted from those before it.
        scored: (T,), True where a token is of a response: only these count.
        group: Which conversation it is of.
    """

    ids: Ints
    scored: Flags
    group: str

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Split:
    """Windows to train on, and windows to measure on, of other conversations.

    Attributes:
        training: The former.
        held_out: The latter.
        left_out: Conversations that were longer than was asked for.
    """

    training: list[Window]
    held_out: list[Window]
    left_out: int = 0


def windows_of(tokens: Tokens, responses: Sequence[Span], group: str, most: int) -> list[Window]:
    """Cut a conversation into windows; those without a token of a response are left out.

    Args:
        tokens: Of its text.
        responses: Characters where the model speaks.
        group: Which conversation it is.
        most: The most tokens of a window.
    """
    scored = np.zeros(len(tokens), dtype=bool)
    for start, end in responses:  # a token that begins with the blank before a response is of it
        scored |= (tokens.ends > start) & (tokens.starts < end)
    cuts = range(0, len(tokens), most)
    pieces = [Window(tokens.ids[at : at + most], scored[at : at + most], group) for at in cuts]
    return [piece for piece in pieces if piece.scored.any()]


def split_windows(
    conversations: Sequence[Conversation],
    encode: Callable[[str], Tokens],
    *,
    window_tokens: int,
    longest_tokens: int | None = None,
) -> Split:
    """Cut conversations into windows, and hold some conversations out.

    Args:
        conversations: What was said.
        encode: Cuts a text into the model's tokens.
        window_tokens: The most that is read at once, the start token included.
        longest_tokens: Conversations that are longer are left out; None takes all.
    """
    split = Split([], [])
    left_out = 0
    for conversation in conversations:
        text, responses = conversation.written()
        tokens = encode(text)
        if longest_tokens is not None and len(tokens) > longest_tokens:
            left_out += 1
            continue
        side = split.held_out if is_held_out(conversation.group) else split.training
        side += windows_of(tokens, responses, conversation.group, window_tokens - 1)
    return Split(split.training, split.held_out, left_out)


def first_groups(windows: Sequence[Window], most: int | None) -> list[Window]:
    """Return the windows of the first so many conversations."""
    groups = list(dict.fromkeys(window.group for window in windows))[:most]
    return [window for window in windows if window.group in set(groups)]


def counted(windows: Sequence[Window]) -> dict[str, int]:
    """Return how much there is to read."""
    return {
        "conversations": len({window.group for window in windows}),
        "windows": len(windows),
        "tokens": sum(map(len, windows)),
        "response_tokens": sum(int(window.scored.sum()) for window in windows),
    }


def said(windows: Sequence[Window]) -> str:
    """Return in words how much there is to read."""
    found = counted(windows)
    return f"{found['conversations']:,} conversations, {found['response_tokens']:,} tokens answered"


def plan_steps(
    windows: Sequence[Window], *, epochs: int, batch_tokens: int, pass_tokens: int, seed: int
) -> Plan:
    """Return the batches of all steps, each epoch in an order of its own; see `batches`."""
    sizes = {"batch_tokens": batch_tokens, "pass_tokens": pass_tokens}
    return [
        batch for epoch in range(epochs) for batch in batches(windows, **sizes, seed=seed + epoch)
    ]


def batches(
    windows: Sequence[Window], *, batch_tokens: int, pass_tokens: int, seed: int
) -> Iterator[list[list[int]]]:
    """Yield the windows in an order that a seed decides, in batches of passes.

    Args:
        windows: What is read.
        batch_tokens: The most tokens of a batch, after which the weights change once.
        pass_tokens: The most tokens that are read at once, padding included. A window that is
            longer has a batch, or a pass, of its own.
        seed: The same seed gives the same batches.

    Yields:
        Lists of passes; each the indices of its windows, of about the same length.
    """
    order = np.random.default_rng(seed).permutation(len(windows)).tolist()
    batch: list[int] = []
    tokens = 0
    for index in order:
        if batch and tokens + len(windows[index]) > batch_tokens:
            yield in_passes(windows, batch, pass_tokens)
            batch, tokens = [], 0
        batch.append(index)
        tokens += len(windows[index])
    if batch:
        yield in_passes(windows, batch, pass_tokens)


def in_passes(windows: Sequence[Window], chosen: Sequence[int], most: int) -> list[list[int]]:
    """Put windows of about the same length into passes of at most so many tokens, padded."""
    passes: list[list[int]] = []
    for index in sorted(chosen, key=lambda index: (len(windows[index]), index)):
        longest = len(windows[index])  # so far
        if not passes or (len(passes[-1]) + 1) * longest > most:
            passes.append([])
        passes[-1].append(index)
    return passes
