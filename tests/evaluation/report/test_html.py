"""The page: alone it is whole, and whatever it is told stays text."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_records import known_run

from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.html import MOST_BYTES, html
from tersely.evaluation.report.make import make_report
from tersely.evaluation.report.plots import styles_of

ODD = "<b>&\"'|*_$x$ `c`"
EVIL = "</script><script>alert(1)</script>"


class Page(HTMLParser):
    """Notes tags, attributes, ids and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def text():
    names = {"hybrid": ODD}
    run = [
        replace(r, arm=names.get(r.arm, r.arm), task=EVIL, reader=f'r">{ODD}') for r in known_run()
    ]
    report = make_report(run, title=EVIL, head=(("Command", "a href=http://x"),))
    return html(report, styles_of(Corpus.of(run)))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_needs_nothing_from_elsewhere(text, page):
    outward = {"src", "srcset", "action", "data", "poster", "xlink:href"}
    assert not outward & {name for name, _ in page.attributes}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert not {"link", "iframe", "object", "img"} & {*page.tags}
    assert "@import" not in text
    assert text.count("url(") == text.count("url(#")
    assert len(text) < MOST_BYTES


def test_odd_names_stay_text(text, page):
    assert page.tags.count("script") == 1
    assert EVIL not in text
    assert "<b>&" not in text
    assert any(ODD in data for data in page.texts)


def test_nothing_is_run_from_an_attribute(page):
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_contents_lead_to_what_is_there_once(page):
    wanted = [value[1:] for name, value in page.attributes if name == "href"]
    assert {*wanted} <= {*page.ids}
    assert len({*page.ids}) == len(page.ids)


def test_every_track_and_the_words_have_a_section(page):
    tracks = ["verdicts", "quality", "generalisation", "build_cost", "run_cost", "acceleration"]
    assert {*tracks, "trust"} <= {*page.ids}


def test_tables_can_be_sorted_by_numbers_that_are_not_shown(text):
    assert '<th scope="col" class="n"><button type="button">score</button></th>' in text
    assert 'data-v="0.633' in text


def test_the_best_score_of_a_rate_is_bold_and_references_do_not_compete(text):
    assert "<b>0.633</b>" in text
    assert "<b>1.000</b>" not in text


def test_light_and_dark_are_both_there(text):
    assert "prefers-color-scheme: dark" in text
    assert "var(--ink)" in text
