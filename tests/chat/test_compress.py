import json

import pytest
from fakes import FakeEncoder, WordCounter

from tersely.chat import ChatPolicy, compress_chat
from tersely.core.prompt import Span
from tersely.errors import BudgetError, BudgetTooSmall, PromptError, SettingError, UnknownName
from tersely.loading import load

LONG = " ".join(f"Line {at} is about river {at * 7}." for at in range(40))
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"q": "x"}'}}
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which river is line 9 about?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": LONG},
]


def compress(messages=CHAT, method="truncate", **settings):
    settings = {"tokenizer": WordCounter(), "content": "text"} | settings
    return compress_chat(messages, method=method, **settings)


def test_a_tool_result_is_shortened_and_all_else_is_as_it_was():
    result = compress(tokens=80)
    assert result.messages[:3] == CHAT[:3]
    assert result.messages[3]["content"] == LONG[: len(result.messages[3]["content"])]
    assert result.tokens_after == 80
    assert str(result.places[2]) == "messages[3].content"
    assert result.texts[2] == result.messages[3]["content"]


def test_a_rate_is_of_the_request_or_of_the_texts_that_may_be_shortened():
    whole = compress(rate=0.5)
    texts = compress(rate=0.5, rate_of="texts")
    assert whole.limit_tokens == whole.tokens_before // 2
    assert texts.limit_tokens == texts.tokens_before - 240 + 120


def test_the_question_of_a_method_is_the_newest_user_turn():
    method = load("hybrid", encoder=FakeEncoder())
    result = compress(tokens=40, method=method)
    assert "Line 9 is about river 63." in result.messages[3]["content"]
    assert result.method == "hybrid"


def test_it_does_not_matter_where_the_question_stands():
    method = load("hybrid", encoder=FakeEncoder())
    later = [CHAT[0], *CHAT[2:], CHAT[1]]
    result, other = compress(tokens=60, method=method), compress(later, tokens=60, method=method)
    assert result.messages[3] == other.messages[2]


def test_a_method_that_needs_a_question_refuses_a_chat_without_one():
    with pytest.raises(PromptError, match="there is no question"):
        compress([CHAT[0], *CHAT[2:]], tokens=40, method=load("hybrid", encoder=None))


def test_what_fits_is_returned_unchanged_and_says_so():
    result = compress(tokens=1000)
    assert result.messages == CHAT
    assert result.messages is not CHAT
    assert result.reason.startswith("It has ")
    assert compress(tokens=80).reason == ""


def test_where_nothing_may_be_touched_the_result_says_so():
    result = compress(rate=0.5, rate_of="texts", policy=ChatPolicy(rates={"tool": 1}))
    assert result.reason == "None of its texts may be shortened."


def test_a_text_that_cannot_be_made_shorter_is_left_as_it_is():
    result = compress(rate=1, policy=ChatPolicy(rates={"tool": 0.999}))
    assert result.tokens_after <= result.tokens_before
    one = [{**CHAT[3], "content": "one"}]
    left = compress([*CHAT[:3], *one], rate=1, policy=ChatPolicy(rates={"tool": 0.5}, min_tokens=0))
    assert left.reason == "Leaving something out would not have made any of its texts shorter."


def test_only_protected_text_and_a_budget_too_small_is_an_error_with_the_numbers():
    with pytest.raises(BudgetTooSmall) as raised:
        compress(CHAT[:2], tokens=5)
    assert (raised.value.limit_tokens, raised.value.protected_tokens) == (5, 3 + 3 * 2 + 2 + 2 + 6)


@pytest.mark.parametrize("tokens", [1, 10, 20, 30])
def test_a_limit_below_what_is_protected_is_an_error_with_the_numbers(tokens):
    with pytest.raises(BudgetTooSmall) as raised:
        compress(tokens=tokens)
    assert raised.value.limit_tokens == tokens
    least = raised.value.protected_tokens
    assert compress(tokens=least).tokens_after == least
    assert compress(tokens=least).messages[3]["content"] == "Line"


