"""What a shortened text still has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.evaluation.metrics.survival import KEPT_CLASSES, kept_shares, names

TEXT = (
    'In 1998 Adam Levine met Marie Curie, who did not pay $3 million. "This is fine," she said on'
    " 5 May 2001. See https://example.com/x. No one came."
)


def shares(before, after, name):
    return kept_shares(before, after)[name]


def test_everything_of_the_whole_is_kept_and_nothing_of_nothing():
    assert kept_shares(TEXT, TEXT) == dict.fromkeys(KEPT_CLASSES, 1.0)
    assert kept_shares(TEXT, "") == dict.fromkeys(KEPT_CLASSES, 0.0)


def test_what_was_never_there_has_no_share():
    assert kept_shares("a cat sat", "a cat") == dict.fromkeys(KEPT_CLASSES)
    assert kept_shares("", "7 new Things, not kept") == dict.fromkeys(KEPT_CLASSES)


@pytest.mark.parametrize(
    ("name", "before", "after", "share"),
    [
        ("numbers", "3 cats, 3 dogs, 4 men", "3 dogs", 1 / 3),
        ("numbers", "3 cats", "3 cats, 3 dogs, 3 men", 1),
        ("numbers", "it cost $3 million", "it cost $3", 0),
        ("numbers", "room 12, seat 345", "12 345", 0),
        ("numbers", "version 15", "version 115", 0),
        ("negations", "I do not know; she never came", "not know", 0.5),
        ("negations", "他不是学生，没有书", "不是", 0.5),
        ("names", "He met Marie Curie, and Curie left", "Curie left", 1 / 3),
        ("names", "by Paris, Berlin and Rome", "Paris Berlin", 2 / 3),
        ("urls", "at https://a.org/b and www.c.com", "www.c.com", 0.5),
        ("quotes", 'he said "not now" and "never"', 'said "never"', 0.5),
        ("dates", "born in 1898 and on 5 May 1901", "born 1898", 0.5),
        ("dates", "born in 1898", "number 18981 and 21898", 0),
        ("dates", "born in 1898", "number 21898", 0),
        ("dates", "built in 1898 / 1899", "1898 /\n1899", 1),
        ("dates", "on 5  May\n1901 he left", "5 May 1901", 1),
    ],
)
def test_a_counterpart_is_what_counts(name, before, after, share):
    assert shares(before, after, name) == pytest.approx(share)


def test_one_counterpart_serves_one_occurrence():
    assert shares("born in 1898, and in 1898 too", "1898", "dates") == 0.5


def test_a_date_inside_a_longer_one_is_not_counted_again():
    before = "on 5 May 1901, and in May 1901"
    assert shares(before, "5 May 1901", "dates") == 0.5


def test_names_are_capitals_that_no_place_explains():
    text = "The man met Anna. Later, Later came. I saw the Hague. NASA did. X was"
    assert names(text) == ["Anna", "Later", "Later", "Hague", "NASA"]
    assert names("the cat. The dog, I will and so Will you") == []


def test_blanks_do_not_matter_and_words_are_not_halved():
    assert shares("see Ann  Lee, here", "Ann\nLee", "names") == 1
    assert shares("see Ann here", "Anna Annb", "names") == 0


pieces = st.sampled_from([*TEXT.split(), "12", "nicht", "“ja”", "10:30", "不", "\n", "Q3 2019"])


@given(st.lists(pieces, max_size=20), st.lists(st.booleans(), min_size=20, max_size=20))
def test_a_share_is_a_share_whatever_is_dropped(words, kept):
    after = " ".join(word for word, keep in zip(words, kept, strict=False) if keep)
    before = " ".join(words)
    for share in kept_shares(before, after).values():
        assert share is None or 0 <= share <= 1
    assert set(kept_shares(before, before).values()) <= {None, 1.0}
