import difflib
import random
import re

import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.diff import Diff
from tersely.core.structure import tiles, weave
from tersely.errors import PromptError, SettingError

GIT = """diff --git a/src/x.py b/src/x.py
index 83db48f..bf2a9c1 100644
--- a/src/x.py
+++ b/src/x.py
@@ -1,5 +1,5 @@ def f():
 one
 two
-three
+drei
 four

diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
--- a comment
\\ No newline at end of file
diff --git a/a.png b/b.png
rename from a.png
rename to b.png
"""
ROLES = [
    ("diff --git a/src/x.py b/src/x.py", "fixed", 0.0),
    ("index 83db48f..bf2a9c1 100644", "whole", -3.0),
    ("--- a/src/x.py", "whole", -3.0),
    ("+++ b/src/x.py", "whole", -3.0),
    ("@@ -1,5 +1,5 @@ def f():", "whole", 1.0),
    (" one", "whole", -1.5),
    (" two", "whole", -0.5),
    ("-three\n+drei", "whole", 2.5),
    (" four", "whole", -0.5),
    ("", "whole", -4.0),
    ("diff --git a/old.txt b/old.txt", "fixed", 0.0),
    ("deleted file mode 100644", "whole", 1.0),
    ("--- a/old.txt", "whole", -3.0),
    ("+++ /dev/null", "whole", -3.0),
    ("@@ -1 +0,0 @@", "whole", 1.0),
    ("--- a comment", "whole", 2.5),
    ("\\ No newline at end of file", "whole", 2.5),
    ("diff --git a/a.png b/b.png", "fixed", 0.0),
    ("rename from a.png", "whole", 1.0),
    ("rename to b.png", "whole", 1.0),
]
PLAIN = "--- a/x\t2024-01-01\n+++ b/x\t2024-01-02\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
MAIL = (
    "From "
    + "0" * 40
    + " Mon Sep 17\nSubject: x\n\nWhy.\n---\n x | 2 +-\n\n"
    + PLAIN
    + "-- \n2.3\n"
)
MERGE = "diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,2 -1,2 +1,2 @@@\n  a\n- b\n -c\n++d\n"
NOTE = re.compile(r"\t\[\d+ of \d+ parts left out\]")
ODD = {
    "NUL": PLAIN.replace("c", "\x00"),
    "surrogates": PLAIN.replace("c", "\ud800"),
    "CRLF": GIT.replace("\n", "\r\n"),
    "carriage returns": PLAIN.replace("c", "c\rd\re"),
    "no last break": PLAIN.rstrip(),
    "a byte order mark": "\ufeff" + PLAIN,
    "long lines": PLAIN.replace("b\n", "word " * 900 + "\n"),
    "a long last line": PLAIN + "+" + "x" * 9000,
    "a hunk cut short": "--- a\n+++ b\n@@ -1,99 +1,99 @@\n-a\nso it goes\n",
    "names and no more": "--- a\n+++ b\n@@ -1 +1 @@\n--- b\n+++ ",
}

some_lines = st.lists(
    st.sampled_from(["a", "b", "", "- c", "-- d", "++ e", " f", "@@ g"]), max_size=12
)


def kinds(text, **settings):
    pieces = Diff(**settings).read(text).pieces
    return [(text[p.start : p.end].rstrip("\n"), p.kind, p.value) for p in pieces]


def fixed(text):
    return [said for said, kind, _ in kinds(text) if kind == "fixed"]


@given(some_lines, some_lines, st.integers(0, 9))
def test_lines_stay_whole_in_order_and_below_their_file(before, after, seed):
    one = difflib.unified_diff(before, after, "a/x", "b/x", lineterm="")
    two = difflib.unified_diff(after, before, "a/y", "b/y", lineterm="")
    lines = [*one, *two]
    text = "".join(line + "\n" for line in lines)
    if before == after:
        return
    structure = Diff(notes=False).read(text)
    assert tiles(structure.pieces, len(text))
    assert fixed(text) == ["--- a/x", "+++ b/x", "--- a/y", "+++ b/y"]
    left = iter(random_choice(text, structure, random.Random(seed)).split("\n")[:-1])
    assert all(any(line == other for other in lines) for line in left)


