"""Pictures: the same colour for an arm everywhere, and no more lines than one can read."""

import re

import pytest
from report_records import record

from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.pictures import pareto
from tersely.evaluation.report.plots import Line, Panel, chosen, for_page, panels, styles_of

MANY = ["hybrid", "llmlingua", "longllmlingua", *(f"mine{n}" for n in range(9))]
BASES = ["truncate", "random_drop", "random_sentences", "bm25", "minilm", "oracle"]


@pytest.fixture(scope="module")
def corpus():
    return Corpus.of(record(arm) for arm in [*MANY, *BASES, "full", "none"])


def test_a_style_depends_on_the_arms_alone(corpus):
    turned = Corpus.of(reversed(corpus.records))
    assert styles_of(corpus) == styles_of(turned)


def test_no_two_arms_look_alike(corpus):
    looks = [(s.colour, s.marker, str(s.dashes)) for s in styles_of(corpus).values()]
    assert len({*looks}) == len(looks)


def test_the_best_methods_and_baselines_are_drawn_and_few_enough(corpus):
    worth = {arm: number for number, arm in enumerate([*MANY, *BASES])}
    shown = chosen(corpus, worth.__getitem__)
    assert len(shown) == 8
    assert shown == [
        "mine5",
        "mine6",
        "mine7",
        "mine8",
        "random_sentences",
        "bm25",
        "minilm",
        "oracle",
    ]


def test_few_arms_are_all_drawn():
    few = Corpus.of(record(arm) for arm in ("hybrid", "bm25", "truncate"))
    assert chosen(few, lambda arm: 0.0) == ["hybrid", "truncate", "bm25"]


def test_nothing_cheaper_and_better_is_left_of_the_front():
    points = [(1.0, 0.2), (2.0, 0.1), (2.0, 0.5), (3.0, 0.5), (9.0, 0.9)]
    assert pareto(points) == [(1.0, 0.2), (2.0, 0.5), (9.0, 0.9)]


@pytest.fixture(scope="module")
def draw():
    odd = '<b>&"$x$'
    styles = styles_of(Corpus.of([record(odd), record("full")]))
    line = Line(arm=odd, x=(0.1, 0.5), y=(2.0, 1.0), low=(1.5, 0.5), high=(2.5, 1.5))
    panel = Panel(title="</svg>", lines=(line,), levels=(("full", 1.0),), bound=((0, 3), (1, 1)))
    return panels([panel], styles, x="rate", y="nats")


def test_the_same_picture_has_the_same_bytes(draw):
    assert draw("png") == draw("png")
    assert draw("png").startswith(b"\x89PNG")


def test_a_picture_in_a_page_brings_nothing_from_elsewhere(draw):
    text = for_page(draw("svg"), "name")
    assert text.startswith("<svg")
    assert "http" not in text
    assert text.count("</svg>") == 1  # the title is escaped
    assert "&lt;b&gt;&amp;" in text
    assert "#1b1f24" not in text  # its ink is the page's


def test_what_a_picture_in_a_page_refers_to_is_there_and_its_own(draw):
    text = for_page(draw("svg"), "name")
    used = {*re.findall(r'(?:url\(|href=")#([^)"]+)', text)}
    assert used == {*re.findall(r' id="([^"]+)"', text)}
    assert all(one.startswith("name-") for one in used)
