import json
from dataclasses import make_dataclass

import pytest

from tersely.chat.formats import read_chat
from tersely.chat.messages import Place, copy_messages, write_texts
from tersely.errors import PromptError


def test_a_place_is_written_as_in_code():
    assert str(Place(3, ("content", 0, "text"))) == "messages[3].content[0].text"


def test_a_copy_is_equal_and_shares_nothing():
    messages = [{"role": "user", "content": [{"type": "text", "text": "a", "n": [1, 2.5, None]}]}]
    copy = copy_messages(messages)
    assert json.dumps(copy) == json.dumps(messages)
    copy[0]["content"][0]["n"].append(3)
    assert messages[0]["content"][0]["n"] == [1, 2.5, None]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ("Hello", "not str"),
        ({"role": "user"}, "not dict"),
        (None, "not null"),
        ([], "is empty"),
        (["Hello"], r"messages\[0\] is str, not an object"),
        ([{"role": "user", "content": b"x"}], r"messages\[0\]\.content is bytes"),
        ([{"role": "user", "content": "x", 1: 2}], r"messages\[0\] has the key 1"),
        ([{"role": "user", "x": [{"y": {1}}]}], r"messages\[0\]\.x\[0\]\.y is set"),
    ],
)
def test_what_is_no_list_of_messages_is_refused(messages, says):
    with pytest.raises(PromptError, match=says):
        copy_messages(messages)


def test_a_message_of_a_client_library_is_refused_with_what_to_do():
    answer = make_dataclass("ChatCompletionMessage", [], namespace={"model_dump": dict})()
    with pytest.raises(PromptError, match=r"messages\[1\] is ChatCompletionMessage.*model_dump"):
        copy_messages([{"role": "user", "content": "Hi"}, answer])


def test_a_ring_is_refused():
    ring = {"role": "user", "content": "Hi"}
    ring["again"] = ring
    with pytest.raises(PromptError, match="nested too deeply"):
        copy_messages([ring])


def test_writing_replaces_texts_at_their_places_and_nothing_else():
    messages = [{"role": "user", "content": [{"text": "old", "type": "text"}], "x": 1}]
    chat = read_chat(messages)
    written = write_texts(chat, {chat.slots[0].place: "new"})
    assert json.dumps(written) == json.dumps(messages).replace("old", "new")
    assert chat.messages[0]["content"][0]["text"] == "old"
