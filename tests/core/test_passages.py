import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import prompts, spaced_texts

from tersely.core.layout import Layout
from tersely.core.passages import BLOCK_CHARS, LONGEST_SENTENCE, read_header, read_passages
from tersely.core.prompt import Prompt, Span
from tersely.core.units import word_units
from tersely.prompting import with_structure

LONG = "It was a long and quiet winter, and the harbour of the town lay under the snow for weeks."


def lay_out(prompt):
    return Layout(
        prompt, [u for i, s in enumerate(prompt.segments) for u in word_units(s.text, segment=i)]
    )


def read(*texts, protect=()):
    layout = lay_out(Prompt.of(list(texts)).protecting(protect))
    return read_passages(layout, range(len(texts)))


def same_or_next(numbers):
    """Whether numbers begin at 0 and each is the one before or the next."""
    return set(np.diff(numbers, prepend=0)) <= {0, 1} and (not numbers or numbers[0] == 0)


def check(layout, passages, segments):
    """Sentences tile the segments in whole units, and each unit knows its sentence."""
    inside = [unit.segment in segments for unit in layout.units]
    owner = passages.owner
    assert owner.shape == (len(layout),)
    assert ((owner >= 0) == inside).all()
    assert sorted(set(owner[inside].tolist())) == list(range(len(passages)))
    assert (np.diff(owner[inside]) >= 0).all()
    for at, sentence in enumerate(passages.sentences):
        own = [layout.units[i] for i in np.flatnonzero(owner == at)]
        assert (sentence.segment, sentence.start) == (own[0].segment, own[0].start)
        assert (sentence.segment, sentence.end) == (own[-1].segment, own[-1].end)
        text = layout.prompt.segments[sentence.segment].text
        assert passages.texts[at] == text[sentence.start : sentence.end].strip()


@given(prompts(), st.data())
def test_sentences_tile_the_segments_in_whole_units(prompt, data):
    layout = lay_out(prompt)
    segments = sorted(data.draw(st.sets(st.integers(0, len(prompt.segments) - 1))))
    check(layout, read_passages(layout, segments), segments)


@given(st.lists(spaced_texts, max_size=4))
def test_documents_and_blocks_follow_each_other(texts):
    passages = read(*texts)
    documents = [sentence.document for sentence in passages.sentences]
    assert documents == sorted(documents)
    assert max(documents, default=-1) < len(passages.titles)
    blocks = [sentence.block for sentence in passages.sentences]
    assert blocks == sorted(blocks)
    assert max(blocks, default=-1) < len(passages.blocks)


@given(st.lists(spaced_texts, max_size=4))
def test_a_block_is_its_sentences_and_part_of_one_document(texts):
    passages = read(*texts)
    for block, text in enumerate(passages.blocks):
        own = [i for i, sentence in enumerate(passages.sentences) if sentence.block == block]
        assert text == " ".join(passages.texts[i] for i in own)
        assert len({passages.sentences[i].document for i in own}) <= 1


@given(st.lists(spaced_texts, max_size=4))
def test_only_the_first_sentence_of_a_document_is_a_header(texts):
    seen = set()
    for sentence in read(*texts).sentences:
        assert not (sentence.is_header and sentence.document in seen)
        seen.add(sentence.document)


def test_each_segment_begins_a_document():
    passages = read("One is. Two is.", "Three is.")
    assert [s.document for s in passages.sentences] == [0, 0, 1]
    assert passages.titles == ("", "")


def test_a_header_begins_a_document_inside_a_segment():
    passages = read(f"Small cats\nThey sit. They eat.\n\n{LONG}\n\n# Dogs\nThey bark.")
    assert passages.titles == ("Small cats", "Dogs")
    assert passages.texts == ("Small cats", "They sit.", "They eat.", LONG, "# Dogs", "They bark.")
    assert [s.document for s in passages.sentences] == [0, 0, 0, 0, 1, 1]
    assert [s.is_header for s in passages.sentences] == [True, False, False, False, True, False]


