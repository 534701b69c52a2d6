import warnings

import numpy as np
import pytest
from fakes import FakeEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.core.layout import Layout
from tersely.core.passages import read_passages
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.scorers.bm25 import BM25
from tersely.scorers.relevance import SentenceRelevance, headers, titled

QUESTION = "Who opened the old mill?"
MILL = "# The mill\nIt was opened by Ann. It is of brick. Nobody knows why."
RIVER = "# The river\nThe river is wide. Boats go there each day. It is cold."


def read(*texts):
    units = [unit for at, text in enumerate(texts) for unit in word_units(text, segment=at)]
    return read_passages(Layout(Prompt.of(list(texts)), units), range(len(texts)))


def score(*texts, question=QUESTION, encoder=None):
    return SentenceRelevance(encoder=encoder).score(question, read(*texts))


def logit_of(text, *texts, **given):
    """The logit of the sentence that is `text`."""
    return score(*texts, **given).logits[read(*texts).texts.index(text)]


@pytest.mark.parametrize("encoder", [None, FakeEncoder()])
@settings(max_examples=60)
@given(texts=st.lists(spaced_texts, max_size=4), question=spaced_texts)
def test_any_text_has_logits_and_shares_that_are_numbers(encoder, texts, question):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        relevance = score(*texts, question=question, encoder=encoder)
        shares = relevance.shares
    assert relevance.logits.shape == shares.shape == (len(read(*texts)),)
    assert not np.isnan(relevance.logits).any()
    assert (relevance.logits < np.inf).all()
    assert shares.sum() == pytest.approx(float(np.isfinite(relevance.logits).any()))
    assert (shares >= 0).all()


def test_nothing_has_no_shares():
    assert score().shares.tolist() == score("", "").shares.tolist() == []


def test_one_sentence_is_the_whole_answer():
    assert score("The mill.", encoder=FakeEncoder()).shares.tolist() == [1.0]


def test_the_sentence_with_the_questions_words_is_worth_most():
    for encoder in (None, FakeEncoder()):
        relevance = score(
            "Rain fell all day. The mill was opened by Ann. Cows ate.", encoder=encoder
        )
        assert relevance.logits.argmax() == relevance.shares.argmax() == 1


def test_without_an_encoder_there_are_no_vectors():
    assert score(MILL).vectors.shape == (4, 0)


def test_vectors_are_those_of_the_sentences_under_their_titles():
    encoder = FakeEncoder()
    found = score(MILL, encoder=encoder).vectors
    np.testing.assert_array_equal(found, FakeEncoder().embed(titled(read(MILL))))


def test_the_encoder_is_called_once_with_each_different_text():
    calls = []

    class Noting(FakeEncoder):
        def embed(self, texts, *, on_tokens=None):
            calls.append(list(texts))
            return super().embed(texts, on_tokens=on_tokens)

    score("It is. It was. It is.", "It is.", QUESTION, encoder=Noting())
    assert calls == [[QUESTION, "It is.", "It was."]]


def test_the_encoder_is_not_called_for_nothing():
    encoder = FakeEncoder()
    score("", encoder=encoder)
    assert encoder.embedded == []


def test_what_the_encoder_reads_is_reported():
    read_tokens = []
    SentenceRelevance(encoder=FakeEncoder()).score(
        QUESTION, read(MILL), on_tokens=read_tokens.append
    )
    assert sum(read_tokens) > 0


def test_a_header_is_never_the_answer():
    relevance = score(f"# {QUESTION}\nAnn did. Bob did not.", encoder=FakeEncoder())
    assert relevance.logits[0] == -np.inf
    assert relevance.shares[0] == 0
    assert np.isfinite(relevance.logits[1:]).all()


def test_a_header_alone_is_all_its_document_has():
    passages = read("# The mill", MILL)
    assert headers(passages) == [1]
    assert np.isfinite(score("# The mill", MILL).logits[0])


def test_a_sentence_is_seen_under_its_title_and_a_header_as_it_is():
    assert titled(read(MILL, "Rain fell.")) == [
        "# The mill",
        "The mill. It was opened by Ann.",
        "The mill. It is of brick.",
        "The mill. Nobody knows why.",
        "Rain fell.",
    ]


def test_a_title_with_the_questions_words_lifts_its_sentences():
    under = logit_of(
        "It is cold.", "# The old mill\nIt is cold. Rain fell.", "# Dogs\nIt was hot. They bark."
    )
    other = logit_of(
        "It was hot.", "# The old mill\nIt is cold. Rain fell.", "# Dogs\nIt was hot. They bark."
    )
    assert under > other


