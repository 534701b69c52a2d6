import json
import random
import re
from collections import Counter

import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tersely.content.markdown import Markdown
from tersely.core.structure import tiles, weave
from tersely.errors import SettingError

READER = MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"])
LONG = "some words that go on " * 12
TABLE = "| a | b |\n|---|:-:|\n" + "".join(
    f"| {i} | a cell with words in it |\n" for i in range(30)
)
BLOCKS = [
    "# Title one",
    "### Sub *x*",
    "Setext\n======",
    "Two\nlines\n---",
    "---",
    "plain words of a paragraph here",
    "more `code here` and [a link](http://x.y/(z)) end",
    "**bold words** then *it*, __so__ on, 2 * 3 * 4",
    "1986 was. a # year - of 2. things > and ``` no",
    "lone ` tick here",
    "a <b>tag</b> and <i>more &amp; more",
    "<div>\nhtml *x*\n</div>",
    "<!-- c -->",
    "```py\nx = 1\n```",
    "````\n```\n````",
    "~~~\n# no heading\n~~~",
    "- a\n- b `c`",
    "- a\n  - b\n  - c\n- d",
    "1. one\n2. two\n3. three",
    "- " + LONG + "\n  - nested\n\n  para in item\n\n  ```\n  code\n  ```",
    "10. " + LONG + "`x`\n\n    ```\n    y\n    ```",
    "1. ```\n   f\n   ```\n2. ```\n   g\n   ```",
    "> quote words\n> more",
    "> " + LONG + "\n> - l\n>\n> " + LONG,
    "| a | b |\n|---|---|\n| 1 | 2 |",
    TABLE.rstrip(),
    "a | b\n- | -\n1 | 2",
    "    indented\n    code",
    "[ref]: http://x.y",
    "[^1]: footnote text here",
    "-\n- x",
    "text [ref] and ![img](a.png) [^1]",
    "**" + LONG.strip() + "** end",
    "```\n" + "line `x`\n" * 120 + "```",
    "a  b     c\tdeep",
    "=== not\n=== head",
]


