import json
import math
import random
import re

import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.json_text import JSON
from tersely.core.structure import tiles
from tersely.errors import PromptError, SettingError

PROSE = (
    'The cat sat on the mat, and the dog\nran – caf\u00e9s were "open" till 10\u00a0pm; 日本語も。 '
    "C:\\new\\table says 👩‍🚀 hello,\ttwice. And that was\r\nnearly all of what happened that day."
)
BLOB = "QUJD+/abc" * 40
RECORDS = [
    {"id": i, "name": f"name {i}", "tags": ["a", "b"], "address": {"zip": "1234", "city": "Ulm"}}
    for i in range(30)
]
ANSWER = {"status": "ok", "items": RECORDS, "meta": {"took": 12, "debug": True, "text": PROSE}}
HANDLERS = [
    JSON(),
    JSON(whole_chars=1),
    JSON(whole_chars=60, drop_members=False),
    JSON(notes=False, whole_chars=40),
    JSON(whole_chars=60, keep=("**.id", "$[0]"), drop=("**.a", "**[1]", "$.items[*].tags")),
    JSON(keep=("$.*.id", "**[*].zip"), drop=("$.*", "**.*.**")),
]


def agrees(left, full):
    """Whether values are what they were, but for items, members and words that are missing."""
    if type(left) is not type(full):
        return False
    if isinstance(left, dict):
        own = {key: item for key, item in left.items() if key in full}
        notes = {key: item for key, item in left.items() if key not in full}
        missing = len(full) - len(own)
        told = [set(k) == {"."} and v == f"{missing} more" for k, v in notes.items()]
        return told in ([], [True]) and all(agrees(own[key], full[key]) for key in own)
    if isinstance(left, list):
        return agree_in_order(left, full)
    if isinstance(left, str) and left != full:
        letters = iter(full)
        return len(full) > 80 and bool(full.split()) and all(char in letters for char in left)
    return left == full or left != left


def agree_in_order(left, full):
    """Whether the items are some of those there were, in order; the last may be a note."""
    at = 0
    for place, item in enumerate(left):
        while at < len(full) and not agrees(item, full[at]):
            at += 1
        if at == len(full):
            return place == len(left) - 1 and item == f"... {len(full) - place} more"
        at += 1
    return True


def loads(text, lines=False):
    if lines:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return json.loads(text)


def check(text, handler, rng, lines=False):
    """The promise: whatever is dropped, it is JSON, and what stays is what it was."""
    structure = handler.read(text)
    assert tiles(structure.pieces, len(text))
    full = loads(text, lines)
    for keep in (0, rng.choice([0.5, 0.9, 1])):
        blanks = rng.random() < 0.5
        left = random_choice(text, structure, rng, keep=keep, blanks=blanks)
        assert agrees(loads(left, lines), full), left


def left_of(text, handler=None, keep=0):
    """What is left if all goes that can, or nothing but blanks."""
    structure = (handler or JSON()).read(text)
    return random_choice(text, structure, random.Random(0), keep=keep)


def invent(rng, depth=0):
    """A random value, with what makes JSON hard in it."""
    if depth < 4 and rng.random() < (0.95 if depth == 0 else 0.5):
        if rng.random() < 0.5:
            return [invent(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 8]))]
        keys = ["id", "a", "items", "...", "....", "é\n", "zip", "\ud800", '"', "{0}", "x" * 30, ""]
        chosen = rng.sample(keys, rng.choice([0, 1, 2, 3, 8]))
        return {key: invent(rng, depth + 1) for key in chosen}
    if rng.random() < 0.1:
        start = rng.randrange(len(PROSE) - 90)
        long = [BLOB, PROSE[start:], "\u0301" + PROSE[-90:], json.dumps(RECORDS[:2]), "猫。" * 41]
        return rng.choice(long)
    odd = [math.nan, math.inf, "", "short", "... 3 more", "\udc00", "a b " * rng.randrange(20)]
    return rng.choice([None, True, 0, -1.5e300, 10**30, *odd])


def written(value, rng):
    """The value as JSON in one of the ways that people write it."""
    separators = rng.choice([(",", ":"), (", ", ": "), (" ,\r\n", " :\t")])
    ascii_only, indent = rng.random() < 0.5, rng.choice([None, None, 0, 2])
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)


