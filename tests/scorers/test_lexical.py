import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.scorers.lexical import GzipDistance

QUESTION = "Who ate all the cheese in the kitchen?"


def values(passages, question=QUESTION):
    return GzipDistance().score(question, passages)


@given(st.lists(spaced_texts, max_size=6), spaced_texts)
def test_values_are_finite_and_do_not_depend_on_the_order(passages, question):
    some = values(passages, question)
    assert some.shape == (len(passages),)
    assert np.isfinite(some).all()
    assert np.array_equal(values(passages[::-1], question), some[::-1])


def test_a_value_is_minus_the_compression_distance():
    passage = "The mouse ate all the cheese."
    sizes = [
        len(gzip.compress(text.encode(), 9)) - 12  # gzip's frame is 12 bytes more than zlib's
        for text in (QUESTION, passage, f"{QUESTION} {passage}")
    ]
    expected = -(sizes[2] - min(sizes[:2])) / max(sizes[:2])
    assert values([passage])[0] == pytest.approx(expected)


def test_what_repeats_the_question_is_worth_most():
    some = values(["Rain fell over the hills and far away again", QUESTION, "", "  "])
    assert some.argmax() == 1
    assert some[2] == some[3] == some[0]


def test_blank_passages_alone_are_as_far_as_can_be():
    assert values(["", " "]).tolist() == [-1.0, -1.0]


def test_it_says_what_it_is():
    assert (GzipDistance().name, GzipDistance().measured_in) == ("gzip", "compression distance")
