from itertools import pairwise

import pytest
from fakes import WordCounter

from tersely.chat.formats import read_chat
from tersely.chat.shorten import Sent, Shortener, _anchor
from tersely.core.prompt import Segment
from tersely.core.structure import Piece, Series, Structure


class Lines:
    """Lines that stay or go whole; how many went is said after the first that stays."""

    name = "lines"

    def matches(self, text):
        return False

    def read(self, text):
        ends = [at + 1 for at, char in enumerate(text) if char == "\n"]
        pieces = [Piece(start, end, "whole") for start, end in pairwise([0, *ends])]
        return Structure(
            "lines", tuple(pieces), (Series(tuple(range(len(pieces))), "+{dropped}\n"),)
        )


LOG = "".join(f"{at} started the job\n" for at in range(30))
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = read_chat(
    [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": LOG},
    ]
)
SHORTENER = Shortener(method="truncate", counter=WordCounter(), content=Lines())


def shorten(tokens, sent=None):
    return SHORTENER.shorten(CHAT, lambda tally: tokens, sent=sent or {})


def test_notes_on_what_is_missing_are_written_and_counted():
    result = shorten(60)
    text = result.messages[2]["content"]
    assert text.startswith("0 started the job\n+2")
    assert result.tokens_after == result.fixed_tokens + 1 + len(text.split()) <= 60
    assert result.texts[1] == text


def test_what_was_sent_with_notes_is_traced_to_the_original():
    first = shorten(60)
    kept = tuple((span.start, span.end) for span in first.kept if span.segment == 1)
    again = shorten(60, {1: Sent(first.texts[1], kept)})
    assert again.messages == first.messages
    assert again.prompt.segments[1].text == LOG
    assert again.tokens_before == first.tokens_before


def test_a_limit_may_be_made_of_what_is_open():
    seen = []
    SHORTENER.shorten(CHAT, lambda tally: seen.append(tally) or 500, sent={})
    assert (seen[0].before, seen[0].open) == (seen[0].untouched + 120, 120)


def test_a_result_has_all_texts_and_their_places():
    result = shorten(60)
    assert [str(place) for place in result.places] == ["messages[0].content", "messages[2].content"]
    assert [segment.role for segment in result.prompt.segments] == ["context", "context"]


@pytest.mark.parametrize(
    ("text", "pieces", "kept"),
    [
        ("  one, two", None, "one"),
        ("水の音", None, "水"),
        ("x" * 500, None, "x" * 200),
        ("[ one two ]", [(0, 1, "fixed"), (1, 9, "words"), (9, 11, "fixed")], "["),
        (" \n one two", [(0, 2, "blank"), (2, 10, "words")], "one"),
        ("a bc\nd\n", [(0, 5, "whole"), (5, 7, "whole")], "d"),
    ],
)
def test_an_anchor_is_the_first_word_or_what_is_cheapest(text, pieces, kept):
    tiles = pieces and Structure("x", tuple(Piece(*piece) for piece in pieces))
    start, end = _anchor(Segment(text, structure=tiles))
    assert text[start:end] == kept
