"""Markdown: text stays text, and what nothing is said in has no column."""

from tersely.evaluation.report.markdown import escaped, markdown
from tersely.evaluation.report.table import Column, Figure, Report, Section, Table

COLUMNS = (
    Column(name="arm", title="arm"),
    Column(name="x", title="x", form=".1f"),
    Column(name="y", title="y", form=".1f"),
)


def report_of(*parts):
    section = Section(name="s", title="1 Part", texts=("Two\nlines.",), items=("one",), parts=parts)
    return Report(title="T", head=(("Commit", "c0ffee"),), sections=(section,))


def test_what_markdown_would_read_is_escaped():
    assert escaped("a|b *c* <d> _e_") == r"a\|b \*c\* \<d\> \_e\_"
    assert escaped("random_drop [0.1, 0.2]") == "random_drop [0.1, 0.2]"
    assert escaped("[a](b)") == r"[a\](b)"


def test_a_table_has_the_columns_that_say_something():
    table = Table(name="t", title="Big", columns=COLUMNS, rows=(("a|b", None, 2.0),), notes=("N.",))
    text = markdown(report_of(table))
    assert "### Big\n\n| arm | y |\n| --- | ---: |\n| a\\|b | 2.0 |\n\nN.\n" in text


def test_the_report_has_its_head_contents_and_pictures():
    figure = Figure(name="pic", title="P", alt="what it shows", draw=lambda form: b"")
    text = markdown(report_of(figure), pictures="img")
    assert text.startswith("# T\n\n- Commit: c0ffee\n")
    assert "[1 Part](#1-part)" in text
    assert "Two lines.\n\n- one\n" in text
    assert "![what it shows](img/pic.png)" in text


def test_a_folded_table_can_be_opened():
    table = Table(name="t", title="<Big>", columns=COLUMNS, rows=(), folded=True)
    assert "<summary>&lt;Big&gt;</summary>\n\nNo rows.\n\n</details>" in markdown(report_of(table))
