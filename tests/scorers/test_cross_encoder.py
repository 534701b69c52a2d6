import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.errors import BackendError
from tersely.scorers.cross_encoder import CrossEncoderScorer


class SharedWords:
    """Stands in for a CrossEncoder: how many words question and passage share, less three."""

    def __init__(self):
        self.calls = []

    def predict(self, pairs):
        self.calls.append(pairs)
        return np.array([len({*a.split()} & {*b.split()}) - 3.0 for a, b in pairs], np.float32)


class Returns:
    def __init__(self, value):
        self.predict = lambda pairs: value


def scorer(model=None):
    return CrossEncoderScorer(model=model or SharedWords(), name="shared")


def test_a_passage_is_worth_what_the_model_says():
    assert scorer().score("the cat sat", ["cat", "the cat", "dog"]).tolist() == [-2, -1, -3]


def test_a_blank_passage_is_worth_the_least_of_the_others_and_is_not_read():
    model = SharedWords()
    assert scorer(model).score("the cat", ["", "the cat", "cat", "\n"]).tolist() == [-2, -1, -2, -2]
    assert model.calls == [[("the cat", "the cat"), ("the cat", "cat")]]


def test_equal_passages_are_read_once():
    model = SharedWords()
    values = scorer(model).score("q", ["a", "q", "a"])
    assert len(model.calls[0]) == 2
    assert values.tolist() == [-3, -2, -3]


@pytest.mark.parametrize("passages", [[], [""], [" ", "\n"]])
def test_nothing_to_value_asks_no_model(passages):
    model = SharedWords()
    assert scorer(model).score("q", passages).tolist() == [0] * len(passages)
    assert model.calls == []


@given(st.lists(spaced_texts, max_size=6))
def test_every_value_is_finite_whatever_the_texts(passages):
    values = scorer().score("the \ud83d cat", passages)
    assert values.shape == (len(passages),)
    assert np.isfinite(values).all()


def test_a_model_gets_text_it_can_encode():
    model = SharedWords()
    scorer(model).score("\ud83d", ["\ude00"])
    assert model.calls == [[("\ufffd", "\ufffd")]]


def test_one_column_of_numbers_is_numbers():
    assert scorer(Returns([[1.0], [2.0]])).score("q", ["a", "b"]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ([1.0, np.nan], "NaN or infinity for 1 of 2 pairs"),
        ([np.inf, -np.inf], "NaN or infinity for 2 of 2 pairs"),
        ([1.0], r"shape \(1,\) for 2 pairs"),
        ([[1.0, 2.0], [3.0, 4.0]], "several classes"),
        (1.0, r"shape \(\)"),
        ("ab", "no numbers"),
    ],
)
def test_what_gives_no_order_is_refused(returned, says):
    with pytest.raises(BackendError, match=says):
        scorer(Returns(returned)).score("q", ["a", "b"])


def test_the_scorer_says_what_it_is():
    assert (scorer().name, scorer().measured_in) == ("shared", "logit")
    calibrated = CrossEncoderScorer(model=SharedWords(), name="x", measured_in="probability")
    assert calibrated.measured_in == "probability"
