"""The plain functions that the benchmark without questions rests on."""

import gzip
import json
import math
from argparse import Namespace

import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.agnostic import report, words
from benchmarks.agnostic.arms import Given, RememberedScores, Tools, fingerprint, read_folders
from benchmarks.agnostic.baselines import ByWord, Known, Lexicon, Pooled, Surprisal, central, dense
from benchmarks.agnostic.passages import (
    Asked,
    Passage,
    read_demonstrations,
    read_passages,
    sentence_windows,
    training_texts,
    turn_windows,
    window_of,
)
from benchmarks.agnostic.reading import ask_of
from benchmarks.agnostic.records import file_of, read_lines, records_of, run, sha
from benchmarks.agnostic.speed import jaccard, kept_words
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.counting import load_counter
from tersely.evaluation.source import Source
from tersely.training.split import is_held_out

TEXT = "Anna paid 30 francs to the tall clerk. He was slow, and it was late in Geneva."
STOPS = frozenset(["a", "and", "he", "in", "it", "the", "to", "was"])


def passage(text=TEXT, name="squad2-1@en", answers=("30 francs",), group="wikipedia/A"):
    asked = tuple(Asked(f"q{n}", "How much?", (answer,)) for n, answer in enumerate(answers))
    return Passage(name, "squad2", group, "en", text, asked, extractive=True)


def kept(compressor, text=TEXT, tokens=6):
    counter = load_counter("o200k_base")
    return compressor.compress(Prompt.of([text]), Budget(tokens=tokens), counter=counter).text


def lexicon(*texts):
    return Lexicon(words.Counts.of(texts), STOPS)


@given(st.lists(st.integers(0, 9)), st.integers(1, 12))
def test_windows_hold_everything_and_are_short(counts, most):
    windows = turn_windows(counts, most)
    assert [i for a, b in windows for i in range(a, b)] == list(range(len(counts)))
    assert all(sum(counts[a:b]) <= most or b - a == 1 for a, b in windows)


def test_windows_of_sentences_tile_the_text():
    text = "One two three. " * 9
    windows = sentence_windows(text, 7)
    assert "".join(text[a:b] for a, b in windows) == text
    assert max(len(text[a:b].split()) for a, b in windows) <= 7


def test_a_query_belongs_where_half_of_what_it_needs_is_said():
    windows, counts = [(0, 2), (2, 4)], [5, 5, 5, 5]
    assert window_of(windows, counts, {1, 2, 3}) == 1
    assert window_of(windows, counts, set()) is None
    assert window_of([(0, 1), (1, 2), (2, 3), (3, 4)], counts, {0, 1, 2, 3}) is None


def _write(folder, name, rows):
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def _row(number, title, language="en"):
    document = {"title": title, "text": f"{TEXT} {number} {language}"}
    return {
        "id": f"xquad-{language}-{number}",
        "question": "Who?",
        "answers": ["Anna"],
        "documents": [document],
        "lang": language,
    }


def test_only_held_out_articles_are_measured_and_only_the_others_counted(tmp_path):
    titles = [f"Article {n}" for n in range(20)]
    rows = [_row(n, title, lang) for n, title in enumerate(titles) for lang in ("en", "th")]
    _write(tmp_path, "xquad", rows)
    source = Source(str(tmp_path))
    found = read_passages("xquad", source)
    held = [title for title in titles if is_held_out(f"wikipedia/{title}")]
    assert {p.group for p in found} == {f"wikipedia/{title}" for title in held}
    assert len(training_texts("xquad", source, "th")) == 20 - len(held)
    few = read_passages("xquad", source, count=2)  # the same paragraphs in both languages
    assert len({report.cluster((p.set, p.id, "q")) for p in few}) == 2
    assert [p.language for p in few] == ["en", "th"] * 2


def test_worked_problems_stand_apart_and_have_no_calculator_marks(tmp_path):
    row = {"question": "1+1?", "answer": "It is <<1+1=2>>2.\n#### 2", "final_answer": "2"}
    rows = [row | {"id": f"gsm8k-{n}", "orig_split": "train"} for n in range(40)]
    _write(tmp_path, "gsm8k", rows)
    (first, *_) = read_demonstrations(Source(str(tmp_path)), sets=1, shots=3)
    assert first.text.count("\n\n") == 2
    assert "<<" not in first.text
    assert "It is 2.\nThe answer is 2" in first.text


def test_a_word_without_its_marks():
    assert [words.plain(w) for w in ("(Anna's", "2,000.50,", "--", "")] == [
        "anna's",
        "2,000.50",
        "",
        "",
    ]


def test_rarity_is_of_texts_not_of_occurrences():
    counts = words.Counts.of(["a a a b", "b c"])
    assert counts.rarity("a") == counts.rarity("c") == pytest.approx(math.log(3 / 2))
    assert counts.rarity("b") == 0
    assert counts.rarity("unseen") == pytest.approx(math.log(3))
    assert counts.rarity("") == 0


