import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from tersely.counting import load_counter
from tersely.counting.tokenizer_file import names_a_file
from tersely.errors import SettingError


@pytest.fixture
def tokenizer():
    """One token per byte, and every setting that could change a count."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: rank for rank, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.add_tokens([AddedToken("<think>", special=False)])
    start = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[start])
    tokenizer.enable_truncation(10)
    tokenizer.enable_padding(length=10)
    return tokenizer


@pytest.fixture
def counter(tokenizer, tmp_path):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return load_counter(str(tmp_path / "tokenizer.json"))


@pytest.mark.parametrize("text", ["", "a", "a\0b", "two words " * 9, "日本語", "👩‍🚀 e\u0301\r\n"])
def test_nothing_is_added_padded_or_cut_off(counter, text):
    assert counter.count(text) == len(text.encode())


def test_special_tokens_are_plain_text(counter):
    assert counter.count("<s>") == 3


def test_tokens_added_as_ordinary_vocabulary_stay_whole(counter):
    assert counter.count("a<think>b") == 3


def test_a_lone_surrogate_is_a_replacement_character(counter):
    assert counter.count("a\ud800") == len("a\ufffd".encode())


def test_a_million_equal_characters_are_counted(counter):
    assert counter.count(" " * 1_000_000) == 1_000_000


def test_the_counter_is_named_by_its_path_and_is_exact(counter, tmp_path):
    assert (counter.name, counter.exact) == (str(tmp_path / "tokenizer.json"), True)


def test_a_folder_stands_for_the_file_in_it(counter, tmp_path):
    assert load_counter(str(tmp_path)).count("abc") == 3


def test_a_path_may_start_at_home(counter, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # home on Windows
    assert load_counter("~/tokenizer.json").count("abc") == 3


def test_a_file_is_read_again_only_when_it_changed(counter, tokenizer, tmp_path):
    path = str(tmp_path / "tokenizer.json")
    assert load_counter(path) is counter
    tokenizer.add_tokens(["abc"])
    tokenizer.save(path)
    assert load_counter(path).count("abc") == 1


@pytest.mark.parametrize("name", ["nowhere.json", "./nowhere", "/nowhere/tokenizer.json", "~/no"])
def test_a_path_without_a_tokenizer_is_refused(name):
    with pytest.raises(SettingError, match=r"no tokenizer at '/.*Give the path"):
        load_counter(name)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"vocab": {"a": 1}}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(SettingError, match=r"other\.json' is not a tokenizer"):
        load_counter(str(tmp_path / "other.json"))


def test_a_hub_id_is_a_path_only_where_its_tokenizer_is(counter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    assert names_a_file(f"{tmp_path.parent.name}/../{tmp_path.name}") is False
    assert names_a_file(f"../{tmp_path.parent.name}/{tmp_path.name}")
    assert not names_a_file("openai/gpt-4o")
    assert not names_a_file(tmp_path.name)
