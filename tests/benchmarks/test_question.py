"""The plain functions that the benchmarks on questions rest on."""

import json

from benchmarks.question.long_prompts import PIECE, pieces
from benchmarks.question.prompts import placed, titled
from benchmarks.question.run import drop_torn_line, read_lines


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
