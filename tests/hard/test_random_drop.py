"""A seeded coin: the same words for the same seed, about the same chance for each word."""

import numpy as np

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.hard.random_drop import RandomDrop

TEXT = " ".join(f"w{number}" for number in range(40))


def kept(seed, words):
    result = RandomDrop(seed=seed).compress(Prompt.of(TEXT), Budget(tokens=10), counter=words)
    return result.text.split()


def test_the_seed_decides(words):
    assert kept(1, words) == kept(1, words)
    assert kept(1, words) != kept(2, words)


def test_every_word_has_the_same_chance(words):
    counts = np.zeros(40)
    for seed in range(400):
        counts[[int(word[1:]) for word in kept(seed, words)]] += 1
    assert counts.sum() == 4000
    assert 60 < counts.min() <= counts.max() < 145
