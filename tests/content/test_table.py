import csv
import io
import random

import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.table import Table
from tersely.core.structure import tiles
from tersely.errors import PromptError, SettingError

SIMPLE = "name,age,town\nann,3,Ulm\nbob,4,Rom\ncyd,5,Bari\n"
QUOTED = 'id,text\r\n1,"a\r\nb, ""c"""\r\n2,"x"y\r\n\r\n3,'
ODD = {
    "a byte order mark": "\ufeffa,b\n1,2\n",
    "breaks first": "\r\n\na,b\n1,2",
    "carriage returns": "a,b\r1,2\r3,4",
    "NUL": "a,b\n\x00,2\n",
    "surrogates": "a,b\n\ud800,2\n\udc00,\ud800\n",
    "ragged": "a,b\n1\n1,2,3\n,\n \n",
    "one row": "a,b",
    "mixed breaks": "a,b\n\r\n1,2\r\n\r3,4\n\n",
}

a_cell = st.text(st.sampled_from('ab ,;"\r\n\t|é\ufeff'), max_size=6)
a_table = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(a_cell, min_size=width, max_size=width), min_size=2, max_size=9)
)


def written(rows, delimiter, ending):
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if ending == "\n" else csv.QUOTE_MINIMAL  # it leaves "\r" bare
    csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(rows)
    return out.getvalue()


def parsed(text, delimiter=","):
    return list(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))


def left_of(text, handler, seed, **how):
    return random_choice(text, handler.read(text), random.Random(seed), **how)


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(any(item == other for other in rest) for item in part)


@given(a_table, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.integers(0, 9))
def test_rows_stay_whole_and_a_last_one_says_how_many_are_missing(rows, delimiter, ending, seed):
    text = written(rows, delimiter, ending)
    handler = Table(delimiter=delimiter)
    assert tiles(handler.read(text).pieces, len(text))
    before, after = parsed(text, delimiter), parsed(left_of(text, handler, seed), delimiter)
    missing = 0
    if after[-1][0].startswith("... "):
        note = after.pop()
        missing = int(note[0].split()[1])
        assert note == [f"... {missing} more", *[""] * (len(rows[0]) - 1)]
    assert is_subsequence(after, before)
    assert after[0] == before[0]
    assert len(after) + missing == len(before)


@given(st.text(st.sampled_from('a1 ,"\r\n'), max_size=30), st.integers(0, 9), st.booleans())
def test_any_text_is_read_as_csv_reads_it(text, seed, blanks):
    handler = Table(notes=False, delimiter=",")
    try:
        left = left_of(text, handler, seed, blanks=blanks)
    except PromptError:
        assert text.count('"') % 2
    else:
        assert is_subsequence(parsed(left), parsed(text))


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_tables_are_tiled(text):
    assert tiles(Table().read(text).pieces, len(text))
    for seed in range(5):
        for blanks in (False, True):
            left = left_of(text, Table(notes=False), seed, blanks=blanks)
            assert is_subsequence(parsed(left), parsed(text))


def test_the_note_is_a_row_of_as_many_cells():
    assert left_of(SIMPLE, Table(), 0, keep=0) == "name,age,town\n... 3 more,,"
    assert left_of(QUOTED, Table(), 0, keep=0) == "id,text\r\n... 3 more,"
    assert left_of(SIMPLE, Table(notes=False), 0, keep=0) == "name,age,town"


def test_a_row_that_is_long_is_one_piece_all_the_same():
    text = QUOTED + '"' + "long\n" * 2000 + '"'
    pieces = Table().read(text).pieces
    assert [piece.kind for piece in pieces] == ["fixed", "whole", "whole", "blank", "whole"]


TABLES = [
    SIMPLE,
    "\ufeff" + SIMPLE,
    SIMPLE.replace(",", ";"),
    SIMPLE.replace(",", "\t"),
    SIMPLE.replace(",", "|"),
    SIMPLE.replace("\n", "\r\n"),
    'a,b,c\n"x, y",2,3\n"p\nq",5,6\n',
    ",a,b\n0,x,y\n1,z,w\n",
    "a,b,c,d,e\n1,2,3\n4,5,6,7,8\n",
    "country,2019,2020\nA,1,2\nB,3,4\n",
    "name,note\n" + 'ann,"well, yes"\n'.replace(", ", ",") * 6,
]


@pytest.mark.parametrize("text", TABLES)
def test_tables_are_recognised_and_read(text):
    assert Table().matches(text)
    assert Table().read(text).series[0].note.count("{dropped}") == 1


NO_TABLES = {
    "nothing": "",
    "prose": "Red, green, blue.\nOne, two, three.\nA, b, c.\n",
    "one comma": "Well,yes.\n" * 9,
    "names": "Smith, John\nDoe, Jane\n" * 6,
    "ragged": SIMPLE + "x,y\n",
    "a cell too many": "a,b,c,d,e\n1,2,3,4,5,6\n1,2,3,4,5\n",
    "two cells of five": "a,b,c,d,e\n1,2\n1,2,3,4,5\n",
    "an open quotation": SIMPLE + '"a,1,2\n',
    "Markdown": "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "Markdown without edges": "a | b | c\n---|---|---\n1 | 2 | 3\n4 | 5 | 6\n",
    "JSON lines": '{"a":1,"b":2,"c":3}\n' * 5,
    "calls": "f(a,b,c);\ng(d,e,f);\nh(i,j,k);\n",
    "code": "int a;\nint b;\nint c;\n",
    "numbers": "1,2,3\n4,5,6\n7,8,9\n",
    "a log": "2024-05-01 10:00:01,123 INFO x\n" * 9,
    "the same name twice": "a,b,a\n1,2,3\n4,5,6\n",
    "two rows": "a,b,c\n1,2,3\n",
    "indented code": "\tif x:\n\treturn y\n\telse:\n",
}


@pytest.mark.parametrize("text", NO_TABLES.values(), ids=NO_TABLES)
def test_other_texts_are_no_tables(text):
    assert not Table().matches(text)


def test_a_text_of_one_column_is_refused():
    with pytest.raises(PromptError, match="no table: from line 1, column 1 on"):
        Table().read("just words\nand more\n")


def test_an_open_quotation_is_refused_with_its_place():
    with pytest.raises(PromptError, match="begins in line 3, column 3 does not end"):
        Table().read('a,b\r\n1,2\r\n3,"x\r\n4,5\r\n')


def test_an_unknown_delimiter_is_refused():
    with pytest.raises(SettingError, match=r"delimiter is one of ',', .* or None; not ':'"):
        Table(delimiter=":")