@pytest.mark.parametrize("text", [GIT, PLAIN, MAIL, MERGE, *ODD.values()])
def test_notes_are_all_that_is_added(text):
    for seed in range(9):
        noted = random_choice(text, Diff().read(text), random.Random(seed))
        assert NOTE.sub("", noted) == random_choice(
            text, Diff(notes=False).read(text), random.Random(seed)
        )
        assert tiles(Diff().read(text).pieces, len(text))


@pytest.mark.parametrize("text", [GIT, PLAIN, MERGE])
def test_what_is_left_is_a_diff_of_the_same_files(text):
    for seed in range(20):
        left = random_choice(text, Diff(notes=False).read(text), random.Random(seed))
        assert fixed(left) == fixed(text)


def test_lines_have_the_roles_that_the_counts_of_the_hunk_give_them():
    assert kinds(GIT) == ROLES


def test_without_a_line_of_git_both_names_stay():
    assert fixed(PLAIN) == ["--- a/x\t2024-01-01", "+++ b/x\t2024-01-02"]


def test_what_a_mail_says_is_no_part_of_the_file():
    other = [said for said, _, value in kinds(MAIL) if value == 0.5]
    assert other == [
        "From " + "0" * 40 + " Mon Sep 17",
        "Subject: x",
        "Why.",
        "---",
        " x | 2 +-",
        "-- ",
        "2.3",
    ]


def test_a_merge_has_a_mark_for_each_parent():
    changed = [said for said, _, value in kinds(MERGE) if value == 2.5]
    assert changed == ["- b\n -c\n++d"]


def test_a_change_of_nothing_but_whitespace_is_worth_less():
    assert ("+  ", "whole", -2.0) in kinds("--- a\n+++ b\n@@ -1 +1,2 @@\n+x\n+  \n")


def test_what_replaces_a_few_lines_stays_with_them():
    text = (
        "--- a\n+++ b\n@@ -1,9 +1,9 @@\n"
        + "-x\n" * 4
        + "+y\n" * 4
        + " z\n"
        + "-x\n" * 5
        + "+y\n" * 4
    )
    sizes = [said.count("\n") + 1 for said, _, value in kinds(text) if value == 2.5]
    assert sizes == [8, *[1] * 9]


def test_a_file_says_how_many_of_its_lines_are_missing():
    structure = Diff().read(PLAIN)
    spans = [(p.start, p.end) for p in structure.pieces if p.kind == "fixed" or p.value == 2.5]
    assert weave(PLAIN, spans, structure) == PLAIN.replace(
        "01-02", "01-02\t[2 of 3 parts left out]"
    ).replace("@@ -1,2 +1,2 @@\n", "").replace(" c\n", "")


def test_an_overlong_line_loses_words_and_keeps_its_mark():
    text = PLAIN.replace("b\n", "word " * 500 + "\r\n")
    assert [k[1] for k in kinds(text)][4:8] == ["fixed", "words", "fixed", "whole"]
    for seed in range(5):
        lines = random_choice(text, Diff(notes=False).read(text), random.Random(seed)).split("\n")
        assert sum(line.startswith("+") and line.endswith("\r") for line in lines) == 1


@pytest.mark.parametrize(
    "text",
    [GIT, PLAIN, MAIL.replace(PLAIN, GIT), MERGE, GIT.replace("\n", "\r\n"), "\n" + GIT],
)
def test_diffs_are_recognised(text):
    assert Diff().matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Please review:\n\n" + GIT,
        "--- a list\n- one\n- two\n+ three\n",
        PLAIN + "And this is what I think of it.\n" * 9,
        "diff --git a/x b/x\nrename from x\nrename to y\n",
        "---\ntitle: x\n---\n\n@@ -1 +1 @@\n",
    ],
)
def test_other_texts_are_no_diffs(text):
    assert not Diff().matches(text)


def test_a_text_without_hunks_is_refused():
    with pytest.raises(PromptError, match="no diff: from line 1, column 1 on"):
        Diff().read("just words\n- and a list\n")


def test_a_length_out_of_range_is_refused():
    with pytest.raises(SettingError, match="long_chars is at least 1; not 0"):
        Diff(long_chars=0)