def test_not_even_one_word_fits_where_no_token_is_left():
    rest = [CHAT[2], CHAT[3]]  # no question, so that the one text is all that is read
    least = compress(rest, rate=0.01, rate_of="texts").tokens_after
    assert compress(rest, tokens=least).messages[1]["content"] == "Line 0"
    with pytest.raises(BudgetTooSmall) as raised:
        compress(rest, tokens=least - 2)
    assert raised.value.protected_tokens == least - 1


def test_a_count_is_exact_where_both_tokenizer_and_format_are():
    stand_in = WordCounter()
    stand_in.exact = False
    chat = [{"role": "user", "content": "Hi"}]
    assert compress(chat, tokens=50).exact
    assert not compress(chat, tokens=50, tokenizer=stand_in).exact
    assert not compress(chat, tokens=50, tools=[]).exact


def test_patterns_and_spans_survive():
    at = LONG.index("Line 30")
    result = compress(tokens=60, protect=[r"Line 2\d", "brief", Span(2, at, at + 7)])
    assert all(f"Line {line}" in result.messages[3]["content"] for line in (20, 25, 29, 30))
    preferred = compress(tokens=45, policy=ChatPolicy(prefer=["river 133"]), method="random_drop")
    assert "river 133" in preferred.messages[3]["content"]


def test_roles_have_rates_of_their_own():
    chat = [*CHAT, {"role": "assistant", "content": LONG}, {"role": "user", "content": "So?"}]
    result = compress(chat, rate=1, policy=ChatPolicy(rates={"tool": 0.25, "assistant": 0.5}))
    sizes = [len(text.split()) for text in result.texts]
    assert sizes == [2, 6, 60, 120, 1]


def test_older_turns_keep_less_where_age_counts():
    turns = [{"role": role, "content": LONG} for role in ("user", "assistant") * 3]
    chat = [*turns, {"role": "user", "content": "So?"}]
    result = compress(chat, rate=0.5, policy=ChatPolicy(age_weight=0.5), method="random_drop")
    sizes = [len(text.split()) for text in result.texts[:6]]
    assert sizes[0] == sizes[1] < sizes[2] == sizes[3] < sizes[4] == sizes[5]
    assert result.tokens_after > 0.97 * result.limit_tokens


def test_frozen_messages_stay_as_they_are_given():
    chat = [*CHAT, {"role": "assistant", "content": LONG}, {"role": "user", "content": "So?"}]
    result = compress(chat, rate=0.7, frozen_messages=4)
    assert result.messages[:4] == CHAT
    assert result.frozen_messages == 4
    assert len(result.messages[4]["content"]) < len(LONG)


def test_spans_point_into_the_texts():
    result = compress(tokens=80, method="random_drop")
    kept = "".join(result.prompt.read(span) for span in result.kept if span.segment == 2)
    assert kept.split() == result.messages[3]["content"].split()
    assert result.recover("So it is about river 63.") == "So it is about river 63."


def test_json_stays_json():
    rows = json.dumps([{"id": at, "name": f"item {at}", "note": "words here"} for at in range(40)])
    chat = [*CHAT[:3], {**CHAT[3], "content": rows}]
    result = compress(chat, rate=0.5, method="random_drop", content="auto")
    assert 0 < len(json.loads(result.messages[3]["content"])) <= 41
    assert result.tokens_after <= result.limit_tokens


def test_a_result_of_another_kind_than_was_said_is_treated_by_its_own():
    result = compress(tokens=80, content="json")
    assert result.messages == compress(tokens=80).messages


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({}, BudgetError, "got neither"),
        ({"tokens": 5, "rate": 0.5}, BudgetError, "got both"),
        ({"tokens": 50, "frozen_messages": 5}, SettingError, "between 0 and the 4"),
        ({"tokens": 50, "frozen_messages": True}, SettingError, "between 0 and the 4"),
        ({"tokens": 50, "policy": {}}, SettingError, "policy is a ChatPolicy"),
        ({"tokens": 50, "protect": "numbers"}, PromptError, "lists of patterns"),
        ({"rate": 0.5, "rate_of": "all"}, SettingError, "rate_of is one of request, texts"),
        ({"tokens": 50, "format": "gemini"}, UnknownName, "No chat format"),
        ({"tokens": 50, "method": "nope"}, UnknownName, "No method"),
    ],
)
def test_arguments_out_of_range_are_refused(settings, error, says):
    with pytest.raises(error, match=says):
        compress(**settings)
