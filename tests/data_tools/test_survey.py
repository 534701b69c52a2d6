"""What a set is said to be made of is what was put in."""

import random

from dirty import GERMAN, clean_rows, edited, label, passage, question
from fakes import WordCounter

from tersely.data.lines import Line, Place
from tersely.data.survey import quartiles, survey, tenths


def surveyed(rows, file="folder/set.jsonl.gz"):
    return survey([Line(Place(file, nth), row) for nth, row in enumerate(rows)], WordCounter())


def test_kinds_and_sets_are_counted():
    found = surveyed(clean_rows(count=3))
    assert found.kinds == dict.fromkeys(
        ["text", "label", "qa", "pair", "instruction", "conversation"], 3
    )
    assert {name: len(tokens) for name, tokens in found.tokens.items()} == {
        "set": 15,
        "set: made": 3,
    }


def test_duplicates_languages_and_faults_are_counted():
    rng = random.Random(0)
    text = passage(rng)
    rows = [
        {"text": text},
        {"text": text.upper()},
        {"text": edited(text, rng)},
        {"text": GERMAN},
        {"text": ""},
    ]
    found = surveyed(rows)
    assert (found.duplicates, found.near_duplicates, found.passages) == (1, 1, 4)
    assert found.languages == {"en": 3, "de": 1, "und": 1}
    assert found.faults == {"empty": 1}


def test_lengths_are_in_tokens_of_the_counter():
    assert surveyed([{"text": "a b c"}]).all_tokens == [WordCounter().count("a b c")]


def test_answers_are_placed_in_the_gold_document():
    row = {
        "question": "?",
        "answers": ["X"],
        "documents": [{"text": "x" * 10}, {"text": "aaaa x aaa"}],
        "gold_index": 1,
    }
    found = surveyed([row])
    assert found.answer_places == [15 / 20]
    assert found.gold_places == [1.0]


def test_values_of_labels_are_counted_in_tenths():
    row = label("l", "one two three four", random.Random(0)) | {"values": [0, 0.05, 0.5, 1.0]}
    found = surveyed([row])
    assert found.values == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert found.kept_shares == [0.5]
    assert found.numbers()["labels"]["kept_share"] == 0.5


def test_nothing_gives_nothing():
    numbers = surveyed([]).numbers()
    assert (numbers["rows"], numbers["tokens"], numbers["answer_places"]) == (0, None, None)
    assert numbers["labels"]["kept_share"] is None


def test_quartiles_and_tenths():
    assert quartiles([1, 2, 3, 4, 10])["median"] == 3
    assert quartiles([1, 2, 3, 4, 10])["mean"] == 4
    assert tenths([0.0, 0.05, 0.95, 1.0]) == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]


def test_a_question_without_documents_has_no_place():
    asked = question("q", random.Random(0))
    del asked["documents"]
    assert surveyed([asked]).answer_places == []