HEADERS = [
    ("Document [3](Title: A cat) It sat.", "Document [3](Title: A cat)", "A cat"),
    ("Document [3] (Title: X (y)) text", "Document [3] (Title: X (y))", "X (y)"),
    ("Document [3](Title: X (y) z) text", "Document [3](Title: X (y) z)", "X (y) z"),
    ("Document [3](Title: X :) y) text", "Document [3](Title: X :)", "X :"),
    ("(title: a cat)\nIt sat.", "(title: a cat)", "a cat"),
    ("# Heading", "# Heading", "Heading"),
    ("### Heading ###\r\nText.", "### Heading ###\r", "Heading"),
    ("# Why is the sky blue?\nText.", "# Why is the sky blue?", "Why is the sky blue?"),
    ("Title: Washington, D.C.\nIt is.", "Title: Washington, D.C.", "Washington, D.C."),
    ("Passage 12: Cats\nThey sit.", "Passage 12: Cats", "Cats"),
    ("Document [2]: Cats\nThey sit.", "Document [2]: Cats", "Cats"),
    ("Passage 1:\nSmall cats\nThey sit.", "Passage 1:\nSmall cats", "Small cats"),
    ("Passage 1:\nThey sit there. They eat.", "Passage 1:", ""),
    ("Document 1: They sit there. They eat.", "Document 1:", ""),
    ("Small cats\nThey sit.", "Small cats", "Small cats"),
    ("Small cats\r\nThey sit.", "Small cats", "Small cats"),
    (f"Small cats\r\n{LONG}", "Small cats", "Small cats"),
    ("Small cats\n\nanything", "Small cats", "Small cats"),
    ("Mercury (planet)\n\nIt is hot.", "Mercury (planet)", "Mercury (planet)"),
    ("INTRODUCTION\n\nText", "INTRODUCTION", "INTRODUCTION"),
    ("3.2 Results of 2019\nWe found it.", "3.2 Results of 2019", "3.2 Results of 2019"),
    ("小さな猫\n\n猫は座る。", "小さな猫", "小さな猫"),
    ("小さな猫\n猫は座る。", "小さな猫", "小さな猫"),
    ("قطط صغيرة\n\nالنص", "قطط صغيرة", "قطط صغيرة"),
]


@pytest.mark.parametrize(("text", "header", "title"), HEADERS)
def test_a_header_is_found(text, header, title):
    assert read_header(text) == (len(header), title)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n\n",
        "Small cats",
        "They sit on mats.\nAll day long, and on.",
        "They sit on mats.\r\n" + "and they sleep on them " * 5,
        "The wrapped line of a paragraph that goes on and on\nand goes on here.",
        "The wrapped line of a paragraph that mentions the late King of\nSpain. It ends.",
        "Ann: hi\nBob: hello there. How are you?",
        "Dear Ann,\n\nthank you.",
        "Things to buy:\n\nmilk",
        "买的东西:\n\n牛奶",
        "昨天下雨了。今天很好\n\n牛奶",
        "- milk\n- bread.",
        "* milk\n\n* bread.",
        "1. actin\n2. tubulin.",
        "12\n\nThe page after that.",
        "19.3\n4,711\n\nNumbers.",
        "---\n\nRule",
        "    return self.value\n\n    More = 1",
        "import os\nimport sys.path",
        "x = 1\n\ny = 2",
        "def f():\n    return 1.5",
        "# Note that it blocks.\nx = 1",
        "# What follows is\n# a comment",
        '{"a": 1,\n "b": 2.5}',
        "<doc>\n\nText</doc>",
        "| a | b |\n| 1.5 | 2 |",
        "Title:\nno title",
        "# \n\nText",
        "One\x85Two.",
        "\ufffd",
    ],
)
def test_what_only_looks_like_a_header_is_none(text):
    assert read_header(text) is None


