"""What is planted among labels is dirt, cleaning finds it, and what is compared is compared fairly."""

import random

from dirty import THINGS

from benchmarks.labels.cleaning import (
    ALIKE,
    COPIED,
    COPIES,
    FOREIGN,
    SLIPPED,
    cleaned,
    copied,
    planted,
    slipped,
)
from benchmarks.labels.learning import compared, read_rows, write_rows
from tersely.training.label.rows import read_labels, word_bounds

GERMAN = "Der Hafen der Stadt wurde im vorigen Jahr von den Fischern und ihren Kindern erweitert."


def label(number, text):
    words = word_bounds(text)
    values = [float(at % 4 == 0) for at in range(len(words))]
    row = {"id": str(number), "group": str(number), "text": text, "words": [*map(list, words)]}
    return row | {"values": values, "kind": "answer", "question": "", "lang": "en"}


def made(count=200):
    """Rows of texts that have little in common."""
    rng = random.Random(7)
    said = "The {} of the {} was opened in {} and the old {} was sold by its owner to the {} again."
    texts = [
        " ".join(
            said.format(*rng.sample(THINGS, 2), rng.randrange(1000, 2000), *rng.sample(THINGS, 2))
            for _ in range(4)
        )
        for _ in range(count)
    ]
    return [label(number, text) for number, text in enumerate(texts)]


def test_a_slipped_label_belongs_to_other_words():
    row = made(1)[0]
    bad = slipped(row, random.Random(0))
    assert len(bad["values"]) == len(bad["words"]) <= len(row["words"])
    assert bad["words"][0] != row["words"][0]
    assert bad["values"] != row["values"]


def test_a_copy_differs_by_one_word_and_its_label():
    row = made(1)[0]
    copy = copied(row, 3, random.Random(0))
    pairs = zip(row["text"].split(), copy["text"].split(), strict=True)
    assert sum(one != other for one, other in pairs) == 1
    assert sorted(copy["values"]) == sorted(row["values"])
    assert copy["id"] == "0-copy3"


def test_what_is_planted_can_be_read_and_is_found(tmp_path):
    rows, foreign = made(), [label(f"de{n}", f"{GERMAN} {n}") for n in range(FOREIGN)]
    dirty = write_rows(planted(rows, foreign, random.Random(1)), tmp_path / "dirty.jsonl")
    assert len(list(read_labels(dirty))) == 200 + COPIED * COPIES + SLIPPED + ALIKE + FOREIGN
    found = cleaned(dirty, tmp_path / "cleaned.jsonl")
    assert (found["label_misaligned"], found["label_one_class"]) == (SLIPPED, ALIKE)
    assert found["language"] == FOREIGN
    left = read_rows(tmp_path / "cleaned.jsonl")
    assert all(row in left for row in rows)


def test_a_comparison_is_paired_and_in_points():
    found = {
        "first": [("a", 1.0), ("a", 0.0), ("b", 1.0)],
        "second": [("a", 1.0), ("a", 1.0), ("b", 1.0)],
    }
    first, second = compared(found, {"first": 4, "second": 9}, "first")
    assert (first[:2], first[3]) == (["first", "4"], "")
    assert second[2].startswith("100.0")
    assert second[3].startswith("+33.3")
