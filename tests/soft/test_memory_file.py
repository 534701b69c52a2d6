"""Memories on disk: whole or not at all, told apart from other files, and by whom they are read."""

import json
import multiprocessing
import os
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from soft_reference import HOST, full, text

from tersely.errors import BackendError, ModelMismatch, SettingError
from tersely.soft.memory import TENSORS, Fingerprint, Memory
from tersely.soft.memory_file import is_memory, write_parts


def same(one, other):
    tensors = all(
        (a is None and b is None) or (a.dtype == b.dtype and torch.equal(a, b))
        for a, b in ((getattr(one, name), getattr(other, name)) for name in TENSORS)
    )
    rest = ("source_tokens", "places", "fingerprint", "prefix", "made_by")
    return tensors and all(getattr(one, name) == getattr(other, name) for name in rest)


@settings(max_examples=30)
@given(st.integers(1, 9), st.sampled_from(["float32", "bfloat16", "int8"]), st.booleans())
def test_what_is_saved_is_loaded(tmp_path_factory, length, kind, by_head):
    path = tmp_path_factory.mktemp("memories") / "a.memory"
    made = full(text(length))
    made = made.select(torch.zeros(2, 2, 1, dtype=torch.int64)) if by_head else made
    made = made.quantized() if kind == "int8" else made.to(dtype=getattr(torch, kind))
    made.save(path)
    assert same(Memory.load(path, HOST.fingerprint), made)


def test_the_same_memory_is_the_same_bytes(tmp_path):
    for name in "ab":
        full(text(6)).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_is_little_more_than_its_memory(tmp_path):
    made = full(text(40))
    made.save(tmp_path / "a")
    assert made.bytes < (tmp_path / "a").stat().st_size < made.bytes + 1200


