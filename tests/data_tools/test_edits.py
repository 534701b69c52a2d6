"""Edits of a text, and words that follow them."""

from hypothesis import given
from hypothesis import strategies as st

from tersely.core.units import word_units
from tersely.data.edits import Edit, edited, edited_row, moved_words


@st.composite
def texts_with_edits(draw):
    text = draw(st.text(alphabet="ab ,.é猫\n", max_size=40))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [Edit(a, b, draw(st.text(alphabet="xy [ ]", max_size=4))) for a, b in pairs]


def words_of(text):
    return [[unit.core, unit.end] for unit in word_units(text) if unit.core < unit.end]


def obvious(text, edits, words, values):
    """For each character of the text after: the characters it is from; then look them up."""
    origin, out, at = [], "", 0
    for edit in [*edits, Edit(len(text), len(text), "")]:
        origin += [{place} for place in range(at, edit.start)]
        origin += [{*range(edit.start, edit.end)}] * len(edit.text)
        out += text[at : edit.start] + edit.text
        at = edit.end
    found = []
    for start, end in words_of(out):
        places = set().union(*origin[start:end])
        low, high = (min(places), max(places) + 1) if places else (0, 0)
        touched = [v for (a, b), v in zip(words, values, strict=True) if a < high and low < b]
        if touched:
            found.append(([start, end], max(touched)))
    return out, found


@given(texts_with_edits(), st.randoms(use_true_random=False))
def test_words_follow_as_the_obvious_way_says(given_, rng):
    text, edits = given_
    edits = [edit for edit in edits if edit.start < edit.end]
    words = words_of(text)
    values = [rng.random() for _ in words]
    out, expected = obvious(text, edits, words, values)
    assert edited(text, edits) == out
    made = moved_words(text, edits, words, values)
    assert [*zip(*made, strict=True)] == expected


@given(st.text(alphabet="ab ,.é猫\n", max_size=40))
def test_no_edit_moves_no_word(text):
    words = words_of(text)
    assert moved_words(text, [], words, [0.5] * len(words)) == (words, [0.5] * len(words))


def test_a_row_without_edits_is_the_row_itself():
    row = {"text": "a b", "words": [[0, 1]], "values": [1.0]}
    assert edited_row(row, ("text",), []) is row


def test_a_row_of_another_kind_has_only_its_text_changed():
    row = {"id": "1", "documents": [{"text": "a b"}], "gold_index": 0}
    made = edited_row(row, ("documents", 0, "text"), [Edit(0, 1, "c")])
    assert made == {"id": "1", "documents": [{"text": "c b"}], "gold_index": 0}
    assert row["documents"][0]["text"] == "a b"
