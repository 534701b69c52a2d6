"""Rows made of others: what their labels say is still so."""

import random

import numpy as np
import pytest
from dirty import clean_rows, label, of_kind, passage, question
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.data.augmenting import WAYS, Augmenting, Done, augment
from tersely.data.documents import DocumentPool, shuffled, with_distractors
from tersely.data.noise import noisy, resentenced
from tersely.data.sanity import fault_of
from tersely.data.swaps import NamePool, name_words, swapped
from tersely.errors import SettingError, UnknownName

ROWS = clean_rows(count=8)
OWN = tuple(way for way in WAYS if way != "rewrite")
FAMOUS = {
    "id": "f",
    "question": "When did Adam Levine win, and was it in 2016?",
    "answers": ["Adam Levine won 45 games"],
    "documents": [
        {
            "title": "Adam Levine",
            "text": "In 2016 and 2018, Adam Levine won 45 games. Levine played in New York; york is small.",
        }
    ],
    "gold_index": 0,
}


def made(ways, rows=ROWS, **changed):
    return list(augment(rows, Augmenting(ways=ways, **changed)))


@pytest.mark.parametrize("way", OWN)
def test_what_is_made_has_nothing_wrong_in_it(way):
    rows = made((way,))
    assert rows
    assert [fault_of(row, new_words=0.1, check_answers=True) for row in rows] == [None] * len(rows)


@settings(max_examples=20)
@given(st.integers(0, 99), st.permutations(OWN))
def test_all_ways_together_keep_answers_in_their_gold_document(seed, ways):
    for row in made(tuple(ways), of_kind(ROWS, "q")[:2], seed=seed):
        assert row["answers"][0] in row["documents"][row["gold_index"]]["text"]


def test_the_same_seed_makes_the_same_rows():
    one, again, other = (made(OWN, ROWS[:12], seed=seed) for seed in (3, 3, 4))
    assert one == again != other


def test_a_row_is_made_alike_whatever_stands_before_it():
    assert made(("noise",), ROWS[7:9]) == [
        row for row in made(("noise",)) if row["id"] in {r["id"] + "~1" for r in ROWS[7:9]}
    ]


def test_rows_that_are_there_are_not_changed():
    before = clean_rows(count=8)
    made(OWN)
    assert before == ROWS


def test_a_made_row_says_how_and_of_which():
    (row,) = made(("shuffle", "noise"), [question("q", random.Random(1))], noise=0.5)
    assert (row["id"], row["augmented"]) == ("q~1", ["shuffle", "noise"])


def test_distractors_hold_no_answer_and_are_new():
    row = ROWS[2]
    more = with_distractors(row, DocumentPool(ROWS), 4, np.random.default_rng(0))
    texts = [one["text"] for one in more["documents"]]
    assert len(set(texts)) == 7
    assert [row["answers"][0] in text for text in texts].count(True) == 1
    assert more["documents"][more["gold_index"]] == row["documents"][1]
    assert [one for one in more["documents"] if one in row["documents"]] == row["documents"]


def test_without_other_documents_there_are_no_distractors():
    assert with_distractors(ROWS[2], DocumentPool(ROWS[2:3]), 4, np.random.default_rng(0)) is None
    assert with_distractors(ROWS[0], DocumentPool(ROWS), 4, np.random.default_rng(0)) is None


def test_a_question_without_an_answer_gets_no_distractors():
    for change in ({"answers": []}, {"unanswerable": True}):
        row = ROWS[2] | change
        assert with_distractors(row, DocumentPool(ROWS), 4, np.random.default_rng(0)) is None


def test_shuffling_moves_gold_with_its_document():
    row = ROWS[2] | {"gold_indices": [1, 2]}
    moved = shuffled(row, np.random.default_rng(2))
    assert moved["documents"] != row["documents"]
    assert moved["documents"][moved["gold_index"]] == row["documents"][1]
    assert [moved["documents"][at] for at in moved["gold_indices"]] == row["documents"][1:]


def test_records_are_shuffled_too():
    row = {
        "question": "k1",
        "answers": ["v1"],
        "records": [["k0", "v0"], ["k1", "v1"], ["k2", "v2"]],
        "gold_index": 1,
    }
    moved = shuffled(row, np.random.default_rng(1))
    assert moved["records"][moved["gold_index"]] == ["k1", "v1"]


