"""The coarse half: demonstrations, then sentences, by perplexity."""

import numpy as np
import pytest
from fakes import FakeBackend

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.hard.base import segment_units
from tersely.hard.budget_controller import choose_pool
from tersely.scorers.surprisal import TokenScores

SENTENCE = "One cat sat. "


def pool_of(texts, nats, most_tokens, free=None):
    """Choose among the segments `texts`, each of whose tokens surprises as the function says."""
    prompt = Prompt.of(demonstrations=texts)
    layout = Layout(prompt, segment_units(prompt, word_units))
    tokens = [FakeBackend().encode(text) for text in texts]
    scores = {i: TokenScores(t, nats(i, t)) for i, t in enumerate(tokens)}
    free = np.ones(len(layout), bool) if free is None else free
    pool = choose_pool(layout, scores, free, most_tokens)
    return layout, pool, [layout.text(pool.kept & (owner(layout) == i)) for i in range(len(texts))]


def owner(layout):
    return np.array([unit.segment for unit in layout.units])


def by_segment(*values):
    return lambda index, tokens: np.full(len(tokens), float(values[index]))


@pytest.mark.parametrize(("most", "left"), [(3, ["", "Two.", ""]), (4, ["", "Two.", "Six."])])
def test_the_demonstrations_with_the_highest_perplexity_stay(most, left):
    assert pool_of(["One.", "Two.", "Six."], by_segment(1, 3, 2), most)[2] == left


def test_perplexity_is_of_a_token_and_not_of_the_whole():
    _, _, texts = pool_of([SENTENCE * 5, "Two dogs."], by_segment(1, 3), 3)
    assert texts == ["", "Two dogs."]


def test_what_is_dropped_is_worth_what_it_went_with():
    layout, pool, _ = pool_of(["One.", "Two.", "Six."], by_segment(1, 3, 2), 2)
    assert pool.values[owner(layout) == 0].tolist() == [1, 1]
    assert pool.values[pool.kept].tolist() == [0, 0]


def test_sentences_are_dropped_down_to_the_limit_and_not_beyond():
    text = "One cat. Two dogs. Six owls. Ten mice."  # three tokens each
    nats = lambda _, tokens: np.repeat([2.0, 1, 4, 3], 3)[: len(tokens)]  # noqa: E731
    for most, left in [(3, "Six owls."), (5, "Six owls."), (6, "Six owls. Ten mice.")]:
        assert pool_of([text], nats, most)[2] == [left]


def test_what_may_not_go_stays_and_costs_nothing():
    free = np.array([True] * 3 + [False] * 3 + [True] * 3)
    nats = lambda _, tokens: np.repeat([1.0, 0, 2], 3)  # noqa: E731
    text = "One cat. Two dogs. Six owls."
    assert pool_of([text], nats, 3, free)[2] == ["Two dogs. Six owls."]


def test_a_sentence_is_cut_only_where_it_is_long():
    sentence = "One" + " cat" * 58 + ". "  # 60 tokens
    nats = lambda _, tokens: np.repeat([1.0, 3, 2], 60)[: len(tokens)]  # noqa: E731
    (left,) = pool_of([(sentence * 3).strip()], nats, 60)[2]
    assert left.strip() == sentence.strip()
    (left,) = pool_of(["One" + " cat" * 500], by_segment(1), 150)[2]
    assert len(left.split()) == 100 + 1  # the first part, and the short one at the end
