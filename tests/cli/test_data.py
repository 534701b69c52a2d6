"""`tersely data`: files out, numbers beside them, one line for each mistake."""

import json

import pytest
from dirty import clean_rows, faulty_rows, personal_rows, write_lines
from typer.testing import CliRunner

from tersely.cli import app


def run(*arguments):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def clean_file(tmp_path):
    return write_lines(tmp_path / "in.jsonl", clean_rows(count=6))


@pytest.fixture
def dirty_file(tmp_path):
    rows = clean_rows(count=20)
    rows += [row for _, row in faulty_rows(rows)] + [row for _, row, _ in personal_rows()]
    return write_lines(tmp_path / "dirty.jsonl", rows)


def rows_of(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_cleaning_writes_rows_and_says_what_became_of_the_others(dirty_file, tmp_path):
    out, report = tmp_path / "out.jsonl", tmp_path / "why.json"
    result = run("clean", dirty_file, "--out", out, "--report", report, "--lang", "en", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text("utf-8"))
    assert found["kept"] == len(rows_of(out)) == found["read"] - found["dropped"]
    assert len(found["rows"]) == found["dropped"] + found["changed"]
    assert found["rows"][0]["file"] == str(dirty_file)
    assert json.loads(result.stdout)["by_reason"] == found["by_reason"]
    assert "24 of them masked" in result.stderr


def test_cleaning_what_is_clean_changes_nothing(clean_file, tmp_path):
    out = tmp_path / "out.jsonl"
    assert run("clean", clean_file, "--out", out, "--quiet").output == ""
    assert rows_of(out) == rows_of(clean_file)
    assert (tmp_path / "out.jsonl.report.json").is_file()


def test_cleaning_twice_gives_the_same_bytes(dirty_file, tmp_path):
    files = [tmp_path / "1.jsonl.gz", tmp_path / "2.jsonl.gz"]
    for out in files:
        assert run("clean", dirty_file, "--out", out).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_steps_can_be_switched_off(dirty_file, tmp_path):
    off = ["--near", 0, "--mask", "none", "--any-answer", "--new-words", 1, "--min-words", 0]
    run("clean", dirty_file, "--out", tmp_path / "out.jsonl", *off, "--report", tmp_path / "r.json")
    reasons = json.loads((tmp_path / "r.json").read_text("utf-8"))["by_reason"]
    assert {name for name in reasons if not name.startswith("label")} == {"duplicate"}


def test_bad_lines_are_counted_if_that_is_asked_for(clean_file, tmp_path):
    clean_file.write_text('{"id": \n' + clean_file.read_text("utf-8"), "utf-8")
    out = tmp_path / "out.jsonl"
    refused = run("clean", clean_file, "--out", out)
    assert (refused.exit_code, out.exists()) == (1, False)
    assert f"{clean_file}:1: not JSON" in refused.stderr
    assert run("clean", clean_file, "--out", out, "--skip-bad").exit_code == 0
    assert json.loads((tmp_path / "out.jsonl.report.json").read_text())["bad"] == 1


def test_splitting_writes_both_sides_and_prints_leakage(clean_file, tmp_path):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    result = run("split", clean_file, "--out-train", train, "--out-test", test, "--json")
    found = json.loads(result.stdout)
    assert (found["train"], found["test"]) == (len(rows_of(train)), len(rows_of(test)))
    assert (found["leakage"]["same"], found["leakage"]["near"]) == (0, 0)
    assert "passages on both sides: 0 the same, 0 near" in result.stderr
    assert sorted(map(str, rows_of(train) + rows_of(test))) == sorted(map(str, rows_of(clean_file)))


def test_augmenting_adds_rows(clean_file, tmp_path):
    out = tmp_path / "out.jsonl"
    result = run("augment", clean_file, "--out", out, "--with", "distractors,shuffle,swap,noise")
    rows = rows_of(out)
    assert rows[:36] == rows_of(clean_file)
    assert len(rows) > 36
    assert "36 (" in result.stderr
    run("augment", clean_file, "--out", out, "--with", "noise", "--only-new")
    assert all(row["augmented"] == ["noise"] for row in rows_of(out))


def test_a_server_rewrites(clean_file, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        "tersely.cli.data.augment._server",
        lambda *given: lambda text: said.append(text) or text + " So it was.",
    )
    address = ["--rewrite-url", "http://127.0.0.1:1/v1", "--rewrite-model", "m"]
    result = run(
        "augment", clean_file, "--out", tmp_path / "o.jsonl", "--with", "rewrite", *address
    )
    assert result.exit_code == 0, result.output
    assert said
    assert rows_of(tmp_path / "o.jsonl")[-1]["augmented"] == ["rewrite"]


def test_a_server_that_is_not_there_ends_it(clean_file, tmp_path, monkeypatch):
    monkeypatch.setattr("tersely.backends.json_server.JsonServer.post", _refuse)
    address = ["--rewrite-url", "http://127.0.0.1:1/v1", "--rewrite-model", "m"]
    result = run(
        "augment", clean_file, "--out", tmp_path / "o.jsonl", "--with", "rewrite", *address
    )
    assert (result.exit_code, (tmp_path / "o.jsonl").exists()) == (1, False)
    assert "no answer" in result.stderr


def _refuse(*_, **__):
    from tersely.errors import BackendError

    raise BackendError("no answer")


@pytest.mark.parametrize("name", ["page.md", "page.html"])
def test_a_report_is_a_page(name, clean_file, tmp_path):
    result = run("report", clean_file, "--out", tmp_path / name, "--json")
    assert result.exit_code == 0, result.output
    page = (tmp_path / name).read_text("utf-8")
    assert "What is in the set" in page
    assert "conversation" in page
    assert json.loads(result.stdout)["rows"] == 36
    assert len([*tmp_path.glob("page_pictures/*.png")]) == (4 if name == "page.md" else 0)


def test_a_report_is_printed_without_a_file(clean_file):
    result = run("report", clean_file)
    assert "Tokens of a row's passages" in result.stdout
    assert "![" not in result.stdout


MISTAKES = {
    "no file": (["clean", "/no/file.jsonl", "--out", "x.jsonl"], "There is no file /no/file.jsonl"),
    "over itself": (["clean", "IN", "--out", "IN"], "is named twice"),
    "mask": (["clean", "IN", "--out", "OUT", "--mask", "mail"], "Did you mean 'email'"),
    "language": (["clean", "IN", "--out", "OUT", "--lang", "english"], "No language is called"),
    "near": (["clean", "IN", "--out", "OUT", "--near", "7"], "near is in [0.3, 1]; got 7.0"),
    "words": (["clean", "IN", "--out", "OUT", "--max-words", "2"], "got 5 and 2"),
    "share": (
        ["split", "IN", "--out-train", "OUT", "--out-test", "O2", "--share", "2"],
        "share is",
    ),
    "way": (["augment", "IN", "--out", "OUT", "--with", "shufle"], "Did you mean 'shuffle'"),
    "page": (["report", "IN", "--out", "page.pdf"], "ending in .md or .html"),
    "tokens": (["report", "IN", "--for", "o200k_bas"], "Did you mean 'o200k_base'"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(case, clean_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, said = MISTAKES[case]
    files = {"IN": clean_file, "OUT": tmp_path / "out.jsonl", "O2": tmp_path / "out2.jsonl"}
    result = run(*(files.get(one, one) for one in arguments))
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert {file.name for file in tmp_path.iterdir()} == {"in.jsonl"}