texts = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from([PROSE, BLOB])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(texts, inner, max_size=6),
    max_leaves=40,
)


@given(values, st.sampled_from(HANDLERS), st.integers(0, 2**32))
def test_whatever_is_dropped_it_stays_json(value, handler, seed):
    rng = random.Random(seed)
    check(written(value, rng), handler, rng)


def test_two_thousand_odd_documents_stay_json():
    rng = random.Random(7)
    for _ in range(1_800):
        check(written(invent(rng), rng), rng.choice(HANDLERS), rng)
    for _ in range(200):
        lines = [json.dumps(invent(rng)) for _ in range(rng.randrange(2, 6))]
        check(
            rng.choice(["\n", "\r\n", "\n \n"]).join(lines), rng.choice(HANDLERS), rng, lines=True
        )


@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_keep_their_first_item_and_say_how_many_are_missing(indent):
    left = json.loads(left_of(json.dumps(ANSWER, indent=indent)))
    assert left["items"] == [RECORDS[0], "... 29 more"]
    assert left["status"] == "ok"


def test_objects_keep_their_first_member_and_say_how_many_are_missing():
    text = '{"took":12,"debug":true,"host":"web-3.internal","id":7}'
    assert left_of(text) == '{"took":12,"...":"3 more"}'
    assert left_of(text, JSON(notes=False)) == '{"took":12}'
    assert left_of(text, JSON(drop_members=False)) == text


def test_a_note_takes_a_key_that_is_free():
    text = '{"b":1,"\\u002e..":2,"....":"and something longer"}'
    assert left_of(text) == '{"b":1,".....":"2 more"}'


def test_what_is_shorter_than_its_note_stays():
    text = '{"a":{"b":1,"c":2},"d":[1,2,3]}'
    assert left_of(text) == text
    assert left_of(text, JSON(notes=False)) == '{"a":{"b":1,"c":2}}'


@pytest.mark.parametrize("indent", [None, 0, 3])
def test_minifying_loses_nothing_but_blanks(indent):
    text = " \n" + json.dumps(ANSWER | {"a  b": " c  d "}, indent=indent) + "\n"
    minified = json.dumps(json.loads(text), separators=(",", ":"))
    assert left_of(text, keep=1) == minified


def test_a_byte_order_mark_is_blank():
    assert left_of('\ufeff{"a": 1}') == '{"a":1}'


def test_the_last_item_is_worth_a_little_more():
    pieces = JSON().read(json.dumps(list(range(100, 120)), separators=(",", ":"))).pieces
    assert [piece.value for piece in pieces if piece.kind == "whole"] == [0.0] * 18 + [0.5]


def test_the_parts_of_an_item_between_blanks_are_a_group():
    pieces = JSON().read('[{"a": "the first"}, {"b": [1]}, "the third of them", 4]').pieces
    groups = [(piece.kind, piece.group, piece.value) for piece in pieces[3:]]
    comma, blank = ("whole", 0, 0.0), ("blank", -1, 0.0)
    assert groups[:6] == [comma, blank, comma, blank, comma, ("whole", 1, 0.0)]
    assert groups[-4:] == [("whole", 2, 0.5), blank, ("whole", 2, 0.5), ("fixed", -1, 0.0)]


def test_a_key_that_is_there_twice_is_not_dropped():
    text = '{"a":{"x":1,"b":"some text","b":"other text","c":"yet another text"}}'
    assert left_of(text, JSON(drop=("**.b",), notes=False)) == text.replace(
        ',"c":"yet another text"', ""
    )


def kinds(text, handler=None):
    """The pieces inside strings that may go, as they are written."""
    pieces = (handler or JSON()).read(text).pieces
    return [(p.kind, text[p.start : p.end]) for p in pieces if p.kind in ("words", "whole")]


