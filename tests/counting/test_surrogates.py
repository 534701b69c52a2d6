import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.counting.surrogates import replace_surrogates


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\ud800", "\ufffd"),
        ("a\udfffb", "a\ufffdb"),
        ("\ude00\ud83d", "\ufffd\ufffd"),  # the wrong way round
        ("\ud83d\ude00", "😀"),
        ("\ufeff\0\ud83d😀", "\ufeff\0\ufffd😀"),
    ],
)
def test_pairs_are_joined_and_lone_ones_replaced(text, seen):
    assert replace_surrogates(text) == seen


@given(st.text())
def test_a_text_without_surrogates_is_returned_itself(text):
    assert replace_surrogates(text) is text
