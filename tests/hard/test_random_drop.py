from collections import Counter

import pytest
from fakes import WordCounter

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.errors import SettingError
from tersely.hard.random_drop import RandomDrop

PROMPT = Prompt.of("a b c d e f g h")


def left(seed, tokens=4):
    method = RandomDrop(seed=seed)
    return method.compress(PROMPT, Budget(tokens=tokens), counter=WordCounter()).text


def test_the_same_seed_keeps_the_same_words():
    assert left(3) == left(3)
    assert len({left(seed) for seed in range(20)}) > 10


def test_every_word_is_kept_as_often():
    counts = Counter(word for seed in range(400) for word in left(seed).split())
    assert all(150 < counts[word] < 250 for word in "abcdefgh")


def test_the_budget_is_used_up():
    assert {len(left(seed, 5).split()) for seed in range(20)} == {5}


@pytest.mark.parametrize("seed", [-1, 0.5, "x", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(SettingError, match="seed is a whole number, at least 0"):
        RandomDrop(seed=seed)
