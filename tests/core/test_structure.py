import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.structure import Note, Piece, Series, Structure, tiles, weave, write_out

TEXT = "head a b c tail"
PIECES = (
    Piece(0, 4, "fixed"),
    Piece(4, 6, "whole"),
    Piece(6, 8, "whole"),
    Piece(8, 10, "whole"),
    Piece(10, 15, "fixed"),
)
MORE = Series((1, 2, 3), " ({dropped} of {total} gone)", at=10)
BEHIND = Series((1, 2, 3), "[+{dropped}]")


def structure(*series):
    return Structure("toy", PIECES, series)


def test_what_is_whole_has_no_notes():
    assert weave(TEXT, [(0, 15)], structure(MORE, BEHIND)) == TEXT


def test_a_note_stands_in_its_place_and_says_how_many_are_gone():
    assert weave(TEXT, [(0, 6), (10, 15)], structure(MORE)) == "head a (2 of 3 gone) tail"


def test_a_note_without_a_place_stands_behind_the_first_that_is_left():
    assert weave(TEXT, [(0, 4), (6, 8), (10, 15)], structure(BEHIND)) == "head b[+2] tail"


def test_a_note_without_a_place_is_not_written_where_none_is_left():
    assert weave(TEXT, [(0, 4), (10, 15)], structure(BEHIND)) == "head tail"


def test_nothing_is_said_where_nothing_is_left():
    assert weave(TEXT, [], structure(MORE)) == ""


def test_a_note_at_the_very_end_is_written():
    assert write_out("ab", [(0, 2)], [Note(2, "!")]) == "ab!"


def test_notes_in_one_place_are_written_in_their_order():
    assert write_out("ab", [(0, 1)], [Note(1, "1"), Note(1, "2")]) == "a12"


@pytest.mark.parametrize(
    "pieces",
    [[Piece(0, 2, "fixed")], [Piece(1, 3, "fixed")], [Piece(0, 2, "whole"), Piece(1, 3, "whole")]],
)
def test_pieces_with_gaps_do_not_tile(pieces):
    assert not tiles(pieces, 3)


def test_no_pieces_tile_no_text():
    assert tiles([], 0)


@given(st.integers(0, 2**32))
def test_what_is_left_in_two_steps_says_the_same_as_in_one(seed):
    rng = random.Random(seed)
    first = [0, *(i for i in (1, 2, 3) if rng.random() < 0.6), 4]
    second = [0, *(i for i in first[1:-1] if rng.random() < 0.6), 4]
    whole = structure(MORE, BEHIND)
    kept = [(PIECES[i].start, PIECES[i].end) for i in first]
    left = whole.left_of(kept)
    text = "".join(TEXT[a:b] for a, b in kept)
    again = [left.pieces[first.index(i)] for i in second]
    twice = weave(text, [(p.start, p.end) for p in again], left)
    assert twice == weave(TEXT, [(PIECES[i].start, PIECES[i].end) for i in second], whole)
    assert tiles(left.pieces, len(text))
