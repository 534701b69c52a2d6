import pytest
from fakes import WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.chat.formats import read_chat
from tersely.chat.policy import ChatPolicy, _share_out, question_slots
from tersely.errors import SettingError

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = [
    {"role": "system", "content": "Be brief and kind."},
    {"role": "user", "content": "Here is one old question."},
    {"role": "assistant", "content": "Here is one old answer."},
    {"role": "user", "content": [{"type": "text", "text": "A new one"}] * 2},
    {"role": "assistant", "content": "I will look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": "What was found is here."},
]


def opened(messages=CHAT, frozen=0, **settings):
    """Return the messages whose texts may be shortened."""
    chat = read_chat(messages)
    tokens = [WordCounter().count(slot.text) for slot in chat.slots]
    policy = ChatPolicy(**{"min_tokens": 0} | settings)
    found = policy.open_slots(chat, tokens, frozen_messages=frozen)
    return [chat.slots[index].place.message for index in found]


@pytest.mark.parametrize(
    ("settings", "open_messages"),
    [
        ({}, [1, 2, 4, 5]),
        ({"keep_last": 2}, [2, 4, 5]),
        ({"keep_recent": 1}, [1, 2, 4]),
        ({"keep_recent": 9}, []),
        ({"compress_user": False}, [2, 4, 5]),
        ({"rates": {"tool": 1, "assistant": 0.5}}, [1, 2, 4]),
        ({"min_tokens": 4}, [1, 2, 5]),
        ({"frozen": 2}, [2, 4, 5]),
    ],
)
def test_a_policy_says_which_texts_are_open(settings, open_messages):
    assert opened(**settings) == open_messages


def test_what_the_model_is_to_go_on_with_is_left_alone():
    assert opened([*CHAT[:4], {"role": "assistant", "content": "It is"}]) == [1, 2]


def test_a_result_without_its_call_is_left_alone():
    assert opened([*CHAT[:4], CHAT[5]]) == [1, 2]


def test_texts_before_a_cache_breakpoint_are_left_alone_unless_the_policy_says_otherwise():
    part = {"type": "text", "text": "An older question.", "cache_control": {"type": "ephemeral"}}
    chat = [*CHAT[:2], {"role": "user", "content": [part]}, *CHAT[2:]]
    assert opened(chat) == [3, 5, 6]
    assert opened(chat, keep_cached=False) == [1, 2, 3, 5, 6]


def test_the_newest_user_turn_is_the_question():
    chat = read_chat(CHAT)
    assert [chat.slots[index].place.message for index in question_slots(chat)] == [3, 3]


def rates(sizes=(100, 100, 100, 100), room=200, **settings):
    """Return the rates that four open texts have: two old ones, an answer and a result."""
    chat = read_chat(CHAT)
    tokens = [9, *sizes[:2], 9, 9, *sizes[2:]]
    return list(ChatPolicy(**settings).own_rates(chat, [1, 2, 5, 6], tokens, room).values())


def test_texts_share_the_budget_unless_their_role_has_a_rate():
    assert rates() == []
    assert rates(rates={"tool": 0.25}) == [0.25]


def test_the_share_of_a_text_falls_with_its_age():
    assert rates(age_weight=0.5) == pytest.approx([0.33, 0.33, 0.66, 0.66])
    assert rates(age_weight=0.5, rates={"tool": 0.1}) == pytest.approx([0.1, 0.47, 0.47, 0.95])


def test_a_text_keeps_no_more_than_all_of_it():
    assert rates(age_weight=0.1, room=300) == pytest.approx([0.5, 0.5, 1, 1])


def test_a_text_is_left_a_token_where_there_is_no_room():
    assert rates(age_weight=0.5, room=-5) == [0.01] * 4


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.integers(1, 500)), min_size=1, max_size=8),
    st.integers(-10, 2000),
)
def test_shares_fill_the_room_and_are_as_the_weights(pairs, room):
    weights, sizes = zip(*pairs, strict=True)
    out = _share_out(weights, sizes, room)
    assert all(0 <= kept <= size for kept, size in zip(out, sizes, strict=True))
    assert sum(out) <= max(0, room)
    assert sum(out) >= min(max(0, room), sum(sizes)) - len(sizes)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rates": {"system": 0.5}}, "roles with rates are user, assistant, tool; not 'system'"),
        ({"rates": {"tool": 0}}, "The rate of tool is a number in"),
        ({"rates": 0.5}, "rates is a role's rate by role"),
        ({"keep_last": 0}, "keep_last is a whole number, at least 1"),
        ({"keep_recent": -1}, "keep_recent"),
        ({"min_tokens": 1.5}, "min_tokens"),
        ({"age_weight": 2}, "age_weight"),
        ({"protect": "numbers"}, "protect is a list of patterns"),
    ],
)
def test_settings_out_of_range_are_refused(settings, says):
    with pytest.raises(SettingError, match=says):
        ChatPolicy(**settings)