def marks(text):
    """What a reader finds: headings, fences, tables, code, links; and marks that are text."""
    found = {
        kind: Counter() for kind in ("heading", "fence", "open", "ragged", "code", "link", "odd")
    }
    tokens = READER.parse(text)
    lines = re.split(r"\r\n?|\n", text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            found["heading"][tokens[at + 1].content] += 1
        elif token.type == "fence":
            closed = re.search(rf"{token.markup}[`~]*[ \t]*$", lines[token.map[1] - 1])
            found["fence" if closed and token.map[1] - token.map[0] > 1 else "open"][""] += 1
        elif token.type == "table_open":
            rows = {line.count("|") for line in lines[token.map[0] : token.map[1]]}
            found["ragged"][""] += len(rows) > 1
        for child in token.children or []:
            mark_inline(child, found)
    return found


def mark_inline(child, found):
    if child.type == "code_inline":
        found["code"][" ".join(child.content.replace(">", " ").split())] += 1
    elif child.type in ("link_open", "image"):
        found["link"][child.attrs.get("href") or child.attrs.get("src")] += 1
    elif child.type == "text":
        found["odd"].update(re.findall(r"`|\]\(|\*\*", child.content))


def structure(text, **settings):
    return Markdown(**settings).read(text)


def pieces(text, kind):
    return [text[p.start : p.end] for p in structure(text).pieces if p.kind == kind]


documents = st.lists(
    st.tuples(
        st.sampled_from(BLOCKS), st.sampled_from(["\n\n", "\n\n", "\n", "\n\n\n", "\r\n\r\n"])
    ),
    min_size=1,
    max_size=7,
).map(lambda parts: "".join(block + gap for block, gap in parts))


@given(documents, st.integers(0, 2**20), st.sampled_from([0.1, 0.4, 0.8]), st.booleans())
def test_whatever_goes_nothing_is_halved(text, seed, keep, blanks):
    before = marks(text)
    read = structure(text)
    assert tiles(read.pieces, len(text))
    after = marks(random_choice(text, read, random.Random(seed), keep=keep, blanks=blanks))
    for kind in ("heading", "fence", "code", "link", "odd", "open", "ragged"):
        assert not after[kind] - before[kind] or (kind != "open" and before["open"]), kind


@given(documents, st.integers(0, 2**20))
def test_a_heading_that_is_kept_is_a_heading(text, seed):
    read, rng = structure(text), random.Random(seed)
    headings = [p for p in read.pieces if p.value > 0]
    kept = [(p.start, p.end) for p in read.pieces if p.kind == "fixed" or rng.random() < 0.4]
    titles = Counter(
        t
        for s, e in kept
        if (s, e) in {(p.start, p.end) for p in headings}
        for t in marks(text[s:e])["heading"]
    )
    assert not titles - marks(weave(text, kept, read))["heading"]


@given(st.text(alphabet="#>-*`~|[]()<!&; \n\r\ta1\0\ud800é中", max_size=60))
def test_any_text_is_tiled(text):
    assert tiles(structure(text).pieces, len(text))


@given(documents, st.integers(0, 2**20))
def test_nothing_is_written_but_notes(text, seed):
    out = random_choice(text, structure(text, notes=False), random.Random(seed))
    rest = iter(text)
    assert all(char in rest for char in out)


def test_all_that_is_kept_is_the_text():
    text = "\n\n".join(BLOCKS)
    assert random_choice(text, structure(text), random.Random(0), keep=1.1, blanks=True) == text


@pytest.mark.parametrize(
    "span",
    [
        "`a b`",
        "``a ` b``",
        "[a b](http://x.y)",
        "[a b](<x y> 'a title')",
        "![a [b] c](d.png)",
        "[![a b](c.png)](d)",
        "[a b][c d]",
        "**a b**",
        "*a **b** c*",
        "__a b__",
        "~~a b~~",
        "<a href='x y'>",
        "<https://a.b>",
        "https://a.b/c_d_e",
        "&amp;",
        "\\*a",
    ],
)
def test_a_span_is_one_piece(span):
    text = f"some words {span}, and more words"
    assert [p for p in pieces(text, "whole") if span in p]


def test_a_span_in_the_middle_of_a_word_takes_the_word_with_it():
    assert pieces("some foo`a b`bar words", "whole") == [" foo`a b`bar"]


def test_marks_without_a_partner_hold_nothing():
    text = "2 * 3 and snake_case_name [ and ] or a < b"
    assert pieces(text, "whole") == ["2 *", " [ and ]"]


def test_long_emphasis_keeps_its_marks_and_may_lose_words():
    text = f"x **{LONG.strip()}** y"
    assert pieces(text, "fixed") == [" **some", " on**"]


def test_what_would_begin_a_block_goes_with_the_word_before():
    assert pieces("in # and - or 2. so", "whole") == ["in #", " and -", " or 2."]


def test_headings_are_worth_more_the_higher_they_stand():
    text = "# a\n\n## b\n\n### c\n\n#### d\n\ne\n="
    assert [p.value for p in structure(text, headings=4.0).pieces if p.value] == [4, 4, 3, 2, 4]


def test_short_items_are_whole_and_long_ones_keep_their_marker():
    text = f"- short one\n- {LONG.strip()}\n- last"
    assert pieces(text, "whole") == ["- short one", "\n- last"]
    assert pieces(text, "fixed") == ["\n- some"]


def test_a_short_quote_is_whole_and_a_long_one_keeps_its_mark():
    assert pieces("> a\n> b\n\nc", "whole") == ["> a\n> b"]
    assert pieces(f"c\n\n> {LONG}{LONG}\n> d", "fixed") == ["\n\n>"]


def test_a_long_table_keeps_its_head_and_counts_its_rows():
    text = f"{TABLE}\nend"
    read = structure(text)
    kept = [(p.start, p.end) for p in read.pieces if p.kind == "fixed"]
    assert weave(text, kept, read) == "| a | b |\n|---|:-:|\n| ... 30 more | |\n\n"


def test_a_table_in_a_quote_has_its_note_in_the_quote():
    text = "> " + TABLE.rstrip().replace("\n", "\n> ") + f"\n>\n> {LONG}"
    read = structure(text)
    kept = [(p.start, p.end) for p in read.pieces if p.kind == "fixed"]
    assert "\n> | ... 30 more | |\n" in weave(text, kept, read)


def test_a_long_fence_keeps_both_its_ends():
    text = "```text\n" + "a line of something\n" * 50 + "```\nend"
    read = structure(text)
    kept = [(p.start, p.end) for p in read.pieces if p.kind == "fixed"]
    assert weave(text, kept, read) == "```text\n... 50 lines\n```\n"
    assert weave(text, kept, structure(text, notes=False)) == "```text\n```\n"


@pytest.mark.parametrize("seed", range(5))
def test_json_in_a_fence_stays_json(seed):
    rows = [{"id": number, "name": "someone"} for number in range(40)]
    text = f"# T\n\n```json\n{json.dumps(rows, indent=1)}\n```\n"
    out = random_choice(text, structure(text), random.Random(seed))
    inside = out.partition("```json\n")[2].partition("\n```")[0]
    assert 0 < len(json.loads(inside)) < 40


def test_a_fence_that_is_not_what_it_says_is_cut_by_lines():
    text = "```json\n" + "no json here\n" * 80 + "```"
    assert pieces(text, "whole") == ["\nno json here"] * 80


def test_a_fence_that_is_not_closed_goes_to_the_end():
    text = "a\n\n```\nb\n\n# c\n"
    assert pieces(text, "whole") == ["\n\n```\nb\n\n# c"]


def test_front_matter_is_one_piece():
    assert pieces("---\ntitle: a\n---\n\nb c", "whole") == ["---\ntitle: a\n---"]


def test_link_definitions_and_footnotes_are_whole():
    text = "a\n\n[x]: http://x.y\n[z]: http://z\n\n[^1]: a note"
    assert pieces(text, "whole") == ["\n[x]: http://x.y", "\n[z]: http://z", "\n\n[^1]: a note"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "\ufeff# a\n\nb",
        "# a\r\n\r\nb `c`\r\n\r\n```\r\nd\r\n```\r\n",
        "# a\r\rb\r- c",
        "# \ud800\n\n\0 `\udfff`",
        "> " * 10_000,
        "\n".join(" " * (2 * i) + "- a" for i in range(300)),
        "<" * 20_000,
        "[" * 20_000,
        "[a](" * 5_000,
        "*a " * 7_000,
        "".join("`" * (i % 40) + "x" for i in range(2_000)),
    ],
    ids=range(13),
)
def test_odd_texts_are_tiled(text):
    assert tiles(structure(text).pieces, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nSome words.\n\n- one\n- two\n",
        "Run this:\n\n```\nmake\n```\n\nthen `make test`.",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n**Note** the above.",
        "## A\ntext\n\n## B\nsee [here](https://x.y)",
    ],
)
def test_two_kinds_of_blocks_are_markdown(text):
    assert Markdown().matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "One sentence.",
        "- just\n- a\n- list",
        "Q: What is 2 + 2?\nA: 4\n\nQ: What is 3 + 3?\nA: 6\n\n### Answer:\n- short",
        "# settings\n\nname: x\nitems:\n- a\n- b\nkind: y",
        "# A comment\n\nimport os\nfrom x import y\n\ndef f():\n    `a`\n",
        "PEP: 1\nTitle: X\n\nAbstract\n========\n\nText\n~~~~\n\n* a\n* b\n",
        "I like *this* and **that** and `code`, see [1].",
    ],
)
def test_prose_prompts_and_programs_are_not(text):
    assert not Markdown().matches(text)


@pytest.mark.parametrize("headings", [-1, float("inf"), float("nan")])
def test_a_value_of_headings_that_is_no_number_is_refused(headings):
    with pytest.raises(SettingError, match="headings is at least 0 and finite"):
        Markdown(headings=headings)
