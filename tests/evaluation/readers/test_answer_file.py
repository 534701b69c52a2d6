"""Kept answers: threads, processes, and a process that was killed."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tersely.evaluation.readers.answer_file import AnswerFile, key_of


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


def test_what_is_kept_is_found_by_another(folder):
    first, second = AnswerFile(folder), AnswerFile(folder)
    assert second.find("a") is None
    first.keep("a", {"text": "é\n"})
    assert first.find("a") == second.find("a") == {"text": "é\n"}


def test_nothing_is_made_before_something_is_kept(folder):
    assert AnswerFile(folder).find("a") is None
    assert not folder.exists()


@pytest.mark.parametrize(
    "torn", [b'{"key": "b", "te', b'{"key": "b", "text": "x"}', b"[1]", b"\xff"]
)
def test_a_line_that_was_being_written_is_not_there_and_harms_no_other(folder, torn):
    AnswerFile(folder).keep("a", {"text": "1"})
    path = folder / "answers.jsonl"
    path.write_bytes(path.read_bytes() + torn)
    opened = AnswerFile(folder)
    assert (opened.find("a"), opened.find("b")) == ({"text": "1"}, None)
    opened.keep("c", {"text": "3"})
    assert AnswerFile(folder).find("c") == {"text": "3"}
    assert AnswerFile(folder).find("a") == {"text": "1"}


CODE = """
import sys
from pathlib import Path
from tersely.evaluation.readers.answer_file import AnswerFile
file = AnswerFile(Path(sys.argv[1]))
for n in range(50):
    file.keep(f"{sys.argv[2]}-{n}", {"text": "x" * 5000})
"""


def test_two_processes_and_threads_may_write_at_once(folder):
    both = [subprocess.Popen([sys.executable, "-c", CODE, folder, name]) for name in "ab"]
    own = AnswerFile(folder)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: own.keep(f"own-{n}", {"text": "y" * 5000}), range(50)))
    assert [process.wait(60) for process in both] == [0, 0]
    lines = (folder / "answers.jsonl").read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == len(lines) == 150
    assert all(own.find(f"{name}-{n}") for name in "ab" for n in range(50))


def test_a_key_depends_on_all_parts_and_not_on_the_order_of_fields():
    assert key_of("u", {"a": 1, "b": 2}) == key_of("u", {"b": 2, "a": 1})
    assert len({key_of("u", {"a": 1}), key_of("v", {"a": 1}), key_of("u", {"a": 2})}) == 3