def test_names_and_numbers_are_swapped_alike_everywhere():
    pool = NamePool([{"text": "So Tina Turner met Paul Simon."}])
    other = swapped(FAMOUS, pool, np.random.default_rng(0))
    text, title = other["documents"][0]["text"], other["documents"][0]["title"]
    first, last = title.split()
    assert {first, last} <= {"Tina", "Turner", "Paul", "Simon"}
    assert f"{first} {last} won" in text
    assert f"{last} played" in text
    assert other["answers"][0] in text
    years = [int(word.strip(",")) for word in text.split()[1:4:2]]
    assert years[1] - years[0] == 2
    assert f"{years[0]}?" in other["question"]
    assert "45" not in text


def test_a_word_that_is_also_written_small_is_no_name():
    assert name_words(["He saw New York.", "york"]) == ["New"]


def test_a_reasoned_answer_is_not_swapped_away():
    row = {
        "question": "1990 to 1995?",
        "answers": ["5"],
        "documents": [{"text": "From 1990 to 1996 Adam Levine ran."}],
    }
    assert swapped(row, NamePool(ROWS), np.random.default_rng(0)) is None


@given(st.integers(0, 2**20))
def test_noise_leaves_answers_and_numbers_alone(seed):
    row = noisy(FAMOUS, 0.9, np.random.default_rng(seed))
    text = row["documents"][0]["text"]
    assert "Adam Levine won 45 games" in text
    assert "2016" in text
    assert "2018" in text
    assert row["question"] == FAMOUS["question"]


@given(st.integers(0, 2**20))
def test_labels_follow_noise_word_by_word(seed):
    rng = random.Random(seed)
    row = label("l", passage(rng, 2), rng)
    other = noisy(row, 0.4, np.random.default_rng(seed))
    assert other["values"] == row["values"]
    assert fault_of(other, new_words=0, check_answers=True) is None


def test_what_a_model_is_to_answer_stays():
    turns = [
        {"role": "user", "text": "Please do something about it"},
        {"role": "assistant", "text": "Certainly something happens"},
    ]
    rows = [
        {"id": "c", "turns": turns},
        {"id": "i", "instruction": turns[0]["text"], "response": turns[1]["text"]},
    ]
    chat, task = made(("noise",), rows, noise=1)
    assert (chat["turns"][1], task["response"]) == (turns[1], turns[1]["text"])
    assert chat["turns"][0] != turns[0]
    assert task["instruction"] != turns[0]["text"]


def test_sentences_are_cut_and_joined():
    row = {"text": "It rained; he left, and he came back. Then it was dry again. Nobody knew."}
    found = {
        resentenced(row, np.random.default_rng(seed))["text"]
        for seed in (1, 2, 3, 4, 5, 6)
        if resentenced(row, np.random.default_rng(seed))
    }
    assert any("rained. He left" in text for text in found)
    assert any("left. He came" in text for text in found)
    assert any("back; Then it" in text for text in found)


def test_a_rewrite_that_loses_the_answer_is_not_taken():
    rows = [FAMOUS, {"id": "t", "text": "A b c."}, label("l", "some words here", random.Random(1))]
    done = Done()
    said = list(
        augment(
            rows, Augmenting(ways=("rewrite",)), rewrite=lambda text: text[:40] + " etc.", done=done
        )
    )
    assert [row["text"] for row in said] == ["A b c. etc."]
    assert (done.made, done.left, done.ways) == (1, 2, {"rewrite": 1})


def test_copies_differ():
    one, two = made(("noise",), ROWS[:1], copies=2, noise=0.5)
    assert (one["id"], two["id"]) == ("t0~1", "t0~2")
    assert one["text"] != two["text"]


@pytest.mark.parametrize(
    "wrong",
    [{"ways": ()}, {"ways": ("noise", "noise")}, {"copies": 0}, {"noise": 0}, {"distractors": 0}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingError, match="got"):
        Augmenting(**({"ways": ("noise",)} | wrong))


def test_an_unknown_way_and_a_missing_rewriter_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'shuffle'"):
        Augmenting(ways=("shufle",))
    with pytest.raises(SettingError, match="needs a function"):
        made(("rewrite",))
