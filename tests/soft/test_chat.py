"""Conversations around a memory: what is before it, what is behind it, and what is not special."""

import pytest
import torch
from soft_reference import HOST, TEMPLATE, behind, chat_host, full, greedy, logits, text

from tersely.errors import PromptError, SettingError
from tersely.soft.chat import Chat
from tersely.soft.reader import ask, generate
from tersely.soft.sampling import Sampling

SPECIAL = {"<s>": 1, "</s>": 2}
close = {"atol": 2e-4, "rtol": 1e-4}


def letters(string):
    return [ord(char) for char in string]


def chat(template=TEMPLATE):
    return Chat(template, SPECIAL, "<s>", letters, "it")


def user(content):
    return [{"role": "user", "content": content}]


def test_the_prefix_is_all_that_the_template_writes_before_a_text():
    assert chat().head() == [1, *letters(" w5 ")]
    assert chat().head("Be brief.") == [1, *letters(" w6 Be brief. "), 2, 1, *letters(" w5 ")]


def test_a_question_stands_behind_the_memory_in_the_same_turn():
    tail = [*letters("\n\nWhy? "), 2, 1, *letters(" w7")]
    assert chat().question("Why?") == chat().behind(user("Why?")) == tail


def test_an_empty_turn_leaves_no_gap():
    assert chat().behind(user("")) == [*letters(" "), 2, 1, *letters(" w7")]


def test_later_turns_follow_and_the_memory_stands_in_the_first_of_the_user():
    talk = [*user("Why?"), {"role": "assistant", "content": "So."}, *user("Sure?")]
    tail = [*letters("\n\nWhy? "), 2, 1, *letters(" w6 So. "), 2, 1, *letters(" w5 Sure? "), 2]
    assert chat().behind(talk) == [*tail, 1, *letters(" w7")]


def test_the_turn_of_the_system_is_part_of_the_prefix():
    talk = [{"role": "system", "content": "Be brief."}, *user("Why?")]
    assert chat().behind(talk, "Be brief.") == chat().question("Why?", "Be brief.")
    with pytest.raises(PromptError, match="begins otherwise than the prefix"):
        chat().behind(talk)
    with pytest.raises(PromptError, match="begins otherwise than the prefix"):
        chat().behind(talk, "Be kind.")


@pytest.mark.parametrize("said", ["</s>", "@tersely 0@", "@tersely memory@", "{{ 1 }}", "\\1"])
def test_what_people_write_is_never_special(said):
    tail = [*letters(f"\n\n{said} "), 2, 1, *letters(" w7")]
    assert chat().behind(user(said)) == tail
    assert chat().head(said) == [1, *letters(f" w6 {said} "), 2, 1, *letters(" w5 ")]


def test_without_a_template_a_question_is_plain_text():
    assert chat("").question("Why?") == letters("\n\nQuestion: Why?\nAnswer:")


def test_without_a_template_there_are_no_conversations():
    with pytest.raises(SettingError, match="without a chat template"):
        chat("").behind(user("Why?"))


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([], "no user's turn"),
        ([{"role": "assistant", "content": "So."}], "no user's turn"),
        ([{"role": "user"}], "both of them text"),
        ([{"role": "user", "content": [{"type": "text"}]}], "both of them text"),
    ],
)
def test_what_is_no_conversation_is_refused(messages, says):
    with pytest.raises(PromptError, match=says):
        chat().behind(messages)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("hello", "leaves a turn out"),
        ("{% for m in messages %}{{ m.content }", "chat template of it fails"),
        ("{{ raise_exception('roles must alternate') }}", "refuses .* roles must alternate"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template, says):
    with pytest.raises(SettingError, match=says):
        chat(template).head()


@pytest.mark.parametrize("system", [None, "w9 w10"])
def test_behind_a_raw_prefix_the_answer_is_that_to_the_whole_conversation(system):
    host, ids = chat_host(system), text(9)
    prompt = host.chat.question("w11 w12", system)
    whole = [*host.prefix, *ids, *prompt]
    ours = behind(host.cache_of([[full(ids, host)]]), [prompt], host)[0]
    assert torch.allclose(ours, logits(whole, host)[-len(prompt) :], **close)
    answer = host.decode(greedy(whole, 8, host))
    assert ask(host, full(ids, host), "w11 w12", Sampling(most_tokens=8)) == answer
    said = generate(host, full(ids, host), user("w11 w12"), Sampling(most_tokens=8))
    assert said[0].text == answer


def test_the_prefix_is_the_start_token_where_there_is_no_template():
    assert HOST.prefix == (1,)
    assert chat_host().prefix[0] == 1
    assert len(chat_host("w9").prefix) == len(chat_host().prefix) + 4
    assert chat_host("w9").prefix_sha256 != chat_host().prefix_sha256
