"""The run: rows that are checked, files that survive a kill, and the same bytes either way."""

import json

import numpy as np
import pytest

from tersely.errors import SettingError
from tersely.training.label.answer import AnswerTeacher
from tersely.training.label.files import hold
from tersely.training.label.make import Labelling, make_labels
from tersely.training.label.passages import Passage
from tersely.training.label.questions import Mix, Question
from tersely.training.label.ranks import join_ranks
from tersely.training.label.rows import read_labels

OWN = Mix(kinds=("own",))
ASKED = tuple(Question(f"Question {n}?", (word,)) for n, word in enumerate(("red", "Bob", "none")))
PASSAGES = [
    Passage(id=f"p-{n}", group=f"g-{n % 2}", text=f"Ann {n} has red. Bob has none.", own=ASKED)
    for n in range(4)
]


class Alike:
    """A teacher that values all words the same."""

    name, needs_answers = "alike", False

    def value(self, text, questions, *, on_tokens=None):
        return np.ones((len(questions), 9))


def label(out, passages=PASSAGES, teacher=None, rows="passage", join="places", **settings):
    labelling = Labelling(mix=settings.pop("mix", OWN), rows=rows, join=join)
    return make_labels(passages, teacher or AnswerTeacher(), out, labelling, **settings)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "labels.jsonl"


def test_a_passage_gets_one_row_with_a_value_for_each_word(out):
    made = label(out)
    rows = list(read_labels(out))
    assert [(row.id, row.group, row.kind, row.question) for row in rows[:2]] == [
        ("p-0", "g-0", "answer", ""),
        ("p-1", "g-1", "answer", ""),
    ]
    assert (made.passages, made.rows, made.words, len(made.groups)) == (4, 4, 36, 2)
    assert made.asked == {"own": 12}


def test_rows_of_single_questions_come_before_what_they_join_to(out):
    label(out, rows="both")
    *each, joined = list(read_labels(out))[:4]
    assert [row.question for row in each] == [question.text for question in ASKED]
    ranks = np.array([row.values for row in each])
    assert joined.values == pytest.approx(join_ranks(ranks, 8.0), abs=1e-3)


def test_joined_by_the_most_a_word_is_worth_what_it_is_to_any_question(out):
    label(out, rows="both", join="most")
    *each, joined = list(read_labels(out))[:4]
    values = AnswerTeacher().value(PASSAGES[0].text, ASKED)
    assert [row.values for row in each] == [tuple(row) for row in values]
    assert joined.values == tuple(values.max(axis=0))


def test_values_of_any_scale_are_joined_by_their_places_only(out):
    class Large(Alike):
        def value(self, text, questions, *, on_tokens=None):
            return np.tile(np.arange(9.0), (len(questions), 1))

    assert label(out, teacher=Large()).passages == 4
    out.unlink()
    with pytest.raises(SettingError, match=r"'alike' are not in \[0, 1\]: .* places only"):
        label(out, teacher=Large(), join="most")


def test_rows_of_single_questions_can_stand_alone(out):
    assert label(out, rows="question").rows == 12
    assert all(row.question for row in read_labels(out))


@pytest.mark.parametrize("rows", ["passage", "question", "both"])
def test_a_run_that_was_killed_ends_with_the_same_bytes(tmp_path, out, rows):
    label(out, rows=rows)
    whole = out.read_bytes()
    for cut in range(0, len(whole), 97):
        out.write_bytes(whole[:cut])
        made = label(out, rows=rows)
        assert out.read_bytes() == whole
        assert (made.passages, made.rows) == (4, whole.count(b"\n"))


def test_what_is_there_is_not_made_again(out):
    label(out, PASSAGES[:3])
    made = label(out)
    assert (made.passages, made.asked) == (4, {"own": 3})


def test_progress_is_said_for_every_passage(out):
    seen = []
    label(out, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_passage_that_nothing_is_asked_of_is_counted_and_left_out(out):
    bare = Passage(id="bare", group="g", text="Nobody asks.")
    empty = Passage(id="empty", group="g", text=" \n", own=ASKED)
    made = label(out, [bare, empty, *PASSAGES])
    assert (made.passages, made.without_question) == (4, 2)


def test_a_question_whose_answer_is_not_there_is_left_out(out):
    odd = Passage(id="odd", group="g", text="Ann has one.", own=(Question("?", ("two",)),))
    made = label(out, [odd, *PASSAGES])
    assert (made.passages, made.untold) == (4, 1)


def test_labels_that_are_all_the_same_are_an_error(out):
    with pytest.raises(SettingError, match=r"None of 4 passages could be labelled: 0 had no.*of 4"):
        label(out, teacher=Alike())
    assert out.read_text() == ""


def test_no_passage_is_an_error(out):
    with pytest.raises(SettingError, match="There are no passages to label"):
        label(out, [])


def test_a_file_is_not_gone_on_with_under_other_settings(out):
    label(out, fingerprint={"count": 1, "seed": 0})
    before = out.read_bytes()
    with pytest.raises(SettingError, match=r"was begun with other settings: count, seed\."):
        label(out, fingerprint={"count": 2, "seed": 1})
    assert out.read_bytes() == before


def test_a_file_whose_settings_are_gone_is_not_gone_on_with(out):
    label(out)
    out.with_suffix(".settings.json").unlink()
    with pytest.raises(SettingError, match="cannot be read"):
        label(out)


def test_the_settings_lie_beside_the_labels(out):
    label(out, fingerprint={"sets": {"squad2_dev": "abc"}})
    said = json.loads(out.with_suffix(".settings.json").read_text())
    assert said == {"teacher": "answer", "sets": {"squad2_dev": "abc"}}


def test_two_processes_do_not_write_one_file(out):
    with hold(out), pytest.raises(SettingError, match="Another process is writing"):
        label(out)


@pytest.mark.parametrize(
    ("name", "said"),
    [("x.json", "named"), ("x.jsonl.gz", "gzip it later"), ("no/x.jsonl", "There is no folder")],
)
def test_a_file_that_cannot_be_gone_on_with_is_refused(tmp_path, name, said):
    with pytest.raises(SettingError, match=said):
        label(tmp_path / name)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rows": "each"}, "rows is one of passage, question, both; not 'each'"),
        ({"join": "least"}, "join is one of places, most; not 'least'"),
        ({"power": 0}, r"power is in \(0, 100\]; got 0"),
        ({"seed": -1}, "seed is at least 0; got -1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, said):
    with pytest.raises(SettingError, match=said):
        Labelling(**wrong)