def test_signals_of_any_size_count_the_same():
    """Standard scores: what a signal is multiplied with is of no account."""

    class Louder(BM25):
        def score(self, question, passages, *, on_tokens=None):
            return 1000 * super().score(question, passages) + 7

    one = SentenceRelevance(encoder=FakeEncoder()).score(QUESTION, read(MILL, RIVER))
    other = SentenceRelevance(encoder=FakeEncoder(), bm25=Louder()).score(
        QUESTION, read(MILL, RIVER)
    )
    np.testing.assert_allclose(one.logits, other.logits, atol=1e-6)


def test_a_signal_that_says_nothing_changes_nothing():
    class Deaf(FakeEncoder):
        def embed(self, texts, *, on_tokens=None):
            return np.tile([0.6, 0.8], (len(texts), 1))

    np.testing.assert_allclose(score(MILL, encoder=Deaf()).logits, score(MILL).logits)


def test_a_document_whose_title_a_good_sentence_mentions_is_worth_more():
    ann = "# Ann Brown\nBorn in York. She had two sons. Fond of tea."
    mill = "The old mill was opened by {}. Rain fell. Snow fell. Hail fell."
    linked = logit_of("Born in York.", mill.format("Ann Brown"), ann, "Cows ate. Pigs too.")
    apart = logit_of("Born in York.", mill.format("Bob Green"), ann, "Cows ate. Pigs too.")
    assert linked > apart + 0.5


@pytest.mark.parametrize("title", ["Ann Brown (miller)", "ANN BROWN", "Ann-Brown"])
def test_a_mention_is_of_words_without_brackets_and_case(title):
    texts = (f"Title: {title}\nBorn in York. She had two sons.", "Cows ate. Pigs too.")
    asked = logit_of("Born in York.", *texts, question="Where was Ann Brown at home?")
    plain = logit_of("Born in York.", *texts, question="Where was the man at home?")
    assert asked > plain + 0.5


def test_part_of_a_word_is_no_mention():
    texts = ("Title: Ann Brown\nBorn in York. She had two sons.", "Cows ate. Pigs too.")
    asked = logit_of("Born in York.", *texts, question="Joann Browns?")
    assert asked < logit_of("Born in York.", *texts, question="Ann Brown?")


def test_identical_sentences_are_worth_the_same_but_for_their_place():
    logits = score("Rain. The mill. The mill. The mill.", encoder=FakeEncoder()).logits
    assert logits[1] == logits[2] == logits[3]


def test_all_identical_sentences_share_alike():
    shares = score("The mill.", "The mill.", "The mill.", encoder=FakeEncoder()).shares
    assert shares.tolist() == pytest.approx([1 / 3] * 3)


def test_a_document_that_mentions_only_itself_is_not_linked():
    named = "Mill House was opened."
    own = logit_of(
        "Snow fell.", f"# Mill House\nRain fell. {named} Snow fell.", "Cows ate. Pigs too."
    )
    other = logit_of(
        "Snow fell.", "# Mill House\nRain fell. Snow fell.", f"Cows ate. {named} Pigs too."
    )
    assert other > own + 0.5


def test_the_order_of_documents_does_not_matter():
    one = score(MILL, RIVER, encoder=FakeEncoder()).logits
    other = score(RIVER, MILL, encoder=FakeEncoder()).logits
    np.testing.assert_allclose(one, [*other[4:], *other[:4]])


def test_what_has_no_word_is_never_the_answer():
    relevance = score("The mill is of brick.", " \n", "...", encoder=FakeEncoder())
    assert relevance.logits[1:].tolist() == [-np.inf, -np.inf]
    assert relevance.shares.tolist() == [1, 0, 0]


def test_a_remark_is_not_worth_more_for_being_short():
    talk = "Hm. OK. The sheep walked over the hill in the rain."
    assert np.ptp(score(talk, question="quetzal").logits[1:]) < 1


def test_a_title_in_a_script_without_spaces_is_mentioned():
    texts = ("# 東京タワー\n高い。赤い。", "犬は走る。猫は寝る。")
    asked = logit_of("赤い。", *texts, question="東京タワーはどこ?")
    assert asked > logit_of("赤い。", *texts, question="京東はどこ?") + 0.5


def test_a_title_of_several_documents_names_none():
    one = "# Field notes\nRows are long. Columns are short."
    linked = logit_of(
        "Columns are short.", one, "Cows ate. Pigs too.", question="What field notes?"
    )
    both = logit_of(
        "Columns are short.",
        one,
        "# Field notes\nCows ate. Pigs too.",
        question="What field notes?",
    )
    assert linked > both
