"""Through the front door: contents are found out, markup is heeded, chats are chats."""

import json

import pytest

import tersely
from tersely.content.json_text import JSON
from tersely.errors import BudgetTooSmall, PromptError, SettingError, UnknownName

ORDERS = json.dumps([{"id": n, "city": "Ulm", "note": "left with a neighbour"} for n in range(40)])
LOG = "".join(f"2026-03-0{n % 9 + 1} 10:00:0{n % 7} INFO job {n} done\n" for n in range(30))
PROSE = "The ferry left at nine, and it was late. Nobody minded, since the sea was calm. " * 5


def compress(context, **settings):
    return tersely.compress(context, **{"method": "random_drop", "rate": 0.3} | settings)


def test_json_is_found_out_and_stays_json():
    result = compress(ORDERS)
    assert result.contents == ("json",)
    *orders, note = json.loads(result.text)
    assert note == f"... {40 - len(orders)} more"
    assert result.tokens_after <= result.limit_tokens


def test_prose_is_prose():
    assert compress(PROSE).contents == ("text",)


def test_each_context_is_what_it_is():
    result = compress([ORDERS, LOG, PROSE])
    assert result.contents == ("json", "log", "text")


def test_contents_can_be_named_one_by_one():
    assert compress([ORDERS, LOG], content=["text", "log"]).contents == ("text", "log")


def test_a_handler_brings_its_settings():
    result = compress(ORDERS, content=JSON(keep=("$[7]",), notes=False))
    assert 7 in [order["id"] for order in json.loads(result.text)]


def test_what_was_found_out_yields_to_the_budget_and_says_so():
    result = compress(ORDERS, rate=None, tokens=8)
    assert (result.contents, result.tokens_after <= 8) == (("text",), True)


def test_what_was_named_does_not():
    with pytest.raises(BudgetTooSmall, match=r'valid json alone needs .* content="text"'):
        compress(ORDERS, rate=None, tokens=8, content="json")


@pytest.mark.parametrize(
    ("context", "content", "error", "message"),
    [
        (ORDERS, "jsn", UnknownName, "Did you mean 'json'"),
        (PROSE, "json", PromptError, "line 1"),
        ([ORDERS, LOG], ["json"], PromptError, "2 contexts and 1 kinds"),
        (ORDERS, 7, SettingError, "or a handler"),
    ],
)
def test_a_wrong_kind_is_refused(context, content, error, message):
    with pytest.raises(error, match=message):
        compress(context, content=content)


def test_what_is_whole_is_the_input_and_says_why():
    result = compress(ORDERS, rate=1.0)
    assert (result.text, result.notes) == (ORDERS, ())
    assert result.reason.startswith("It has")


def test_tags_are_heeded_when_they_are_to_be():
    text = f"<tersely, compress=False>{PROSE[:40]}</tersely> {PROSE}"
    result = compress(text, markup=True)
    assert result.text.startswith(PROSE[:40])
    assert "tersely" not in result.text


def test_markup_stands_in_a_text():
    with pytest.raises(PromptError, match="stands in a str"):
        compress([PROSE], markup=True)


def test_messages_come_back_as_messages():
    messages = [
        {"role": "user", "content": PROSE},
        {"role": "assistant", "content": PROSE},
        {"role": "user", "content": "When did it leave?"},
    ]
    result = compress(messages, rate=0.5)
    assert [m["role"] for m in result.messages] == ["user", "assistant", "user"]
    assert result.messages[2] == messages[2]


@pytest.mark.parametrize(
    "settings", [{"question": "Why?"}, {"markup": True}, {"quality_floor": 0.5}]
)
def test_a_chat_has_no_use_for_what_is_said_beside_it(settings):
    with pytest.raises(SettingError, match="not for chats"):
        compress([{"role": "user", "content": PROSE}], **settings)


def test_many_prompts_are_found_out_one_by_one():
    results = tersely.compress_many([ORDERS, PROSE], method="random_drop", rate=0.3)
    assert [r.contents for r in results] == [("json",), ("text",)]


def test_short_json_is_json_too():
    result = compress('{"a": 1, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]}', rate=0.8)
    assert result.contents == ("json",)
    json.loads(result.text)
