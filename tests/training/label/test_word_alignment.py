"""Which words of a text are in a shortened one: found near one another, forwards and backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.training.label.rows import word_bounds
from tersely.training.label.word_alignment import align_words, stem

TEXT = "The committee met on Monday, and the committee voted on Tuesday."


def kept(text, short, **settings):
    found = align_words(text, short, **settings)
    return [text[a:b] for (a, b), k in zip(word_bounds(text), found.kept, strict=True) if k]


def test_a_word_is_found_where_it_follows_what_was_found_before():
    found = align_words(TEXT, "committee voted Tuesday")
    places = [at for at, k in enumerate(found.kept) if k]
    assert places == [1, 9, 11]  # the first committee: nothing stood before it


def test_after_a_word_was_found_the_nearest_of_the_next_is_taken():
    found = align_words(TEXT, "and committee voted")
    assert [at for at, k in enumerate(found.kept) if k] == [6, 8, 9]


def test_a_word_that_was_moved_forwards_is_found_behind():
    assert kept(TEXT, "Tuesday Monday") == ["Monday", "Tuesday"]


def test_case_and_endings_do_not_count():
    assert kept("She walked to the shops", "walking Shop") == ["walked", "shops"]


def test_a_word_that_is_equal_is_preferred_to_one_with_the_same_stem():
    assert kept("votes then vote", "vote") == ["vote"]


def test_a_word_is_found_once_only():
    assert kept("no or no", "no no no") == ["no", "no"]


def test_what_is_out_of_reach_is_not_found():
    text = "start " + "word " * 20 + "end"
    assert kept(text, "start end", window=10) == ["start"]
    found = align_words(text, "start end", window=10)
    assert (found.variation, found.gap) == (0.0, 1 / 22)


def test_new_words_are_variation():
    assert align_words("a b c d", "a x y b").variation == 0.5


def test_nothing_left_is_all_variation():
    found = align_words("a b", "")
    assert (found.kept, found.variation, found.gap) == ((False, False), 1.0, 0.0)


@given(st.lists(st.sampled_from(["one", "two", "three", "99", ",", "Haus"]), min_size=1), st.data())
def test_words_that_were_only_dropped_are_found_and_as_many(words, data):
    text = " ".join(words)
    left = [word for word in words if data.draw(st.booleans())]
    found = align_words(text, " ".join(left))
    names = sorted(text[a:b] for (a, b), k in zip(word_bounds(text), found.kept, strict=True) if k)
    assert names == sorted(left)
    assert found.gap == pytest.approx(0)


@given(st.text(min_size=1), st.text())
def test_any_two_texts_are_aligned(text, short):
    if word_bounds(text):
        found = align_words(text, short)
        assert len(found.kept) == len(word_bounds(text))
        assert 0 <= found.variation <= 1


@pytest.mark.parametrize(
    ("word", "left"),
    [("walking", "walk"), ("walked", "walk"), ("studies", "stud"), ("study", "stud"),
     ("pope's", "pop"), ("pope", "pop"), ("is", "is"), ("1990s", "1990s"), ("", "")],
)  # fmt: skip
def test_endings_are_cut_off(word, left):
    assert stem(word) == left
