"""Personal data goes, numbers that only look like it stay, and labels follow."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.data.personal import MASKS, check_masks, found_in, masked
from tersely.errors import SettingError, UnknownName

KINDS = tuple(MASKS)
GOES = {
    "Mail a.b-c+d@mail.example.co.uk!": "Mail [EMAIL]!",
    "call 212-555-0187 now": "call [PHONE] now",
    "(415) 555-2671 or +44 20 7946 0958.": "[PHONE] or [PHONE].",
    "phone: 4155552671": "phone: [PHONE]",
    "tel 212-555-0187 / 212-555-0188 / 212-555-0189": "tel [PHONE] / [PHONE] / [PHONE]",
    "电话 +86 10 6552 9988": "电话 [PHONE]",
    "card 4111-1111-1111-1111, amex 378282246310005": "card [CARD], amex [CARD]",
    "DE89 3704 0044 0532 0130 00 THANKS": "[IBAN] THANKS",
    "GB82WEST12345698765432.": "[IBAN].",
    "from 203.0.113.7, 2001:db8::8a2e:370:7334": "from [IP], [IP]",
    "SSN 123-45-6789; social security number: 123456789": "SSN [SSN]; social security number: [SSN]",
    "NI no. AB 12 34 56 C": "NI no. [SSN]",
}
STAYS = [
    "order 4155552671 of 1,234,567,890",
    "ISBN 978-0-306-40615-7, arXiv 2503.11742, doi 10.1145/3292500.3330701",
    "from 2020-01-15 to 2021-02-16, 1990-1995, 12:30:45, 3.14159265358",
    "4111 1111 1111 1112 fails Luhn; 1609459200000 is a time; 0000000000000000",
    "DE89 3704 0044 0532 0130 01 and XX00 1234 5678 9012",
    '"dllVersion": "1.0.0.0", v1.2.3.4',
    "version 1.2.3.4, section 2.1.3.4, 127.0.0.1, 300.1.1.1, 1.2.3.4.5",
    "666-12-3456, 000-12-3456, 123-00-4567, 123-45-0000, 123456789",
    "std::vector, a::b, pages 123-456, user@host, @handle, (1985) 200-300",
]


@pytest.mark.parametrize("text", GOES)
def test_what_is_personal_goes(text):
    assert masked({"text": text}, KINDS)[0]["text"] == GOES[text]


@pytest.mark.parametrize("text", STAYS)
def test_what_only_looks_like_it_stays(text):
    assert masked({"text": text}, KINDS) == ({"text": text}, {})


def test_only_the_kinds_asked_for_go():
    row = {"text": "a@b.org from 203.0.113.7"}
    assert masked(row, ["ip"])[0]["text"] == "a@b.org from [IP]"


def test_a_number_of_another_region_goes_if_the_region_is_named():
    row = {"text": "Telefon: 030 901820"}
    assert masked(row, KINDS)[0] == row
    assert masked(row, KINDS, ["US", "DE"])[0]["text"] == "Telefon: [PHONE]"


def test_what_is_found_in_one_text_goes_from_all_of_them():
    row = {
        "question": "Whose is it?",
        "answers": ["4155552671"],
        "documents": [{"text": "call 4155552671"}],
    }
    made, counts = masked(row, KINDS)
    assert made["answers"] == ["[PHONE]"]
    assert made["documents"][0]["text"] == "call [PHONE]"
    assert counts == {"phone": 2}


def test_names_of_rows_are_no_texts():
    row = {"id": "a@b.org", "group": "a@b.org", "text": "no"}
    assert masked(row, KINDS) == (row, {})


def test_words_and_values_follow():
    text = "Ask bob@x.org, today."
    row = {
        "text": text,
        "words": [[0, 3], [4, 13], [13, 14], [15, 20], [20, 21]],
        "values": [0.1, 0.9, 0.0, 0.5, 0.2],
    }
    made, _ = masked(row, KINDS)
    said = {
        made["text"][a:b]: value
        for (a, b), value in zip(made["words"], made["values"], strict=True)
    }
    assert said == {"Ask": 0.1, "[EMAIL": 0.9, "],": 0.9, "today": 0.5, ".": 0.2}


def test_unknown_kinds_and_regions_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'email'"):
        check_masks(["emails"], ["US"])
    with pytest.raises(SettingError, match="not 'Germany'"):
        check_masks(["phone"], ["Germany"])


pieces = st.sampled_from([*GOES, *STAYS, " ", "\n", "猫", "Ask ", "[EMAIL]", "12", "-", "@", "+1 "])


@given(st.lists(pieces, max_size=6).map("".join))
def test_what_is_masked_has_nothing_left_and_what_is_found_does_not_overlap(text):
    found = found_in(text, KINDS)
    assert all(first[1] <= second[0] for first, second in pairwise(found))
    once, _ = masked({"text": text}, KINDS)
    gone = [text[start:end] for start, end, kind in found if kind == "email"]
    assert not [said for said in gone if said in once["text"]]