def test_nothing_is_left_beside_it_and_an_old_one_is_replaced(tmp_path):
    for length in (5, 6):
        full(text(length)).save(str(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert Memory.load(tmp_path / "a").slots == 6


def test_a_memory_of_another_model_is_not_loaded(tmp_path):
    full(text(4)).save(tmp_path / "a")
    own, wanted = HOST.fingerprint.model[:12], "f" * 64
    with pytest.raises(ModelMismatch, match=f"a was made by another model: .*{own}.*f{{12}}"):
        Memory.load(tmp_path / "a", Fingerprint(wanted, HOST.fingerprint.tokenizer))


def test_every_torn_file_is_refused(tmp_path):
    full(text(3)).save(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    for cut in {0, 1, 7, 8, 9, 100, 400, len(whole) // 2, len(whole) - 1}:
        (tmp_path / "b").write_bytes(whole[:cut])
        with pytest.raises(BackendError, match="b is no memory, or only a part of one"):
            Memory.load(tmp_path / "b")


@given(st.data())
@settings(max_examples=30)
def test_every_flipped_bit_of_its_tensors_is_seen(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("memories") / "a"
    full(text(3)).save(path)
    content = bytearray(path.read_bytes())
    head = 8 + int.from_bytes(content[:8], "little")
    content[data.draw(st.integers(head, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(BackendError, match="is damaged"):
        Memory.load(path)


def test_a_number_that_was_changed_beside_the_tensors_is_seen(tmp_path):
    full(text(7)).save(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    changed = content.replace(rb"\"source_tokens\": 7", rb"\"source_tokens\": 9")
    assert changed != content
    (tmp_path / "a").write_bytes(changed)
    with pytest.raises(BackendError, match="is damaged"):
        Memory.load(tmp_path / "a")


def packed(path, metadata, **tensors):
    safetensors.torch.save_file(tensors or {"keys": torch.zeros(2)}, path, metadata=metadata)


@pytest.mark.parametrize(
    "metadata",
    [None, {"format": "pt"}, {"tersely": "not json"}, {"tersely": "[]"}, {"tersely": "{}"}],
)
def test_tensors_of_something_else_are_refused(tmp_path, metadata):
    packed(tmp_path / "a", metadata)
    with pytest.raises(BackendError, match="holds tensors, but no memory of tersely"):
        Memory.load(tmp_path / "a")


def test_text_is_no_memory(tmp_path):
    (tmp_path / "a").write_text("A long text, word for word, that is no memory. " * 9)
    with pytest.raises(BackendError, match="is no memory"):
        Memory.load(tmp_path / "a")


def test_a_memory_of_a_later_format_is_refused(tmp_path):
    packed(tmp_path / "a", {"tersely": json.dumps({"format": "tersely-memory-9"})})
    with pytest.raises(BackendError, match="format 'tersely-memory-9'; this reads"):
        Memory.load(tmp_path / "a")


def test_a_memory_that_lacks_a_part_is_refused(tmp_path):
    write_parts(tmp_path / "a", {"keys": torch.zeros(2, 2, 1, 8)}, {"prefix": ""})
    with pytest.raises(BackendError, match="is not a whole memory: 'source_tokens'"):
        Memory.load(tmp_path / "a")


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(BackendError, match="There is no memory file"):
        Memory.load(tmp_path / name)


@pytest.mark.parametrize("name", ["nowhere/a", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    with pytest.raises(BackendError, match="could not be written"):
        full(text(3)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "says"),
    [("", "its name is empty"), (".", "it is a folder"), ("/dev/null", "it is a device"),
     ("a" * 300, "File name too long"), ("/proc/zz", "could not be written"),
     ("a\0b", "null byte"), ("nowhere/a", "there is no folder")],
)  # fmt: skip
def test_only_files_are_written(tmp_path, monkeypatch, place, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackendError, match=says):
        full(text(3)).save(place)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_and_a_file_that_may_only_be_read_are_left_as_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept").write_text("of value")
    (tmp_path / "kept").chmod(0o444)
    for name, says in (("pipe", "it is a pipe"), ("kept", "it may only be read")):
        with pytest.raises(BackendError, match=f"{name} could not be written: {says}"):
            full(text(3)).save(tmp_path / name)
    assert (tmp_path / "kept").read_text() == "of value"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "pipe"]


def test_a_link_is_followed_and_permissions_are_kept(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "real").write_text("old")
    (tmp_path / "folder" / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("folder/real")
    full(text(3)).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert Memory.load(tmp_path / "folder" / "real").slots == 3
    assert (tmp_path / "folder" / "real").stat().st_mode & 0o777 == 0o640


def test_a_name_as_long_as_a_file_may_have_is_written(tmp_path):
    full(text(3)).save(tmp_path / ("a" * 255))
    assert Memory.load(tmp_path / ("a" * 255)).slots == 3


@pytest.mark.parametrize(
    ("place", "says"),
    [(".", "it is a folder"), ("link", "it is a link to nothing"), ("/dev/null", "a device"),
     ("a" * 300, "File name too long"), ("circle", "symbolic links")],
)  # fmt: skip
def test_what_is_no_file_is_not_read(tmp_path, place, says):
    (tmp_path / "link").symlink_to("absent")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(BackendError, match=says):
        Memory.load(tmp_path / place)


def test_a_file_with_numbers_that_are_none_is_refused(tmp_path):
    made = full(text(3))
    replace(made, values=made.values * float("nan")).save(tmp_path / "a")
    with pytest.raises(BackendError, match="a holds numbers that are infinite or NaN"):
        Memory.load(tmp_path / "a")


def test_what_is_said_in_a_file_has_to_be_so(tmp_path):
    made = full(text(3))
    object.__setattr__(made, "positions", made.positions + 99)
    made.save(tmp_path / "a")
    with pytest.raises(BackendError, match=r"not a whole memory: A slot .* the memory is of\.$"):
        Memory.load(tmp_path / "a")


@pytest.mark.parametrize("options", [{"device": "tpu"}, {"device": "cuda:99"}, {"expect": "x"}])
def test_a_memory_is_loaded_to_a_device_for_a_fingerprint(tmp_path, options):
    full(text(3)).save(tmp_path / "a")
    with pytest.raises(SettingError, match=r"cannot use the device|expect is a Fingerprint"):
        Memory.load(tmp_path / "a", **options)


def test_a_memory_is_known_by_its_beginning(tmp_path):
    full(text(3)).save(tmp_path / "a")
    packed(tmp_path / "b", {"format": "pt"})
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "c").write_bytes(whole[:-9])
    told = {name: is_memory(tmp_path / name) for name in ("a", "b", "c", "d", ".", "e" * 300)}
    assert [name for name, is_one in told.items() if is_one] == ["a", "c"]


def save_often(path, length):
    made = full(text(length))
    for _ in range(20):
        made.save(path)


def test_two_processes_write_one_file_and_it_is_always_whole(tmp_path):
    path = tmp_path / "a"
    save_often(path, 4)
    start = multiprocessing.get_context("fork").Process
    writers = [start(target=save_often, args=(path, length)) for length in (5, 60)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(Memory.load(path).slots)
    assert seen <= {4, 5, 60}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
