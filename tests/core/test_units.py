"""Units tile the text, and no cut falls inside a character or a word."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.prompt import Span
from tersely.core.units import (
    clean,
    phrase_units,
    protect_units,
    sentence_bounds,
    sentence_units,
    word_units,
)

PIECES = [
    " cat", " 2,000.50", "don't", ". ", "! ", "\n", "\r\n", "  ", "猫。", "ひらがな", "สวัสดี", " مرحبا",
    "👩‍🚀", "🇩🇪", "e\u0301", " \u0301", "\ud800", "\x00", "<b>", "—", "word—word", '{"a": [1]}',
    "x" * 250, "https://a.b/c?d=e,f", "(see", "50%", "C++", "\u200d", "\ufe0f",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)
CUTS = [word_units, phrase_units, sentence_units]


def cores(text):
    return [text[unit.core : unit.end] for unit in word_units(text)]


@pytest.mark.parametrize("cut", CUTS)
@given(text=texts)
def test_units_tile_any_text(cut, text):
    at = 0
    for unit in cut(text, segment=3):
        assert (unit.segment, unit.start) == (3, at)
        assert unit.start <= unit.core <= unit.end
        assert unit.start < unit.end
        at = unit.end
    assert at == len(text)


@pytest.mark.parametrize("cut", CUTS)
@given(text=texts)
def test_no_unit_begins_inside_a_character(cut, text):
    inside = {
        at for m in regex.finditer(r"\X", clean(text)) for at in range(m.start() + 1, m.end())
    }
    assert not inside & {unit.start for unit in cut(text)}


@given(text=texts)
def test_what_stands_before_the_core_is_blank(text):
    assert all(not text[unit.start : unit.core].strip() for unit in word_units(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Take 2,000.50 now.", ["Take", "2,000.50", "now", "."]),
        ("don't stop!?", ["don't", "stop", "!?"]),
        ("km/h or a/b", ["km/h", "or", "a/b"]),
        ("(see below)", ["(see", "below", ")"]),
        ("50% off", ["50%", "off"]),
        ("word—word", ["word", "—word"]),
        ("a 猫が b", ["a", "猫", "が", "b"]),
        ("👩‍🚀 ok", ["👩‍🚀", "ok"]),
        ("- - -", ["-", "-", "-"]),
        ("end \n", ["end", ""]),
        ("", []),
    ],
)
def test_words_are_cut_where_a_reader_would(text, expected):
    assert cores(text) == expected


def test_a_run_without_spaces_is_not_one_endless_word():
    assert max(map(len, cores('{"key":"value",' * 400))) <= 256


def test_sentences_end_at_stops_and_at_lines_of_their_own():
    text = "Dr. Li left at 3.5 km. Who?\nQ: why\nnot now"
    ends = sentence_bounds(text)
    assert [text[a:b] for a, b in zip([0, *ends], ends, strict=False)] == [
        "Dr. Li left at 3.5 km. ", "Who?\n", "Q: why\nnot now",
    ]  # fmt: skip


def test_phrases_end_at_punctuation():
    text = "When it rains, we stay; otherwise (rarely) we go."
    assert [text[unit.core : unit.end] for unit in phrase_units(text)] == [
        "When it rains,", "we stay;", "otherwise (rarely)", "we go.",
    ]  # fmt: skip


def test_protection_joins_what_a_span_touches():
    units = protect_units(word_units("one  two three"), [Span(0, 2, 6)])
    assert [(u.start, u.core, u.end, u.protected) for u in units] == [
        (0, 0, 8, True), (8, 9, 14, False),
    ]  # fmt: skip


def test_protected_blanks_belong_to_the_core():
    units = protect_units(word_units("one  two"), [Span(0, 4, 8)])
    assert [(u.start, u.core, u.end) for u in units] == [(0, 0, 3), (3, 4, 8)]


@given(text=texts, cuts=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_protected_span_lies_in_protected_cores(text, cuts):
    start, end = sorted(min(cut, len(text)) for cut in cuts)
    units = protect_units(word_units(text), [Span(0, start, end)])
    held = {at for u in units if u.protected for at in range(u.core, u.end)}
    assert set(range(start, end)) <= held
    assert [u.start for u in units] == [0, *(u.end for u in units)][: len(units)]
