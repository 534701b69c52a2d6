"""Writing on: which sequences go together, when each ends, and what the real model writes."""

import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models

from tersely.backends.generation import (
    GeneratingBackend,
    alike,
    branch,
    generate,
    read_on,
    run_greedily,
    score_branches,
    special_ids,
)

END = 9


def counting(seen):
    """A model that says the next number, and notes which sequences it is asked for."""
    alive = []

    def step(ids, kept):
        alive[:] = [alive[at] for at in kept] if alive else kept.tolist()
        seen.append(list(alive))
        return ids + 1

    return step


def run(last_ids, room, stop=None, seen=None):
    ends = frozenset({END})
    step = counting([] if seen is None else seen)
    written = run_greedily(step, last_ids, room, ends=ends, stop=stop, on_tokens=None)
    return [ids.tolist() for ids in written]


def test_each_ends_at_its_own_length_or_at_the_end_token():
    assert run([0, 6, 0, 3], [2, 5, 0, 1]) == [[1, 2], [7, 8], [], [4]]


def test_what_has_ended_is_not_read_on():
    seen = []
    run([0, 7, 0], [4, 5, 2], seen=seen)
    assert seen == [[0, 1, 2], [0, 1, 2], [0], [0]]


def test_a_stop_is_asked_after_each_token_and_its_token_stays():
    assert run([0, 1], [5, 5], stop=lambda at, ids: at == 1 and ids[-1] == 3) == [
        [1, 2, 3, 4, 5],
        [2, 3],
    ]


def test_tokens_are_reported_step_by_step():
    counts = []
    run_greedily(counting([]), [0, 0], [1, 3], ends=frozenset(), stop=None, on_tokens=counts.append)
    assert counts == [2, 1, 1]


@given(st.lists(st.integers(1, 50), max_size=12), st.integers(1, 99))
def test_every_sequence_is_in_one_group_that_is_not_too_large(lengths, most):
    groups = alike(dict(enumerate(lengths)), most)
    assert sorted(at for group in groups for at in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[at] for at in group) <= most


def test_branches_see_the_past_the_first_row_and_themselves():
    both = branch(7, [np.array([1, 2, 3]), np.array([4]), np.array([5, 6])])
    assert both.ids.tolist() == [7, 1, 2, 5]
    assert both.positions.tolist() == [0, 1, 2, 1]
    assert both.rows.tolist() == [0, 1, 2, 0, 0, 3]
    assert both.targets.tolist() == [1, 2, 3, 4, 5, 6]
    seen = [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 1]]
    assert both.visible(2).astype(int).tolist() == seen


def test_continuations_come_back_in_their_order_whatever_pass_they_were_in():
    texts = [np.arange(n) for n in (3, 0, 400, 300, 1)]
    passes = []

    def read(branches):
        passes.append(len(branches.ids))
        return branches.targets.astype(float)

    for ids, nats in zip(texts, score_branches(read, 5, texts), strict=True):
        assert nats.tolist() == ids.tolist()
    assert len(passes) == 2


def test_special_tokens_are_the_declared_ones_and_those_that_look_it():
    names = ["a", "<|im_end|>", "</s>", "<b>", "<|x y|>", "[INST]"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "a"))
    tokenizer.add_special_tokens([AddedToken("[SEP]", special=True)])
    assert special_ids(tokenizer) == {"<|im_end|>": 1, "</s>": 2, "[INST]": 5, "[SEP]": 6}


def test_the_fake_writes_what_surprises_it_least_as_real_ones_do(backend):
    assert isinstance(backend, GeneratingBackend)
    first, second = generate(backend, [backend.encode("The cat").ids] * 2, most_tokens=6)
    assert first.tolist() == second.tolist()
    assert set(backend.decode(first)) <= set("\n. 12athecdogysn")


def test_a_long_text_is_read_in_passes():
    backend, counts = FakeBackend(), []
    state = read_on(backend, backend.empty(), np.arange(1, 1100), on_tokens=counts.append)
    assert (state.length, counts) == (1099, [512, 512, 75])


TEXTS = ["The capital of France is", "", "1, 2, 3, 4,", "Dear Sir or Madam,\n\nI am writing to"]


@pytest.fixture(scope="module")
def exact(smollm2):
    from tersely.backends.load import load_causal

    return load_causal(precision="f32")


@pytest.mark.model
def test_together_the_real_model_writes_what_it_writes_alone(exact):
    prompts = [exact.encode(text).ids for text in TEXTS]
    together = generate(exact, prompts, most_tokens=8)
    alone = [generate(exact, [ids], most_tokens=8)[0] for ids in prompts]
    assert [ids.tolist() for ids in together] == [ids.tolist() for ids in alone]
    assert exact.decode(together[0]).startswith(" Paris")


@pytest.mark.model
def test_what_the_real_model_writes_is_what_it_finds_likely(smollm2):
    """Scoring rounds activations to 8 bits and writing does not, so near ties may differ."""
    prompt = smollm2.encode(TEXTS[0]).ids
    (ids,) = generate(smollm2, [prompt], most_tokens=6)
    state = read_on(smollm2, smollm2.empty(), np.append(smollm2.start_id, prompt[:-1]))
    others = [np.array([token]) for token in range(50, 400)]
    nats = smollm2.score_after(state, int(prompt[-1]), [ids[:1], *others])
    assert nats[0][0] <= min(other[0] for other in nats[1:]) + 0.5


@pytest.mark.model
def test_the_real_model_scores_branches_as_it_scores_them_alone(smollm2):
    state = read_on(smollm2, smollm2.empty(), smollm2.encode(TEXTS[3]).ids)
    ways = [smollm2.encode(text).ids for text in (" you about", " say", "")]
    for ids, nats in zip(ways, smollm2.score_after(state, 2, ways), strict=True):
        alone, _ = smollm2.extend(state, np.append(2, ids), scored_from=1)
        np.testing.assert_allclose(nats, alone, atol=0.6)


@pytest.mark.model
def test_the_real_model_knows_where_turns_end(smollm2):
    assert smollm2.special_ids["<|im_end|>"] == 2
    assert smollm2.special_ids["<|endoftext|>"] == smollm2.start_id
    assert smollm2.decode(smollm2.encode("Ünïcode 猫 ok").ids) == "Ünïcode 猫 ok"
