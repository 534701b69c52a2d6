import numpy as np
import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.errors import ModelMismatch, PromptError, SettingError
from tersely.hard.base import Goal
from tersely.hard.evaluator_heads import EvaluatorHeads, pool
from tersely.scorers.heads import LEAD

TEXT = "The cat sat on a mat. The quetzal flew over the hills. A dog ran off."
QUESTION = "Where?"


class Spotlight(FakeBackend):
    """A model whose every head looks at one word and hardly at anything else."""

    def __init__(self, word="quetzal"):
        super().__init__()
        self.bright = set(self.encode(" " + word).ids.tolist())

    def attend(self, ids, *, rows, heads, on_tokens=None):
        logits = super().attend(ids, rows=rows, heads=heads, on_tokens=on_tokens) / 8
        return logits + np.where(np.isin(ids, list(self.bright)), 5.0, 0.0)


def method(backend=None, **settings):
    return EvaluatorHeads(backend=backend or Spotlight(), heads=[(1, 0), (3, 2)], **settings)


def compress(contexts, tokens, question=QUESTION, **settings):
    prompt = Prompt.of(contexts, question=question)
    return method(**settings).compress(prompt, Budget(tokens=tokens), counter=WordCounter())


def rank(prompt, fixed=(), **settings):
    made = method(**settings)
    layout = made.lay_out(prompt)
    places = np.isin(np.arange(len(layout)), fixed)
    return layout, made.rank(layout, Goal(places, 0.5, lambda done, expected: None))


def test_the_sentence_that_is_looked_at_is_kept():
    assert compress(TEXT, 7).texts[0].strip() == "The quetzal flew over the hills."


def test_the_last_sentence_that_fits_is_cut_at_its_end():
    assert compress(TEXT, 4).texts[0].strip() == "The quetzal flew"


def test_a_heading_is_not_better_for_being_short():
    text = "The quetzal\n\nA cat sat. Here the quetzal, for that is the quetzal, flew away."
    expected = "Here the quetzal, for that is the quetzal, flew away."
    assert compress(text, 11).texts[0].strip() == expected


def test_words_of_a_sentence_are_worth_the_same():
    layout, ranking = rank(Prompt.of(TEXT, question=QUESTION))
    sentence = [i for i, unit in enumerate(layout.units) if 21 <= unit.core < 54]
    assert len(set(ranking.values[sentence].tolist())) == 1
    assert ranking.values.argmax() == sentence[0]


def test_in_word_mode_a_stretch_around_the_word_is_kept():
    kept = compress(TEXT, 5, unit="word", pool_tokens=8).texts[0]
    assert "The quetzal" in kept
    assert "dog" not in kept


def test_of_two_equal_documents_the_first_is_kept_whole():
    words = "a quetzal flew over"
    result = compress([words, words], 5, backend=FakeBackend())
    assert sorted(result.texts) == ["", "Where?", words]


def test_empty_documents_are_worth_nothing():
    assert compress(["", TEXT, ""], 7).texts == [
        "",
        "The quetzal flew over the hills.",
        "",
        "Where?",
    ]


def test_documents_are_read_in_order_with_what_stands_between_them():
    read = []

    class Noting(Spotlight):
        def attend(self, ids, **how):
            read.append(ids.tolist())
            return super().attend(ids, **how)

    compress(["one two", "", "three four"], 3, backend=Noting())
    text = "one two\n\nthree four" + LEAD + QUESTION
    assert read == [[0, *FakeBackend().encode(text).ids.tolist()]]


def test_what_is_kept_verbatim_is_not_read():
    backend = Spotlight()
    prompt = Prompt.joined(
        [Segment("keep this", "instruction"), Segment(TEXT), Segment(QUESTION, "question")]
    )
    result = method(backend).compress(prompt, Budget(tokens=8), counter=WordCounter())
    assert result.texts[0] == "keep this"
    assert result.model_tokens == 1 + len(backend.encode(TEXT)) + len(
        backend.encode(LEAD + QUESTION)
    )


def test_a_long_context_is_read_in_windows():
    backend = Spotlight()
    text = " ".join(["A dog ran off again today."] * 60 + [TEXT] + ["It went on and on."] * 60)
    result = compress(text, 7, backend=backend, window_tokens=100)
    assert result.texts[0].strip() == "The quetzal flew over the hills."
    assert len(backend.passes) > 5


def test_progress_ends_where_it_was_expected_to():
    seen = []
    prompt = Prompt.of(TEXT * 20, question=QUESTION)
    result = method(window_tokens=64).compress(
        prompt, Budget(rate=0.2), counter=WordCounter(), progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (result.model_tokens, result.model_tokens)
    assert {expected for _, expected in seen} == {result.model_tokens}


def test_shares_are_the_squares_of_the_sentences_values():
    layout, ranking = rank(Prompt.of([TEXT, "One more."], question=QUESTION))
    assert ranking.shares.sum() == pytest.approx(1)
    starts = [layout.text_of(unit).strip() for unit in layout.units].index
    quetzal, dog = (ranking.shares[starts(word)] for word in ("quetzal", "dog"))
    values = [ranking.values[starts(word)] for word in ("quetzal", "dog")]
    # Six and four words and a full stop each.
    assert quetzal * 7 / (dog * 5) == pytest.approx((values[0] / values[1]) ** 2)


def test_without_a_question_it_says_what_to_give():
    with pytest.raises(PromptError, match=r"there is no question. Give\s+question="):
        compress(TEXT, 5, question="")


def test_a_question_too_long_for_the_window_is_an_error():
    with pytest.raises(PromptError, match="Raise window_tokens"):
        compress(TEXT, 70, question="Where is it? " * 20, window_tokens=64)


def test_a_model_whose_heads_are_not_known_is_refused_at_once():
    with pytest.raises(ModelMismatch, match="tersely train heads --model fake"):
        EvaluatorHeads(backend=FakeBackend())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"unit": "token"}, "unit is one of sentence, word; not 'token'"),
        ({"pool_tokens": 0}, "pool_tokens is at least 1; got 0"),
        ({"window_tokens": 8}, "window_tokens is at least 32; got 8"),
    ],
)
def test_a_setting_out_of_range_is_named(settings, said):
    with pytest.raises(SettingError, match=said):
        method(**settings)


def slow_pool(values, width):
    """The mean of up to (width - 1) // 2 values before each, itself, and width // 2 after."""
    return [
        np.mean(values[max(0, at - (width - 1) // 2) : at + width // 2 + 1])
        for at in range(len(values))
    ]


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(1, 40))
def test_pooling_is_the_mean_of_the_neighbourhood(values, width):
    pooled = pool(np.array(values, dtype=np.float64), width)
    np.testing.assert_allclose(pooled, slow_pool(values, width), atol=1e-12)


@pytest.mark.model
def test_a_real_model_finds_the_answer(smollm2):
    text = (
        "Solford lies on a hill above the river. Its market sells cheese and wool every Monday."
        " Mira Ossberg built the stone bridge there in 1842. Most families have kept sheep since."
    )
    prompt = Prompt.of(text, question="Who was the engineer of the crossing?")
    result = EvaluatorHeads(backend=smollm2).compress(
        prompt, Budget(tokens=16), counter=WordCounter()
    )
    assert "Mira Ossberg built the stone bridge" in result.text
