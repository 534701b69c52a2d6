"""Keep probability: windows against a slow reading, and what words are worth."""

from itertools import pairwise

import numpy as np
import pytest
from fakes import FakeClassifier
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import texts

from tersely.backends.base import Tokens
from tersely.core.units import word_units
from tersely.errors import PromptError, SettingError
from tersely.scorers.token_classifier import TokenClassifier, from_windows, windows, word_values

LONG = "the quetzal flew over Tikal at noon. " * 40
sizes = st.integers(0, 300), st.integers(1, 40), st.integers(0, 50)


@given(*sizes)
def test_windows_cover_the_text_and_are_as_few_as_can_be(total, room, overlap):
    found = list(windows(total, room, overlap))
    assert {place for start, end in found for place in range(start, end)} == set(range(total))
    assert all(end - start == min(room, total) for start, end in found)
    shared = min(overlap, room // 2)
    assert all(a[1] - b[0] >= shared for a, b in pairwise(found))
    if len(found) > 1:
        assert room + (len(found) - 2) * (room - shared) < total, "one fewer would not do"


def slowly(total, room, overlap, read):
    """Ask of each token which window shows most of the text on its poorer side."""
    out = []
    for token in range(total):
        best = None
        for start, end in windows(total, room, overlap):
            if start <= token < end:
                before = token - start if start > 0 else 10**9
                after = end - 1 - token if end < total else 10**9
                if best is None or min(before, after) > best[0]:
                    best = min(before, after), start, end
        _, start, end = best
        out.append(read(start, end)[token - start])
    return np.array(out)


@given(*sizes)
def test_each_token_is_valued_where_it_sees_most(total, room, overlap):
    def read(start, end):
        return np.arange(start, end) + 1000.0 * start

    parts = [(start, read(start, end)) for start, end in windows(total, room, overlap)]
    assert np.array_equal(from_windows(total, parts), slowly(total, room, overlap, read))


@given(st.lists(texts, max_size=4), st.integers(16, 64), st.integers(0, 40))
@settings(max_examples=40)
def test_texts_are_valued_as_if_alone_and_window_by_window(many, window, overlap):
    backend = FakeClassifier()
    scorer = TokenClassifier(backend=backend, window_tokens=window, overlap_tokens=overlap)
    for text, found in zip(many, scorer.value_tokens(many), strict=True):
        ids = backend.encode(text).ids
        slow = slowly(
            len(ids), window - 2, overlap, lambda a, b, x=ids: backend.classify([x[a:b]])[0]
        )
        assert np.array_equal(found.values, slow)
        assert np.array_equal(found.tokens.ids, ids)


def test_every_token_sees_half_the_overlap_on_each_side():
    backend = FakeClassifier()
    scorer = TokenClassifier(backend=backend, overlap_tokens=20)
    (found,) = scorer.value_tokens([LONG])
    whole = FakeClassifier(window_tokens=10_000).classify([backend.encode(LONG).ids])[0]
    assert np.array_equal(found.values, whole), "a neighbour on each side is all the fake looks at"


def test_what_is_read_is_what_was_expected():
    for question in ("", "why the quetzal?"):
        scorer, seen = TokenClassifier(backend=FakeClassifier()), []
        scorer.value_tokens([LONG, "", "short"], question=question, on_tokens=seen.append)
        assert sum(seen) == scorer.expected_tokens([LONG, "", "short"], question=question)


def test_the_question_counts_where_there_is_one():
    scorer = TokenClassifier(backend=FakeClassifier())
    plain, blank, asked = (
        scorer.value_tokens(["the cat"], question=question)[0].values
        for question in ("", " \n", "which cat?")
    )
    assert np.array_equal(plain, blank)
    assert not np.array_equal(plain, asked)


def test_a_passage_is_worth_the_mean_of_its_tokens():
    scorer = TokenClassifier(backend=FakeClassifier())
    found = scorer.score("", ["the cat", "", "a dog"])
    assert found[0] == scorer.value_tokens(["the cat"])[0].values.mean()
    assert found[1] == 0
    assert (scorer.name, scorer.measured_in) == ("keep-fake", "probability")


def test_a_question_that_fills_the_window_is_refused_with_the_numbers():
    scorer = TokenClassifier(backend=FakeClassifier(), window_tokens=20)
    with pytest.raises(PromptError, match=r"has 12 tokens, and the model reads 20 at once"):
        scorer.value_tokens(["the cat"], question="abcd" * 12)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"window_tokens": 15}, "at least 16 and, for fake, at most 64; got 15"),
        ({"window_tokens": 65}, "at most 64; got 65"),
        ({"overlap_tokens": -1}, "overlap_tokens is at least 0; got -1"),
    ],
)
def test_a_setting_out_of_range_is_refused(given_, says):
    with pytest.raises(SettingError, match=says):
        TokenClassifier(backend=FakeClassifier(), **given_)


def test_a_word_is_worth_the_mean_the_first_or_the_best_of_its_tokens():
    ends = np.array([3, 5, 7, 8])  # "the", " q", "ue", "t"
    tokens = Tokens(np.arange(4), np.array([0, 3, 5, 7]), ends)
    chances, units = np.array([0.5, 0.1, 0.9, 0.2]), word_units("the quet")
    found = {how: word_values(chances, tokens, units, how) for how in ("mean", "first", "max")}
    assert found["mean"] == pytest.approx([0.5, 0.4])
    assert found["first"] == pytest.approx([0.5, 0.1])
    assert found["max"] == pytest.approx([0.5, 0.9])


def test_characters_of_one_token_share_its_value_and_blanks_are_worth_nothing():
    tokens = Tokens(np.arange(1), np.array([0]), np.array([3]))
    assert word_values(np.array([0.7]), tokens, word_units("日本 "), "mean").tolist() == [
        0.7, 0.7, -np.inf,
    ]  # fmt: skip
    nothing = Tokens(*(np.zeros(0, np.int64),) * 3)
    assert word_values(np.zeros(0), nothing, word_units("x y")).tolist() == [0, 0]


@given(texts, st.sampled_from(["mean", "first", "max"]))
def test_any_text_has_words_with_values_between_the_least_and_the_most(text, how):
    backend = FakeClassifier(window_tokens=10_000)
    units, tokens = word_units(text), backend.encode(text)
    chances = backend.classify([tokens.ids])[0]
    for unit, value in zip(units, word_values(chances, tokens, units, how), strict=True):
        is_in = (tokens.ends > unit.core) & (tokens.starts < unit.end)
        is_in |= (tokens.starts == tokens.ends) & (tokens.starts >= unit.core)
        assert (value == -np.inf) == (unit.core >= unit.end)
        if np.isfinite(value):
            assert chances[is_in].min() - 1e-9 <= value <= chances[is_in].max() + 1e-9