def test_prose_loses_words_and_escapes_go_whole():
    text = json.dumps({"a": "one caf\u00e9s two\nthree " + "so on " * 20 + '\\ "end"'})
    words = kinds(text)
    assert words[:5] == [
        ("words", "one"),
        ("whole", " caf\\u00e9s"),
        ("words", " two"),
        ("whole", "\\nthree"),
        ("words", " so on" * 20),
    ]
    assert words[5:] == [("whole", " \\\\"), ("whole", ' \\"end'), ("whole", '\\"')]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_word_is_halved_and_no_two_are_joined(ascii_only):
    text = json.dumps({"a": PROSE}, ensure_ascii=ascii_only)
    structure, rng = JSON().read(text), random.Random(0)
    for _ in range(200):
        left = json.loads(random_choice(text, structure, rng))["a"]
        assert set(re.findall("[A-Za-zé]+", left)) <= set(re.findall("[A-Za-zé]+", PROSE))


@pytest.mark.parametrize(
    "value",
    ["x" * 500, BLOB, "https://example.com/" + "a/b" * 90, json.dumps(RECORDS[:3]), "a few words",
     f"data: {BLOB}"],
)  # fmt: skip
def test_what_is_no_prose_is_not_cut(value):
    assert kinds(json.dumps({"a": value})) == []


def test_a_long_run_inside_prose_is_not_cut():
    text = json.dumps({"a": f"Look at this picture: {BLOB} and then {'at this one, ' * 20}"})
    assert ("whole", " " + BLOB) in kinds(text)


def test_a_mark_behind_the_quote_stays_with_it():
    text = '{"a":"\u0301\u0302 ' + "and so on " * 12 + '"}'
    assert left_of(text) == '{"a":"\u0301\u0302"}'


def test_long_items_are_read_from_inside():
    items = [{"id": i, "body": f"{i} " + "word " * 400, "size": "large"} for i in range(4)]
    left = json.loads(left_of(json.dumps(items)))
    assert [item["id"] for item in left] == [0, 1, 2, 3]
    assert {item["body"] for item in left} == {""}


def test_each_line_of_json_lines_goes_with_its_break():
    text = "".join(json.dumps(record) + "\r\n" for record in RECORDS)
    minified = [json.dumps(record, separators=(",", ":")) for record in RECORDS]
    assert left_of(text) == f'{minified[0]}\n"... 29 more"'
    assert left_of(text, keep=1) == "\r\n".join(minified)
    check(text, JSON(keep=("$.name",), drop=("$.tags",)), random.Random(0), lines=True)


def test_a_single_string_is_read_when_asked_for():
    assert left_of(json.dumps("so on and on " * 10)) == '""'
    assert left_of(" 12 ") == "12"


def test_what_is_to_be_kept_is_kept():
    text = json.dumps(ANSWER, indent=1)
    left = json.loads(left_of(text, JSON(keep=("$.items[*].name", "$.meta.debug", "$.items[9]"))))
    assert [item["name"] for item in left["items"]] == [record["name"] for record in RECORDS]
    assert left["meta"]["debug"] is True
    assert left["items"][9] == RECORDS[9]


def test_what_is_to_be_dropped_goes_first_and_is_counted():
    handler = JSON(drop=("$.meta.took", "**.tags", "$.items[0]"))
    left = json.loads(left_of(json.dumps(ANSWER), handler, keep=1))
    assert left["meta"] == {"debug": True, "text": PROSE, "...": "1 more"}
    others = [{key: record[key] for key in record if key != "tags"} for record in RECORDS[1:]]
    assert left["items"] == [*[item | {"...": "1 more"} for item in others], "... 1 more"]


def test_members_of_a_line_may_go():
    text = "\n".join(json.dumps(RECORDS[i] | {"x": "long " * 50}) for i in range(9))
    first = left_of(text, JSON(whole_chars=500)).split("\n")[0]
    assert json.loads(first) == {"id": 0, "x": "", "...": "3 more"}


def test_all_beside_what_is_kept_is_dropped_at_any_depth():
    text = '{"a":{"b":{"c":{"d":1,"e":2},"f":3},"g":[4,5,6,7]},"h":8}'
    handler = JSON(drop=("$.a",), keep=("$.a.b.c.d",), notes=False)
    assert left_of(text, handler, keep=1) == '{"a":{"b":{"c":{"d":1}}},"h":8}'


