"""ROUGE, BLEU and chrF are what their libraries say."""

import math

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from benchmarks.evaluation.metric_parity import PIECES, random_pairs, reference_libraries
from tersely.evaluation.metrics import measure
from tersely.evaluation.metrics.overlap import (
    WordTokenizer,
    bleu,
    chrf,
    rouge1,
    rouge2,
    rouge_l,
)

ALL = [rouge1, rouge2, rouge_l, bleu, chrf]


@pytest.mark.parametrize("language", ["en", "de", "zh", "ja"])
@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rouge_l", "bleu", "chrf"])
def test_random_pairs_score_as_in_the_libraries(name, language):
    official, ours = reference_libraries(language)[name], measure(name)
    scored = 0
    for said, golds in random_pairs(300, seed=3, pieces=PIECES.get(language, PIECES["zh"])):
        golds = [gold for gold in golds if gold.strip()] or ["cat sat"]
        value = ours(said, golds, language=language)
        if not math.isnan(value):
            assert value == pytest.approx(official(said, golds), abs=1e-12)
            scored += 1
    assert scored > 200


def test_english_rouge_is_the_library_as_it_comes():
    said, gold = "The cats sat; the dog ran.", "A dog ran where cats sat"
    scores = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"]).score(gold, said)
    ours = [measure(name)(said, [gold]) for name in ("rouge1", "rouge2", "rouge_l")]
    assert ours == [scores[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")]


def test_bleu_and_chrf_are_the_library_as_it_comes():
    said, golds = "the cat sat on a mat", ["the cat sat on the mat", "a cat on a mat"]
    assert bleu(said, golds) == sacrebleu.sentence_bleu(said, golds).score / 100
    assert chrf(said, golds) == sacrebleu.sentence_chrf(said, golds).score / 100


def test_the_best_right_answer_counts():
    assert rouge1("the cat", ["a dog", "the cat sat"]) == rouge1("the cat", ["the cat sat"]) == 0.8
    assert chrf("cat", ["dog", "cat"]) == bleu("cat", ["dog", "cat"]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Für Élise, 3x!", ["für", "élise", "3x"]),
        ("В 1898-м", ["в", "1898", "м"]),
        ("राम की", ["राम", "की"]),
        ("北京ABC大学", ["北", "京", "abc", "大", "学"]),
        ("ที่ไทย", ["ที่", "ไ", "ท", "ย"]),
        ("ラーメン。", ["ラ", "ー", "メ", "ン"]),
        ("?!", []),
    ],
)
def test_rouge_has_words_in_every_language(text, words):
    assert WordTokenizer().tokenize(text) == words


def test_other_scripts_are_not_dropped_as_in_english():
    assert math.isnan(rouge1("北京大学", ["北京大学"]))
    assert rouge1("北京大学", ["北京大"], language="zh") == pytest.approx(6 / 7)
    assert rouge_l("Москва", ["москва"], language="ru-RU") == 1


def test_bleu_cuts_chinese_and_unspaced_languages():
    assert bleu("我爱北京", ["我爱上海"]) == 0
    assert bleu("我爱北京", ["我爱上海"], language="zh") > 0.3
    assert bleu("ไทยแลนด์", ["ไทยแลน"], language="th") > 0.5


def test_what_has_no_words_is_not_scored():
    assert all(math.isnan(score("cat", golds)) for score in ALL for golds in ([], [""], [" \n"]))
    assert math.isnan(rouge2("cat", ["cat"]))
    assert math.isnan(rouge1("cat", ["?"]))


def test_saying_nothing_is_worth_nothing():
    assert [score("", ["a cat"]) for score in ALL] == [0] * 5


@given(
    st.text(max_size=20),
    st.lists(st.text(max_size=10), max_size=2),
    st.sampled_from(["en", "zh", "th", "el"]),
)
def test_any_answer_has_a_score_or_none(text, golds, language):
    for score in ALL:
        value = score(text, golds, language=language)
        assert math.isnan(value) or 0 <= value <= 1


@given(st.lists(st.sampled_from(["cat", "Dog", "7", "x-y", "naïve"]), min_size=2, max_size=9))
def test_an_identical_answer_is_the_best(words):
    text = " ".join(words)
    assert [score(text, ["other words", text]) for score in ALL] == [1] * 5
