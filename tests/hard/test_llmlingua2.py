"""LLMLingua-2: what the classifier would keep, to the token; and what the original got wrong."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from fakes import FakeBackend, FakeClassifier, WordCounter
from hypothesis import assume, given, settings
from texts import rates, spaced_texts
from tiny_classifier import write_classifier

import tersely
from tersely import errors, loading
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.hard.llmlingua2 import LLMLingua2

COUNTER = WordCounter()
NUMBERS = "Pay 2,000.50 now.\n\nDon't wait:\n  it's 7% off… (really)\tif you\u00a0do it."


@dataclass
class Table(FakeClassifier):
    """Keeps each word of up to four letters as likely as it is told; others 0.5."""

    chances: dict = field(default_factory=dict)

    def classify(self, windows, *, question=None, on_tokens=None):
        super().classify(windows, question=question, on_tokens=on_tokens)
        known = {
            int(self.encode(blank + word).ids[0]): chance
            for word, chance in self.chances.items()
            for blank in ("", " ")
        }
        return [np.array([known.get(int(one), 0.5) for one in ids]) for ids in windows]


def shorten(contexts, rate=0.5, *, tokens=None, classifier=None, question="", protect=(), **asked):
    method = LLMLingua2(classifier=classifier or Table(window_tokens=512), **asked)
    given = {"tokens": tokens} if tokens else {"rate": rate}
    return tersely.compress(
        contexts, question=question, method=method, tokenizer=COUNTER, protect=protect, **given
    )


def test_the_most_likely_words_are_kept_in_their_order():
    table = Table(chances={"cat": 0.9, "mat": 0.8, "the": 0.1, "on": 0.2})
    assert shorten("the cat sat on the mat", tokens=2, classifier=table).text == "cat mat"
    assert shorten("the cat sat on the mat", tokens=3, classifier=table).text == "cat sat mat"


def test_one_budget_is_shared_by_all_contexts_and_kept_to_the_token():
    table = Table(chances={"good": 0.9, "bad": 0.1})
    result = shorten(["bad " * 30, "good " * 10], 0.5, classifier=table)
    assert result.texts[1].split() == ["good"] * 10
    assert result.tokens_after == result.limit_tokens == 20, "not (1 + r) / 2 of r: 0.5 is half"


def test_one_budget_is_shared_by_all_windows_of_a_long_text():
    table = Table(window_tokens=20, chances={"good": 0.9, "bad": 0.1})
    result = shorten("bad " * 50 + "good " * 50, 0.5, classifier=table, overlap_tokens=4)
    assert result.text.split() == ["good"] * 50


def test_contexts_and_words_are_chosen_in_one_reading():
    classifier = FakeClassifier(window_tokens=512)
    contexts = [f"context {n} says that the cat sat on it. " * 3 for n in range(20)]
    result = shorten(contexts, 0.3, classifier=classifier, context_filter=True)
    alone = sum(2 + len(classifier.encode(context)) for context in contexts)
    assert result.model_tokens == sum(classifier.passes) == alone
    assert len(classifier.passes) == len(contexts)


def test_words_of_the_worst_contexts_go_first_if_wanted():
    table = Table(chances={"star": 0.95, "dull": 0.0, "fair": 0.5})
    contexts = ["star dull dull dull", *["fair fair fair fair"] * 3]
    one, *others = shorten(contexts, 0.25, classifier=table).texts
    assert (one, " ".join(others).split()) == ("star", ["fair"] * 3)
    filtered = shorten(contexts, 0.25, classifier=table, context_filter=True)
    assert filtered.texts == ["", "fair fair fair fair", "", ""], "5/8 of the tokens may stay"


def test_a_threshold_drops_what_is_unlikely_whatever_there_is_room_for():
    table = Table(chances={"cat": 0.9, "mat": 0.6, "the": 0.1, "on": 0.2, "sat": 0.3})
    for rate in (0.9, 1.0):
        kept = shorten("the cat sat on the mat", rate, classifier=table, threshold=0.6)
        assert kept.text == "cat mat"
    assert (
        shorten("the cat sat on the mat", tokens=1, classifier=table, threshold=0.5).text == "cat"
    )
    none = shorten("the cat sat on the mat", 0.5, classifier=table, threshold=1.0)
    assert (none.text, none.tokens_after) == ("", 0)


def test_a_threshold_leaves_alone_what_is_protected_and_what_is_empty():
    table = Table(chances={"the": 0.1})
    kept = shorten("the the the", 0.9, classifier=table, threshold=0.6, protect=[r"\Athe"])
    assert kept.text == "the"
    method = LLMLingua2(classifier=table, threshold=0.5)
    empty = Prompt.of([""])
    assert method.compress(empty, Budget(tokens=3), counter=COUNTER).text == ""


def test_repeated_marks_are_written_once_if_wanted():
    text = "one . . two . three . , four 5 5"
    table = Table(chances={".": 0.9, "5": 0.8, "two": 0.1, "one": 0.1})
    asked = {"tokens": 6, "classifier": table}
    assert shorten(text, **asked).text == ". . . . 5 5"
    assert shorten(text, **asked, drop_consecutive=True).text == ". three , four 5 5"


@given(text=spaced_texts, rate=rates)
@settings(max_examples=60)
def test_no_mark_stands_beside_itself_if_that_is_not_wanted(text, rate):
    method = LLMLingua2(classifier=FakeClassifier(), drop_consecutive=True)
    prompt = Prompt.of(re.sub(r"\w", " . ", text) + "..")
    made = method.compress(prompt, Budget(rate=rate), counter=COUNTER)
    assume(made.kept != (tersely.Span(0, 0, len(prompt.segments[0].text)),))
    assert made.tokens_after <= made.limit_tokens
    assert not re.search(r"(?<!\S)\.\s+\.(?!\S)", made.text)


def test_protected_marks_stay_however_many_there_are():
    kept = shorten(". . . one two", 0.7, protect=[r"\."], drop_consecutive=True).text
    assert kept.count(".") == 3


def test_spaces_line_breaks_numbers_and_contractions_survive():
    assert shorten(NUMBERS, 1.0).text == NUMBERS
    left = shorten(NUMBERS, 0.6, protect=["numbers", r"Don't"]).text
    assert "2,000.50" in left
    assert "Don't" in left
    assert "\n" in left
    assert set(left.split()) <= set(re.split(r"\s", NUMBERS)) | {"2,000.50", "7%"}


def test_force_tokens_and_digits_are_protected_text():
    text = "Item 15 of 2024? yes. no! [NEW0] it is + 7"
    forced = [re.escape(token) for token in ("+", "[NEW0]", "?")]
    left = shorten(text, 0.6, protect=[*forced, r"\d"], classifier=Table(chances={"yes": 0.0})).text
    assert all(token in left for token in ("15", "2024", "?", "[NEW0]", "+", "7"))


def test_in_scripts_without_spaces_single_characters_go():
    text = "日本語の文章を短くする。今日は天気がいい。"
    result = tersely.compress(
        text, rate=0.5, method=LLMLingua2(classifier=FakeClassifier()), tokenizer="o200k_base"
    )
    assert 0.3 * len(text) < len(result.text) < len(text)
    assert "\ufffd" not in result.text
    assert not re.search(r"\s", result.text)


def test_instruction_and_question_are_kept_and_not_read():
    classifier = FakeClassifier(window_tokens=512)
    context = "the cat sat on the mat " * 4
    result = shorten(context, 0.6, classifier=classifier, question="Where is the cat?")
    assert result.texts[-1] == "Where is the cat?"
    assert classifier.passes == [2 + len(classifier.encode(context))]


def test_the_question_is_read_with_the_text_only_if_wanted():
    texts = {
        (asked, question): shorten(
            "the cat sat on a mat by the sea " * 4,
            0.5,
            classifier=FakeClassifier(window_tokens=256),
            question=question,
            use_question=asked,
        ).texts[0]
        for asked in (False, True)
        for question in ("Where?", "Who?")
    }
    assert texts[False, "Where?"] == texts[False, "Who?"]
    assert texts[True, "Where?"] != texts[False, "Where?"]


def test_progress_ends_where_it_was_expected_to():
    seen = []
    method = LLMLingua2(classifier=FakeClassifier())
    prompt = Prompt.of(["the cat sat on a mat " * 30, "a dog " * 9])
    made = method.compress(
        prompt, Budget(rate=0.5), counter=COUNTER, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (made.model_tokens, made.model_tokens)
    assert {expected for _, expected in seen} == {made.model_tokens}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"word": "last"}, "word is one of mean, first, max; not 'last'"),
        ({"threshold": 1.5}, r"threshold is a probability, in \[0, 1\]; got 1.5"),
        ({"threshold": "much"}, "threshold of llmlingua2 is a number or None; got 'much'"),
        ({"context_filter": "yes"}, "context_filter of llmlingua2 is True or False; got 'yes'"),
        ({"use_question": 1}, "use_question of llmlingua2 is True or False; got 1"),
        ({"drop_consecutive": None}, "drop_consecutive of llmlingua2 is True or False"),
        ({"window_tokens": 9999}, "window_tokens is at least 16 and, for fake, at most 64"),
        ({"overlap_tokens": -1}, "overlap_tokens is at least 0"),
        ({"backend": 1}, "no setting 'backend'"),
    ],
)
def test_a_setting_out_of_range_is_refused(asked, says):
    with pytest.raises(errors.SettingError, match=says):
        tersely.load("llmlingua2", classifier=FakeClassifier(), **asked)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine on which no model has been pulled."""
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    loading._loaded_classifier.cache_clear()


