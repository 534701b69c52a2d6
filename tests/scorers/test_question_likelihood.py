import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core.prompt import JOINER
from tersely.errors import PromptError, SettingError
from tersely.scorers.question_likelihood import (
    GUIDELINE,
    QuestionLikelihood,
    cut_windows,
)

QUESTION = "Who ate the cheese?"
PASSAGES = ["The mouse ate the cheese.", "It rained. Nobody went out!", "日本語。 A cat"]


def values(passages, backend=None, **settings):
    scorer = QuestionLikelihood(backend=backend or FakeBackend(), **settings)
    return scorer.score(QUESTION, passages)


def one_by_one(backend, before, scored):
    """Minus the mean surprisal of one text after another, read anew."""
    first, then = (backend.encode(text).ids for text in (before, scored))
    nats = backend.score([np.concatenate([first, then])])[0]
    return -nats[len(first) :].mean()


@given(st.lists(spaced_texts.filter(str.strip), max_size=5))
def test_a_passage_is_worth_how_well_it_predicts_the_question(passages):
    asked = JOINER + QUESTION + GUIDELINE
    expected = [one_by_one(FakeBackend(), text, asked) for text in passages]
    np.testing.assert_allclose(values(passages), expected)


@given(st.lists(spaced_texts.filter(str.strip), max_size=5))
def test_conditioned_before_it_is_worth_how_well_the_question_predicts_it(passages):
    asked = QUESTION + GUIDELINE + JOINER
    expected = [one_by_one(FakeBackend(), asked, text) for text in passages]
    np.testing.assert_allclose(values(passages, condition="before"), expected)


@given(st.lists(spaced_texts, max_size=5))
def test_the_passages_own_surprisals_come_from_the_same_reading(passages):
    backend = FakeBackend()
    reading = QuestionLikelihood(backend=backend).read(QUESTION, passages, keep_nats=True)
    tokens = sum(backend.passes)
    for text, nats in zip(passages, reading.nats, strict=True):
        ids = backend.encode(text).ids
        blank = np.zeros(len(ids))  # not read
        np.testing.assert_array_equal(
            nats, FakeBackend().score([ids])[0] if text.strip() else blank
        )
    assert np.array_equal(reading.values, values(passages, backend))
    assert sum(backend.passes) == 2 * tokens


def test_only_the_question_is_scored():
    class Noting(FakeBackend):
        def score(self, sequences, *, scored_from=None, on_tokens=None):
            self.scored = [len(s) - f for s, f in zip(sequences, scored_from, strict=True)]
            return super().score(sequences, scored_from=scored_from, on_tokens=on_tokens)

    backend = Noting()
    values(PASSAGES, backend)
    assert backend.scored == [len(backend.encode(JOINER + QUESTION + GUIDELINE))] * 3


def test_a_passage_too_long_is_worth_its_best_window():
    backend = FakeBackend(window_tokens=64)
    asked = backend.encode(JOINER + QUESTION + GUIDELINE).ids
    text = "the cat sat on a mat and " * 20
    windows = cut_windows(backend.encode(text).ids, 64 - len(asked))
    each = [backend.score([np.append(window, asked)])[0][len(window) :] for window in windows]
    backend.passes.clear()
    assert values([text], backend)[0] == max(-nats.mean() for nats in each)
    assert len(backend.passes) == len(windows) > 2
    assert max(backend.passes) <= 64


def test_conditioned_before_too_it_is_worth_its_best_window():
    backend = FakeBackend(window_tokens=64)
    asked = backend.encode(QUESTION + GUIDELINE + JOINER).ids
    text = "the cat sat on a mat and " * 20
    windows = cut_windows(backend.encode(text).ids, 64 - len(asked))
    each = [backend.score([np.append(asked, window)])[0][len(asked) :] for window in windows]
    value = values([text], backend, condition="before")[0]
    assert value == max(-nats.mean() for nats in each)


@given(st.integers(0, 300), st.integers(1, 40))
def test_windows_are_few_alike_and_whole(length, most):
    windows = cut_windows(np.arange(length), most)
    assert np.concatenate([[], *windows]).tolist() == list(range(length))
    sizes = [len(window) for window in windows]
    assert len(sizes) == -(-length // most)
    assert not sizes or (min(sizes) > 0 and max(sizes) <= most and max(sizes) - min(sizes) <= 1)


def test_equal_passages_are_read_once_and_worth_the_same():
    backend = FakeBackend()
    some = values([PASSAGES[0], PASSAGES[1], PASSAGES[0]], backend)
    assert some[0] == some[2] != some[1]
    assert len(backend.passes) == 2


def test_an_empty_passage_is_worth_nothing():
    backend = FakeBackend()
    some = values(["", *PASSAGES, " \n"], backend)
    assert some[0] == some[4] == some[1:4].min()
    assert len(backend.passes) == 3
    assert values(["", ""]).tolist() == [0.0, 0.0]
    assert values([]).tolist() == []


def test_a_question_longer_than_half_the_window_is_refused_with_the_numbers():
    scorer = QuestionLikelihood(backend=FakeBackend(window_tokens=100))
    with pytest.raises(PromptError, match=r"takes \d{2,3} tokens of fake, which can read 50 "):
        scorer.score("Why is it so? " * 9, PASSAGES)


def test_an_unknown_condition_is_refused():
    with pytest.raises(SettingError, match="condition is 'after' or 'before', not 'none'"):
        QuestionLikelihood(backend=FakeBackend(), condition="none")


def test_it_says_what_it_is_and_what_it_read():
    read = []
    scorer = QuestionLikelihood(backend=FakeBackend())
    scorer.score(QUESTION, PASSAGES, on_tokens=read.append)
    assert (scorer.name, scorer.measured_in) == ("question_likelihood/fake", "nats")
    assert sum(read) == sum(scorer.backend.passes) > 0


@pytest.mark.model
def test_a_real_model_finds_the_passage_with_the_answer(smollm2):
    passages = [
        "The Amazon is a river in South America and carries more water than any other.",
        "The Nobel Prize in Physics of 1901, the first ever, went to Wilhelm Röntgen.",
        "A good bread needs flour, water, salt and a long rest.",
    ]
    question = "Who got the first Nobel prize in physics?"
    scorer = QuestionLikelihood(backend=smollm2)
    assert scorer.score(question, passages).argmax() == 1


def test_a_blank_passage_has_as_many_nats_as_tokens():
    backend = FakeBackend()
    reading = QuestionLikelihood(backend=backend).read("Who?", ["\n \n", "Ann"], keep_nats=True)
    assert [len(n) for n in reading.nats] == [len(backend.encode(t)) for t in ("\n \n", "Ann")]
    assert not reading.nats[0].any()
