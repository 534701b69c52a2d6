"""Right answers, and answers that are still there."""

import math
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluation.metric_parity import PIECES, random_pairs
from tersely.evaluation.metrics.answers import (
    accuracy,
    answer_words,
    broken_characters,
    chosen_letter,
    contains,
    em,
    f1,
    final_number,
    normalised,
    paragraphs_kept,
    survived,
    survives,
)


def squad_words(text):
    """As evaluate-v2.0.py says it: small letters, no ASCII punctuation, no articles."""
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def mlqa_words(text, language):
    """As mlqa_evaluation_v1.py says it, for the languages it has."""
    marks = lambda char: unicodedata.category(char)[0] == "P" or char in string.punctuation  # noqa: E731
    bare = "".join(char for char in text.lower() if not marks(char))
    if language == "zh":
        return "".join(f" {c} " if "\u4e00" <= c <= "\u9fa5" else c for c in bare).split()
    articles = {
        "es": "un una unos unas el la los las",
        "de": "ein eine einen einem eines einer der die das den dem des",
        "vi": "của là cái chiếc những",
    }
    for article in articles.get(language, "").split():
        bare = re.sub(rf"\b{article}\b", " ", bare)
    return (bare.replace("ال", " ") if language == "ar" else bare).split()


def slow_f1(said, right):
    """Precision and recall, one word after another."""
    if not said or not right:
        return float(said == right)
    left, common = list(right), 0
    for word in said:
        if word in left:
            left.remove(word)
            common += 1
    precision, recall = common / len(said), common / len(right)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def slow_scores(said, golds, words):
    """Return em and f1; right answers without words count only where there are no others."""
    right = [words(gold) for gold in golds]
    right = [some for some in right if some] or right
    said = words(said)
    return max(float(said == some) for some in right), max(slow_f1(said, some) for some in right)


def test_english_is_scored_as_squad_scores_it():
    """100,000 pairs against the official script itself: benchmarks/evaluation/metric_parity.py."""
    for said, golds in random_pairs(20_000, seed=1):
        exact, overlap = slow_scores(said, golds, squad_words)
        assert em(said, golds) == exact
        assert f1(said, golds) == pytest.approx(overlap, abs=1e-12)


@pytest.mark.parametrize("language", [one for one in PIECES if one != "en"])
def test_other_languages_are_scored_as_mlqa_scores_them(language):
    words = lambda text: mlqa_words(text, language)  # noqa: E731
    for said, golds in random_pairs(1_000, seed=2, pieces=PIECES[language]):
        exact, overlap = slow_scores(said, golds, words)
        assert em(said, golds, language=language) == exact
        assert f1(said, golds, language=language) == pytest.approx(overlap, abs=1e-12)


def test_words_are_counted_not_collected():
    assert f1("no no no", ["no"]) == 0.5
    assert f1("the cat sat", ["a dog", "cat"]) == pytest.approx(2 / 3)


def test_saying_nothing_is_right_where_there_is_no_answer():
    assert em("", [""]) == f1("", [""]) == em("the", ["?"]) == 1
    assert em("x", [""]) == f1("x", [""]) == f1("", ["x"]) == 0


def test_an_empty_right_answer_does_not_count_beside_another():
    assert em("", ["the", "cat"]) == f1("", ["the", "cat"]) == 0


def test_where_nothing_is_right_nothing_is_scored():
    assert all(math.isnan(score("x", [])) for score in (em, f1, accuracy, contains, survived))


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("zh-Hant", "在北京大學，1898年。", [*"在北京大學", "1898", "年"]),
        ("ja", "ラーメンを3杯", [*"ラーメンを", "3", "杯"]),
        ("th", "ที่ไทย 4G", ["ที่", "ไ", "ท", "ย", "4g"]),
        ("de_CH", "Der Bär, „das Tier“", ["bär", "tier"]),
        ("ru", "В 1898 году — «да»", ["в", "1898", "году", "да"]),
        ("en", "The cat—an “A”", ["cat—", "“", "”"]),
    ],
)
def test_a_language_decides_what_a_word_is(language, text, words):
    assert answer_words(text, language) == words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("She has 3, so 10-5=5 are left. That makes $1,234.50 dollars.", "1234.5"),
        ("He earns -$7", "-7"),
        ("That is \u22125%.", "-5"),
        ("3,4", "4"),
        ("1,2345", "2345"),
        ("about .5", "0.5"),
        ("The answer is 18. It is 2 more than 16.", "18"),
        ("The answer is 3 * 5 = 15.\nQuestion: 7?", "15"),
        ("Answer:\n£ 18 of 20 pounds", "20"),
        ("#### 72", "72"),
        ("The answer is 7.\nNo. The answer is 8.", "8"),
        ("12 cats. The answer is many.", "12"),
        ("٣٤", "34"),
    ],
)
def test_the_final_number_is_found(text, number):
    assert final_number(text) == final_number(number)
    assert accuracy(text, [number]) == accuracy(text, [f"1 + 1 = 2\n#### {number}"]) == 1


