"""`tersely chat`: messages in, messages out, the request around them untouched."""

import json

import pytest
from typer.testing import CliRunner

from tersely.cli import app

TOOL = json.dumps([{"id": n, "name": f"thing number {n}"} for n in range(60)])
MESSAGES = [
    {"role": "user", "content": "What is there?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "list", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": TOOL},
    {"role": "user", "content": "Which is number 7?"},
]
FAST = ("--method", "truncate")


def run(tmp_path, body, *options):
    file = tmp_path / "chat.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body), "utf-8")
    return CliRunner().invoke(app, ["chat", str(file), *FAST, *options])


def test_a_list_comes_back_as_a_list(tmp_path):
    result = run(tmp_path, MESSAGES, "--tokens", "300")
    messages = json.loads(result.stdout)
    assert [m["role"] for m in messages] == [m["role"] for m in MESSAGES]
    assert len(json.loads(messages[2]["content"])) < 60
    assert "-> " in result.stderr


def test_a_request_comes_back_as_a_request(tmp_path):
    request = {"model": "gpt-5", "messages": MESSAGES, "temperature": 0.5}
    found = json.loads(run(tmp_path, request, "--tokens", "300").stdout)
    assert list(found) == ["model", "messages", "temperature"]
    assert found["messages"][3] == MESSAGES[3]


def test_json_says_the_numbers(tmp_path):
    found = json.loads(run(tmp_path, MESSAGES, "--tokens", "300", "--json").stdout)
    assert found["tokens_after"] <= found["limit_tokens"] == 300
    assert found["format"] == "openai"


def test_nothing_to_gain_is_said(tmp_path):
    result = run(tmp_path, MESSAGES, "--tokens", "5000")
    assert json.loads(result.stdout) == MESSAGES
    assert "may have 5000" in result.stderr


def test_a_session_sends_what_it_sent(tmp_path):
    options = ("--rate", "0.3", "--session", str(tmp_path / "state.json"))
    first = json.loads(run(tmp_path, MESSAGES, *options).stdout)
    more = [*MESSAGES, {"role": "assistant", "content": "It is a thing."}]
    assert json.loads(run(tmp_path, more, *options).stdout)[:4] == first


@pytest.mark.parametrize(
    ("body", "options", "message"),
    [
        ("[]", ("--tokens", "9"), "The list of messages is empty"),
        ("{", ("--tokens", "9"), "is not JSON"),
        ('"a"', ("--tokens", "9"), "no list of messages"),
        ('{"model": "x"}', ("--tokens", "9"), 'no list of "messages"'),
        (MESSAGES, ("--tokens", "9"), "The budget is 9 tokens"),
        (MESSAGES, (), "Give tokens or rate"),
        (MESSAGES, ("--rate", "1", "--session", "s", "--frozen-messages", "1"), "leave out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, body, options, message):
    result = run(tmp_path, body, *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""


def test_a_state_that_is_none_is_refused(tmp_path):
    (tmp_path / "state.json").write_text("[1]", "utf-8")
    result = run(tmp_path, MESSAGES, "--rate", "0.3", "--session", str(tmp_path / "state.json"))
    assert (result.exit_code, "not the state of a session" in result.stderr) == (1, True)


def test_another_conversation_does_not_overwrite_a_session(tmp_path):
    options = ("--rate", "0.3", "--session", str(tmp_path / "state.json"))
    run(tmp_path, MESSAGES, *options)
    before = (tmp_path / "state.json").read_bytes()
    result = run(tmp_path, [{"role": "user", "content": "Another one."}], *options)
    assert (result.exit_code, "another conversation" in result.stderr) == (1, True)
    assert (tmp_path / "state.json").read_bytes() == before


def test_a_session_needs_its_folder(tmp_path):
    result = run(tmp_path, MESSAGES, "--rate", "0.3", "--session", str(tmp_path / "no" / "s.json"))
    assert (result.exit_code, "There is no folder" in result.stderr) == (1, True)
