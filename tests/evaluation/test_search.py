"""All subsets of a prompt's units, and what a beam search finds of more."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.rate_distortion import Group, distortion_rate
from tersely.evaluation.search import (
    cut,
    enumerate_subsets,
    find,
    joined,
    most_chunks,
    search_beams,
)

TOWN = "The bridge opens on 4 June. It rains a lot. Bread is dear, they say."


class Reader:
    """A distortion that notes what it was asked."""

    def __init__(self, cost):
        self.cost, self.batches = cost, []

    def __call__(self, texts):
        self.batches.append(texts)
        return [self.cost(text) for text in texts]

    @property
    def read(self):
        return [text for batch in self.batches for text in batch]


def lost(*needed):
    """How many of some words are gone."""
    return Reader(lambda text: float(sum(word not in text.split() for word in needed)))


def saved(gains):
    """An additive distortion: letters that are gone cost what they are worth."""
    return Reader(
        lambda text: float(sum(g for at, g in enumerate(gains) if chr(97 + at) not in text))
    )


def letters(count):
    return [chr(97 + at) for at in range(count)]


@pytest.mark.parametrize("granularity", ["words", "phrases", "sentences"])
def test_pieces_tile_the_text(granularity):
    assert "".join(cut(TOWN + "\n", granularity)) == TOWN + "\n"
    assert all(piece.strip() for piece in cut(TOWN + "\n", granularity))


def test_sentences_are_fewer_than_phrases_and_words():
    counts = [len(cut(TOWN, name)) for name in ("sentences", "phrases", "words")]
    assert counts[0] == 3
    assert counts[0] < counts[1] < counts[2]


def test_a_text_without_words_and_units_without_a_name_are_refused():
    with pytest.raises(SettingError, match="nothing to cut"):
        cut(" \n", "words")
    with pytest.raises(UnknownName, match="Did you mean 'words'"):
        cut("a b", "word")


def test_blanks_stay_unless_nothing_stands_before_them():
    units = ["One", " two", " three"]
    assert joined(units, (True, False, True)) == "One three"
    assert joined(units, (False, True, True)) == "two three"
    assert joined([" x", " y"], (True, True)) == " x y"
    assert joined(units, (False, False, False)) == ""


def slow_subsets(units):
    """Every text that is left if some units are dropped."""
    places = range(len(units))
    kept = [some for n in range(len(units) + 1) for some in combinations(places, n)]
    texts = ["".join(units[at] for at in some) for some in kept]
    return {
        text if some[:1] == (0,) else text.lstrip() for text, some in zip(texts, kept, strict=True)
    }


@given(st.lists(st.sampled_from([" a", " b", "c", " a,"]), min_size=1, max_size=6))
def test_enumeration_reads_every_subset_once(units):
    read = Reader(lambda text: float(-len(text)))
    found = enumerate_subsets(units, read)
    assert sorted(read.read) == sorted(slow_subsets(units))
    assert set(found.texts) == set(read.read)
    assert found.distortions.tolist() == [-len(text) for text in found.texts]
    assert found.rates.tolist() == [len(text) / len("".join(units)) for text in found.texts]


def test_the_exact_curve_drops_what_is_not_needed_first():
    found = enumerate_subsets(
        cut("pay him 40 francs now", "words"), lost("40", "now"), length=words
    )
    assert found.label == found.curve.label == "exact"
    assert found.curve.points == [(0.0, 2.0), (0.4, 0.0)]
    assert [found.texts[at] for at in found.curve.hulls[0]] == ["", "40 now"]


def words(text):
    return float(len(text.split()))


def test_nothing_at_all_is_a_candidate_only_if_asked_for():
    assert "" in enumerate_subsets(["a", " b"], lost()).texts
    assert "" not in enumerate_subsets(["a", " b"], lost(), empty=False).texts
    assert "" not in search_beams(["a", " b"], lost(), empty=False).texts
    assert "" in search_beams(["a", " b"], lost()).texts


def test_a_short_prompt_is_enumerated_and_a_long_one_searched():
    assert find(letters(12), saved([1] * 12)).label == "exact"
    assert find(letters(13), saved([1] * 13)).label == "best found"


@given(st.lists(st.integers(0, 50), min_size=2, max_size=7), st.integers(1, 5))
def test_beam_search_finds_the_optimum_where_losses_add_up(gains, beams):
    units = letters(len(gains))
    exact = enumerate_subsets(units, saved(gains)).curve
    searched = search_beams(units, saved(gains), beams=beams).curve
    assert searched.rates.tolist() == pytest.approx(exact.rates.tolist())
    assert searched.distortions.tolist() == pytest.approx(exact.distortions.tolist())


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_beam_search_never_beats_the_exact_curve(seed, count):
    costs = np.random.default_rng(seed)
    known = {}
    noisy = Reader(lambda text: known.setdefault(text, float(costs.random())))
    exact = enumerate_subsets(letters(count), noisy).curve
    searched = search_beams(letters(count), noisy, beams=2).curve
    for rate in np.linspace(0, 1, 9):
        assert searched.at(rate) >= exact.at(rate) - 1e-12


def test_wide_enough_beams_read_every_subset():
    exact = enumerate_subsets(letters(6), saved([3, 1, 2, 5, 4, 6]))
    found = search_beams(letters(6), saved([3, 1, 2, 5, 4, 6]), beams=20)
    assert set(found.texts) == set(exact.texts)


@given(st.integers(2, 3000), st.integers(1, 8))
def test_a_search_keeps_to_its_readings_and_uses_them(readings, beams):
    count = most_chunks(readings, beams)

    def needed(n):
        return 1 + n + beams * n * (n - 1) // 2

    assert needed(count) <= readings < needed(count + 1)


@given(st.integers(2, 150), st.integers(1, 3), st.integers(1, 30))
def test_a_search_reads_no_more_than_it_may(readings, beams, count):
    read = saved([1] * count)
    found = search_beams(letters(count), read, beams=beams, readings=readings)
    assert len(read.read) == len(set(read.read)) == len(found.texts) <= readings
    assert "".join(letters(count)) in found.texts


def test_the_papers_schedule_pays_for_forty_chunks():
    assert most_chunks(4000, 5) == 40


def test_what_cannot_be_scored_is_left_out_and_counted():
    found = enumerate_subsets(
        ["a", " b"], Reader(lambda text: math.nan if text == "b" else float(len(text)))
    )
    assert (found.unscored, found.label) == (1, "best found")
    assert set(found.texts) == {"", "a", "a b"}
    with pytest.raises(SettingError, match="Not one of the texts"):
        enumerate_subsets(["a"], Reader(lambda text: math.nan))


def test_a_search_goes_on_past_what_cannot_be_scored():
    found = search_beams(letters(4), Reader(lambda t: math.nan if len(t) == 3 else float(len(t))))
    assert found.unscored == 4
    assert {"abcd", ""} <= set(found.texts)


def test_added_texts_are_candidates_and_known_ones_stay():
    found = enumerate_subsets(["a", " b"], lost("a"), length=words)
    more = found.added([("a", 0.9, 9.0), ("A", 0.25, 0.5)])
    assert more.texts == (*found.texts, "A")
    assert more.curve.at(0.25) == 0.5
    assert distortion_rate([Group.of([*zip(more.rates, more.distortions, strict=True)])])


def test_what_cannot_be_searched_is_refused():
    for units in ([], letters(13)):
        with pytest.raises(SettingError, match="too many or too few"):
            enumerate_subsets(units, lost())
    for bad in ({"beams": 0}, {"readings": 1}):
        with pytest.raises(SettingError, match="at least 1 unit, 1 beam and 2 readings"):
            search_beams(["a", "b"], lost(), **bad)
    with pytest.raises(SettingError, match="at least 1 unit"):
        search_beams([], lost())
    with pytest.raises(SettingError, match="has no length"):
        enumerate_subsets(["a"], lost(), length=lambda text: 0.0)
    with pytest.raises(SettingError, match="gave 1 numbers for 2 texts"):
        enumerate_subsets(["a"], lambda texts: [0.0])


def test_progress_reaches_all_subsets():
    steps = []
    enumerate_subsets(letters(9), saved([1] * 9), progress=lambda *step: steps.append(step))
    assert steps == [(256, 512), (512, 512)]


def test_progress_of_a_search_says_the_most_it_may_read():
    steps = []
    search_beams(letters(4), saved([1] * 4), beams=2, progress=lambda *step: steps.append(step))
    assert {most for _, most in steps} == {1 + 4 + 2 * 6}
    assert [read for read, _ in steps] == sorted(read for read, _ in steps)
