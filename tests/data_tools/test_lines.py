"""Odd files: what is wrong is said with file and line, or counted."""

import gzip
import json

import pytest

from tersely.data import lines
from tersely.data.lines import check_files, read_lines, writing
from tersely.errors import SettingError


def write_all(file, rows):
    with writing(file) as write:
        for row in rows:
            write(row)


GOOD = b'{"id": "a"}\n'
ODD = {
    "not JSON": (b"nonsense\n", "not JSON"),
    "torn": (b'{"id": "b', "The file ends inside this line"),
    "list": (b"[1, 2]\n", "not a JSON object but a list"),
    "bytes": (b'{"id": "\xff"}\n', "not UTF-8 (byte 9 of the line)"),
    "half": (b'{"id": "\\ud800"}\n', "a lone surrogate"),
    "half key": (b'{"\\udc00": 1}\n', "a lone surrogate"),
    "deep": (b'{"a": ' + b"[" * 200_000 + b"\n", "nested too deep"),
    "BOM inside": (b"\xef\xbb\xbf{}\n", "not JSON"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_line_is_named(case, tmp_path):
    odd, said = ODD[case]
    (file := tmp_path / "x.jsonl").write_bytes(GOOD + odd)
    with pytest.raises(SettingError, match=r"x\.jsonl:2: ") as caught:
        list(read_lines([file]))
    assert said in str(caught.value)


@pytest.mark.parametrize("case", ODD)
def test_an_odd_line_is_counted_if_that_is_asked_for(case, tmp_path):
    (file := tmp_path / "x.jsonl").write_bytes(GOOD + ODD[case][0])
    told = []
    rows = list(read_lines([file], on_bad=lambda place, why: told.append((place.line, why))))
    assert [line.row for line in rows] == [{"id": "a"}]
    assert [place for place, _ in told] == [2]


def test_lines_after_an_odd_one_are_read(tmp_path):
    (file := tmp_path / "x.jsonl").write_bytes(b"?\n" + GOOD)
    (line,) = read_lines([file], on_bad=lambda *_: None)
    assert str(line.place) == f"{file}:2"


def test_a_line_that_is_too_long_is_not_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_LINE_BYTES", 50)
    (file := tmp_path / "x.jsonl").write_bytes(b'{"a": "' + b"x" * 300 + b'"}\n' + GOOD)
    told = []
    (line,) = read_lines([file], on_bad=lambda place, why: told.append(why))
    assert (line.place.line, told) == (2, ["the line is longer than 50 bytes."])


def test_a_line_of_just_the_limit_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_LINE_BYTES", len(GOOD))
    (file := tmp_path / "x.jsonl").write_bytes(GOOD + GOOD)
    assert len([*read_lines([file])]) == 2


def test_a_mark_at_the_beginning_is_passed_over(tmp_path):
    (file := tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + GOOD)
    assert [line.row for line in read_lines([file])] == [{"id": "a"}]


def test_an_empty_file_has_no_rows(tmp_path):
    (file := tmp_path / "x.jsonl").write_bytes(b"\n  \n")
    assert [*read_lines([file])] == []


def test_a_gzipped_file_that_is_cut_off_is_said(tmp_path):
    packed = gzip.compress(GOOD * 5000)
    (file := tmp_path / "x.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(SettingError, match="cannot be read from here on"):
        list(read_lines([file]))


def test_what_is_no_gzip_is_said(tmp_path):
    (file := tmp_path / "x.jsonl.gz").write_bytes(GOOD)
    with pytest.raises(SettingError, match=r"x\.jsonl\.gz:1: .*[Nn]ot a gzipped file"):
        list(read_lines([file]))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(SettingError, match="There is no file"):
        list(read_lines([tmp_path / "none.jsonl"]))


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_the_same_rows_give_the_same_bytes(name, tmp_path):
    rows = [{"id": str(n), "text": "Grüße 猫 👩‍🚀"} for n in range(100)]
    (tmp_path / "one").mkdir()
    for file in (tmp_path / name, tmp_path / "one" / name):
        write_all(file, rows)
    assert (tmp_path / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert [line.row for line in read_lines([tmp_path / name])] == rows


def test_a_file_is_not_there_before_it_is_whole(tmp_path):
    file = tmp_path / "x.jsonl"
    rows = [{"id": "a"}, {"id": "b", "value": float("nan")}]
    with pytest.raises(SettingError, match="Row 'b' cannot be written"):
        write_all(file, rows)
    assert [*tmp_path.iterdir()] == []


def test_progress_ends_with_all_bytes(tmp_path):
    (file := tmp_path / "x.jsonl").write_bytes(GOOD * 200)
    told = []
    list(read_lines([file, file], progress=lambda done, of: told.append((done, of))))
    size = 2 * file.stat().st_size
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_is_read_is_not_written_over(tmp_path):
    (file := tmp_path / "x.jsonl").write_text(json.dumps({}))
    with pytest.raises(SettingError, match="is named twice"):
        check_files([file], [file])
    with pytest.raises(SettingError, match="There is no folder"):
        check_files([file], [tmp_path / "no" / "y.jsonl"])
    with pytest.raises(SettingError, match="is a folder"):
        check_files([file], [tmp_path])