def test_repetition_counts_for_tf_idf_and_not_for_rarity():
    counts = words.Counts.of(["x"])
    assert words.tf_idf(["new", "new", "other"], counts, tf=False).tolist() == [math.log(2)] * 3
    first, _, last = words.tf_idf(["new", "new", "other"], counts)
    assert first == pytest.approx(last * (1 + math.log(2)))


def test_a_capital_at_the_beginning_of_a_sentence_is_no_name():
    said = ["Slow", "was", "Anna", "at", "30", ".", "Anna", "left"]
    firsts = [True, *[False] * 5, True, False]
    worth = words.names_and_numbers(said, firsts, STOPS | {"at"})
    assert worth.tolist() == [1, 0, 2, 0, 2, 0, 2, 1]


def test_languages_without_a_list_take_frequent_words():
    counts = words.Counts.of(["και το σπίτι", "και το δέντρο", "και θάλασσα"])
    assert "και" in words.stop_words("el", counts)
    assert "the" in words.stop_words("en", counts)
    assert "" not in words.stop_words("el", counts)


@given(st.lists(st.floats(0, 9), max_size=12), st.integers(0, 4))
def test_smoothing_is_the_mean_of_the_neighbours(values, reach):
    expected = [np.mean(values[max(0, i - reach) : i + reach + 1]) for i, _ in enumerate(values)]
    np.testing.assert_allclose(words.smoothed(np.array(values), reach), expected, atol=1e-9)


def test_a_sentence_that_shares_words_is_central():
    ranks = words.text_rank([["cat", "dog", "sea"], ["cat", "dog"], ["dog", "sea"], ["moon"]])
    assert ranks.argmax() == 0
    assert ranks.argmin() == 3
    assert ranks.sum() == pytest.approx(1)
    assert words.text_rank([]).tolist() == []
    assert words.text_rank([[], []]).tolist() == pytest.approx([0.5, 0.5])


def test_words_of_content_are_what_is_counted():
    assert words.words_kept(TEXT, "francs Geneva", ["The 30 francs"]) == 0.5
    assert words.words_kept(TEXT, "", ["the"]) != words.words_kept(TEXT, "", ["the"])  # NaN
    assert words.words_kept(TEXT, "", ["unsaid", "slow"]) == 0
    assert words.words_kept(TEXT, "late", ["slow clerk", "late"]) == 1


def test_numbers_and_names_come_before_other_words():
    left = kept(ByWord(lexicon=lexicon(), worth="names"))
    assert "30" in left
    assert "Geneva" in left
    assert "clerk" in kept(ByWord(lexicon=lexicon(), worth="content"), tokens=12)


def test_a_word_of_all_texts_goes_first():
    known = lexicon(TEXT.replace("Geneva", "town"))
    assert "Geneva" in kept(ByWord(lexicon=known, worth="rare"), tokens=3)


def test_among_names_the_rare_ones_come_first():
    for known, first in ((lexicon("Geneva"), "30"), (lexicon("30"), "Geneva")):
        assert first in kept(ByWord(lexicon=known, worth="names, rare"), tokens=2)


def test_the_answers_are_kept_by_who_knows_them():
    assert "30 francs" in kept(Known(answers=("30 francs", "not there")), tokens=3)


def test_surprisal_shifted_keeps_the_last_word():
    shifted = Surprisal(backend=FakeBackend(), alignment="reference")
    assert kept(shifted, tokens=4).endswith(".")
    assert kept(Surprisal(backend=FakeBackend()), tokens=4) != kept(shifted, tokens=4)


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 3)), max_size=12))
def test_means_are_of_the_group(pairs):
    values, groups = np.array([v for v, _ in pairs]), [g for _, g in pairs]
    expected = [np.mean([v for v, g in pairs if g == group]) for group in groups]
    np.testing.assert_allclose(words.means_of(values, groups), expected, atol=1e-9)


def test_what_is_never_kept_is_no_part_of_a_mean():
    values = np.array([1.0, -np.inf, 3.0])
    assert words.means_of(values, [7, 7, 7]).tolist() == [2.0, -np.inf, 2.0]


def test_pooled_words_stay_together():
    inner = ByWord(lexicon=lexicon(), worth="names")
    assert kept(Pooled(inner=inner), tokens=10) == TEXT[:38]
    assert kept(Pooled(inner=inner, unit="phrase"), tokens=8).startswith("Anna paid 30 francs")
    assert kept(Pooled(inner=inner, share=0.0)) == kept(inner)


def test_sentences_are_valued_without_a_question():
    sentences = ["Anna met Bern 3 times.", "It was late.", "It was late there."]
    assert dense(lexicon()).score("", sentences).argmax() == 0
    assert central(lexicon()).score("ignored", sentences).argmin() == 0


