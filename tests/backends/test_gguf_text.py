"""One text out of a GGUF file's header, against what the gguf package reads."""

import gguf
import pytest

from tersely.backends.gguf_file import GGUFFile
from tersely.backends.gguf_text import read_text
from tersely.errors import BackendError


@pytest.fixture
def path(tmp_path):
    """A header with fields of every kind, and no tensors."""
    writer = gguf.GGUFWriter(str(tmp_path / "a.gguf"), "llama")
    for number, add in enumerate(("uint8", "int16", "uint32", "float32", "uint64", "float64")):
        getattr(writer, f"add_{add}")(f"a.{add}", number)
    writer.add_bool("a.bool", True)
    writer.add_array("a.words", ["one", "", "zwölf"])
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_array("a.lists", [[1, 2], [3]])
    writer.add_chat_template("{% for m in messages %}é {{ m }}{% endfor %}")
    writer.add_string("a.empty", "")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return tmp_path / "a.gguf"


@pytest.mark.parametrize(
    ("key", "found"),
    [("tokenizer.chat_template", "{% for m in messages %}é {{ m }}{% endfor %}"),
     ("general.architecture", "llama"), ("a.empty", ""), ("nothing", ""), ("a.words", "")],
)  # fmt: skip
def test_a_text_is_found_among_other_fields(path, key, found):
    assert read_text(path, key) == found


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04" * 9, b"GGUF\x01\0\0\0" + b"\0" * 32])
def test_what_is_no_gguf_file_is_refused(tmp_path, content):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(BackendError, match="is not a GGUF file"):
        read_text(tmp_path / "a.gguf", "tokenizer.chat_template")


def test_a_header_that_breaks_off_anywhere_is_refused(path):
    whole = path.read_bytes()
    for end in range(whole.index(b"endfor")):
        path.write_bytes(whole[:end])
        with pytest.raises(BackendError, match="is not a GGUF file"):
            read_text(path, "tokenizer.chat_template")


@pytest.mark.model
def test_it_reads_what_gguf_reads(smollm2):
    from tersely.backends.load import find_causal

    path = find_causal("smollm2-135m").path
    assert read_text(path, "tokenizer.chat_template") == GGUFFile(path).chat_template != ""
