"""Shards: the same bytes each time, whole or not there, and no text that is measured on."""

import gzip
import json
import shutil

import numpy as np
import pytest

from tersely.errors import BackendError, SettingError
from tersely.training.soft import shards as module
from tersely.training.soft.shards import Source, make_shards, undone_if_refused

TEXTS = [f"text number {n} has " + " ".join(f"w{n}x{i}" for i in range(12)) for n in range(30)]


def encode(text):
    return [len(word) + ord(word[0]) for word in text.split()]


def write(path, texts):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    return path


@pytest.fixture
def make(tmp_path):
    file = write(tmp_path / "texts.jsonl", TEXTS)

    def made(folder="shards", files=(file,), vocabulary=500, shard_tokens=100, **given):
        source = Source(files=files, **({"held_out": 0.3} | given))
        settings = {"encode": encode, "vocabulary": vocabulary, "tokenizer": "t"}
        return make_shards(source, tmp_path / folder, shard_tokens=shard_tokens, **settings)

    return made


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_text_is_on_one_side_in_order_as_it_was_cut(make):
    made = make()
    sides = [list(made.texts(held_out=aside)) for aside in (False, True)]
    assert (made.learnt, made.held_out) == tuple(map(len, sides))
    found = sorted(map(tuple, [*sides[0], *sides[1]]))
    assert found == sorted(tuple(encode(text)) for text in TEXTS)
    assert min(map(len, sides)) > 0


def test_the_same_texts_give_the_same_bytes(make, tmp_path):
    assert make("a").fingerprint == make("b").fingerprint
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_making_goes_on_where_it_stopped_and_gives_the_same_bytes(make, tmp_path, monkeypatch):
    whole = make("whole")
    write_one, left = module._write_one, iter([1, 1, 0])

    def stops(*given):
        if not next(left):
            raise KeyboardInterrupt
        return write_one(*given)

    monkeypatch.setattr(module, "_write_one", stops)
    with pytest.raises(KeyboardInterrupt):
        make("stopped")
    monkeypatch.setattr(module, "_write_one", write_one)
    assert make("stopped").fingerprint == whole.fingerprint
    assert bytes_of(tmp_path / "stopped") == bytes_of(tmp_path / "whole")


def test_a_gzipped_file_holds_the_same_texts(make, tmp_path):
    packed = write(tmp_path / "texts.jsonl.gz", TEXTS)
    assert make("packed", files=(packed,)).fingerprint == make().fingerprint


@pytest.mark.parametrize(("vocabulary", "kind"), [(65_536, "<u2"), (65_537, "<u4")])
def test_tokens_take_two_bytes_where_that_is_enough(make, vocabulary, kind):
    made = make(vocabulary=vocabulary)
    assert made.card["kind"] == kind
    sizes = [shard["bytes"] // np.dtype(kind).itemsize for shard in made.card["shards"]]
    assert sizes == [shard["tokens"] for shard in made.card["shards"]]


def test_what_is_measured_on_is_left_out_and_said(make, tmp_path):
    measured = write(tmp_path / "measured.jsonl", TEXTS[:4])
    made = make(measured=(measured,))
    assert made.card["texts"] == len(TEXTS) - 4
    assert made.card["leakage"]["dropped"] == 4


def test_a_shard_that_is_cut_off_is_damaged(make, tmp_path):
    make()
    path = tmp_path / "shards" / "00001.tokens"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(BackendError, match="damaged"):
        make()


def test_a_folder_of_other_texts_is_refused(make, tmp_path):
    make()
    with pytest.raises(SettingError, match="tokens of other texts: field text there, title now"):
        make(field="title")


def test_the_first_so_many_texts(make):
    assert make(most_texts=5).card["texts"] == 5


def test_files_without_a_text_are_refused(make, tmp_path):
    with pytest.raises(SettingError, match=r"texts.jsonl: no row has a text in its field 'body'"):
        make(field="body")


@pytest.mark.parametrize("line", ["[1]", "no json", "{"])
def test_a_line_that_is_no_row_is_refused(make, tmp_path, line):
    file = tmp_path / "bad.jsonl"
    file.write_text(f"{line}\n")
    with pytest.raises(SettingError, match=r"bad\.jsonl"):
        make("bad", files=(file,))


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "bad.jsonl:2 is no JSON: "), ("[1]", "bad.jsonl:2 is no JSON object"),
     ("9" * 5000, "bad.jsonl:2 is no JSON: "), ("[" * 99_999, "bad.jsonl:2 is no JSON: ")],
)  # fmt: skip
def test_a_bad_line_is_named_by_its_number(make, tmp_path, line, said):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "good"}\n' + line + "\n")
    with pytest.raises(SettingError) as error:
        make("bad", files=(file,))
    assert said in str(error.value)


def test_what_was_begun_without_a_finished_shard_is_begun_anew(make, tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "begun.json").write_text('{"settings": {"files_sha256": ["0"]}}')
    assert make().fingerprint == make("fresh").fingerprint


def test_refused_texts_leave_nothing_behind_and_finished_shards_stay(make, tmp_path):
    folder = tmp_path / "shards"
    with pytest.raises(SettingError), undone_if_refused(folder):
        make(field="body")
    assert not any(folder.iterdir())
    make()
    with pytest.raises(SettingError), undone_if_refused(folder):
        make(field="body")
    assert make().learnt


@pytest.mark.parametrize(
    ("name", "content"), [("file.txt", "x"), ("tersely.json", '{"settings": {"method": "icae"}}')]
)
def test_a_folder_of_something_else_is_refused(make, tmp_path, name, content):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / name).write_text(content)
    with pytest.raises(SettingError, match=f"holds {name} but no shards"):
        make()
    assert [path.name for path in (tmp_path / "shards").iterdir()] == [name]


def test_a_file_in_place_of_the_folder_is_refused(make, tmp_path):
    with pytest.raises(SettingError, match="is a file"):
        make("texts.jsonl")


def test_texts_that_all_are_measured_on_are_refused_for_that(make, tmp_path):
    with pytest.raises(SettingError, match="all 30 texts share wording with what is measured on"):
        make(measured=(tmp_path / "texts.jsonl",))


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1, 1.5])
def test_a_share_held_out_is_less_than_all(make, share):
    with pytest.raises(SettingError, match="held_out is a share"):
        make(held_out=share)


def test_a_file_that_is_not_there_is_refused(make, tmp_path):
    with pytest.raises(SettingError, match="no file"):
        make(files=(tmp_path / "gone.jsonl",))


def test_other_files_in_the_folder_do_not_matter(make, tmp_path):
    before = make().fingerprint
    shutil.copy(tmp_path / "texts.jsonl", tmp_path / "shards" / "note.txt")
    assert make().fingerprint == before
