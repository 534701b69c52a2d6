"""The plain functions that the benchmarks on questions rest on."""

import json

import pytest

from benchmarks.question.answers import broken_characters, normalised, paragraphs_kept, survives
from benchmarks.question.long_prompts import PIECE, pieces
from benchmarks.question.prompts import placed, titled
from benchmarks.question.run import drop_torn_line, read_lines


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


def test_the_first_document_moves_and_the_others_keep_their_order():
    documents = [{"title": name, "text": name.upper()} for name in "abcd"]
    assert [d["title"] for d in placed(documents, 2)] == ["b", "c", "a", "d"]
    assert [d["title"] for d in placed(documents, 0)] == ["a", "b", "c", "d"]
    assert titled(placed(documents, 3))[3] == "Document [4](Title: a) A"


def test_pieces_lose_nothing_but_blanks():
    text = "A line.\n" * 300 + "A long sentence of a line. " * 200
    assert "".join(" ".join(pieces(text)).split()) == "".join(text.split())
    assert max(map(len, pieces(text))) <= 2 * PIECE


def test_an_interrupted_last_line_is_dropped(tmp_path):
    file = tmp_path / "0-of-1.jsonl"
    record = {"case": "c", "arm": "a", "rate": 0.5}
    file.write_text(json.dumps(record) + '\n{"case": "to', "utf-8")
    assert list(read_lines(tmp_path)) == [("c", "a", 0.5)]
    drop_torn_line(file)
    assert file.read_text("utf-8") == json.dumps(record) + "\n"


def test_the_later_of_two_records_counts(tmp_path):
    lines = [{"case": "c", "arm": "a", "rate": 0.5, "n": n} for n in (1, 2)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines), "utf-8")
    assert [r["n"] for r in read_lines(tmp_path).values()] == [2]
