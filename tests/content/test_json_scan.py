import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.json_scan import decode_string, read_key, scan_json
from tersely.errors import PromptError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=()), max_size=4), inner, max_size=4
        )
    ),
    max_leaves=20,
)
WRITTEN = st.builds(
    json.dumps, VALUES, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 0, 2, "\t"])
)


def loads(text):
    """What Python makes of it, line by line if need be; None stands for a refusal."""
    text = text.removeprefix("\ufeff")
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    lines = [line for line in text.split("\n") if line.strip(" \t\r")]
    try:
        return [json.loads(line) for line in lines] or None
    except ValueError:
        return None


def scan(text):
    """The same from the characters that the scanner found."""
    try:
        document = scan_json(text)
    except PromptError:
        return None

    def value(index):
        node = document.nodes[index]
        if node.kind == "array":
            return [value(i) for i in document.inside(index)]
        if node.kind == "object":
            return {read_key(text, document.nodes[i]): value(i) for i in document.inside(index)}
        if node.kind == "string":
            return decode_string(text, node.start + 1, node.end - 1)[0]
        return json.loads(text[node.start : node.end])

    return [value(root) for root in document.roots]


def broken(text, rng):
    """The text with one character more, one less, or another one."""
    at = rng.randrange(len(text) + 1)
    new = rng.choice(['"', "\\", "{", "}", "[", "]", ",", ":", "\n", " ", "0", "-", ".", "e", "u", "N", "\x0b", ""])  # fmt: skip
    return text[:at] + new + text[at + rng.randrange(2) :]


@given(WRITTEN)
def test_every_value_is_found_where_python_finds_it(text):
    assert repr(scan(text)) == repr([json.loads(text)])


@given(WRITTEN, st.integers(0, 2**32))
def test_what_python_refuses_is_refused_and_nothing_else(text, seed):
    rng = random.Random(seed)
    for _ in range(6):
        text = broken(text, rng)
        assert repr(scan(text)) == repr(loads(text)), text


@pytest.mark.parametrize(
    "text",
    [
        '[NaN, Infinity, -Infinity, -0, 1E5, 0.5e-3, 12345678901234567890123]',
        '"\\ud83d\\ude00 \\ud800 \\\\u0041 \\/"',
        '"\ud83d\\ude00 \ud800\x7f\u2028"',
        '\ufeff {"a": 1, "a": 2}\r\n',
        '{"a":1}\r\n\n  {"b":2}  \n[3]\n',
        "[01]", "[1.]", "[.5]", "[+1]", "[-]", "[١]", "['a']", "[nul]", "[--1]", "-NaN",
        '["\\x41"]', '["\\u12g4"]', '["\t"]', "[1]\v", "\xa0[1]", '{"a":1,}', "[,]", "{}{}", "1 2",
    ],
)  # fmt: skip
def test_odd_texts_are_read_as_python_reads_them(text):
    assert repr(scan(text)) == repr(loads(text))


@given(WRITTEN)
def test_what_is_left_without_the_blanks_means_the_same(text):
    document = scan_json(text)
    for start, end in reversed(document.blanks):
        assert not text[start:end].strip(" \t\r\n")
        text = text[:start] + text[end:]
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=text.isascii())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1, a value is expected"),
        ("prose it is", "line 1, column 1, a value is expected"),
        ("[1,\n 2,]", "line 2, column 4, a value is expected"),
        ("[1 2]", "line 1, column 4, ',' or ']' is expected"),
        ('{"a": 1]', "column 8, ',' or '}' is expected"),
        ("{a: 1}", "column 2, a key in double quotes is expected"),
        ('{"a" 1}', "column 6, ':' is expected"),
        ('["abc', "column 2, a string begins that is not closed"),
        ('{"abc', "column 2, a string begins that is not closed"),
        ('["a\\x"]', "column 4, inside a string, there is no escape"),
        ('["a\n"]', "column 4, inside a string, there is a bare control character"),
        ("{}\n\nand so on", "line 3, column 1, a value is expected"),
        ("{} and so on", "line 1, column 4, more follows the end of the document"),
        ("[\n1]\n[2]", "line 3, column 1, more follows the end of the document"),
        ("[1]\n[2] [3]", "line 2, column 5, more follows the document of this line"),
    ],
)
def test_an_error_says_where_and_what(text, message):
    with pytest.raises(PromptError, match="The text is not JSON") as caught:
        scan_json(text)
    assert message in str(caught.value)


def test_numbers_of_any_length_and_any_depth_are_read():
    text = "[" * 50_000 + "9" * 50_000 + "]" * 50_000
    nodes = scan_json(text).nodes
    assert len(nodes) == 50_001
    assert nodes[-1].size_chars == 50_000


def test_each_escape_of_a_string_is_one_character():
    said, places = decode_string(r"a\n\ud83d\ude00b\\", 0, 18)
    assert said == "a\n😀b\\"
    assert places == [0, 1, 3, 15, 16, 18]
