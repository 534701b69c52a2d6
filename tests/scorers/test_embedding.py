from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.errors import BackendError
from tersely.scorers.embedding import CallableEmbedding, EmbeddingScorer, unit_vectors


class WordEncoder:
    """A vector of hashed words per text; it notes what it is asked."""

    name = "words"

    def __init__(self):
        self.calls = []

    def embed(self, texts, *, on_tokens=None):
        self.calls.append(list(texts))
        vectors = np.zeros((len(texts), 512))
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                row[crc32(word.encode("utf-8", "surrogatepass")) % 512] += 1
        if on_tokens:
            on_tokens(sum(len(text.split()) for text in texts))
        return unit_vectors(vectors, len(texts), self.name)


@pytest.fixture
def encoder():
    return WordEncoder()


def test_a_passage_is_worth_its_cosine(encoder):
    values = EmbeddingScorer(encoder=encoder).score("cat mat", ["cat", "mat cat", "dog"])
    np.testing.assert_allclose(values, [np.sqrt(0.5), 1, 0])


def test_a_blank_passage_is_worth_as_little_as_a_cosine_can_be(encoder):
    values = EmbeddingScorer(encoder=encoder).score("cat", ["", "dog", " \n"])
    assert values.tolist() == [-1, 0, -1]


def test_a_passage_the_model_has_no_tokens_for_is_worth_as_little():
    read = CallableEmbedding(name="x", function=lambda texts: [[-1.0 * (t != "?")] for t in texts])
    assert EmbeddingScorer(encoder=read).score("a", ["?", "b"]).tolist() == [-1, 1]


def test_question_and_passages_are_read_in_one_call_and_equal_ones_once(encoder):
    values = EmbeddingScorer(encoder=encoder).score("q", ["a", "b", "a", ""])
    assert encoder.calls == [["q", "a", "b"]]
    assert values[0] == values[2]


@pytest.mark.parametrize("passages", [[], ["", "\n"]])
def test_nothing_to_value_asks_no_model(encoder, passages):
    assert EmbeddingScorer(encoder=encoder).score("q", passages).tolist() == [-1] * len(passages)
    assert encoder.calls == []


def test_prefixes_stand_before_question_and_passages(encoder):
    scorer = EmbeddingScorer(encoder=encoder, question_prefix="query: ", passage_prefix="passage: ")
    scorer.score("q", ["a", " "])
    assert encoder.calls == [["query: q", "passage: a"]]


def test_the_scorer_says_what_it_is(encoder):
    scorer, seen = EmbeddingScorer(encoder=encoder), []
    assert (scorer.name, scorer.measured_in) == ("words", "cosine")
    scorer.score("one two", ["three"], on_tokens=seen.append)
    assert seen == [3]


@given(st.lists(spaced_texts, max_size=6), st.randoms())
def test_values_are_finite_and_follow_the_passages_whatever_their_order(passages, random):
    order = list(range(len(passages)))
    random.shuffle(order)
    scorer = EmbeddingScorer(encoder=WordEncoder())
    values = scorer.score("the cat", passages)
    assert np.isfinite(values).all()
    assert np.array_equal(scorer.score("the cat", [passages[i] for i in order]), values[order])


def test_any_function_can_make_the_vectors():
    read = CallableEmbedding(name="mine", function=lambda texts: [[len(text), 0] for text in texts])
    assert read.embed(["abc", ""]).tolist() == [[1, 0], [0, 0]]
    assert EmbeddingScorer(encoder=read).name == "mine"


def test_a_function_gets_text_it_can_encode_and_never_none_at_all():
    seen = []
    read = CallableEmbedding(name="x", function=lambda texts: seen.append(texts) or [[1.0]])
    read.embed(["\ud83d x"])
    assert read.embed([]).shape == (0, 0)
    assert seen == [["\ufffd x"]]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ([1.0, 2.0], r"shape \(2,\) for 2 texts"),
        ([[1.0]], r"shape \(1, 1\) for 2 texts"),
        ([[1.0], [np.nan]], "NaN or infinity"),
        ([[1.0], [np.inf]], "NaN or infinity"),
        ([[1.0], [1.0, 2.0]], "no table of numbers"),
        (None, "shape"),
        ("text", "no table of numbers"),
    ],
)
def test_what_is_not_one_finite_vector_per_text_is_refused(returned, says):
    with pytest.raises(BackendError, match=says):
        CallableEmbedding(name="x", function=lambda _: returned).embed(["a", "b"])


@pytest.mark.model
def test_the_passage_with_the_answer_is_worth_most(minilm):
    passages = ["The cat slept all day.", "A ticket to Berne costs 52 francs.", "", "It rained."]
    values = EmbeddingScorer(encoder=minilm).score("What is the fare to Berne?", passages)
    assert values.argmax() == 1
    assert values.argmin() == 2
