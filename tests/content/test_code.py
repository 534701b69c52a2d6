import ast
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import code_samples
import code_samples_more
import pytest
from choices import random_choice
from hypothesis import given
from hypothesis import strategies as st

from tersely.content.code import Code, find_language, parse
from tersely.content.grammars import GRAMMARS
from tersely.core.structure import tiles
from tersely.errors import PromptError, SettingError

SAMPLES = code_samples.SAMPLES | code_samples_more.SAMPLES
ENDS = {"unix": "\n", "windows": "\r\n"}
NO_CODE = {
    "prose": "Return the list of names if there is one. For each of them, import the file.\n" * 9,
    "a sentence": "import this",
    "few shots": "Q: What is 1 + 1?\nA: 2\n\nQ: What is 2 + 2?\nA: 4\n\n" * 9,
    "dollars": "He saved $110 because 95 + 15 = 110\nSo he has $15 left to spend\n" * 9,
    "a readme": "# Use\n\nWrite this:\n\n```python\nimport a\nx = 1\nprint(x)\n```\n\nThen run it.\n"
    * 9,
    "JSON": '{"name": "std::vector", "text": "return x; using namespace std;"}\n' * 9,
    "a log": "2024-05-01 10:00:01 INFO app$Node: class Foo extends Bar started\n" * 9,
    "nothing": "",
    "breaks": "\n\n\n",
}
PRICE = '''import os

RATE = 0.19  # since 2007


def price(net, rate=RATE):
    """Return the price."""
    if net < 0:
        raise ValueError(net)
    return net * (1 + rate)


class Till:
    total = 0

    def add(self, net):
        # tax goes on top
        self.total += price(net, RATE)
'''


def wrong(text, language):
    """What a parser could not read, or had to make up."""
    root = parse(text, language)
    made_up = [node for node in root.find_all(regex="^$") if node.range() != root.range()]
    return [node.kind() for node in (*root.find_all(kind="ERROR"), *made_up)]


def rest(text, chance=0.0, seed=1, **settings):
    """What is left when each piece stays with a chance; at 0, when all goes that may."""
    structure = Code(**settings).read(text)
    return random_choice(text, structure, random.Random(seed), keep=chance)


def value_of(text, words):
    structure = Code(language="python").read(text)
    return structure.pieces[structure.piece_at(text.index(words))].value


