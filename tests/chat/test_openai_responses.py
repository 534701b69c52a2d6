import pytest

from tersely.chat.formats import read_chat
from tersely.errors import PromptError

CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
CUSTOM = {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"}


def slots(*items):
    return read_chat(list(items), format="responses").slots


def texts(*items):
    return [(slot.role, slot.text) for slot in slots(*items)]


def test_messages_have_texts_with_and_without_a_type():
    said = {"type": "output_text", "text": "Two", "annotations": []}
    items = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "One"}]},
        {"type": "message", "role": "assistant", "content": [said], "status": "completed"},
    ]
    assert texts(*items) == [("system", "Be brief."), ("user", "One"), ("assistant", "Two")]


def test_results_of_function_and_custom_calls_have_texts():
    parts = [{"type": "input_text", "text": "B"}, {"type": "input_image", "image_url": "u"}]
    one = {"type": "function_call_output", "call_id": "c", "output": "A"}
    two = {"type": "custom_tool_call_output", "call_id": "d", "output": parts}
    assert texts(CALL, CUSTOM, one, two) == [("tool", "A"), ("tool", "B")]
    assert [slot.orphan for slot in slots(CALL, one, two)] == [False, True]


@pytest.mark.parametrize(
    "item",
    [
        CALL,
        CUSTOM,
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"},
        {"type": "item_reference", "id": "m"},
        {"type": "file_search_call", "id": "f", "queries": [], "results": [{"text": "found"}]},
        {"type": "web_search_call", "id": "w", "status": "completed"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "screenshot"}},
        {"type": "something_new", "output": "text of some kind"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "A", "annotations": [{"end_index": 1}]}],
        },
    ],
)
def test_other_items_are_passed_through(item):
    assert texts(item) == []


def test_the_rule_by_which_items_are_counted_is_not_public():
    assert not read_chat([{"role": "user", "content": "Hi"}], format="responses").exact


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"content": "Hi"}, r"messages\[0\]\.role is missing"),
        ({"role": "user"}, r"messages\[0\]\.content is missing"),
        ({"type": "function_call_output", "output": 1}, r"messages\[0\]\.output is int"),
        ({"role": "user", "content": [{"type": "input_text"}]}, r"\.text is null"),
    ],
)
def test_what_is_no_item_is_refused_with_its_place(item, says):
    with pytest.raises(PromptError, match=says):
        slots(item)
