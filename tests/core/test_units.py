import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core.prompt import Span
from tersely.core.units import (
    Unit,
    character_ends,
    clean,
    core_start,
    is_word_char,
    join_units,
    phrase_units,
    protect_units,
    sentence_bounds,
    sentence_groups,
    sentence_units,
    word_units,
)

CUTS = pytest.mark.parametrize("cut", [word_units, phrase_units, sentence_units])


def pieces(text, cut=word_units):
    return [text[unit.start : unit.end] for unit in cut(text)]


@CUTS
@given(text=spaced_texts)
def test_units_tile_the_text(cut, text):
    units = cut(text, segment=3)
    assert "".join(text[unit.start : unit.end] for unit in units) == text
    assert [0, *(unit.end for unit in units)] == [*(unit.start for unit in units), len(text)]
    assert all(unit.start <= unit.core <= unit.end and unit.segment == 3 for unit in units)
    assert all(unit.start < unit.end for unit in units)


@CUTS
@given(text=spaced_texts)
def test_no_character_and_no_word_is_cut(cut, text):
    ends = {0, *character_ends(text)}
    for unit in cut(text):
        assert unit.end in ends
        assert unit.core in ends, "no accent is left behind by dropping whitespace"
        after = text[unit.end : unit.end + 1]
        before = text[max(end for end in ends if end < unit.end)]  # not the accent on it
        assert not (after and is_word_char(before) and is_word_char(after))


