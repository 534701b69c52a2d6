"""How a choice of units is written out: spans, and the seams between them."""

import numpy as np
import pytest

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt, Span
from tersely.core.units import Unit, word_units


def written(text, *kept, whole_words=True):
    layout = Layout(Prompt.of(text), word_units(text), whole_words=whole_words)
    cores = [text[unit.core : unit.end] for unit in layout.units]
    return layout.text(np.array([core in kept for core in cores]))


@pytest.mark.parametrize(
    ("text", "kept", "expected"),
    [
        ("one two three", ["one", "three"], "one three"),
        ("one two three", ["three"], "three"),
        ("one two\nthree four", ["one", "four"], "one\nfour"),
        ("a b\n\nc d\ne f", ["a", "f"], "a\n\nf"),
        ("def f():\n    x = 1\n    return x", ["def", "return"], "def\n    return"),
        ("one, two", [",", "two"], ", two"),
        ("a 猫 犬 b", ["a", "犬", "b"], "a 犬 b"),
        ("word 猫dog", ["word", "dog"], "word dog"),
        ("word猫dog", ["word", "dog"], "word猫dog"),
        ("猫犬鳥", ["猫", "鳥"], "猫鳥"),
        ("  lead", ["lead"], "  lead"),
    ],
)
def test_a_seam_keeps_lines_and_words_apart(text, kept, expected):
    assert written(text, *kept) == expected


def test_parts_of_words_meet_where_that_is_wanted():
    text = "unbelievable"
    layout = Layout(
        Prompt.of(text), [Unit(0, 0, 0, 2), Unit(0, 2, 2, 8), Unit(0, 8, 8, 12)], whole_words=False
    )
    assert layout.text(np.array([True, False, True])) == "unable"


def test_spans_that_touch_are_one():
    layout = Layout(Prompt.of("one two three"), word_units("one two three"))
    assert layout.spans(np.ones(3, dtype=bool)) == (Span(0, 0, 13),)


def test_nothing_kept_is_nothing_written():
    layout = Layout(Prompt.of(["one", "two"]), word_units("one") + word_units("two", segment=1))
    assert layout.spans(np.zeros(2, dtype=bool)) == ()
    assert layout.text(np.zeros(2, dtype=bool)) == ""
