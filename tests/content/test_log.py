import random
import re

import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.log import Log
from tersely.core.structure import tiles, weave
from tersely.errors import SettingError

START = "2024-05-01 10:00:01 INFO app: "
TRACE = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\n  File "/app/b.py", line 2, in g\nValueError: 3'
SAID = [
    "got {} rows",
    "user {} is in",
    "ERROR: disk {} failed",
    "WARN slow {}",
    TRACE,
    "",
    "\tmore {}",
]
NOTE = re.compile(r" \[\+\d+ (?:similar|frames)\]|\n\[\+\d+ other lines\]")
ODD = {
    "nothing": "",
    "a break": "\n",
    "breaks": "\r\n\n\r\r\n",
    "one line": START + "x",
    "a break at both ends": "\n" + START + "x\n",
    "carriage returns": "10 %\r20 %\r30 %\r",
    "NUL": "\x00\n\x00 error\n",
    "surrogates": "\ud800 1\n\ud800 2\n",
    "a mark": "\ufeff" + START + "é\u0301\n",
    "no spaces": "x" * 9000,
    "long lines": "\n".join([("word " * 900)] * 3),
    "quotes": "'\"" * 3000,
    "deep": "\n".join(" " * k + "at f(" for k in range(300)),
}

a_line = st.builds(
    lambda said, number: said.format(number), st.sampled_from(SAID), st.integers(0, 9)
)
a_log = st.builds(
    lambda lines, ends: "".join(map("".join, zip(lines, ends, strict=True))),
    st.lists(a_line, min_size=20, max_size=20),
    st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=20, max_size=20),
)