@CUTS
@given(text=spaced_texts)
def test_leading_whitespace_is_whitespace(cut, text):
    assert not any(text[unit.start : unit.core].strip() for unit in cut(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('He said, "Stop!"', ["He", " said", ",", ' "Stop', '!"']),
        ("50% of C# in file.txt", ["50%", " of", " C#", " in", " file.txt"]),
        ("well-known don't e.g. 3.5", ["well-known", " don't", " e.g", ".", " 3.5"]),
        ("word—dash a–b", ["word", "—dash", " a", "–b"]),
        ("— a …", ["—", " a", " …"]),
        ("日本 語x。", ["日", "本", " 語", "x", "。"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("한국어 각", ["한국어", " 각"]),
        ("👩‍🚀 👨‍👩‍👧", ["👩‍🚀", " 👨‍👩‍👧"]),
        ("a \n\n b  ", ["a", " \n\n b", "  "]),
        ("a\u0301 \u0301b", ["a\u0301 \u0301b"]),
        ("...", ["..."]),
        ("", []),
        ("  ", ["  "]),
    ],
)
def test_words_and_their_punctuation_are_units(text, words):
    assert pieces(text) == words


def test_whitespace_at_the_end_has_an_empty_core():
    assert word_units("a \n") == [Unit(0, 0, 0, 1), Unit(0, 1, 3, 3)]


def test_the_core_begins_after_the_whitespace():
    assert core_start("ab \t cd", 2, 7) == 5
    assert core_start("ab \u0301", 2, 4) == 2  # the blank carries the accent
    assert core_start("ab", 0, 2) == 0


def test_characters_are_what_a_reader_sees():
    assert character_ends("e\u0301\r\n👩‍🚀") == [2, 4, 7]
    assert character_ends("\ud83d\ude00\ud83d") == [2, 3]


def test_clean_keeps_every_offset():
    assert clean("a\ud83db\ude00") == "a\ufffdb\ufffd"
    assert clean("plain") == "plain"


def test_sentences_end_at_full_stops_and_before_lines_of_their_own():
    text = "Dr. Smith left. He ran!\n- one\n- two\nwrapped\nNew"
    assert pieces(text, sentence_units) == [
        *["Dr. Smith left.", " He ran!", "\n- one", "\n- two\nwrapped", "\nNew"]
    ]


@given(text=spaced_texts)
def test_sentence_bounds_rise_to_the_end(text):
    bounds = sentence_bounds(text)
    assert bounds == sorted(set(bounds))
    assert bounds[-1:] == ([len(text)] if text else [])


def test_a_word_belongs_to_the_sentence_its_core_starts_in():
    text = "One. Two three. "
    assert sentence_groups(word_units(text), text)[:5] == [0, 0, 1, 1, 1]


def test_phrases_end_at_commas_brackets_and_dashes():
    text = "First, we (all of us) went; then home — tired. So 1,000 x"
    assert pieces(text, phrase_units) == [
        *["First,", " we (all of us)", " went;", " then home —", " tired.", " So 1,000 x"]
    ]


def test_joined_units_keep_core_and_protection():
    units = [Unit(0, 0, 1, 1), Unit(0, 1, 2, 4, protected=True), Unit(0, 4, 5, 6)]
    assert join_units(units, [7, 7, 8]) == [Unit(0, 0, 2, 4, protected=True), Unit(0, 4, 5, 6)]
    assert join_units(units, [1, 2, 2])[1] == Unit(0, 1, 2, 6, protected=True)


def test_a_protected_span_takes_the_units_it_touches():
    units = word_units("one two three four")
    (_, joined, last) = protect_units(units, [Span(0, 5, 9)])
    assert joined == Unit(0, 3, 4, 13, protected=True)
    assert not last.protected


def test_whitespace_in_a_protected_span_survives():
    units = word_units("one  two")
    assert protect_units(units, [Span(0, 4, 8)])[1] == Unit(0, 3, 4, 8, protected=True)
    first, second = protect_units(units, [Span(0, 0, 4)])
    assert first == Unit(0, 0, 0, 4, protected=True)
    assert second == Unit(0, 4, 5, 8)


def test_two_protected_neighbours_are_not_joined():
    units = protect_units(word_units("one two"), [Span(0, 0, 3), Span(0, 4, 7)])
    assert [(unit.start, unit.end, unit.protected) for unit in units] == [
        *[(0, 3, True), (3, 7, True)]
    ]


def test_spans_may_overlap_or_share_a_unit():
    units = word_units("one  two")
    for spans in ([Span(0, 0, 4), Span(0, 0, 6)], [Span(0, 0, 4), Span(0, 6, 7)]):
        assert protect_units(units, spans) == [Unit(0, 0, 0, 8, protected=True)]
    nested = [Span(0, 0, 8), Span(0, 0, 1), Span(0, 1, 3)]
    assert protect_units(units, nested) == [Unit(0, 0, 0, 8, protected=True)]


def test_protecting_to_the_end_leaves_no_empty_unit():
    assert protect_units(word_units("one  "), [Span(0, 0, 5)]) == [Unit(0, 0, 0, 5, protected=True)]


def test_an_empty_span_protects_nothing():
    units = word_units("one two")
    assert protect_units(units, [Span(0, 2, 2)]) == units


@pytest.mark.parametrize(
    ("char", "word"), [*zip("aé7_\u0301한ع-. 日ไ", [True] * 7 + [False] * 5, strict=True)]
)
def test_word_characters_are_of_spaced_scripts(char, word):
    assert is_word_char(char) is word


@given(text=spaced_texts)
def test_characters_are_those_of_unicode(text):
    readable = regex.sub("[\ud800-\udfff]", "\u0378", text)
    if readable == text:
        assert character_ends(text) == [m.end() for m in regex.finditer(r"\X", text)]


def test_a_run_without_spaces_is_not_one_endless_word():
    assert max(map(len, pieces('{"key":"value",' * 400))) <= 256


@given(text=spaced_texts, cuts=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_a_protected_span_lies_in_protected_cores(text, cuts):
    start, end = sorted(min(cut, len(text)) for cut in cuts)
    units = protect_units(word_units(text), [Span(0, start, end)])
    held = {at for u in units if u.protected for at in range(u.core, u.end)}
    assert set(range(start, end)) <= held
    assert [0, *(u.end for u in units)] == [*(u.start for u in units), len(text)]
