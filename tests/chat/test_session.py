import json

import pytest
from fakes import WordCounter

from tersely.chat import ChatPolicy, ChatSession
from tersely.chat.session import digest
from tersely.errors import BudgetError, BudgetTooSmall, PromptError, SettingError, UnknownName

CACHE = {"cache_control": {"type": "ephemeral"}}


def long(name, lines=30):
    return " ".join(f"Line {at} of {name} is {at * 7}." for at in range(lines))  # 6 words each


def chat(turns):
    """A task, and a call with a long result for each turn."""
    out = [{"role": "user", "content": "Find the line."}]
    for turn in range(turns):
        call = {"id": f"c{turn}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        out.append({"role": "assistant", "content": None, "tool_calls": [call]})
        out.append({"role": "tool", "tool_call_id": f"c{turn}", "content": long(f"t{turn}")})
    return out


def session(**settings):
    given = {"method": "random_drop", "tokenizer": WordCounter(), "content": "text"}
    return ChatSession(**(given | settings))


def words(result, message):
    return len(result.messages[message]["content"].split())


def test_what_was_sent_is_sent_again_and_only_what_is_new_is_shortened():
    one = session(rate=0.5)
    first, second = one.compress(chat(1)), one.compress(chat(2))
    assert words(first, 2) == words(second, 4) == 90
    assert second.messages[:3] == first.messages
    assert (first.frozen_messages, second.frozen_messages, second.edited_at) == (0, 3, None)


def test_the_numbers_are_those_of_the_request_as_it_was_given():
    one = session(rate=0.5)
    one.compress(chat(1))
    result = one.compress(chat(2))
    assert result.tokens_before - result.tokens_after == 180
    assert result.texts[1] == result.messages[2]["content"]
    assert result.prompt.segments[1].text == long("t0")


def test_a_user_turn_that_was_sent_whole_stays_whole():
    one = session(rate=0.5)
    asked = [{"role": "user", "content": long("a")}]
    one.compress(asked)
    later = [
        *asked,
        {"role": "assistant", "content": long("b")},
        {"role": "user", "content": "So?"},
    ]
    assert [len(text.split()) for text in one.compress(later).texts] == [180, 90, 1]


def test_the_same_request_again_is_the_same():
    one = session(rate=0.5)
    results = [one.compress(chat(2)) for _ in range(2)]
    assert results[0].messages == results[1].messages


def test_a_shorter_history_and_then_the_long_one_again_is_the_same():
    one = session(rate=0.5)
    whole = one.compress(chat(3))
    assert one.compress(chat(1)).messages == whole.messages[:3]
    assert one.compress(chat(3)).messages == whole.messages


def test_where_the_history_was_edited_freezing_ends():
    one = session(rate=0.5)
    one.compress(chat(2))
    edited = chat(2)
    edited[2] = {**edited[2], "content": long("other")}
    result = one.compress(edited)
    assert (result.frozen_messages, result.edited_at) == (2, 2)
    assert one.compress(edited).edited_at is None


def test_equal_calls_give_equal_bytes():
    written = []
    for _ in range(2):
        one = session(rate=0.3)
        written.append(json.dumps([one.compress(chat(turns)).messages for turns in (1, 2, 3)]))
    assert written[0] == written[1]


def test_a_breakpoint_that_moves_is_no_edit_and_is_sent_where_it_is():
    def asked(*marks):
        return [
            {"role": "user", "content": [{"type": "text", "text": long(str(at)), **mark}]}
            for at, mark in enumerate(marks)
        ]

    one = session(rate=0.5, policy=ChatPolicy(keep_cached=False), format="anthropic")
    first = one.compress(asked({}, CACHE))
    second = one.compress(asked({}, {}, CACHE))
    assert second.edited_at is None
    assert second.texts[:2] == first.texts
    assert [list(m["content"][0]) for m in second.messages][1:] == [
        ["type", "text"],
        ["type", "text", "cache_control"],
    ]


def test_a_text_and_a_list_of_it_alone_are_one_message():
    part = {"type": "text", "text": "Hi", **CACHE}
    assert digest({"role": "user", "content": "Hi"}) == digest({"role": "user", "content": [part]})
    assert digest({"role": "user", "content": "Hi"}) != digest({"role": "user", "content": "Ho"})


def test_a_limit_is_kept_until_what_was_sent_exceeds_it():
    one = session(tokens=250)
    assert words(one.compress(chat(1)), 2) == 180
    assert one.compress(chat(2)).tokens_after == 250
    with pytest.raises(BudgetTooSmall) as raised:
        one.compress(chat(3))
    assert raised.value.limit_tokens == 250 < raised.value.protected_tokens
    assert one.compress(chat(2)).frozen_messages == 5, "nothing is remembered of the failure"


def test_the_history_is_shortened_anew_once_where_that_is_allowed():
    one = session(tokens=400, refreeze=True)
    sent = [one.compress(chat(turns)) for turns in range(1, 5)]
    assert [result.frozen_messages for result in sent] == [0, 3, 0, 7]
    assert sent[2].tokens_after == sent[2].limit_tokens == 200
    assert sent[3].messages[:7] == sent[2].messages


def test_a_rate_gives_way_to_what_keeps_texts_valid():
    result = session(rate=0.1, protect=["Line"]).compress(chat(1))
    assert words(result, 2) == 30
    with pytest.raises(BudgetTooSmall):
        session(rate=0.1, tokens=20, protect=["Line"]).compress(chat(1))


def test_a_rate_and_a_limit_are_both_kept():
    result = session(rate=0.5, tokens=60).compress(chat(1))
    assert result.tokens_after == result.limit_tokens == 60
    assert words(session(rate=0.5, tokens=900).compress(chat(1)), 2) == 90


def test_a_stored_session_goes_on_as_the_one_that_stored_it():
    one = session(rate=0.5)
    one.compress(chat(2))
    state = json.loads(json.dumps(one.to_dict()))
    other = ChatSession.from_dict(
        state, rate=0.5, method="random_drop", tokenizer=WordCounter(), content="text"
    )
    assert other.compress(chat(3)).messages == one.compress(chat(3)).messages
    assert other.to_dict() == one.to_dict()


def test_a_stored_text_that_cannot_be_traced_is_sent_all_the_same():
    one = session(rate=0.5)
    one.compress(chat(1))
    state = one.to_dict()
    state["messages"][2]["texts"][0]["text"] = "Written by another version."
    result = ChatSession.from_dict(state, rate=0.5, tokenizer=WordCounter()).compress(chat(1))
    assert result.messages[2]["content"] == result.texts[1] == "Written by another version."


def test_a_message_that_is_read_in_another_way_than_before_is_new():
    one = session(rate=0.5)
    one.compress(chat(1))
    state = one.to_dict()
    state["messages"][2]["texts"] = []
    assert ChatSession.from_dict(state, rate=0.5).compress(chat(1)).edited_at == 2


@pytest.mark.parametrize(
    "state",
    [
        5,
        {},
        {"version": 2, "messages": []},
        {"version": 1, "messages": [{"digest": "a"}]},
        {"version": 1, "messages": [{"digest": "a", "texts": [{"text": "b", "kept": [[1]]}]}]},
    ],
)
def test_what_is_no_state_is_refused(state):
    with pytest.raises(PromptError, match="not the state of a session"):
        ChatSession.from_dict(state, rate=0.5)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({}, BudgetError, "got neither"),
        ({"tokens": 0}, BudgetError, "at least 1"),
        ({"rate": 2}, BudgetError, "rate is"),
        ({"rate": 0.5, "refreeze": True}, SettingError, "give tokens too"),
        ({"tokens": 5, "refreeze_rate": 0}, SettingError, "refreeze_rate"),
        ({"rate": 0.5, "format": "gemini"}, UnknownName, "No chat format"),
        ({"rate": 0.5, "policy": 1}, SettingError, "policy is a ChatPolicy"),
    ],
)
def test_arguments_out_of_range_are_refused(settings, error, says):
    with pytest.raises(error, match=says):
        session(**settings)