@pytest.mark.parametrize("notes", [True, False], ids=["notes", "silent"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("language", SAMPLES)
def test_whatever_goes_the_rest_parses(language, end, notes):
    text = SAMPLES[language].replace("\n", ENDS[end])
    assert wrong(text, language) == []
    structure = Code(language=language, notes=notes).read(text)
    assert tiles(structure.pieces, len(text))
    for seed in range(30):
        rng = random.Random(seed)
        left = random_choice(text, structure, rng, keep=seed % 6 / 5, blanks=seed % 4 == 0)
        assert wrong(left, language) == [], left
        assert language != "python" or ast.parse(left)


def test_every_language_has_a_sample():
    assert set(SAMPLES) == set(GRAMMARS)


SIMPLE = st.sampled_from(
    [
        "x = 1",
        "return x + 1",
        "x = {\n" + "    'a': [1, 2],  # c\n\n" * 40 + "'b': 1}",
        "pass",
        "# why",
        "",
        "a; b",
        "a;",
        "x = 1  # why",
        "if x: y",
        "\x0c",
        '"""A docstring."""',
        'x = """a\n# b\n\n"""',
        "y = (1,\n\n# c\n2)",
        "def f(): pass",
        '"""A long docstring.\n\n' + "  It says more.\n" * 40 + '"""',
        "x = 1 + \\\n 2",
        "import a",
    ]
)
HEADS = st.sampled_from(
    [
        "def f(x):",
        "async def f(x):",
        "class A:",
        "if x:",
        "@a\n# b\n@c\ndef g(\n x,\n):",
        "with a:",
        "while x:",
        "for x in y:  # each",
        "match x:\n case 1:",
        "try:\n a\nexcept b:",
        "else",
    ]
)


def _suite(statements, head, indent):
    if head == "else":
        return "if x:\n" + indent + "y\nelse:\n" + textwrap.indent("\n".join(statements), indent)
    indent = " " + indent if head.startswith(("match", "try")) else indent
    return head + "\n" + textwrap.indent("\n".join(statements), indent, lambda _: True)


def _parses(source):
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


SUITES = st.recursive(
    st.lists(SIMPLE, min_size=1, max_size=5),
    lambda inner: st.lists(
        SIMPLE | st.builds(_suite, inner, HEADS, st.sampled_from(["    ", " ", "\t"])), min_size=1
    ),
    max_leaves=12,
)


@given(SUITES.map("\n".join).filter(_parses), st.integers(0, 9), st.booleans(), st.booleans())
def test_whatever_goes_of_a_python_program_the_rest_parses(text, seed, notes, windows):
    text = text.replace("\n", "\r\n") if windows else text
    structure = Code(language="python", notes=notes).read(text)
    assert tiles(structure.pieces, len(text))
    for keep in (0.0, 0.5):
        left = random_choice(text, structure, random.Random(seed), keep=keep, blanks=seed % 2 == 0)
        ast.parse(left)


@pytest.mark.parametrize("name", ["textwrap", "bisect", "enum", "contextlib", "shlex", "ast"])
def test_whatever_goes_of_a_module_of_python_the_rest_parses(name):
    text = (Path(textwrap.__file__).parent / f"{name}.py").read_text("utf-8")
    for seed in range(3):
        ast.parse(rest(text, seed / 3, seed))


def test_the_outline_stays():
    left = (
        "def price(net, rate=RATE):\n    ...\nclass Till:\n    def add(self, net):\n        ...\n"
    )
    assert rest(PRICE) == left


def test_all_that_may_stay_is_the_text():
    assert random_choice(PRICE, Code().read(PRICE), random.Random(0), keep=1, blanks=True) == PRICE


def test_without_notes_a_body_keeps_its_shortest_statement():
    left = rest(PRICE, notes=False)
    assert "    return net * (1 + rate)\n" in left
    assert "..." not in left


def test_a_body_in_braces_may_be_empty():
    text = "int twice(int x) {\n  log(x, 1);\n  return x * 2;\n}\n"
    assert rest(text, language="c") == "int twice(int x) {\n  // ...\n}\n"
    assert rest(text, language="c", notes=False) == "int twice(int x) {\n}\n"


def test_a_note_has_the_line_break_of_the_text():
    assert "def add(self, net):\r\n        ...\r\n" in rest(PRICE.replace("\n", "\r\n"))


def test_a_short_body_stays():
    text = "def one():\n    return 1\n\ndef two(): return 'something that is longer'\n"
    assert rest(text, language="python") == text.replace("\n\n", "\n")


KEPT = {
    "python": ("wide", "await o"),
    "javascript": ("load", "return `a ${text}"),
    "typescript": ("main", "return one(x)"),
    "tsx": ("App", "setValue(name)"),
    "java": ("area", "total--"),
    "c": ("main", "goto end"),
    "cpp": ("twice", "catch (const"),
    "go": ("Area", "defer close(s)"),
    "rust": ("new", "danger()"),
    "csharp": ("Run", "await Risky()"),
    "ruby": ("area", "warn e.message"),
    "php": ("area", "return match"),
    "kotlin": ("twice", "catch (e"),
    "swift": ("twice", "guard scale"),
    "scala": ("area", "case n if"),
    "bash": ("helper", "sleep 1 &"),
    "lua": ("area", "goto finish"),
}


@pytest.mark.parametrize("language", SAMPLES)
def test_what_is_named_keeps_its_body(language):
    name, inside = KEPT[language]
    assert inside not in rest(SAMPLES[language], language=language)
    assert inside in rest(SAMPLES[language], language=language, keep=(name,))


def test_a_class_that_is_named_stays_whole():
    assert PRICE[PRICE.index("class Till") :] in rest(PRICE, keep=("Till",))


def test_bodies_can_be_kept():
    left = rest(PRICE, bodies=False)
    assert "    if net < 0:\n        raise ValueError(net)\n    return net" in left
    assert "tax" not in left
    assert '"""' not in left


def test_comments_can_be_kept():
    left = rest(PRICE, comments=False)
    assert '    """Return the price."""\n    ...\n' in left
    assert "        # tax goes on top\n        ...\n" in left


def test_a_comment_goes_with_its_line():
    text = "int a(int x);  // one\n// two\nint f(int x /* three */, int y) {}\n"
    left = random_choice(text, Code(language="c").read(text), random.Random(0), keep=0)
    assert left == "int f(int x /* three */, int y) {}\n"


def test_what_runs_a_file_and_its_encoding_stay():
    head = "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n"
    assert rest(head + "# why\n" + PRICE).startswith(head + "def price")


def test_a_long_docstring_goes_line_by_line():
    text = 'def f():\n    """Sum up.\n\n' + "    More of it.\n" * 40 + '    """\n'
    assert value_of(text, "Sum up") > value_of(text, "More of it") == 0
    assert rest(text, language="python") == 'def f():\n    """\n    """\n'
    assert rest(text, 0.5, language="python").count("More of it.\n") in range(5, 35)


def test_a_long_comment_goes_line_by_line():
    text = "/**\n * Sums up.\n" + " * More of it.\n" * 40 + " */\nint f(void);\n"
    assert rest(text, language="c") == "/**\n */\n"
    assert rest(text, 0.5, language="c").count("More of it.\n") in range(5, 35)


def test_imports_and_constants_are_worth_more():
    assert [value_of(PRICE, words) for words in ("import", "RATE", "if net")] == [1, 2, 0]


def test_a_long_constant_is_worth_no_more():
    assert value_of("def f(x):\n    return x\nTABLE = f(" + "1, " * 200 + ")\n", "TABLE") == 0


def test_blank_lines_go_but_not_from_strings():
    text = 'def f(x):\n\n    y = """a\n\nb"""\n\n    return y\n'
    structure = Code(language="python").read(text)
    left = random_choice(text, structure, random.Random(0), keep=1)
    assert left == 'def f(x):\n    y = """a\n\nb"""\n    return y\n'


def test_a_line_that_would_join_the_one_before_goes_with_its_own():
    text = "function f(x) {\n  let y = x\n  use(y);\n  /a/.test(y)\n  return y\n}\n"
    for seed in range(9):
        assert wrong(rest(text, 0.5, seed, language="javascript"), "javascript") == []


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_long_literal_is_cut_inside(language):
    text = "x = [\n" + "  {'a': [1, 2, 3], 'b': 'text'},\n" * 60 + "]\n"
    note = {"python": "#", "javascript": "//"}[language]
    assert rest(text, language=language) == f"x = [\n  {note} ...\n]\n"
    left = rest(text, 0.5, language=language)
    assert left.count("text") in range(15, 45)
    assert wrong(left, language) == []


def test_a_private_field_stays_for_those_who_use_it():
    text = "class A {\n  #x = 1;\n  static #y;\n  z = 2;\n  f() { return this.#x }\n}\n"
    assert rest(text, language="javascript") == text.replace("  z = 2;\n", "")


def test_a_long_statement_is_cut_inside():
    text = "def f(x):\n    for y in x:\n" + "        use(y, 'some text')\n" * 60
    assert rest(text, language="python") == "def f(x):\n    for y in x:\n        ...\n"


def test_offsets_are_characters():
    text = 'x = "\U0001f600 \ud800 中文 é"\ndef f(é):\n    # \udc00\n    return é + "\U0001f600"\n'
    structure = Code(language="python").read(text)
    parts = [text[piece.start : piece.end] for piece in structure.pieces]
    assert parts == [*text.splitlines(keepends=True)]


@pytest.mark.parametrize("language", ["javascript", "python"])
@pytest.mark.parametrize(
    "text",
    [
        "\ufeffx = 1\n",
        "x = 1\ry = 2\r",
        "x = 1",
        "x = '\x00'\n" + "y = 1\n" * 99,
        "\n\n",
        "",
        "\f\nx = 1",
    ],
)
def test_odd_texts_tile(text, language):
    assert tiles(Code(language=language).read(text).pieces, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "function f(){" * 10_000 + "a();" + "}" * 10_000,
        "function f(){\n" * 5_000 + "a();\n" + "}\n" * 5_000,
        "x = " + "[" * 10_000 + "]" * 10_000,
        "function f(a,b){var c=a+b;g(c);return c*2}var x=1;" * 4_000,
        "(function(){" + "a(b);if(d){e()}else{f(g)}" * 8_000 + "})();",
    ],
    ids=["deep", "deep lines", "deep list", "minified", "minified and wrapped"],
)
def test_deep_and_minified_texts_are_cut(text):
    structure = Code(language="javascript").read(text)
    assert tiles(structure.pieces, len(text))
    assert sum(piece.kind == "whole" for piece in structure.pieces) > 0
    assert wrong(random_choice(text, structure, random.Random(0)), "javascript") == []


def test_what_does_not_parse_stays():
    text = PRICE + "\ndef broken(x:\n    return (x\n"
    assert "def broken(x:\n    return (x\n" in rest(text, language="python")


@pytest.mark.parametrize("language", SAMPLES)
def test_a_source_file_is_found(language):
    assert find_language(SAMPLES[language]) == language
    assert Code().matches(SAMPLES[language])
    assert Code(language=language).matches(SAMPLES[language])


@pytest.mark.parametrize("kind", NO_CODE)
def test_what_is_not_code_is_left_alone(kind):
    assert not Code().matches(NO_CODE[kind])
    assert not Code(language="bash").matches(NO_CODE[kind])


def test_what_is_in_no_language_is_refused():
    with pytest.raises(PromptError, match=r"Line 1, column 1: .* Say which with .* language"):
        Code().read("Nothing of this is code, not one line.\n")


def test_what_is_in_another_language_is_refused_where_it_begins():
    with pytest.raises(PromptError, match=r"Line \d+, column \d+: this is not java,"):
        Code(language="java").read("x = 1;\n" + "Well )) that (( was [[ all ?? there is.\n" * 9)


def test_an_unknown_language_is_refused():
    with pytest.raises(SettingError, match=r"language is one of bash, c, .*; not 'cobol'"):
        Code(language="cobol")


@pytest.mark.parametrize("keep", ["main", (1,)])
def test_names_that_are_none_are_refused(keep):
    with pytest.raises(SettingError, match="keep is a tuple of names"):
        Code(keep=keep)


def test_importing_it_loads_no_parser():
    code = "import sys, tersely.content.code; print('ast_grep_py' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
