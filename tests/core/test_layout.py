import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import prompts

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt, Span
from tersely.core.units import Unit, word_units


def layout_of(*texts, protect=(), whole_words=True):
    prompt = Prompt.of(list(texts)).protecting(protect)
    units = [u for index, text in enumerate(texts) for u in word_units(text, segment=index)]
    return Layout(prompt, units, whole_words=whole_words)


def keeping(layout, *words):
    """The text that is left of some words."""
    kept = np.array([layout.text_of(unit).strip() in words for unit in layout.units])
    return layout.text(kept)


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("one two three", ["one", "three"], "one three"),
        ("one two three", ["two", "three"], "two three"),  # no blank at the beginning
        ("  one two", ["one", "two"], "  one two"),  # unless it is the text's own
        ("one two\nthree four", ["one", "four"], "one\nfour"),  # lines stay lines
        ("one\n\ntwo\n  three four", ["one", "four"], "one\n\nfour"),  # the strongest break
        ("one\n two\n  three four", ["one", "four"], "one\n  four"),  # of equals the last
        ("one two\nthree", ["one", "three"], "one\nthree"),
        ("one\n\ntwo\nthree", ["one", "three"], "one\nthree"),  # a line's own break goes first
        ("a—b—c", ["a", "—c"], "a—c"),
        ("ab 日本 x", ["ab", "x"], "ab x"),
        ("ab日本x", ["ab", "x"], "ab本x"),  # nothing blank there: a character stays
        ("ab 日本x", ["ab", "x"], "ab x"),  # the blank before 日
        ("ab, 日本x", [",", "x"], ",x"),
        ("日本語", ["日", "語"], "日語"),
        ("def f():\n    x = 1\n    return x", ["def", "return"], "def\n    return"),
        ("one, two", [",", "two"], ", two"),
        ("a 猫 犬 b", ["a", "犬", "b"], "a 犬 b"),
        ("word 猫dog", ["word", "dog"], "word dog"),
    ],
)
def test_what_is_left_reads_as_words_and_lines(text, words, left):
    assert keeping(layout_of(text), *words) == left


def test_parts_of_words_are_glued_where_words_may_be_cut():
    assert keeping(layout_of("ab日本x", whole_words=False), "ab", "x") == "abx"


def test_seams_never_cross_a_segment():
    layout = layout_of("one\ntwo", "three four")
    assert keeping(layout, "one", "four") == "one\n\nfour"
    assert layout.spans(np.array([True, False, False, True]))[1] == Span(1, 6, 10)


def test_a_seam_is_a_span_of_the_input():
    layout = layout_of("one two\nthree four")
    assert layout.spans(np.array([True, False, False, True])) == (
        *(Span(0, 0, 3), Span(0, 7, 8), Span(0, 14, 18)),
    )


def test_neighbours_make_one_span():
    assert layout_of("one two three").spans(np.array([True, True, False])) == (Span(0, 0, 7),)


def test_nothing_kept_is_nothing():
    layout = layout_of("one", "two")
    assert layout.text(np.zeros(2, bool)) == ""
    assert layout.spans(np.zeros(2, bool)) == ()


@given(prompt=prompts(), seed=st.integers(0, 99))
def test_spans_are_the_kept_units_and_seams(prompt, seed):
    units = [u for i, s in enumerate(prompt.segments) for u in word_units(s.text, segment=i)]
    layout = Layout(prompt, units)
    kept = np.random.default_rng(seed).random(len(layout)) < 0.5
    read = {(s.segment, at) for s in layout.spans(kept) for at in range(s.start, s.end)}
    cores = [{(u.segment, at) for at in range(u.core, u.end)} for u in layout.units]
    assert all(core <= read for core, stays in zip(cores, kept, strict=True) if stays)
    assert layout.text(np.ones(len(layout), bool)) == prompt.text


def test_units_are_found_by_segment():
    layout = layout_of("one two", "", "three")
    assert [places.tolist() for places in layout.by_segment()] == [[0, 1], [], [2]]


def test_what_is_protected_becomes_one_unit_with_its_whitespace():
    layout = layout_of("one  two three", protect=[Span(0, 4, 8)])
    assert layout.protected.tolist() == [False, True, False]
    assert layout.units[1] == Unit(0, 3, 4, 8, protected=True)
    assert layout.text(layout.protected) == " two"


def test_protecting_in_one_segment_leaves_the_others_alone():
    layout = layout_of("one two", "three four", protect=[Span(1, 0, 2)])
    assert layout.protected.tolist() == [False, False, True, False]


@pytest.mark.parametrize("span", [Span(0, 2, 3), Span(0, 3, 4)])
def test_half_a_line_break_protects_the_whole(span):
    layout = layout_of("ab\r\n\r\ncd", protect=[span])
    assert "\r\n" in layout.text(layout.protected)


def test_segments_can_be_written_in_another_order():
    layout = layout_of("one two", "three", "four five").reordered((2, 0, 1))
    kept = np.array([True, False, True, False, True])
    assert layout.text(kept) == "five\n\none\n\nthree"
    assert layout.spans(kept) == (Span(2, 5, 9), Span(0, 0, 3), Span(1, 0, 5))
    assert layout.reordered(None).text(kept) == "one\n\nthree\n\nfive"