def test_the_final_number_must_be_the_same_one():
    assert final_number("none") is None
    assert accuracy("none", ["3"]) == accuracy("33", ["3"]) == accuracy("3 and 4", ["3"]) == 0
    assert accuracy("18.0", ["18"]) == accuracy("18", ["7", "18"]) == 1


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        (" b) because", "B"),
        ("C\n\nQuestion: D?", "C"),
        ("(A) no, rather (D)", "A"),
        ("Either (A) or (D)", "D"),
        ("(A) or (B). So the answer is (C).", "C"),
        ("A cat sat, so B", "B"),
        ("I think it's A", "A"),
        ("I'd say a cat", None),
        ("", None),
    ],
)
def test_the_chosen_letter_is_found(text, letter):
    assert chosen_letter(text) == letter


@pytest.mark.parametrize("gold", ["B", "(B)", "b.", "(B) a cat"])
def test_a_letter_is_compared_with_the_chosen_one(gold):
    assert accuracy("So the answer is (B).", ["(X)", gold]) == 1
    assert accuracy("B or (A)", [gold]) == accuracy("", [gold]) == 0


@pytest.mark.parametrize(
    ("text", "gold", "score"),
    [
        ("Yes, as 3 > 2.", "yes", 1),
        ("3 > 2. So the answer is no.", "No", 1),
        ("invalid", "valid", 0),
        ("not True", "True", 0),
        ("So the answer is apple barn.", "apple barn", 1),
        ("apple barn cat", "apple barn", 0),
        ("So the answer is ] ) }.", "] ) }", 1),
        ("] }", "] ) }", 0),
        ("(A)? The answer is (B).", "(A)? The answer is (B).", 1),
    ],
)
def test_other_answers_are_compared_by_their_words(text, gold, score):
    assert accuracy(text, [gold]) == score


def test_an_answer_that_stands_in_the_text_is_contained():
    assert contains("He is Wilhelm Röntgen, of Germany", ["nobody", "wilhelm rontgen"]) == 1
    assert survived("in 1901", ["1902"]) == 0
    assert survived("于1901年", ["一九", "1901 年"], language="zh") == 1


def test_an_answer_without_letters_cannot_be_looked_for():
    assert math.isnan(contains("what?", ["?", ""]))
    assert contains("what?", ["?", "what"]) == 1


@given(
    st.text(max_size=30),
    st.lists(st.text(max_size=12), max_size=3),
    st.sampled_from(["en", "zh", "ja", "th", "de"]),
)
def test_any_answer_has_a_score_or_none(text, golds, language):
    for score in (em, f1, accuracy, contains, survived):
        value = score(text, golds, language=language)
        assert math.isnan(value) or 0 <= value <= 1
        assert score(text, [*golds, text], language=language) == 1 or not normalised(text)


@given(st.sampled_from([em, f1, accuracy]), st.text(max_size=30))
def test_any_text_is_itself(score, text):
    assert score(text, [text]) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Röntgen's U.S. \n tour", "rontgens us tour"),
        ("An answer: 1901–1902", "answer 19011902"),
        ("另 一 個 ABC 字", "另一個abc字"),
        ("Ά Ёж", "α еж"),
    ],
)
def test_case_accents_punctuation_articles_and_blanks_do_not_matter(text, plain):
    assert normalised(text) == plain


def test_vowel_signs_are_letters():
    assert normalised("की") != normalised("क")


def test_one_of_the_answers_is_enough():
    assert survives(["nowhere", "Wilhelm Röntgen"], "to wilhelm rontgen, of Germany")
    assert not survives(["nowhere"], "somewhere")


def test_an_answer_of_nothing_but_punctuation_never_survives():
    assert not survives(["?", ""], "what?")


def test_a_paragraph_is_kept_with_one_whole_sentence():
    paragraphs = ["One thing is here. Another is there.", "Nothing is left of this."]
    assert paragraphs_kept(paragraphs, "x Another is there. Nothing left") == [True, False]


def test_only_new_replacement_characters_are_breakage():
    assert broken_characters("a\ufffdb", "\ufffd") == 0
    assert broken_characters("ab", "a\ufffd") == 1
