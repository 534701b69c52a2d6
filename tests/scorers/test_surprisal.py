import numpy as np
import pytest
import reference
from fakes import FakeBackend
from hypothesis import given
from texts import spaced_texts

from tersely.backends.base import Tokens
from tersely.core.units import Unit, phrase_units, word_units
from tersely.scorers.surprisal import align, score_texts, token_owners, unit_values


def test_each_text_is_scored_on_its_own():
    backend = FakeBackend()
    both = score_texts(backend, ["One cat.", "", "Two dogs."])
    alone = [score_texts(backend, [text])[0] for text in ("One cat.", "", "Two dogs.")]
    assert all(np.array_equal(a.nats, b.nats) for a, b in zip(both, alone, strict=True))
    assert [len(scores.nats) for scores in both] == [len(scores.tokens) for scores in both]


def test_reading_is_reported():
    seen = []
    score_texts(FakeBackend(), ["One cat.", "Two."], on_tokens=seen.append)
    assert seen == [3, 2]


def test_on_paper_a_token_is_worth_its_own_surprisal():
    assert align(np.array([1.0, 2, 3]), "paper").tolist() == [1, 2, 3]


def test_in_the_published_code_it_is_worth_the_next_ones():
    assert align(np.array([1.0, 2, 3]), "reference").tolist() == [2, 3, np.inf]
    assert align(np.zeros(0), "reference").tolist() == []


@pytest.mark.parametrize("cut", [word_units, phrase_units])
@given(text=spaced_texts)
def test_units_are_worth_the_mean_of_their_tokens(cut, text):
    tokens = FakeBackend().encode(text)
    values = np.random.default_rng(len(text)).random(len(tokens))
    units = cut(text)
    means = unit_values(values, tokens, units)
    np.testing.assert_allclose(means, reference.mean_values(values, tokens, units), atol=1e-12)


def test_one_endless_token_makes_its_unit_endless():
    tokens = FakeBackend().encode("cat dog")
    means = unit_values(np.array([1.0, np.inf]), tokens, word_units("cat dog"))
    assert means.tolist() == [1.0, np.inf]


def test_whitespace_alone_is_worth_nothing():
    tokens = FakeBackend().encode("cat \n")
    assert unit_values(np.ones(3), tokens, word_units("cat \n")).tolist() == [1.0, -np.inf]


@given(text=spaced_texts)
def test_a_token_belongs_to_the_unit_of_its_last_character(text):
    tokens, units = FakeBackend().encode(text), word_units(text)
    owners = token_owners(tokens, units)
    owned = reference.owned_tokens(tokens, units)
    assert [np.flatnonzero(owners == unit).tolist() for unit in range(len(units))] == owned


def tokens_at(*ends):
    return Tokens(np.arange(len(ends)), np.array([0, *ends[:-1]]), np.array(ends))


def test_a_token_shared_by_two_units_counts_for_both():
    values = unit_values(np.array([1.0, 5.0]), tokens_at(2, 4), word_units("abc,"))
    assert values.tolist() == [3.0, 5.0]


def test_the_blank_before_a_unit_counts_for_nothing():
    values = unit_values(np.array([1.0, 3.0, 8.0]), tokens_at(2, 4, 7), word_units("abc def"))
    assert values.tolist() == [2.0, 8.0]


def test_every_byte_of_a_character_counts_for_its_unit():
    tokens = FakeBackend().encode("a😀")
    values = unit_values(np.array([1.0, 2, 4, 6, 8]), tokens, [Unit(0, 0, 0, 1), Unit(0, 1, 1, 2)])
    assert values.tolist() == [1.0, 5.0]
