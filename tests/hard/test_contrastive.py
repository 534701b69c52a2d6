import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.hard.contrastive import contrast

ASKING = FakeBackend().encode("Who ate the cheese?\n\n").ids


def plain(ids):
    return FakeBackend().score([ids])[0]


def conditioned(ids):
    return FakeBackend().score([np.append(ASKING, ids)])[0][len(ASKING) :]


@given(st.lists(spaced_texts, max_size=4))
def test_a_token_is_worth_what_the_question_takes_from_its_surprisal(texts):
    passages = [FakeBackend().encode(text).ids for text in texts]
    values = contrast(FakeBackend(), ASKING, passages)
    for ids, of_one in zip(passages, values, strict=True):
        assert np.array_equal(of_one, plain(ids) - conditioned(ids))


def test_what_is_known_is_not_read_again():
    backend, passages = FakeBackend(), [np.arange(5), np.arange(7)]
    values = contrast(backend, ASKING, passages, [plain(ids) for ids in passages])
    assert backend.passes == [len(ASKING) + 5, len(ASKING) + 7]
    for of_one, again in zip(values, contrast(backend, ASKING, passages), strict=True):
        assert np.array_equal(of_one, again)


@pytest.mark.parametrize("length", [30, 31, 100])
def test_each_window_of_a_long_passage_is_read_after_the_question(length):
    backend = FakeBackend(window_tokens=len(ASKING) + 30)
    (values,) = contrast(backend, ASKING, [np.arange(length)])
    assert values.shape == (length,)
    assert max(backend.passes) <= backend.window_tokens
    windows = np.array_split(np.arange(length), -(-length // 30))
    expected = [plain(window) - conditioned(window) for window in windows]
    assert np.array_equal(values, np.concatenate(expected))
