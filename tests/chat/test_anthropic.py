import pytest

from tersely.chat.formats import read_chat
from tersely.errors import PromptError

USE = {"type": "tool_use", "id": "c", "name": "f", "input": {"data": "x" * 300}}
CACHE = {"cache_control": {"type": "ephemeral"}}


def said(text, **more):
    return {"type": "text", "text": text, **more}


def result(content, **more):
    return {"type": "tool_result", "tool_use_id": "c", "content": content, **more}


def read(*messages):
    return read_chat(list(messages), format="anthropic")


def texts(*blocks, role="user"):
    chat = read({"role": "assistant", "content": [USE]}, {"role": role, "content": list(blocks)})
    return [(slot.role, slot.text) for slot in chat.slots]


def test_text_blocks_and_tool_results_have_texts():
    blocks = [result("A"), result([said("B"), said("C")]), said("D")]
    assert texts(*blocks) == [("tool", "A"), ("tool", "B"), ("tool", "C"), ("user", "D")]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "So.", "signature": "abc"},
        {"type": "redacted_thinking", "data": "abc"},
        USE,
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"title": "t"}]},
        {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
        {"type": "document", "source": {"type": "text", "data": "Long text."}},
        said("A quotation.", citations=[{"cited_text": "x"}]),
        result(None),
        {"type": "something_new", "text": "Hello"},
    ],
)
def test_other_blocks_are_passed_through(block):
    assert texts(block, role="assistant") == []
    assert texts(result([block])) in ([], [("tool", "A quotation.")])[:1]


def test_a_result_without_its_call_is_an_orphan():
    chat = read({"role": "user", "content": [result("A"), {**result("B"), "tool_use_id": "d"}]})
    assert [slot.orphan for slot in chat.slots] == [True, True]


def test_all_up_to_the_last_breakpoint_is_cached():
    chat = read(
        {"role": "user", "content": [said("A", **CACHE), said("B")]},
        {"role": "assistant", "content": "C"},
        {"role": "user", "content": [said("D"), said("E", **CACHE), said("F")]},
    )
    assert [slot.cached for slot in chat.slots] == [True, True, True, True, True, False]


def test_a_breakpoint_inside_a_tool_result_counts():
    content = [said("A"), said("B", **CACHE), said("C")]
    chat = read({"role": "user", "content": [result(content)]})
    assert [slot.cached for slot in chat.slots] == [True, True, False]


def test_no_breakpoint_is_seen_in_the_input_of_a_tool():
    use = {**USE, "input": CACHE}
    chat = read({"role": "assistant", "content": [said("A"), use]})
    assert [slot.cached for slot in chat.slots] == [False]


def test_the_input_of_a_tool_is_counted_whole_and_a_picture_not_at_all():
    picture = {"type": "image", "source": {"type": "base64", "data": "A" * 5000}}
    chat = read({"role": "user", "content": [USE, picture]})
    assert sum(len(text) for text in chat.counted) in range(300, 500)
    assert not chat.exact


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"content": "Hi"}, r"messages\[0\]\.role is missing"),
        ({"role": "user"}, r"messages\[0\]\.content is missing"),
        ({"role": "user", "content": [result(5)]}, r"messages\[0\]\.content\[0\]\.content is int"),
        ({"role": "user", "content": [{"type": "text"}]}, r"content\[0\]\.text is null"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(message, says):
    with pytest.raises(PromptError, match=says):
        read(message)