def test_all_of_a_container_may_be_dropped():
    handler = JSON(drop=("$.items[*]", "$.meta.*", "$.status"))
    left = left_of(json.dumps(ANSWER), handler, keep=1)
    assert left == '{"items":["... 30 more"],"meta":{"...":"3 more"},"...":"1 more"}'


def test_what_is_kept_stays_inside_what_is_dropped():
    handler = JSON(drop=("$.meta", "$.items"), keep=("$.meta.took",), notes=False)
    assert left_of(json.dumps(ANSWER), handler, keep=1) == '{"status":"ok","meta":{"took":12}}'


def test_the_whole_document_can_be_kept():
    text = json.dumps(ANSWER, separators=(",", ":"))
    assert left_of(text, JSON(keep=("$",))) == text


@pytest.mark.parametrize("open_", ["[", '{"a":', '{"a":[', '[1,{"b":'])
def test_depth_costs_no_stack(open_):
    close = "".join({"[": "]", "{": "}"}[char] for char in reversed(open_) if char in "[{")
    text = open_ * 10_000 + "1" + close * 10_000
    assert JSON().matches(text)
    structure = JSON(keep=("**.b",)).read(text)
    assert tiles(structure.pieces, len(text))


@pytest.mark.parametrize(
    "value",
    [
        [{"id": i, "ok": True, "xs": [i, i]} for i in range(26_000)],
        list(range(150_000)),
        {"a": PROSE * 3_000},
        {"a": "\n" * 400_000},
        {"a": "{" + "word } " * 115_000},
        {str(i): {"x": i, "y": "some text"} for i in range(26_000)},
    ],
    ids=["records", "numbers", "prose", "breaks", "brackets", "map"],
)
def test_a_megabyte_without_blanks_is_read(value):
    text = json.dumps(value, separators=(",", ":"))
    structure = JSON().read(text)
    assert len(text) > 600_000
    assert tiles(structure.pieces, len(text))


@pytest.mark.parametrize(
    "text",
    [json.dumps(ANSWER), json.dumps(ANSWER, indent=2), "\ufeff" + json.dumps(RECORDS) + "\n",
     "\n".join(map(json.dumps, RECORDS)), "[" + "9" * 9999 + "]", '{"a": NaN, "bcdef": [1, 2, 3]}'],
)  # fmt: skip
def test_json_is_recognised(text):
    assert JSON().matches(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "[1]", "{}", "A sentence, with a comma.", '"She said so, and then she left."', "12345" * 9,
     "[1] Smith and others say so. [2] Jones does not. [3]", "{name} wrote to {other}, and then {}",
     "[see below] and so on, up to here [the end]", '{"a": 1, "b": 2, "c": 3} is an object.',
     'Input: {"a": 1}\nOutput: {"b": 2}\n\nInput: {"a": 3}\nOutput:', '{"a": [1, 2, {"b": "c"}]',
     '["a", "b", "c", "d", "e", "f",]', '{"a": 1, "bcdefghijk": 2}\n12345', "{\n  a: 1,\n  b: 22222\n}",
     'Q: What is 1 + 1?\nA: {"answer": 2}', json.dumps(PROSE), "\n".join(map(str, range(99)))],
)  # fmt: skip
def test_prose_and_all_else_is_not_recognised(text):
    assert not JSON().matches(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [("", "line 1, column 1"), ("Just prose.", "line 1, column 1"), ('{"a": 1,\n "b" 2}', "line 2, column 6")],
)  # fmt: skip
def test_what_is_not_json_is_refused_with_the_place(text, place):
    with pytest.raises(PromptError, match=f"not JSON: at {place}, "):
        JSON().read(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep": "$.a"}, "keep is a tuple of paths"),
        ({"drop": (1,)}, "drop is a tuple of paths"),
        ({"keep": ("a.b",)}, "begins with"),
        ({"drop": ("$.a[",)}, "goes wrong at character 4"),
        ({"drop": ("$",)}, "is the whole document"),
        ({"drop": ("**",)}, "is the whole document"),
        ({"whole_chars": 0}, "whole_chars is at least 1; not 0"),
    ],
)
def test_a_bad_setting_is_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        JSON(**settings)
