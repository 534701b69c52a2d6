import pytest

from tersely.chat.formats import detect_format, read_chat
from tersely.errors import PromptError, UnknownName

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("openai", [HI]),
        ("openai", [HI, {"role": "tool", "tool_call_id": "c", "content": "x"}]),
        ("openai", [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
        ("responses", [HI, {"type": "function_call", "call_id": "c"}]),
        ("responses", [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]),
        ("responses", [{"type": "message", "role": "user", "content": "Hi"}]),
        ("anthropic", [HI, {"role": "user", "content": [{"type": "tool_result"}]}]),
        (
            "anthropic",
            [{"role": "assistant", "content": [{"type": "thinking"}], "type": "message"}],
        ),
        (
            "anthropic",
            [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}],
        ),
    ],
)
def test_the_format_is_found_out(name, messages):
    assert detect_format(messages) == name


def test_a_format_that_is_named_is_taken():
    assert read_chat([HI], format="anthropic").format == "anthropic"


def test_a_format_nobody_knows_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'openai'"):
        read_chat([HI], format="open-ai")


def test_tools_and_system_are_counted_and_then_the_count_is_no_longer_exact():
    chat = read_chat([HI], tools=[{"name": "f"}], system="Be brief.")
    assert chat.counted[-2:] == ('[{"name":"f"}]', "Be brief.")
    assert read_chat([HI]).exact
    assert not chat.exact


def test_tools_that_are_not_json_are_refused():
    with pytest.raises(PromptError, match="tools is not JSON"):
        read_chat([HI], tools=[{"f": len}])
