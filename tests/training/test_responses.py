"""Windows of tokens: what is scored, what is held out, and in which order it is read."""

import numpy as np
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from tersely.backends.base import Tokens
from tersely.training.conversations import Conversation
from tersely.training.responses import (
    Window,
    batches,
    counted,
    first_groups,
    in_passes,
    plan_steps,
    said,
    split_windows,
    windows_of,
)
from tersely.training.split import is_held_out


def letters(text):
    """One token per character; its id is the character."""
    ends = np.arange(1, len(text) + 1)
    return Tokens(np.array([ord(char) for char in text]), ends - 1, ends)


def window(length, group="a"):
    return Window(np.arange(length), np.ones(length, dtype=bool), group)


def test_only_tokens_of_responses_are_scored():
    text, responses = Conversation("a", (("User", "ab"), ("Assistant", "cd"))).written()
    (one,) = windows_of(letters(text), responses, "a", 99)
    assert "".join(chr(token) for token in one.ids[one.scored]) == "cd"


def test_a_token_that_begins_with_the_blank_before_a_response_is_of_it():
    text, responses = Conversation("a", (("Assistant", "cats run"),)).written()
    tokens = FakeBackend().encode(text)
    (one,) = windows_of(tokens, responses, "a", 99)
    scored = [text[s:e] for s, e in zip(tokens.starts, tokens.ends, strict=True)]
    assert [scored[at] for at in np.flatnonzero(one.scored)] == [" cats", " run"]


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 12))
def test_every_token_of_a_response_is_scored_once(flags, most):
    tokens = letters("x" * len(flags))
    spans = [(at, at + 1) for at, flag in enumerate(flags) if flag]
    windows = windows_of(tokens, spans, "a", most)
    assert sum(int(w.scored.sum()) for w in windows) == sum(flags)
    assert all(1 <= len(w) <= most and w.scored.any() for w in windows)


def test_a_conversation_is_on_one_side_and_long_ones_are_left_out():
    said = [Conversation(f"c{n}", (("Assistant", "word " * n),)) for n in range(1, 31)]
    split = split_windows(said, letters, window_tokens=16, longest_tokens=100)
    sides = [{w.group for w in side} for side in (split.training, split.held_out)]
    assert sides[1] == {f"c{n}" for n in range(1, 18) if is_held_out(f"c{n}")}
    assert (sides[0] & sides[1], len(sides[0] | sides[1]), split.left_out) == (set(), 17, 13)
    assert all(len(w) <= 15 for side in (split.training, split.held_out) for w in side)


def test_without_a_limit_nothing_is_left_out():
    said = [Conversation(f"c{n}", (("Assistant", "w" * 300),)) for n in range(9)]
    split = split_windows(said, letters, window_tokens=512)
    assert (len(split.training) + len(split.held_out), split.left_out) == (9, 0)


def test_the_first_groups_come_with_all_their_windows():
    windows = [window(1, group) for group in "aabbca"]
    assert [w.group for w in first_groups(windows, 2)] == list("aabba")
    assert first_groups(windows, None) == windows


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=30)


@given(sizes, st.integers(1, 100), st.integers(1, 60), st.integers(0, 9))
def test_batches_read_every_window_once_within_their_limits(lengths, batch, most, seed):
    windows = [window(n) for n in lengths]
    found = list(batches(windows, batch_tokens=batch, pass_tokens=most, seed=seed))
    assert sorted(i for step in found for one in step for i in one) == list(range(len(windows)))
    for step in found:
        members = [lengths[i] for one in step for i in one]
        assert sum(members) <= batch or len(members) == 1
        assert all(len(p) * max(lengths[i] for i in p) <= most or len(p) == 1 for p in step)


def test_a_seed_is_an_order_and_an_epoch_has_its_own():
    windows = [window(4) for _ in range(40)]
    steps = {"epochs": 2, "batch_tokens": 8, "pass_tokens": 8}
    plan = plan_steps(windows, **steps, seed=3)
    assert plan == plan_steps(windows, **steps, seed=3)
    assert len(plan) == 40
    assert plan[:20] != plan[20:]
    assert plan != plan_steps(windows, **steps, seed=5)


def test_windows_of_a_length_share_a_pass():
    windows = [window(n) for n in (9, 2, 8, 2, 2)]
    assert in_passes(windows, range(5), 18) == [[1, 3, 4], [2, 0]]


def test_what_there_is_to_read_is_counted():
    windows = [Window(np.arange(4), np.array([0, 1, 1, 0], dtype=bool), g) for g in "aab"]
    assert counted(windows) == {
        "conversations": 2, "windows": 3, "tokens": 12, "response_tokens": 6,
    }  # fmt: skip
    assert said(windows) == "2 conversations, 6 tokens answered"
