import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import pytest
from choices import random_choice
from hypothesis import example, given
from hypothesis import strategies as st

from tersely.content.html import HTML
from tersely.core.structure import tiles, weave
from tersely.errors import PromptError

LONG = "long words here and there " * 10
VOID = {"br", "img", "q:x", "hr"}
SOUP = [
    *[
        "<p>",
        "</p>",
        "<div class='x' id=a>",
        "</div>",
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<li>",
        "</li>",
    ],
    *[
        "<ul>",
        "</ul>",
        "<a href=x>",
        "</a>",
        "<td>",
        "<tr>",
        "foo",
        "bar baz",
        " ",
        "\n",
        LONG,
        "é",
    ],
    *["<br>", '<img src="a" alt="x > y">', "<!-- c -->", "<ul><li>a<li>b</ul>", "&amp;", "a < b"],
    *["<script>if (a<b) {}</script>", "<style>p{}</style>", "<table><tr><td>1<td>2</table>"],
    *["<svg><path d='M0'/></svg>", "<q:x a='1'b='2'/>", "<span>s</span>", "<pre> a\n  b </pre>"],
]


class Reader(HTMLParser):
    """Counts the tags of each name, and collects the words."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.tags, self.stack, self.stray, self.parts = Counter(), [], 0, []
        self.feed(text)
        self.close()
        self.words = re.findall(r"\w+", "".join(self.parts))

    def handle_starttag(self, tag, attrs):
        self.parts.append("|")
        self.stack += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        self.parts.append("|")

    def handle_endtag(self, tag):
        self.parts.append("|")
        if tag not in self.stack:
            self.stray += 1
            return
        while self.stack.pop() != tag:
            pass

    def handle_comment(self, data):
        self.parts.append("|")

    def handle_data(self, data):
        self.parts.append("|" if self.stack[-1:] in (["script"], ["style"]) else data)


def structure(text, **settings):
    return HTML(**settings).read(text)


def pieces(text, kind, **settings):
    return [text[p.start : p.end] for p in structure(text, **settings).pieces if p.kind == kind]


def subsequence(part, whole):
    rest = iter(whole)
    return all(item in rest for item in part)


def nodes(depth):
    texts = st.sampled_from(
        ["words ", "x", " ", "\n  ", "<?pi x?>", "<!-- c -->", "&amp;", "é", LONG, "]] &gt;"]
    )
    data = st.sampled_from(["<![CDATA[ a < b ]]>", f"<![CDATA[{'w < ' * 70}]]>"])
    if not depth:
        return texts | data
    names = st.sampled_from(["a", "b", "p", "ns:x", "li", "row", "Étoile", "_u"])
    attributes = st.sampled_from(
        ["", ' id="1" class="> x"', " ns:k='a&amp;b' q = '" + "y" * 90 + "'"]
    )
    inside = st.lists(nodes(depth - 1), max_size=4).map("".join)
    element = st.tuples(names, attributes, inside).map(lambda e: f"<{e[0]}{e[1]}>{e[2]}</{e[0]}>")
    return texts | data | element | st.tuples(names, attributes).map(lambda e: f"<{e[0]}{e[1]}/>")


trees = st.lists(nodes(3), max_size=6).map(
    lambda parts: f'<root xmlns:ns="u:v">{"".join(parts)}</root>'
)


@given(
    trees,
    st.sampled_from(
        ["", '<?xml version="1.0"?>\n', '<?xml version="1.0"?><!DOCTYPE root [<!ENTITY z "z">]>']
    ),
    st.integers(0, 2**20),
    st.booleans(),
)
def test_what_is_well_formed_stays_so(tree, head, seed, blanks):
    text = head + tree
    ET.fromstring(text)
    read = structure(text)
    assert tiles(read.pieces, len(text))
    for keep in (0.1, 0.5, 0.9):
        ET.fromstring(random_choice(text, read, random.Random(seed), keep=keep, blanks=blanks))


@given(trees, st.integers(0, 2**20))
@example(f"<root>words words <![CDATA[{'w < ' * 60}]]></root>", 0)
def test_text_that_stays_is_in_order_and_no_words_are_glued(tree, seed):
    out = random_choice(tree, structure(tree), random.Random(seed))
    words = [word for part in ET.fromstring(tree).itertext() for word in re.findall(r"\w+", part)]
    assert subsequence(
        [w for part in ET.fromstring(out).itertext() for w in re.findall(r"\w+", part)], words
    )


@given(st.lists(st.sampled_from(SOUP), max_size=12), st.integers(0, 2**20), st.booleans())
def test_tag_soup_gets_no_worse(parts, seed, blanks):
    text = "<div>" + "".join(parts) + "</div>"
    read = structure(text)
    assert tiles(read.pieces, len(text))
    before = Reader(text)
    after = Reader(random_choice(text, read, random.Random(seed), blanks=blanks))
    assert after.stray <= before.stray
    assert subsequence(after.words, before.words)


@given(st.text(alphabet="<>/!?-[]&;\"'= abpi\n\0\ud800é中", max_size=60))
def test_any_text_with_a_tag_is_tiled(text):
    assert tiles(structure("<b>" + text).pieces, len(text) + 3)


def test_all_that_is_kept_is_the_text():
    text = "<!DOCTYPE html>\n<html><body class=a>" + "".join(SOUP) + "</body></html>\n"
    assert random_choice(text, structure(text), random.Random(0), keep=1.1, blanks=True) == text


def test_a_short_element_is_one_piece_and_of_a_long_one_the_tags_stay():
    text = f"<div><p>short <b>one</b></p><p>{LONG}</p></div>"
    assert pieces(text, "whole") == ["<p>short <b>one</b></p>"]
    assert pieces(text, "fixed") == ["<div>", "<p>", "</p>", "</div>"]


def test_what_stands_in_a_line_of_text_goes_with_the_words_it_touches():
    text = f"<p>{LONG}foo<b>bar</b>baz and <i>two words</i>.</p>"
    assert pieces(text, "whole") == [" foo<b>bar</b>baz", " <i>two words</i>"]


def test_a_break_goes_with_the_word_after_it():
    assert pieces(f"<p>{LONG}one<br>two three</p>", "whole") == ["<br>two"]


def test_entities_are_not_cut():
    assert pieces(f"<p>{LONG}a&eacute;b &lt; c</p>", "whole") == [" a&eacute;b", " &lt;"]


def test_attributes_that_only_style_go_first():
    text = f"<div class='a b' id=x data-y='1' lang=\"en\" onclick='a > b'>{LONG}</div>"
    assert pieces(text, "blank") == [" class='a b'", " data-y='1'", " onclick='a > b'", " "]
    assert pieces(text, "whole") == [' lang="en"']
    assert pieces(text, "fixed") == ["<div", " id=x", ">", "</div>"]


def test_an_image_in_the_text_goes_first():
    data = "data:image/png;base64," + "A" * 300
    assert pieces(f'<p>{LONG}end<img alt="a" src="{data}"></p>', "blank") == [f' src="{data}"']


def test_scripts_styles_drawings_and_comments_go_first():
    hidden = ["<script>a<b</script>", "<style>p{}</style>", "<svg><path/></svg>", "<!-- c -->"]
    text = f"<div>{LONG}<p>x</p>{''.join(hidden)}</div>"
    assert pieces(text, "blank")[-4:] == hidden
    assert [p for p in hidden if p in pieces(text, "whole", scripts=True)] == hidden[:3]


def test_rows_and_items_that_are_missing_are_counted():
    text = "<ul>" + "".join(f"<li>item number {i}</li>\n" for i in range(20)) + "</ul>"
    read = structure(text)
    kept = [
        (p.start, p.end)
        for p in read.pieces
        if p.kind == "fixed" or "number 7<" in text[p.start : p.end]
    ]
    assert weave(text, kept, read) == "<ul><li>item number 7</li><!-- 19 more --></ul>"
    assert weave(text, kept, structure(text, notes=False)) == "<ul><li>item number 7</li></ul>"


def test_repeated_elements_of_xml_are_counted():
    text = "<feed>" + "".join(f"<row n='{i}'><x>some data</x></row>" for i in range(20)) + "</feed>"
    read = structure(text)
    kept = [(p.start, p.end) for p in read.pieces if p.kind == "fixed"]
    assert weave(text, kept, read) == "<feed><!-- 20 more --></feed>"


def test_items_without_end_tags_are_items():
    text = "<ul>" + "".join(f"<li>item number {i}\n" for i in range(20)) + "</ul>"
    assert len([p for p in pieces(text, "whole") if p.startswith("<li>")]) == 20


def test_the_root_and_its_namespaces_stay():
    text = "<?xml version='1.0'?><a xmlns='u' xmlns:b='v' c='d'/>"
    assert pieces(text, "whole") == [" c='d'"]


def test_long_cdata_keeps_its_marks():
    text = f"<a><![CDATA[{LONG.strip()}]]></a>"
    assert pieces(text, "fixed") == ["<a>", "<![CDATA[", "]]>", "</a>"]


def test_misnested_elements_are_not_dropped():
    text = f"<div>{LONG}<p><b>x</p></b></div>"
    assert pieces(text, "fixed")[1:-1] == ["<p>", "<b>", "</p>", "</b>"]


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 10_000 + "x" + "</div>" * 10_000,
        "<q:a>" * 10_000 + "x",
        "<a>" + "<" * 50_000,
        "<a>" + '<a "' * 20_000,
        "<a>" + "<a x='" * 20_000,
        "<a>" + "<!--" * 20_000,
        "<x>" + "<![CDATA[" * 10_000,
        "<p><script>" * 5_000,
        "<ul><li>a" * 5_000,
        "<p>" + "&" * 50_000,
        "\ufeff<p>a\0b\r\n\ud800</p>",
        "<table>" + "<tr><td>a</td></tr>" * 5_000 + "</table>",
    ],
    ids=range(12),
)
def test_odd_texts_are_tiled(text):
    assert tiles(structure(text).pieces, len(text))


def test_an_empty_text_has_no_pieces():
    assert structure("").pieces == ()


def test_a_text_without_tags_is_refused():
    with pytest.raises(PromptError, match="no tag after line 1, column 1"):
        structure("a < b and c > d")


@pytest.mark.parametrize(
    "text",
    [
        "<!doctype html><title>x</title>",
        " <?xml version='1.0'?><a/>",
        "<table>" + "<tr><td>1</td><td>2</td></tr>" * 4 + "</table>",
        "<feed>" + "<entry><id>1</id></entry>" * 4 + "</feed>",
    ],
)
def test_pages_and_documents_are_html(text):
    assert HTML().matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "One sentence.",
        "a < b and c > d",
        f"<instructions>{LONG}</instructions>",
        f"<context>{LONG}</context>\n<question>Why?</question>\n<example>{LONG}</example>",
        "Use <b>this</b> and <i>that</i>.",
        "Vec<T> implements Iterator<Item = &T>",
        "<s> [INST] hello [/INST] </s>",
    ],
)
def test_prose_and_prompts_in_tags_are_not(text):
    assert not HTML().matches(text)
