from hypothesis import given
from hypothesis import strategies as st

from tersely.core.runs import RunIndex, longest_over

words = st.lists(st.integers(0, 2), max_size=24)


def occurs(run, text):
    return [at for at in range(len(text) - len(run) + 1) if text[at : at + len(run)] == run]


def longest(text, words):
    """Every run of `words` that occurs in the text and is part of no longer one around it."""
    size = len(words)
    found = [
        (start, end)
        for start in range(size)
        for end in range(start + 1, size + 1)
        if occurs(words[start:end], text)
    ]
    inside = {(a, b) for a, b in found for c, d in found if (c, d) != (a, b) and c <= a and b <= d}
    return [run for run in found if run not in inside]


@given(words, words)
def test_the_longest_runs_are_those_that_a_search_finds(text, given_words):
    runs = RunIndex(text).longest(given_words)
    assert [(run.start, run.end) for run in runs] == longest(text, given_words)


@given(words, words)
def test_the_places_are_those_that_a_search_finds(text, given_words):
    index = RunIndex(text)
    for run in index.longest(given_words):
        expected = occurs(given_words[run.start : run.end], text)
        assert index.places(run, most=99) == expected
        assert index.places(run, most=1) == expected[:1]


@given(words, words)
def test_each_place_has_the_longest_run_over_it(text, given_words):
    runs = RunIndex(text).longest(given_words)
    for width in (1, 2):
        chosen = longest_over(runs, len(given_words), width=width)
        for at, run in enumerate(chosen):
            over = [r for r in runs if r.start <= at and at + width <= r.end]
            assert run == (max(over, key=len) if over else None)


def test_a_text_of_one_word_repeated_is_one_run():
    runs = RunIndex([7] * 3000).longest([7] * 2000)
    assert [(run.start, run.end) for run in runs] == [(0, 2000)]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=200))
def test_the_index_grows_with_the_text_and_no_faster(text):
    index = RunIndex(text)
    assert len(index._next) <= 2 * len(text)
    assert sum(map(len, index._next)) <= 3 * len(text)


def test_nothing_occurs_in_nothing():
    assert RunIndex([]).longest([1, 2]) == RunIndex([1, 2]).longest([]) == []
    assert longest_over([], 2, width=1) == [None, None]
