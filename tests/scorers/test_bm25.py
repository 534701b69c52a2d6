import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.errors import SettingError
from tersely.scorers.bm25 import BM25

QUESTION = "Who ate the cheese?"
few_words = st.lists(
    st.sampled_from(["cat", "cats", "dog", "猫", "日本語", "a", "ab", "\ud83d"]), max_size=9
).map(" ".join)


def values(passages, question=QUESTION, **settings):
    return BM25(**settings).score(question, passages)


@settings(max_examples=60)
@given(
    passages=st.lists(few_words | spaced_texts, max_size=6),
    question=few_words,
    k1=st.sampled_from([0.0, 0.9, 1.5]),
    b=st.sampled_from([0.0, 0.75, 1.0]),
    grams=st.booleans(),
)
def test_it_is_lucenes_formula(passages, question, k1, b, grams):
    scorer = BM25(k1=k1, b=b, grams=grams)
    terms = [scorer.terms(passage) for passage in passages]
    expected = reference.bm25(scorer.terms(question), terms, k1, b)
    np.testing.assert_allclose(scorer.score(question, passages), expected, rtol=1e-5, atol=1e-6)


@given(st.lists(spaced_texts, max_size=6), spaced_texts)
def test_values_are_finite_and_at_least_nothing(passages, question):
    some = values(passages, question)
    assert some.shape == (len(passages),)
    assert np.isfinite(some).all()
    assert (some >= 0).all()


@given(st.lists(few_words, min_size=1, max_size=6), few_words, st.randoms())
def test_order_does_not_matter(passages, question, random):
    places = random.sample(range(len(passages)), len(passages))
    some = values([passages[place] for place in places], question)
    np.testing.assert_array_equal(some, values(passages, question)[places])


@given(few_words, st.lists(few_words, max_size=4))
def test_equal_passages_are_worth_the_same(passage, others):
    some = values([passage, *others, passage])
    assert some[0] == some[-1]


def test_rare_words_of_the_question_are_worth_most():
    some = values(["The dog ate the bone.", "The cheese is old.", "The sun is hot.", "The end."])
    assert some.argmax() == 1
    assert some[0] > some[2] > 0


def test_empty_passages_are_worth_nothing_and_change_nothing():
    assert values(["", "cheese", " \n", "...", "bread"]).tolist()[::2] == [0, 0, 0]
    assert (
        values(["", "cheese", " \n", "bread"])[[1, 3]].tolist()
        == values(["cheese", "bread"]).tolist()
    )
    assert values(["", " "]).tolist() == [0, 0]
    assert values([]).shape == (0,)


@pytest.mark.parametrize("question", ["?!", " ", "\ud83d", "👩‍🚀", "quetzal"])
def test_a_question_that_shares_no_word_values_nothing(question):
    assert values(["the cat", "the dog"], question).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Cats, 3.5!", ["cats", "_cat", "cats", "ats_", "3", "_3_", "5", "_5_"]),
        ("日本語", ["日本", "本語"]),
        ("猫", ["猫"]),
        ("ab猫cd", ["ab", "_ab_", "猫", "cd", "_cd_"]),
        ("ไทย", ["ไท", "ทย"]),
        ("ﬁn ＦＩＮ", ["fin", "_fin", "fin_", "fin", "_fin", "fin_"]),
        ("Straße STRASSE", [*["strasse", "_str", "stra", "tras", "rass", "asse", "sse_"] * 2]),
        ("a_b", ["a", "_a_", "b", "_b_"]),
        ("", []),
        ("\ud83d …", []),
    ],
)
def test_terms_are_words_their_parts_and_pairs_of_unspaced_characters(text, terms):
    assert BM25().terms(text) == terms


def test_without_grams_only_whole_words_count():
    assert BM25(grams=False).terms("Cats 日本語") == ["cats", "日本", "本語"]
    assert values(["compression", "bread"], "compressor", grams=False).tolist() == [0, 0]
    assert values(["compression", "bread"], "compressor")[0] > 0


def test_scripts_without_spaces_are_compared():
    some = values(["東京は日本の首都です。", "猫は魚を食べる。"], "日本の首都はどこですか。")
    assert some[0] > some[1]


@pytest.mark.parametrize("wrong", [{"k1": -1}, {"k1": float("nan")}, {"b": 1.1}, {"b": -0.1}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(SettingError, match=f"{next(iter(wrong))} is"):
        BM25(**wrong)


def test_it_says_what_it_is():
    assert (BM25().name, BM25().measured_in) == ("bm25", "bm25")


def test_nothing_is_written_to_the_callers_log(caplog):
    with caplog.at_level("DEBUG"):
        values(["cheese", "bread"])
    assert caplog.records == []
