"""What is planted in a clean set is found, and the rest of it stays."""

from itertools import starmap
from pathlib import Path

import pytest
from dirty import clean_rows, faulty_rows, personal_rows

from tersely.data.cleaning import Cleaning, CleaningReport, clean
from tersely.data.lines import Line, Place

SETTINGS = Cleaning(languages=("en",))


def cleaned(rows, settings=SETTINGS):
    report = CleaningReport(settings)
    lines = [Line(Place("x.jsonl", nth), row) for nth, row in enumerate(rows, start=1)]
    kept = list(clean(lines, settings, report.add))
    return {row["id"]: row for row in kept}, {note.id: note for note in report.notes}


@pytest.fixture(scope="module", params=[0, 1])
def rows(request):
    return clean_rows(request.param)


def test_nothing_of_a_clean_set_is_left_out_or_changed(rows):
    kept, notes = cleaned(rows)
    assert notes == {}
    assert list(kept.values()) == rows


def test_every_planted_fault_is_found_for_its_reason(rows):
    planted = list(faulty_rows(rows))
    kept, notes = cleaned([*rows, *(row for _, row in planted)])
    assert {row["id"]: notes[row["id"]].reason for _, row in planted} == {
        row["id"]: reason for reason, row in planted
    }
    assert kept.keys() == {row["id"] for row in rows}


def test_every_planted_personal_string_is_masked(rows):
    planted = list(personal_rows())
    kept, notes = cleaned([*rows, *(row for _, row, _ in planted)])
    for kind, row, said in planted:
        text = kept[row["id"]]["text"]
        assert f"[{kind.upper()}]" in text
        assert said not in text
        assert notes[row["id"]].detail == f"{kind} 1"


def test_labels_of_masked_rows_fit_the_masked_text(rows):
    kept, _ = cleaned([row for _, row, _ in personal_rows()])
    _, notes = cleaned(list(kept.values()))
    assert notes == {}


def test_a_planted_row_names_where_its_first_was(rows):
    twin = {**rows[0], "id": "twin"}
    _, notes = cleaned([*rows, twin])
    assert notes["twin"].detail == "same as x.jsonl:1"


def test_the_report_counts_every_row(rows):
    planted = [row for _, row in faulty_rows(rows)]
    report = CleaningReport(SETTINGS)
    lines = list(starmap(Line, ((Place("x", n), row) for n, row in enumerate([*rows, *planted]))))
    report.kept = sum(1 for _ in clean(lines, SETTINGS, report.add))
    numbers = report.numbers()
    assert numbers["read"] == len(lines)
    assert numbers["dropped"] == len(planted) == sum(numbers["by_reason"].values())
    assert len(numbers["rows"]) == len(planted)


def test_masked_strings_are_in_no_report(rows):
    planted = list(personal_rows())
    _, notes = cleaned([row for _, row, _ in planted])
    assert "@" not in str(notes)
    assert "4111" not in str(notes)


def test_a_row_with_nan_is_left_out():
    row = {"id": "nan", "text": "one two three four five six", "weight": float("nan")}
    _, notes = cleaned([row])
    assert notes["nan"].reason == "not_a_number"


@pytest.mark.parametrize(("length", "reason"), [(4, "too_short"), (31, "too_long")])
def test_lengths_are_counted_in_words(length, reason):
    row = {"id": "x", "text": " ".join(["word"] * length)}
    _, notes = cleaned([row], Cleaning(min_words=5, max_words=30))
    assert notes["x"].detail == f"{length} words"
    assert notes["x"].reason == reason


def test_questions_without_documents_are_as_long_as_they_are():
    asked = "How many people came to see the mill of Arden?"
    rows = [
        {"id": "a", "question": asked, "answer": "12 + 3 = 15", "final_answer": "15"},
        {"id": "b", "question": "4f2a", "answers": ["9c"], "records": [["4f2a", "9c"]] * 3},
        {
            "id": "c",
            "question": asked + " Why?",
            "answers": ["x"],
            "context": "The x is long enough.",
        },
        {"id": "d", "question": "Why?", "answers": ["x"], "documents": []},
    ]
    kept, notes = cleaned(rows)
    assert [*kept] == ["a", "b", "c"]
    assert notes["d"].reason == "empty"


def test_this_file_plants_in_code_alone():
    assert not [*Path(__file__).parent.glob("*.json*")]
