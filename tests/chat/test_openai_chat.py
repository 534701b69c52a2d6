import pytest

from tersely.chat.formats import read_chat
from tersely.errors import PromptError

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def read(*messages):
    return read_chat(list(messages), format="openai")


def texts(*messages):
    return [(slot.role, slot.text) for slot in read(*messages).slots]


@pytest.mark.parametrize(
    ("role", "ours"), [("system", "system"), ("developer", "system"), ("user", "user")]
)
def test_texts_have_the_role_of_their_message(role, ours):
    assert texts({"role": role, "content": "Hi"}) == [(ours, "Hi")]


def test_each_text_part_is_a_text_and_other_parts_are_not():
    parts = [
        {"type": "text", "text": "One"},
        {"type": "image_url", "image_url": {"url": "data:..."}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "text", "text": "Two"},
        {"type": "new_thing", "text": "no text that is known"},
    ]
    assert texts({"role": "user", "content": parts}) == [("user", "One"), ("user", "Two")]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "content": None, "function_call": CALL["function"]},
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]},
        {"role": "assistant", "content": None, "audio": {"id": "a"}},
        {"role": "assistant", "content": "Cited.", "annotations": [{"type": "url_citation"}]},
        {"role": "user", "content": "  \n"},
        {"role": "critic", "content": "Of a role nobody knows."},
    ],
)
def test_what_may_not_be_replaced_is_no_text(message):
    assert texts(message) == []


def test_a_result_belongs_to_a_call_before_it():
    result = {"role": "tool", "tool_call_id": "c", "content": "Found."}
    call = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert [slot.orphan for slot in read(call, result).slots] == [False]
    assert [slot.orphan for slot in read(result, call).slots] == [True]


def test_the_result_of_a_function_belongs_to_the_call_of_its_name():
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}
    result = {"role": "function", "name": "f", "content": "Found."}
    assert [slot.orphan for slot in read(call, result).slots] == [False]
    assert [slot.orphan for slot in read(result).slots] == [True]


def test_plain_texts_are_counted_by_a_public_rule_and_the_rest_is_not():
    plain = [{"role": "system", "content": "Hi"}, {"role": "user", "content": "Hi", "name": "ann"}]
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}
    assert read(*plain).exact
    assert not read(*plain, picture).exact
    assert not read(*plain, {"role": "assistant", "tool_calls": [CALL]}).exact
    assert not read(*plain, {"role": "assistant", "content": "Hi", "reasoning": "so"}).exact


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"content": "Hi"}, r"messages\[0\]\.role is missing"),
        ({"role": 1, "content": "Hi"}, r"messages\[0\]\.role is missing or not a str"),
        ({"role": "user"}, r"messages\[0\]\.content is missing"),
        ({"role": "tool", "content": None}, r"messages\[0\]\.content is null"),
        ({"role": "assistant", "content": 3}, r"messages\[0\]\.content is int"),
        ({"role": "user", "content": ["Hi"]}, r"messages\[0\]\.content\[0\] is str"),
        ({"role": "user", "content": [{"text": "Hi"}]}, r"messages\[0\]\.content\[0\] has no type"),
        ({"role": "user", "content": [{"type": "text"}]}, r"content\[0\]\.text is null, not a str"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(message, says):
    with pytest.raises(PromptError, match=says):
        read(message)
