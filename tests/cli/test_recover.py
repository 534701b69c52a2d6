"""`tersely recover`: from a prompt, what compress said of it, and an answer, the old wording."""

import json

import pytest
from typer.testing import CliRunner

from tersely.cli import app

TEXT = "The Apollo 11 spacecraft of NASA landed on the Sea of Tranquillity in July 1969.\r\n"
ANSWER = "Apollo 11 NASA, in 1969\r\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, given=ANSWER: CliRunner().invoke(app, arguments, input=given)


@pytest.fixture
def folder(run, tmp_path):
    """A prompt and what compress printed."""
    (tmp_path / "prompt.txt").write_bytes(TEXT.encode())
    settings = ("-m", "random_drop", "-s", "seed=3", "--tokens", "12", "--json")
    (tmp_path / "result.json").write_text(run("compress", "prompt.txt", *settings).stdout, "utf-8")
    return tmp_path


def change(folder, **changed):
    found = json.loads((folder / "result.json").read_text("utf-8")) | changed
    left = {key: value for key, value in found.items() if value is not ...}
    (folder / "result.json").write_text(json.dumps(left), "utf-8")


KEPT = {  # "The Apollo 11 NASA in 1969"
    "text": "The Apollo 11 NASA in 1969",
    "kept": [[0, 0, 13], [0, 27, 32], [0, 66, 69], [0, 74, 79]],
}


@pytest.fixture
def kept(folder):
    change(folder, **KEPT)
    return folder


def test_what_compress_printed_is_taken(run, folder):
    result = run("recover", "prompt.txt", "result.json", given="Tell me nothing.")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Tell me nothing.", "")


def test_the_wording_comes_back_byte_for_byte(run, kept):
    result = run("recover", "prompt.txt", "result.json", given=ANSWER)
    assert result.stdout_bytes == b"Apollo 11 spacecraft of NASA, in 1969\r\n"


def test_the_answer_may_be_a_file(run, kept):
    (kept / "answer.txt").write_text("Apollo 11 NASA", "utf-8")
    said = run("recover", "prompt.txt", "result.json", "answer.txt").stdout
    assert said == "Apollo 11 spacecraft of NASA"


def test_the_longest_gap_can_be_set(run, kept):
    said = run("recover", "prompt.txt", "result.json", "--most-words", "1", given="Apollo 11 NASA")
    assert said.stdout == "Apollo 11 NASA"


def test_names_are_completed_unless_told_not_to(run, folder):
    change(folder, text="The Apollo in July", kept=[[0, 0, 10], [0, 66, 74]])
    ask = ("recover", "prompt.txt", "result.json")
    assert run(*ask, given="Apollo").stdout == "Apollo 11"
    assert run(*ask, "--no-names", given="Apollo").stdout == "Apollo"


def test_json_says_what_was_put_where(run, kept):
    found = json.loads(run("recover", "prompt.txt", "result.json", "--json").stdout)
    assert found == {
        "text": "Apollo 11 spacecraft of NASA, in 1969\r\n",
        "recovered": [[9, 10, 0, 13, 28]],
    }
    assert TEXT[13:28] == " spacecraft of "


def test_question_and_instruction_need_not_be_given_again(run, folder):
    asked = ("-q", "Why not?", "-i", "Be brief.", "-m", "truncate", "--tokens", "12", "--json")
    (folder / "result.json").write_text(run("compress", "prompt.txt", *asked).stdout, "utf-8")
    assert run("recover", "prompt.txt", "result.json").exit_code == 0


def test_an_empty_answer_stays_empty(run, kept):
    result = run("recover", "prompt.txt", "result.json", given="")
    assert (result.exit_code, result.stdout) == (0, "")


FAULTS = {
    "no text": ({"text": ...}, "has no 'text'"),
    "no hash": ({"prompt_sha256": ...}, "has no 'prompt_sha256'"),
    "chat": ({"text": [1]}, "'text' is list"),
    "rows": ({"kept": [[0, 0]]}, "[0, 0], which is not [segment, start, end]"),
    "numbers": ({"kept": [[0, True, 3]]}, "which is not [segment, start, end]"),
    "negative": ({"kept": [[0, -1, 3]]}, "A span needs"),
    "outside": ({"kept": [[0, 0, 999]]}, "keeps characters 0 to 999 of segment 0"),
    "segment": ({"kept": [[4, 0, 3]]}, "of segment 4, which the prompt does not have"),
    "backwards": ({"kept": [[0, 4, 8], [0, 0, 4]]}, "are not in order"),
    "order": ({"order": [0, 1]}, "does not name each of 1 segments once"),
    "no order": ({"order": ["0"]}, "does not name each of 1 segments once"),
    "changed": ({"text": "Something else"}, "do not make its text"),
    "other": ({"prompt_sha256": "ab" * 32}, "is not the prompt that result.json was made of"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_result_that_is_not_ours_is_refused(run, kept, case):
    changed, said = FAULTS[case]
    change(kept, **changed)
    result = run("recover", "prompt.txt", "result.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "[" * 100_000])
def test_what_is_no_json_object_is_refused(run, kept, content):
    (kept / "result.json").write_text(content, "utf-8")
    result = run("recover", "prompt.txt", "result.json")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: result.json is not ")


def test_another_prompt_is_refused(run, kept):
    (kept / "prompt.txt").write_text(TEXT.replace("July", "June"), "utf-8")
    result = run("recover", "prompt.txt", "result.json")
    assert result.exit_code == 1
    assert "prompt.txt is not the prompt that result.json was made of" in result.stderr


def test_a_file_that_is_not_there_is_said(run, kept):
    result = run("recover", "prompt.txt", "result.json", "answer.txt")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: answer.txt cannot be read: No such file or directory.\n",
    )


def test_a_negative_number_of_words_is_refused(run, kept):
    result = run("recover", "prompt.txt", "result.json", "--most-words", "-1")
    assert (result.exit_code, "at least 0; got -1" in result.stderr) == (1, True)


def test_standard_input_is_read_once(run, kept):
    assert run("recover", "-", "result.json").exit_code == 2
