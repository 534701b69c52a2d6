"""The whole report: its numbers are kept in a file, and what is missing does not break it.

To write the file anew, after the numbers have been checked by hand:
    PYTHONPATH=tests python tests/evaluation/report/test_make.py
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report_records import known_run, real_run, record

from tersely.errors import SettingError
from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.html import html
from tersely.evaluation.report.make import make_report, write_report
from tersely.evaluation.report.markdown import markdown
from tersely.evaluation.report.plots import styles_of

GOLDEN = Path(__file__).with_name("known_run.json")


def golden_numbers():
    """Everything that the report of the known run says, but for the sizes of models."""
    sections = make_report(known_run(), title="Known").numbers["sections"]
    return {name: section for name, section in sections.items() if name != "build_cost"}


def near(found, wanted):
    """Compare, numbers to 5 digits."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        return all(near(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(near, found, wanted))
    return found == (pytest.approx(wanted, abs=1e-5) if isinstance(wanted, float) else wanted)


def test_the_numbers_are_those_of_the_file():
    assert near(golden_numbers(), json.loads(GOLDEN.read_text("utf-8")))


def test_the_order_of_records_does_not_matter_to_what_was_measured():
    report, turned = (make_report(run).numbers for run in (known_run(), known_run()[::-1]))
    assert report == turned


def failed(records):
    return [replace(r, error="X: y", scores={}, kept={}, tokens=0) for r in records]


def without(*arms):
    return [r for r in known_run() if r.arm not in arms]


LACKING = {
    "full": without("full"),
    "none": without("none"),
    "baselines": without("random_drop"),
    "methods": without("hybrid"),
    "all but full": without("hybrid", "random_drop", "none"),
    "readers": [replace(r, reader="", scores={}, reader_seconds=0.0) for r in known_run()],
    "scores": [replace(r, scores={}, kept={}) for r in known_run()],
    "success": failed(known_run()),
    "contexts": [replace(r, context_tokens=0) for r in known_run()],
    "all but one": [record(scores={"nats": 1.0})],
}


@pytest.mark.parametrize("records", LACKING.values(), ids=LACKING)
def test_what_is_missing_is_blank_and_breaks_nothing(records):
    report = make_report(records)
    assert len(report.sections) == 7
    assert json.dumps(report.numbers, allow_nan=False)
    assert "nan" not in markdown(report).replace("nano", "")


def test_no_records_are_a_clear_error():
    with pytest.raises(SettingError, match="There are no records to report on"):
        make_report([])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    run = real_run(("nq20", "xquad"), ("hybrid", "bm25"), (0.5,), count=10)
    folder = tmp_path_factory.mktemp("out") / "new"
    return write_report(make_report(run), Corpus.of(run), folder)


def test_every_file_that_the_markdown_shows_is_written(written):
    names = {file.name for file in written}
    text = written[0].read_text("utf-8")
    shown = {part.partition(")")[0] for part in text.split("](")[1:] if ".png" in part}
    assert shown
    assert shown <= names
    assert {"report.md", "report.html", "report.json", "position-nq20-smollm2_135m.png"} <= names


def test_the_numbers_file_is_json_that_any_program_reads(written):
    numbers = json.loads(next(f for f in written if f.suffix == ".json").read_text("utf-8"))
    by_language = numbers["sections"]["generalisation"]["tables"]["groups-xquad-smollm2_135m"]
    assert {"ar", "de", "en", "es", "zh"} <= by_language[0].keys()


def test_a_page_can_be_left_out(tmp_path):
    report, corpus = make_report(without("full")), Corpus.of(without("full"))
    small = replace(report, sections=report.sections[3:4])
    assert [f.name for f in write_report(small, corpus, tmp_path, page=False)] == [
        "report.md",
        "report.json",
    ]
    assert "3 Build cost" in html(small, styles_of(corpus))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    report = replace(make_report([record()]), sections=())
    with pytest.raises(SettingError, match="file cannot be written to"):
        write_report(report, Corpus.of([record()]), tmp_path / "file")


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden_numbers(), indent=1) + "\n", "utf-8")