def test_a_header_ends_with_its_paragraph():
    assert read_header("Small cats\n\nThey sit.", 0, 11) is None
    assert read_header("Title: Cats\n\nThey sit.", 0, 13) == (11, "Cats")


def test_lone_surrogates_are_no_trouble():
    passages = read("\ud83d cats\n\nThey \ude00 sit.", "# \ud83d\nText \ud83d.")
    assert passages.texts == ("\ud83d cats", "They \ude00 sit.", "# \ud83d", "Text \ud83d.")
    assert passages.titles == ("", "\ufffd")


def test_windows_line_ends_make_the_same_sentences():
    text = f"Small cats\nThey sit. They eat.\n\n{LONG}\n\n# Dogs\n\nThey bark."
    one, other = read(text), read(text.replace("\n", "\r\n"))
    assert one.texts == other.texts
    assert one.titles == other.titles
    assert [s.document for s in one.sentences] == [s.document for s in other.sentences]


@pytest.mark.parametrize("text", [" ", "\n", "\n" * 999, " \r\n\t" * 99, "\x85\u2028\x1c"])
def test_a_blank_text_is_one_blank_sentence(text):
    passages = read(text)
    assert (set(passages.texts), passages.titles, passages.owner.tolist()) == ({""}, ("",), [0])


def test_an_empty_segment_is_no_document():
    assert read("", "One is.", "").titles == ("",)
    assert len(read("", "")) == len(read()) == 0


def test_a_long_sentence_is_cut_into_equal_parts():
    lengths = [len(text) for text in read("word " * 500).texts]
    assert len(lengths) == -(-2500 // LONGEST_SENTENCE)
    assert max(lengths) - min(lengths) <= 10


@pytest.mark.parametrize(
    "piece", ["word ", "x", "日", '{"a":1},', "1,2.5,", "\n", "\n\n\x1c", "A a.\n\n"]
)
def test_a_long_text_of_anything_is_read(piece):
    text = piece * ((1_000_000 if piece == "x" else 50_000) // len(piece))
    layout = lay_out(Prompt.of(text))
    passages = read_passages(layout, [0])
    assert max(map(len, passages.texts)) <= LONGEST_SENTENCE + 200  # a unit has at most 200
    assert passages.owner[-1] == len(passages) - 1


def test_a_block_ends_with_its_paragraph_once_it_is_half_full():
    half = "They sit on the mat all day long. " * 16  # 544 characters
    passages = read(f"{half}\n\n{half}\n\nShort.\n\nShort too.")
    blocks = [s.block for s in passages.sentences]
    assert blocks == [0] * 16 + [1] * 16 + [2] * 2


def test_a_block_is_never_longer_than_it_may_be():
    passages = read("They sit on the mat all day long. " * 200)
    assert BLOCK_CHARS / 2 < max(map(len, passages.blocks)) <= BLOCK_CHARS
    assert same_or_next([s.block for s in passages.sentences])


def test_a_protected_span_across_sentences_belongs_to_the_first():
    layout = lay_out(Prompt.of("One is. Two is. Three is.").protecting([Span(0, 4, 11)]))
    passages = read_passages(layout, [0])
    check(layout, passages, [0])
    assert passages.texts == ("One is. Two", "is.", "Three is.")


def test_a_protected_header_keeps_its_body_apart():
    passages = read("# Small cats\nThey sit.", protect=[Span(0, 2, 12)])
    assert [s.is_header for s in passages.sentences] == [True, False]


def test_markdown_keeps_its_headings_as_titles():
    text = (
        "# Ferries\n\nThey run daily. A ticket is 4 euros.\n\n# Trains\n\n- They run hourly.\n" * 2
    )
    prompt = with_structure(Prompt.of(text), "markdown")
    passages = read_passages(Layout(prompt, word_units(text)), [0])
    assert passages.titles[:2] == ("Ferries", "Trains")