def test_a_folder_is_loaded_once_and_runs(bare, tmp_path):
    folder = str(write_classifier(tmp_path / "m"))
    method = tersely.load("llmlingua2", model=folder, threads=1)
    assert tersely.load("llmlingua2", classifier=folder, threads=1).classifier is method.classifier
    result = tersely.compress("the cat sat on the mat . a dog ran", tokens=4, method=method)
    assert (result.method, result.model, result.tokens_after) == ("llmlingua2", folder, 4)


def test_the_classifier_of_the_package_needs_no_store(bare):
    result = tersely.compress(
        "Anna Berg was born in 1962. It rained.", tokens=6, method="llmlingua2"
    )
    assert result.model == "keep-l6"
    assert "1962" in result.text


def test_a_threshold_that_nothing_reaches_is_said(bare):
    text = "Anna Berg was born in 1962. It rained."
    result = tersely.compress(text, rate=1.0, method=tersely.load("llmlingua2", threshold=1.0))
    assert (result.text, result.reason) == ("", "no word is as likely kept as the threshold 1.0")


MISTAKES = [
    ({"model": "smollm2-135m"}, errors.ModelMismatch, "is a causal model.*load_classifier loads"),
    ({"model": "minilm-l6"}, errors.ModelMismatch, "is an encoder.*Use a token classifier"),
    ({"model": "microsoft/llmlingua-2-x"}, errors.ModelNotFound, "models pull microsoft/llmling"),
    ({"model": "no-such"}, errors.UnknownName, "No model is called 'no-such'"),
    ({"model": FakeBackend()}, errors.SettingError, "a FakeBackend does not"),
    ({"runtime": "torch", "model": "x"}, errors.SettingError, "runtime is 'openvino', not 'torch'"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_what_is_no_token_classifier_is_refused(bare, number):
    given_, kind, says = MISTAKES[number]
    with pytest.raises(kind, match=says):
        tersely.load("llmlingua2", **given_)
