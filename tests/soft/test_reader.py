"""Reading from memories, against reading the whole text anew for every token."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from soft_reference import HOST, chat_host, full, greedy, logits, prompt_of, text
from tiny_soft import tiny_host

from tersely.errors import ModelMismatch, PromptError, SettingError
from tersely.soft.reader import (
    REPEAT,
    ask,
    generate,
    generate_many,
    nats,
    nats_many,
    regenerate,
)
from tersely.soft.sampling import Sampling

START = list(HOST.prefix)
SHORT = Sampling(most_tokens=8)
CHAT = chat_host()


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 9))
@settings(max_examples=12)
def test_what_is_written_is_what_is_written_behind_the_whole_text(length, more, seed):
    ids, prompt = text(length, seed), text(more, seed + 50)
    reply = generate(HOST, full(ids), prompt, SHORT)[0]
    assert reply.ids == greedy([*START, *ids, *prompt], 8)
    assert reply.text == HOST.decode(reply.ids)


def test_drawn_tokens_are_those_of_a_loop_that_draws_them():
    ids, prompt, drawn = text(9), text(4, 1), Sampling(most_tokens=8, temperature=0.7, seed=3)

    def draw(row):
        return torch.multinomial((row / 0.7).softmax(-1)[None], 1)

    torch.manual_seed(3)
    by_hand = greedy([*START, *ids, *prompt], 8, choose=draw)
    assert generate(HOST, full(ids), prompt, drawn)[0].ids == by_hand
    assert generate(HOST, full(ids), prompt, drawn)[0].ids == by_hand
    assert by_hand != generate(HOST, full(ids), prompt, replace(drawn, seed=4))[0].ids


def test_a_prompt_behind_a_memory_loses_no_token():
    """Without a mask that counts the cache, transformers drops as many as there are slots."""
    past, prompt = HOST.cache_of([[full(text(5))]]), torch.tensor([text(9, 1)])
    config = SHORT.config([2])
    trapped = HOST.model.generate(prompt, past_key_values=past.cache(), generation_config=config)
    ours = generate(HOST, full(text(5)), text(9, 1), SHORT)[0].ids
    assert ours == greedy([*START, *text(5), *text(9, 1)], 8)
    assert tuple(trapped[0, 9 : 9 + len(ours)].tolist()) != ours  # else it is no trap any more


def test_several_answers_are_drawn_to_one_prompt():
    drawn = Sampling(most_tokens=6, temperature=1.0, answers=4, seed=1)
    replies = generate(HOST, full(text(9)), text(4, 1), drawn)
    assert len({reply.ids for reply in replies}) == 4
    assert replies == generate(HOST, full(text(9)), text(4, 1), drawn)


def test_beams_find_what_is_at_least_as_likely():
    ids, prompt = text(9), text(4, 1)
    replies = generate(HOST, full(ids), prompt, Sampling(most_tokens=4, beams=4, answers=2))
    likely = [float(nats(HOST, full(ids), one.ids, given=prompt).sum()) for one in replies]
    by_hand = greedy([*START, *ids, *prompt], 4)
    assert likely == sorted(likely)
    assert likely[0] <= float(nats(HOST, full(ids), by_hand, given=prompt).sum()) + 1e-4


def test_other_options_of_transformers_are_taken():
    free = generate(HOST, full(text(9)), text(4, 1), SHORT)[0]
    shut = Sampling(most_tokens=8, more={"suppress_tokens": [free.ids[0]]})
    assert free.ids[0] not in generate(HOST, full(text(9)), text(4, 1), shut)[0].ids


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=2, max_size=4))
@settings(max_examples=6)
def test_rows_are_written_as_alone(sizes):
    rows = [[full(text(length, length))] if length else [] for length, _ in sizes]
    prompts = [text(more, 40 + at) for at, (_, more) in enumerate(sizes)]
    together = generate_many(HOST, rows, prompts, SHORT)
    for row, prompt, replies in zip(rows, prompts, together, strict=True):
        assert replies == generate(HOST, row, prompt, SHORT)


def test_several_answers_to_several_rows_stay_apart():
    drawn = Sampling(most_tokens=5, temperature=0.01, answers=2, seed=0)
    rows, prompts = [[full(text(9))], [full(text(3, 1))]], [text(4, 1), text(2, 2)]
    plain = [generate(HOST, *pair, SHORT)[0].ids[:5] for pair in zip(rows, prompts, strict=True)]
    drawn_ids = [[one.ids for one in row] for row in generate_many(HOST, rows, prompts, drawn)]
    assert drawn_ids == [[ids] * 2 for ids in plain]


def test_a_special_token_ends_a_text_and_is_not_in_it(monkeypatch):
    ids, prompt = text(9), prompt_of(8)
    free = generate(HOST, full(ids), prompt, SHORT)[0]
    assert free.ended == "length"
    monkeypatch.setattr(HOST, "special_ids", {"end": free.ids[3]})
    reply = generate(HOST, full(ids), prompt, SHORT)[0]
    assert (reply.ids, reply.ended) == (free.ids[: free.ids.index(free.ids[3])], "end")


@given(st.integers(1, 20), st.integers(1, 9), st.integers(0, 4))
@settings(max_examples=15)
def test_surprisal_is_that_behind_the_whole_text(length, more, before):
    ids, following, some = text(length), text(more, 1), text(before, 2)
    ours = nats(HOST, full(ids), following, given=some)
    rows = logits([*START, *ids, *some, *following]).log_softmax(-1)
    scored = following if some else following[1:]
    start = len(START) + length + max(before, 1)
    exact = -rows[torch.arange(start - 1, start - 1 + len(scored)), torch.tensor(scored).long()]
    assert torch.allclose(ours, exact, atol=2e-4)


def test_surprisals_of_rows_are_those_alone():
    rows = [[full(text(5))], [], [full(text(9, 1)), full(text(2, 2))]]
    following, before = [text(n, n) for n in (3, 7, 1)], [text(n, 9) for n in (0, 2, 1)]
    together = nats_many(HOST, rows, following, given=before)
    for row, ids, some, ours in zip(rows, following, before, together, strict=True):
        assert torch.allclose(ours, nats(HOST, row, ids, given=some), atol=2e-4)


def test_an_untrained_memory_is_asked_to_repeat_its_text():
    made = full(text(7), CHAT)
    asked = generate(CHAT, made, CHAT.chat.question(REPEAT), Sampling(most_tokens=23))
    assert regenerate(CHAT, made) == asked[0].text


@pytest.mark.parametrize("behind", [False, True])
def test_a_trained_memory_is_given_its_trigger_in_its_place(behind):
    ids = text(6)
    said = {"name": "x", "settings": {}, "trigger": 9, "behind": behind}
    made = replace(full(ids), made_by=said)
    start = len(START) + (6 if behind else -1)
    past = replace(HOST.cache_of([[made]]), next_positions=torch.tensor([start]))
    config = SHORT.config(sorted(HOST.special_ids.values()))
    by_hand = HOST.model.generate(
        torch.tensor([[9]]), past_key_values=past.cache(), generation_config=config,
        position_ids=torch.tensor([[start]]), attention_mask=torch.ones(1, past.length + 1),
    )  # fmt: skip
    assert regenerate(HOST, made, SHORT) == HOST.decode(by_hand[0, 1:].tolist())


def test_texts_given_back_in_different_ways_are_given_back_one_at_a_time():
    made = full(text(6))
    with pytest.raises(SettingError, match="in different ways"):
        regenerate(HOST, [made, replace(made, made_by={"trigger": 9})])


@pytest.mark.parametrize("question", ["", " \n"])
def test_no_question_is_refused(question):
    with pytest.raises(PromptError, match="question is empty"):
        ask(HOST, full(text(3)), question)


@pytest.mark.parametrize("question", [None, b"w3", ["w3"]])
def test_what_is_no_question_is_refused(question):
    with pytest.raises(PromptError, match=f"question is a str, not {type(question).__name__}"):
        ask(HOST, full(text(3)), question)


@pytest.mark.parametrize("memories", [None, [], (), "a.memory", Path("a.memory"), [5]])
def test_a_question_is_asked_of_memories(memories):
    with pytest.raises(SettingError, match=r"[Mm]emor"):
        ask(HOST, memories, "w3")
    with pytest.raises(SettingError, match=r"[Mm]emor"):
        regenerate(HOST, memories)


@pytest.mark.parametrize("memories", [None, "a.memory", [None]])
def test_what_is_no_memory_is_not_read(memories):
    for call in (generate, nats):
        with pytest.raises(SettingError, match=r"Memory\.load reads a file"):
            call(HOST, memories, [3])
    with pytest.raises(SettingError, match=r"list of memories for each row|Memory\.load"):
        generate_many(HOST, memories, [[3]])


@pytest.mark.parametrize(
    ("ids", "says"),
    [([], "continuation is empty"), ("abc", "as host.encode returns; got 'abc'"), (5, "got 5"),
     ([3, 64], "from 0 to 63, which tiny has; got 64"), ([-1], "got -1"), ([3.5], "got 3.5"),
     ([True], "got True"), ([None], "got None")],
)  # fmt: skip
def test_a_continuation_is_tokens_of_the_model(ids, says):
    with pytest.raises(PromptError, match=says):
        nats(HOST, full(text(3)), ids)


def test_tokens_may_be_a_tensor_or_an_array():
    ids = torch.tensor([5, 6, 7])
    plain = nats(HOST, full(text(3)), [5, 6, 7])
    assert torch.equal(nats(HOST, full(text(3)), ids), plain)
    assert torch.equal(nats(HOST, full(text(3)), ids.numpy()), plain)


def test_each_row_has_one_continuation():
    with pytest.raises(SettingError, match="1 rows of memories, 2 continuations and 1 texts"):
        nats_many(HOST, [[full(text(3))]], [[3], [4]])


def test_a_trigger_that_is_no_token_is_refused():
    made = replace(full(text(6)), made_by={"trigger": 64})
    with pytest.raises(PromptError, match="A memory's trigger is of tokens from 0 to 63"):
        regenerate(HOST, made)


@pytest.mark.parametrize(
    "more", [{"repetition_penalty": "x"}, {"suppress_tokens": 5.5}, {"min_new_tokens": "y"}]
)
def test_an_option_that_transformers_refuses_while_it_writes_is_named(more):
    with pytest.raises(SettingError, match=rf"wrong \(more: {next(iter(more))}\)"):
        generate(HOST, full(text(5)), [3, 4], Sampling(most_tokens=3, more=more))


def test_a_prompt_that_is_too_long_alone_is_to_be_shortened():
    with pytest.raises(PromptError, match="The prompt alone is too long: ask less"):
        generate(HOST, full(text(5)), text(256), SHORT)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [("", "prompt is empty"), ([], "prompt is empty"), (None, "got None"), (5, "got 5"),
     (["a"], "got 'a'"), ({"role": "user", "content": "w3"}, "list of messages"), (b"w3", "got b"),
     ([99], "from 0 to 63"), ([{"role": "user", "content": 3}], "both of them text"),
     ([3, {"role": "user", "content": "w3"}], "not a mixture")],
)  # fmt: skip
def test_prompts_that_say_nothing_are_refused(prompt, says):
    with pytest.raises(PromptError, match=says):
        generate(CHAT, full(text(3), CHAT), prompt)


def test_what_does_not_fit_the_window_is_refused():
    with pytest.raises(PromptError, match=r"take 201 places, the prompt 9, and 50 tokens .* 256"):
        generate(HOST, full(text(200)), text(9), Sampling(most_tokens=50))
    with pytest.raises(PromptError, match=r"take 201 places, the prompt 60, and 0 tokens"):
        nats(HOST, full(text(200)), text(60))


def test_what_just_fits_the_window_is_written():
    assert len(generate(HOST, full(text(200)), text(9), Sampling(most_tokens=46))[0].ids) <= 46
    regenerate(CHAT, full(text(200), CHAT))  # as much of the text as there is room for


def test_memories_of_another_model_are_refused():
    other = full(text(3), tiny_host(hidden_size=64))
    with pytest.raises(ModelMismatch, match="another model"):
        ask(HOST, other, "w3")


def test_each_row_has_one_prompt():
    with pytest.raises(PromptError, match="one for each row; got 'w3'"):
        generate_many(HOST, [[full(text(3))]], "w3")
    with pytest.raises(SettingError, match="1 rows of memories and 2 prompts"):
        generate_many(HOST, [[full(text(3))]], [[3], [4]])
    with pytest.raises(SettingError, match="0 rows"):
        generate_many(HOST, [], [])
