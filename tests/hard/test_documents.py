import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st
from texts import prompts, spaced_texts

from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.hard.base import segment_units
from tersely.hard.documents import cut_passages, cut_sentences, document_segments


def lay_out(prompt):
    return Layout(prompt, segment_units(prompt, word_units))


def cut(prompt, most=10_000):
    layout = lay_out(prompt)
    return layout, cut_passages(layout, document_segments(prompt), FakeBackend(), most)


def texts_of(*args, **given):
    return [passage.text for passage in cut(*args, **given)[1]]


@given(prompts(), st.integers(1, 30))
def test_passages_tile_the_documents(prompt, most):
    layout, passages = cut(prompt, most)
    documents = document_segments(prompt)
    inside = [i for i, unit in enumerate(layout.units) if unit.segment in documents]
    assert [i for passage in passages for i in passage.places.tolist()] == inside
    for passage in passages:
        own = prompt.segments[passage.segment].text[passage.offset :]
        assert own.startswith(passage.text)
        assert passage.costs(layout).sum() == len(passage.tokens)


@given(st.lists(spaced_texts, min_size=2, max_size=4))
def test_several_contexts_are_a_document_each(texts):
    _, passages = cut(Prompt.of(texts))
    assert [p.segment for p in passages] == [i for i, text in enumerate(texts) if text]
    assert [p.document for p in passages] == list(range(len(passages)))


def test_paragraphs_stand_in_for_documents_where_there_is_only_one():
    text = "One.\nStill one.\n\nTwo.\n \n\n  Three. \n"
    assert texts_of(Prompt.of(text)) == ["One.\nStill one.", "Two.", "Three. \n"]
    assert texts_of(Prompt.of([text, "Four."])) == [text, "Four."]


def test_instruction_and_question_are_no_documents():
    prompt = Prompt.of("B", instruction="A", question="C", demonstrations=["D"])
    assert texts_of(prompt) == ["D", "B"]


def test_a_long_document_is_cut_at_sentence_ends_into_parts_of_about_equal_length():
    text = "The cat sat on a mat. " * 40
    _, passages = cut(Prompt.of([text, "x"]), most=100)
    *parts, other = passages
    assert all(part.text.startswith("The cat") and part.text.strip()[-1] == "." for part in parts)
    sizes = [len(part.tokens) for part in parts]
    assert max(sizes) <= 100
    assert min(sizes) >= 70
    assert {part.document for part in parts} == {0}
    assert other.document == 1


def test_a_sentence_longer_than_a_passage_is_cut_between_words():
    _, passages = cut(Prompt.of(["cat " * 90, "x"]), most=40)
    parts = passages[:-1]
    assert {word for part in parts for word in part.text.split()} == {"cat"}
    assert max(len(part.tokens) for part in parts) <= 40
    assert len(parts) == 3


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Document [3](Title: A cat) It sat.", "Document [3](Title: A cat)"),
        ("Document [12](Title: A (small) cat) It sat.", "Document [12](Title: A (small) cat)"),
        ("Small cats\nThey sit on mats all day long.", "Small cats"),
        ("Document [4](Title: A (cat\nIt sat.", "Document [4](Title: A (cat"),
        ("They sit on mats.\nAll day long, and on.", ""),
        ("Small cats", ""),
        ("Small cats\n ", ""),
        ("cats " * 50 + "\nThey sit.", ""),
    ],
)
def test_a_title_is_a_label_or_a_first_line_that_is_no_sentence(text, title):
    layout, passages = cut(Prompt.of([" " + text, "x"]))
    in_title = passages[0].places[passages[0].in_title(layout)]
    assert "".join(layout.text_of(layout.units[i]) for i in in_title).strip() == title


def test_only_the_beginning_of_a_document_has_a_title():
    text = "Small cats\n" + "They sit on mats all day. " * 30 + "\nLarge cats\nThey do not sit."
    _, passages = cut(Prompt.of([text, "x"]), most=60)
    assert [passage.title_end > 0 for passage in passages[:-1]][1:] == [False] * (len(passages) - 2)
    assert passages[0].title_end > 0


def test_sentences_tile_a_passage():
    layout, passages = cut(Prompt.of(["Title here\nOne is. Two, too! Three?", "x"]))
    sentences = cut_sentences(passages[0], layout)
    assert [s.text for s in sentences] == ["Title here", "One is.", "Two, too!", "Three?"]
    assert np.concatenate([s.places for s in sentences]).tolist() == passages[0].places.tolist()
    assert [bool(s.in_title.all()) for s in sentences] == [True, False, False, False]
    assert sum(int(s.costs.sum()) for s in sentences) == len(passages[0].tokens)