def test_a_model_that_remembers_says_the_same_and_reads_once():
    fake = FakeBackend()
    model, ids = RememberedScores(fake), [fake.encode(text).ids for text in ("one two", "three")]
    first, again = model.score(ids), model.score(ids[::-1])
    np.testing.assert_array_equal(first[0], again[1])
    np.testing.assert_array_equal(first[1], FakeBackend().score(ids[1:])[0])
    assert sum(fake.passes) == sum(map(len, ids))


def _options(out, arms=("truncate",)):
    return Namespace(classifier=[], arms=arms, rates=[0.5], seed=0, threads=1, out=out)


def test_what_is_done_is_not_done_again_unless_the_text_changed(tmp_path):
    options, tools = _options(tmp_path), Tools(Source(""), 1, 0, {})
    for one in (passage(), passage(), passage(text=TEXT + " New.")):
        run([one], options, tools)
    file = file_of(tmp_path / "survival", "truncate")
    assert len(file.read_text("utf-8").splitlines()) == 2
    (record,) = records_of([one], options, tools)
    assert record["of"] == sha(one.text)
    assert record["tokens"] <= record["limit"] == record["whole"] // 2


def test_a_failure_is_a_record_in_which_nothing_survives(tmp_path):
    options = _options(tmp_path, arms=["tf-idf"])
    run([passage()], options, Tools(Source(str(tmp_path)), 1, 0, {}))  # no texts to count words of
    (record,) = read_lines(file_of(tmp_path / "survival", "tf-idf")).values()
    assert "squad2" in record["error"]
    assert record["survived"] == {"q0": 0.0}


def test_a_paragraph_and_its_translations_are_one_cluster():
    values = {("xquad", f"xquad-{n}@{lang}", "q"): n % 2 for n in range(9) for lang in ("en", "th")}
    alone = {asked: value for asked, value in values.items() if asked[1].endswith("@en")}
    assert report.mean(values).low == report.mean(alone).low
    assert report.mean(values).count == 18


def test_differences_are_over_what_both_have():
    ours = {("s", f"p{n}@en", "q"): 1.0 for n in range(6)}
    theirs = dict.fromkeys(list(ours)[:4], 0.5)
    found = report.difference(ours, theirs)
    assert (found.value, found.count) == (50.0, 4)


def test_a_page_names_what_failed_and_what_is_less():
    rows = [
        {"set": "squad2", "passage": f"p{n}@en", "group": "g", "language": "en", "arm": arm}
        | {"rate": 0.5, "whole": 10, "words": {"q": 1.0}, "survived": {"q": float(arm == "a")}}
        | ({"error": "X: y"} if (arm, n) == ("b", 0) else {"tokens": 5})
        for n in range(4)
        for arm in ("a", "b")
    ]
    first, second = report.tables(rows, [0.5], ["a"])[1].split("\n\n")[:2]
    assert "| b | 4 | 0.0 [0.0, 60.2] | 50.0 | 1 |" in first
    assert "| a | b | +100.0 [-20.5, +100.0] |" in second


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_jaccard_is_even_and_one_for_equals(one, other):
    assert jaccard(one, other) == jaccard(other, one)
    assert (jaccard(one, other) == 1) == (one == other)


def test_a_word_is_kept_if_a_part_of_it_is():
    assert kept_words("one two, three", [Span(0, 0, 3), Span(0, 5, 7)]) == {0, 1}
    assert kept_words("one two, three", [Span(0, 7, 14)]) == {2, 3}
    assert kept_words("", []) == set()


@pytest.fixture
def folder(tmp_path):
    """A folder that looks like a classifier's."""
    place = tmp_path / "keep-l6" / "export"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}", "utf-8")
    return place


def test_a_folder_is_named_for_what_it_is_of(folder):
    assert read_folders([str(folder)]) == {"keep-l6": Given(folder, {})}
    given = read_folders([f"other={folder},word=max,use_question=true"])
    assert given == {"other": Given(folder, {"word": "max", "use_question": True})}
    with pytest.raises(SystemExit, match="Two arms"):
        read_folders([str(folder), str(folder)])
    with pytest.raises(SystemExit, match="no folder of a classifier"):
        read_folders([str(folder.parent)])


def test_another_file_or_setting_is_another_classifier(folder):
    before = fingerprint(Given(folder, {}))
    assert fingerprint(Given(folder, {"word": "max"})) != before
    (folder / "tersely.json").write_text("{}", "utf-8")  # says when it was trained: no weights
    assert fingerprint(Given(folder, {})) == before
    (folder / "config.json").write_text("{ }", "utf-8")
    assert fingerprint(Given(folder, {})) != before


def test_a_reader_gets_what_is_left_and_then_the_question():
    one = Asked("q", "How much?", ("30 francs",))
    assert ask_of("Anna paid.", one).text == "Anna paid.\n\nQuestion: How much?\nAnswer:"
    assert ask_of("", one).text.startswith("Question")
    assert ask_of("", one).answers == (" 30 francs",)
