from hypothesis import given
from hypothesis import strategies as st

from tersely.content.atoms import word_groups, word_pieces
from tersely.core.structure import tiles

TEXT = "one two three, four"


def cut(*args, **kwargs):
    groups = word_groups(TEXT, 0, len(TEXT), *args, **kwargs)
    return [(TEXT[start:end], kind) for start, end, kind in groups]


def test_words_that_share_an_atom_are_one():
    assert cut([(2, 5)])[:2] == [("one two", "whole"), (" three", "words")]


def test_a_word_goes_with_the_one_before_it():
    assert cut([], [8])[:2] == [("one", "words"), (" two three", "whole")]


def test_a_mark_stays():
    assert cut([(4, 7)], [], [(4, 5)])[1] == (" two", "fixed")


def test_plain_words_are_one_piece():
    groups = word_groups(TEXT, 0, len(TEXT), [(4, 5)])
    kinds = [(TEXT[p.start : p.end], p.kind) for p in word_pieces(groups)]
    assert kinds == [("one", "words"), (" two", "whole"), (" three, four", "words")]


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=6)


@given(st.text(alphabet="ab .—中\n", min_size=1, max_size=40), spans)
def test_groups_tile_and_no_atom_is_cut(text, spans):
    atoms = sorted((a, min(a + n, len(text))) for a, n in spans if a < len(text))
    groups = word_groups(text, 0, len(text), atoms)
    assert tiles(word_pieces(groups), len(text))
    assert all(any(s <= a and e <= t for s, t, _ in groups) for a, e in atoms)
