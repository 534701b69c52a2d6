"""`tersely train label` and `tersely train pairs`: files out, one line for each mistake."""

import gzip
import json

import pytest
from fakes import FakeBackend
from typer.testing import CliRunner

from tersely.cli import app
from tersely.evaluation.readers.base import Reading
from tersely.training.label.pairs import read_pairs
from tersely.training.label.rows import read_labels
from tersely.training.split import is_held_out

TEXT = "Article {} says that Ann met Bob in 1999 and that they liked the old city of Rome a lot. "
TITLES = ["Normans", "Warsaw", "Force", "Islamism", "Steam engine"]


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    load = lambda name, *, runtime, threads: FakeBackend(name=name)  # noqa: E731
    monkeypatch.setattr("tersely.backends.load.load_causal", load)
    monkeypatch.setattr("tersely.scorers.head_file._shipped", lambda model: None)
    monkeypatch.setattr("tersely.scorers.head_file._of", lambda file, backend: ((0, 0), (2, 1)))


@pytest.fixture
def data(tmp_path):
    rows = [{"id": t, "question": f"When, {t}?", "answers": ["1999"],
             "documents": [{"title": t, "text": TEXT.format(t)}]} for t in TITLES]  # fmt: skip
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "squad2_dev.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    books = [{"id": str(n), "text": TEXT.format(n) * 9} for n in range(4)]
    (tmp_path / "books.jsonl").write_text("".join(json.dumps(row) + "\n" for row in books))
    return tmp_path


def run(command, data, out, *arguments, sets=("squad2_dev",)):
    named = [word for name in sets for word in ("--set", name)]
    line = ["train", command, "--data", data, "--out", out, *named, "--lang", "en", *arguments]
    return CliRunner().invoke(app, list(map(str, line)))


SHORT = ("--words", "5", "60")


@pytest.mark.parametrize("teacher", ["heads", "answer", "likelihood"])
def test_every_teacher_labels_what_is_not_held_out(data, teacher):
    out = data / "labels.jsonl"
    result = run("label", data, out, "--teacher", teacher, *SHORT, sets=("squad2_dev", "books"))
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    rows = list(read_labels(out))
    assert {row.kind for row in rows} == {teacher}
    assert not any(is_held_out(row.group) for row in rows)
    assert {row.group for row in rows} >= {"wikipedia/Normans", "wikipedia/Warsaw"}
    assert f"{out}: {len(rows)} passages of" in result.stderr


def test_a_teacher_that_tells_no_word_apart_is_an_error(data):
    result = run("label", data, data / "x.jsonl", "--teacher", "leave_out", *SHORT)
    assert result.exit_code == 1  # the fake model has forgotten the text when it answers
    assert "valued all words alike" in result.stderr


def test_a_second_start_makes_nothing_and_changes_no_byte(data):
    out = data / "labels.jsonl"
    run("label", data, out, "--teacher", "answer", *SHORT)
    before = out.read_bytes()
    assert run("label", data, out, "--teacher", "answer", *SHORT).exit_code == 0
    assert out.read_bytes() == before


def test_shards_make_together_what_one_run_makes(data):
    whole = data / "labels.jsonl"
    run("label", data, whole, "--teacher", "heads", *SHORT)
    parts = [data / f"part-{number}.jsonl" for number in (1, 2)]
    for number, part in enumerate(parts, start=1):
        run("label", data, part, "--teacher", "heads", "--shard", f"{number}/2", *SHORT)
    assert sorted(b"".join(part.read_bytes() for part in parts).splitlines()) == sorted(
        whole.read_bytes().splitlines()
    )


def test_held_out_texts_are_labelled_when_they_are_asked_for(data):
    out = data / "labels.jsonl"
    run("label", data, out, "--teacher", "answer", "--side", "held-out", *SHORT)
    assert {row.group for row in read_labels(out)} == {
        "wikipedia/Islamism",
        "wikipedia/Steam engine",
    }


def test_a_set_with_one_document_is_labelled_and_said_to_be_too_little(data):
    one = data / "one"
    one.mkdir()
    (one / "books.jsonl").write_text(json.dumps({"id": "0", "text": TEXT.format(0) * 2}) + "\n")
    arguments = ("--teacher", "answer", "--side", "all", "--questions", "cloze", *SHORT)
    result = run("label", one, one / "x.jsonl", *arguments, sets=("books",))
    assert result.exit_code == 0
    assert "All are of one group" in result.stderr


MISTAKES = {
    "teacher": (["--teacher", "boss"], "No teacher is called 'boss'"),
    "questions": (["--questions", "own,quiz"], "questions are one or more of own, cloze"),
    "side": (["--side", "left"], "side is one of train, held-out, all; not 'left'"),
    "shard": (["--shard", "3/2"], "A shard is written 1/2, the first of two; got '3/2'"),
    "words": (["--words", "9", "10"], "most_words is at least twice least_words"),
    "set": (["--set", "none"], "There is no none.jsonl"),
    "no passage": (["--words", "500", "1000"], "There is no passage of 500 to 1000 words"),
    "nothing to ask": (["--questions", "keyword"], "None of 3 passages could be labelled: 3 had"),
    "seed": (["--seed", "-1"], "seed is at least 0"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(data, case):
    arguments, said = MISTAKES[case]
    result = run("label", data, data / "x.jsonl", "--teacher", "answer", *SHORT, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_labels_need_data_or_pairs():
    result = CliRunner().invoke(app, ["train", "label", "--out", "x.jsonl"])
    assert result.exit_code == 1
    assert "Name the folder with --data and its sets with --set, or --pairs." in result.stderr


def shorten(self, asks, *, progress=None):
    texts = [ask.text.rpartition("Text:\n")[2] for ask in asks]
    return [Reading(answer=text.replace("old ", "").replace(" a lot", "")) for text in texts]


def test_pairs_are_written_and_become_labels(data, monkeypatch):
    monkeypatch.setattr("tersely.evaluation.readers.endpoint.EndpointReader.read", shorten)
    where = ("--endpoint", "http://x/v1", "--model", "big", "--window-tokens", "40")
    pairs, out = data / "pairs.jsonl", data / "labels.jsonl"
    result = run("pairs", data, pairs, *where, sets=("books", "squad2_dev"))
    count = len(list(read_pairs(pairs)))
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"{pairs}: {count} new pairs of {count} windows\n"

    line = ["train", "label", "--pairs", pairs, "--out", out]
    result = CliRunner().invoke(app, list(map(str, line)))
    assert result.exit_code == 0, result.stderr
    assert "variation rate 0.000, alignment gap 0.000" in result.stderr
    assert {row.kind for row in read_labels(out)} == {"pairs"}


def test_an_endpoint_that_fails_is_one_line_and_keeps_what_is_finished(data, monkeypatch):
    calls = []

    def fail(self, asks, *, progress=None):
        calls.append(asks)
        found = shorten(self, asks)
        return found if len(calls) == 1 else [Reading(error="BackendError: gone")] * len(asks)

    monkeypatch.setattr("tersely.evaluation.readers.endpoint.EndpointReader.read", fail)
    monkeypatch.setattr("tersely.training.label.pairs.AT_ONCE", 2)
    where = ("--endpoint", "http://x/v1", "--model", "big", "--window-tokens", "40")
    result = run("pairs", data, data / "pairs.jsonl", *where, sets=("books",))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "2 pairs are in" in result.stderr
    assert len(list(read_pairs(data / "pairs.jsonl"))) == 2
