import pytest

from tersely.content.json_paths import mark_nodes, parse_path
from tersely.content.json_scan import scan_json
from tersely.errors import SettingError

TEXT = """{"items": [{"id": 1, "x y": {"id": 2}}, {"id": 3, "tags": ["a", "b"]}], "id": 4, "*": 5,
 "list": [[6, 7], [8]], "0": 9}"""


def found(path, text=TEXT):
    """What a path leads to, as it is written."""
    document = scan_json(text)
    marks = mark_nodes(text, document, (), (path,))
    return [text[document.nodes[i].start : document.nodes[i].end] for i in sorted(marks.dropped)]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.id", ["4"]),
        ("$.items[*].id", ["1", "3"]),
        ("$.items[1].id", ["3"]),
        ("$.items[2].id", []),
        ("**.id", ["1", "2", "3", "4"]),
        ("$.items.**.id", ["1", "2", "3"]),
        ("$.items[*].**.id", ["1", "2", "3"]),
        ("$.items[*].*.id", ["2"]),
        ('$.items[*]["x y"]', ['{"id": 2}']),
        ('$["\\u0069d"]', ["4"]),
        ('$["*"]', ["5"]),
        ("$.list[*][0]", ["6", "8"]),
        ("$.list[0].**", ["[6, 7]", "6", "7"]),
        ("$.0", ["9"]),
        ("$[0]", []),
        ("$.list.*", []),
        ("$[*]", []),
        ("**[1]", ['{"id": 3, "tags": ["a", "b"]}', '"b"', "7", "[8]"]),
    ],
)
def test_a_path_leads_to_these_values(path, values):
    assert found(path) == values


def test_a_path_is_tried_on_every_line():
    assert found("$.a", '{"a": 1}\n{"b": 2}\n{"a": 3}') == ["1", "3"]


def test_what_is_kept_and_dropped_is_kept():
    document = scan_json('{"a": {"b": 1, "c": 2}, "d": 3}')
    marks = mark_nodes('{"a": {"b": 1, "c": 2}, "d": 3}', document, ["$.a.b", "$.d"], ["$.*"])
    assert (marks.kept, marks.dropped, marks.above_kept) == ({2, 4}, {1}, {0, 1})


def test_deep_texts_are_searched_to_the_ground():
    text = '{"a":[' * 20_000 + '{"x":1}' + "]}" * 20_000
    assert found("**.x", text) == ["1"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("items", r"begins with \$ or \*\*; 'items' does not"),
        ("", r"begins with \$"),
        ("$items", "goes wrong at character 2: "),
        ("$.a..b", "goes wrong at character 4: "),
        ("$.a[b]", "goes wrong at character 4: "),
        ("$.a[-1]", "goes wrong at character 4: "),
        ("$.a[1", "goes wrong at character 4: "),
        ("$.first name", "goes wrong at character 8: "),
        ('$["\\x"]', "character 3: the key is not a JSON string"),
        ("**trace", "goes wrong at character 3: "),
    ],
)
def test_a_bad_path_is_refused_with_the_place(path, message):
    with pytest.raises(SettingError, match=message):
        parse_path(path)
