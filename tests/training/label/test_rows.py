"""Label files: what is written is read, and what is wrong is named with its line."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import SettingError
from tersely.training.label.rows import LabelRow, read_labels, word_bounds

GOOD = {
    "id": "a-0",
    "group": "wikipedia/A",
    "text": "One, two.",
    "words": [[0, 3], [3, 4], [5, 8], [8, 9]],
    "values": [1, 0.25, 0.5, 0],
    "kind": "heads",
}


def written(folder, *rows, name="labels.jsonl"):
    file = folder / name
    opened = gzip.open if name.endswith("gz") else open
    with opened(file, "wt", encoding="utf-8") as out:
        out.write("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


@given(st.text(min_size=1), st.data())
def test_a_row_comes_back_as_it_was(text, data):
    words = word_bounds(text)
    if not words:
        return
    values = data.draw(st.lists(st.floats(0, 1), min_size=len(words), max_size=len(words)))
    rounded = tuple(round(value, 4) for value in values)
    row = LabelRow(id="1", group="g", text=text, words=words, values=rounded, kind="k", lang="de")
    found = json.loads(row.to_json())
    again = {**found, "words": tuple(map(tuple, found["words"])), "values": tuple(found["values"])}
    assert LabelRow(**again) == row


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.jsonl.gz"])
def test_a_file_is_read_gzipped_or_not(tmp_path, name):
    (row,) = read_labels(written(tmp_path, GOOD, name=name))
    assert (row.id, row.values, row.question, row.lang) == ("a-0", (1, 0.25, 0.5, 0), "", "en")


def test_words_are_cut_as_the_package_cuts_them():
    assert word_bounds(" One, two.\n") == ((1, 4), (4, 5), (6, 9), (9, 10))


def test_blank_lines_do_not_count(tmp_path):
    assert len(list(read_labels(written(tmp_path, GOOD, "", GOOD)))) == 2


WRONG = {
    "no words": ({"words": [], "values": []}, "it has no words"),
    "lengths": ({"values": [1, 0]}, "it has 4 words and 2 values"),
    "above": ({"values": [1, 0, 1.5, 0]}, r"values are in \[0, 1\]; got 1.5"),
    "NaN": ({"values": [1, 0, float("nan"), 0]}, r"values are in \[0, 1\]; got nan"),
    "order": ({"words": [[3, 4], [0, 3], [5, 8], [8, 9]]}, r"in order.*got \[0, 3\] after 4"),
    "outside": ({"words": [[0, 3], [3, 4], [5, 8], [8, 19]]}, "inside a text of 9 characters"),
    "no pairs": ({"words": [0, 3, 4, 5]}, "not a list of .start, end"),
    "a truth value": ({"values": [True, 0, 0, 0]}, "not a list of numbers"),
    "no text": ({"text": None}, "'text' is missing or not a string"),
    "question": ({"question": 3}, "'question' is missing or not a string"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path, case):
    changes, said = WRONG[case]
    file = written(tmp_path, GOOD, GOOD | changes)
    with pytest.raises(SettingError, match=f"Line 2 of {file} is not a label row: .*{said}"):
        list(read_labels(file))


@pytest.mark.parametrize("line", ["{", "[1]", "3"])
def test_a_line_that_is_no_object_is_named(tmp_path, line):
    with pytest.raises(SettingError, match=r"Line 1 of .*labels.jsonl is not"):
        list(read_labels(written(tmp_path, line)))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        list(read_labels(tmp_path / "none.jsonl"))


def test_a_torn_gzip_is_an_error(tmp_path):
    file = written(tmp_path, GOOD, name="labels.jsonl.gz")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SettingError, match="cannot be read"):
        list(read_labels(file))