def lines_of(text):
    return [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(any(item == other for other in rest) for item in part)


def values(text, **settings):
    pieces = Log(**settings).read(text).pieces
    return {text[p.start : p.end].strip("\r\n"): p.value for p in pieces if p.kind == "whole"}


@given(a_log, st.integers(0, 9), st.booleans())
def test_lines_stay_whole_and_apart_whatever_is_dropped(text, seed, blanks):
    structure = Log(notes=False).read(text)
    assert tiles(structure.pieces, len(text))
    left = random_choice(text, structure, random.Random(seed), blanks=blanks)
    assert is_subsequence(lines_of(left), lines_of(text))


@given(a_log, st.integers(0, 9))
def test_notes_are_all_that_is_added(text, seed):
    noted = random_choice(text, Log().read(text), random.Random(seed))
    assert NOTE.sub("", noted) == random_choice(
        text, Log(notes=False).read(text), random.Random(seed)
    )


@given(a_log, st.integers(0, 9))
def test_what_is_left_and_what_notes_say_is_missing_is_all(text, seed):
    structure = Log().read(text)
    rng = random.Random(seed)
    whole = [k for k, piece in enumerate(structure.pieces) if piece.kind == "whole"]
    kept = {k for k in whole if rng.random() < 0.5}
    spans = [(structure.pieces[k].start, structure.pieces[k].end) for k in sorted(kept)]
    said = sum(int(re.search(r"\d+", note.text)[0]) for note in structure.notes(spans))
    told = [s for s in structure.series if s.at is not None or kept & {*s.members}]
    assert sorted(k for s in structure.series for k in s.members) == whole
    assert not kept or said == sum(len({*s.members} - kept) for s in told)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_is_tiled(text):
    structure = Log().read(text)
    assert tiles(structure.pieces, len(text))
    for seed in range(5):
        random_choice(text, structure, random.Random(seed))
    Log().matches(text)


def test_a_note_stands_in_the_line_that_is_left():
    text = "\n".join(START + f"got {k} rows" for k in range(5))
    structure = Log().read(text)
    second = structure.pieces[1]
    (note,) = structure.notes([(second.start, second.end)])
    assert (note.at, note.text) == (text.index("\n", second.end - 1), " [+4 similar]")


def test_a_missing_line_unlike_all_others_is_counted_at_the_end():
    text = "up it goes\nthe disk is full\nbye now all of you"
    structure = Log().read(text)
    first = structure.pieces[0]
    assert weave(text, [(0, first.end)], structure) == "up it goes\n[+2 other lines]"


def test_the_first_of_its_kind_is_worth_more_than_the_next():
    text = "\n".join(["a", *(START + f"got {k} rows" for k in range(3)), "b"])
    worth = values(text)
    assert worth[START + "got 0 rows"] > 0 > worth[START + "got 1 rows"]


BAD = {
    "2024-05-01 10:00:01 ERROR app: x": 8.0,
    "E0501 10:00:01.1 1 a.go:1] x": 8.0,
    "05-01 10:00:01.123  1  2 E Tag: x": 8.0,
    "05-01 10:00:01.123  1  2 W Tag: x": 4.0,
    "[Sun Dec 04 04:47:44 2005] [error] x": 8.0,
    "time=2024 level=error msg=x": 8.0,
    "2024-05-01 10:00:01, Error  CBS x": 8.0,
    "\x1b[31mERROR\x1b[0m x": 8.0,
    "it has failed": 8.0,
    "java.io.IOException: x": 8.0,
    "INFO it has failed": 4.0,
    "connection refused": 4.0,
    "2024-05-01 WARNING x": 4.0,
    "INFO connection refused": 1.5,
    "done, 0 errors": 1.5,
    "DEBUG error=null": 1.5,
    "no errors found": 1.5,
    "3 errors found": 8.0,
    "[INFO] x": 1.5,
    "the terror of failover": 1.5,
}


@pytest.mark.parametrize(("line", "expected"), BAD.items())
def test_a_line_is_worth_what_its_level_and_words_say(line, expected):
    assert values(f"a\nb\n{line}\nc\nd")[line] == expected


def test_counts_of_errors_are_not_masked_away():
    worth = values("a b\ndone: 0 errors\nx y z\ndone: 2 errors\np q r s")
    assert worth["done: 2 errors"] == 8.0 > worth["done: 0 errors"]


def test_the_edges_of_a_log_and_lines_beside_a_new_error_are_worth_more():
    worth = values("a\nb b\nERROR 1\nc c c\nd d d d\nERROR 2\ne e e e e")
    assert [worth[line] for line in ("a", "b b", "c c c", "d d d d")] == [3.5, 2.5, 2.5, 1.5]
    assert (worth["ERROR 2"], worth["e e e e e"]) == (1.0, 3.5)


def test_of_a_stack_what_went_wrong_and_the_frames_nearest_to_it_stay():
    frames = [f'  File "/app/f{k}.py", line {k}, in f\n    g()' for k in range(5)]
    text = "\n".join(["x", "Traceback (most recent call last):", *frames, "KeyError: 'a'", "y"])
    worth = values(text)
    assert [worth[frame] for frame in frames] == [-0.5, -1.5, -1.5, 4.0, 4.0]
    assert worth["KeyError: 'a'"] == 8.0
    assert any(
        s.note == " [+{dropped} frames]" and len(s.members) == 5 for s in Log().read(text).series
    )


def test_a_stack_seen_before_is_worth_little():
    trace = "E: x\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)"
    pieces = Log().read("\n".join([trace, "z", trace])).pieces
    assert [piece.value for piece in pieces] == [10.0, 5.0, 4.0, 1.5, 1.0, -3.0, -1.0]


def test_an_overlong_line_loses_words_and_keeps_its_break():
    text = f"one\n{'word ' * 500}\nthree"
    pieces = Log().read(text).pieces
    assert [piece.kind for piece in pieces] == ["whole", "fixed", "words", "words", "whole"]
    assert text[pieces[1].start : pieces[1].end] == "\n"


def test_blank_lines_go():
    kinds = [piece.kind for piece in Log().read("a\r\n\r\n  \n\tb\n").pieces]
    assert kinds == ["whole", "blank", "whole", "blank"]


LOGS = [
    START + "x",
    "Jun 18 01:30:59 combo sshd[3]: x",
    "081109 203615 148 INFO dfs.Node: x",
    '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23',
    "- 1117838570 2005.06.03 R02 x",
    "20171223-22:15:9:650|Step|3|x",
    "web_1  | 2024-05-01T10:00:01Z x",
    "[    1.234567] usb 1-1: x",
    "INFO: x",
    'time="2024-05-01" level=info msg=x',
]


@pytest.mark.parametrize("line", LOGS)
def test_logs_are_recognised(line):
    assert Log().matches("\n".join([line] * 4))
    assert not Log().matches("\n".join([line] * 3 + ["and then it went on as prose does"] * 3))


@pytest.mark.parametrize(
    "text",
    [
        "The server failed. An ERROR was logged at 10:00.\nIt was 2024.\nThen all was well.\n",
        "Q: 1\nA: 2\nQ: 3\nA: 4\n",
        "10:00 Ann: hi\n10:01 Bob: ho\n10:02 Ann: ha\n",
        "1914-07-28 The war began.\n1918-11-11 It ended.\n1919-06-28 Peace.\n",
        "at,level\n2024-05-01 10:00:01,INFO\n2024-05-01 10:00:02,INFO\n",
        "when,level,x\n" + "2024-05-01 10:00:01,INFO,1\n" * 5,
        "",
    ],
)
def test_prose_chats_and_tables_are_no_logs(text):
    assert not Log().matches(text)


def test_a_stack_trace_alone_is_recognised():
    assert Log().matches(TRACE)


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingError, match="similarity is above 0 and at most 1; not 0"):
        Log(similarity=0)
    with pytest.raises(SettingError, match="long_chars is at least 1; not 0"):
        Log(long_chars=0)
