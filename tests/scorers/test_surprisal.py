"""From tokens to units: who owns a token, and what a unit is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.backends.base import Tokens
from tersely.core.units import word_units
from tersely.scorers.surprisal import align, score_texts, token_owners, unit_values


def tokens_at(*ends):
    starts = np.array([0, *ends[:-1]])
    return Tokens(np.arange(len(ends)), starts, np.array(ends))


def test_a_unit_is_worth_the_mean_of_the_tokens_of_its_core():
    values = unit_values(np.array([1.0, 3.0, 8.0]), tokens_at(2, 3, 7), word_units("abc def"))
    assert values.tolist() == [2.0, 8.0]


def test_a_token_shared_by_two_units_counts_for_both():
    values = unit_values(np.array([1.0, 5.0]), tokens_at(2, 4), word_units("abc,"))
    assert values.tolist() == [3.0, 5.0]


def test_blanks_alone_are_worth_nothing():
    values = unit_values(np.array([1.0, 5.0]), tokens_at(1, 3), word_units("a  "))
    assert values.tolist() == [1.0, -np.inf]


def test_a_token_belongs_to_the_unit_of_its_last_character():
    assert token_owners(tokens_at(2, 5, 7), word_units("abc def")).tolist() == [0, 1, 1]


def test_the_bytes_of_one_character_belong_to_its_unit(backend):
    text = "a 猫é b"
    owners = token_owners(backend.encode(text), word_units(text))
    assert sorted(set(owners.tolist())) == list(range(len(word_units(text))))


def test_reference_values_a_token_by_the_next_one():
    assert align(np.array([1.0, 2.0, 3.0]), "reference").tolist() == [2.0, 3.0, np.inf]
    assert align(np.array([1.0, 2.0, 3.0]), "paper").tolist() == [1.0, 2.0, 3.0]
    assert len(align(np.zeros(0), "reference")) == 0


def test_an_endless_token_makes_its_unit_endless():
    values = unit_values(np.array([1.0, np.inf]), tokens_at(1, 3), word_units("a b"))
    assert values.tolist() == [1.0, np.inf]


@given(st.text(max_size=30), st.randoms(use_true_random=False))
def test_unit_values_are_those_of_the_definition(text, random):
    cuts = sorted({random.randint(1, len(text)) for _ in range(8)} | {len(text)}) if text else []
    tokens = tokens_at(*cuts) if cuts else Tokens(*(np.zeros(0, np.int64),) * 3)
    values = np.array([random.random() for _ in cuts])
    for unit, value in zip(
        word_units(text), unit_values(values, tokens, word_units(text)), strict=True
    ):
        inside = [v for v, a, b in zip(values, tokens.starts, tokens.ends, strict=True)
                  if b > unit.core and a < unit.end]  # fmt: skip
        expected = np.mean(inside) if inside and unit.core < unit.end else -np.inf
        assert value == pytest.approx(expected)


def test_texts_are_scored_each_on_its_own(backend):
    together = score_texts(backend, ["one two", "", "three"])
    alone = [score_texts(backend, [text])[0] for text in ("one two", "", "three")]
    assert [s.nats.tolist() for s in together] == [s.nats.tolist() for s in alone]
