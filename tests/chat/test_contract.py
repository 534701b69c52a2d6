"""What every compressed chat keeps to, on two thousand random ones in three formats."""

from copy import deepcopy
from random import Random

import pytest
from chats import Quarters, leaves, random_chat, slow_count
from fakes import WordCounter

from tersely.chat import ChatPolicy, ChatSession, compress_chat
from tersely.errors import BudgetTooSmall
from tersely.loading import load

CASES = 2000
METHODS = [load("random_drop"), load("truncate"), load("truncate", keep="tail")]


def policy_of(random):
    return ChatPolicy(
        min_tokens=random.choice([0, 5, 20]),
        rates=random.choice([{}, {}, {"tool": 0.5}, {"user": 0.7, "assistant": 0.2}]),
        age_weight=random.choice([1.0, 1.0, 0.5]),
    )


def check(given, result, counter):
    assert result.tokens_after == slow_count(result.messages, counter.count)
    assert result.tokens_after <= result.limit_tokens
    before, after = list(leaves(given)), list(leaves(result.messages))
    assert [path for path, _ in before] == [path for path, _ in after]
    for (path, old), (_, new) in zip(before, after, strict=True):
        if old != new:
            assert path[-1] in ("content", "text", "output")
            assert old.startswith("open"), "the others are protected"
            assert new.strip()
            assert counter.count(new) < counter.count(old)


def compressed(seed):
    """Return (messages, result, counter); no result but an error if the budget was too small."""
    random = Random(seed)
    name, messages = random_chat(seed)
    counter = random.choice([Quarters(), Quarters(), WordCounter()])
    settings = {"method": random.choice(METHODS), "tokenizer": counter, "policy": policy_of(random)}
    settings["rate_of"] = random.choice(["request", "texts"])
    try:
        result = compress_chat(messages, rate=random.uniform(0.4, 1), **settings)
    except BudgetTooSmall as error:
        return messages, error, counter
    assert result.format == name or name == "openai"
    return messages, result, counter


@pytest.mark.parametrize("part", range(4))
def test_nothing_but_open_texts_becomes_shorter_and_the_budget_is_kept(part):
    failed = 0
    for seed in range(part, CASES, 4):
        messages, result, counter = compressed(seed)
        if isinstance(result, BudgetTooSmall):
            failed += 1
            assert result.protected_tokens > result.limit_tokens
        else:
            assert result.tokens_before == slow_count(messages, counter.count)
            check(messages, result, counter)
    assert failed < CASES / 4 / 4, "a test of nothing otherwise"


def test_the_given_messages_are_left_alone():
    for seed in range(40):
        _, before = random_chat(seed)
        messages = deepcopy(before)
        compress_chat(messages, tokens=10_000, method="truncate", tokenizer=Quarters())
        compressed(seed)
        assert messages == before


def test_equal_calls_give_equal_messages():
    for seed in range(20):
        first, second = (getattr(compressed(seed)[1], "messages", None) for _ in range(2))
        assert first == second


def test_a_session_never_rewrites_what_it_sent():
    for seed in range(60):
        _, messages = random_chat(seed)
        session = ChatSession(
            rate=0.5, method=METHODS[0], tokenizer=Quarters(), policy=ChatPolicy(min_tokens=5)
        )
        sent = []
        for end in range(1, len(messages) + 1):
            result = session.compress(messages[:end])
            assert result.messages[: len(sent)] == sent
            assert result.frozen_messages == len(sent)
            sent = result.messages


def test_the_texts_of_a_result_are_those_of_its_messages():
    for seed in range(60):
        _, result, _ = compressed(seed)
        if isinstance(result, BudgetTooSmall):
            continue
        for place, text in zip(result.places, result.texts, strict=True):
            value = result.messages[place.message]
            for key in place.path:
                value = value[key]
            assert value == text
