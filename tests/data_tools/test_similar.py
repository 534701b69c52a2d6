"""Nearly the same is found, and not what only looks like it."""

import random
import subprocess
import sys

import pytest
from dirty import edited, passage
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.data.duplicates import Seen
from tersely.data.similar import NearIndex, digest_of, likeness, signature_of, words_of


def runs(text):
    words = words_of(text)
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


def jaccard(one, other):
    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


@settings(max_examples=40)
@given(st.integers(0, 2**20), st.integers(0, 30))
def test_likeness_is_about_the_share_of_common_runs(seed, edits):
    rng = random.Random(seed)
    one = other = passage(rng)
    for _ in range(edits):
        other = edited(other, rng)
    estimate = likeness(signature_of(one), signature_of(other))
    assert estimate == pytest.approx(jaccard(one, other), abs=0.25)


def test_the_index_finds_what_comparing_all_finds():
    rng = random.Random(3)
    texts = [passage(rng) for _ in range(30)]
    texts += [edited(text, rng) for text in texts]
    signatures = [signature_of(text) for text in texts]
    index = NearIndex(0.8)
    for key, signature in enumerate(signatures):
        obvious = [at for at in range(key) if likeness(signature, signatures[at]) >= 0.8]
        assert [at for at, _ in index.near(signature)] == obvious
        index.add(key, signature)


def test_hashes_do_not_depend_on_the_process():
    code = "from tersely.data.similar import *; print(signature_of('a b c d '.join(map(str, range(30)))).hashvalues.sum())"
    said = {
        subprocess.check_output([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed})
        for seed in "12"
    }
    assert len(said) == 1


def test_short_texts_are_near_to_none():
    assert signature_of("In what year was the old bridge built?") is None


def test_signs_count_but_commas_and_stops_do_not():
    assert words_of("Yes, (3 + 4) * 2.") == ["yes", "(", "3", "+", "4", ")", "*", "2"]
    assert words_of("猫が好き") == ["猫", "が", "好", "き"]


def test_digests_pass_over_case_and_blanks_alone():
    assert digest_of("A  b\n", "c") == digest_of("a b", " C")
    assert digest_of("a b") != digest_of("ab")
    assert digest_of("a", "b") != digest_of("a b")


def qa(question, text, answer="x"):
    return {"question": question, "answers": [answer], "documents": [{"title": "", "text": text}]}


def test_other_questions_on_a_passage_are_no_twins():
    seen, text = Seen(0.8), passage(random.Random(1))
    assert [seen.show(qa(f"What is {n}?", text)) for n in range(5)] == [None] * 5


def test_the_same_question_with_another_answer_is_no_twin():
    seen, text = Seen(0.8), passage(random.Random(1))
    assert seen.show(qa("What?", text)) is None
    assert seen.show(qa("What?", text, "y")) is None


def test_the_same_question_on_nearly_the_same_passage_is_a_twin():
    rng = random.Random(1)
    seen, text = Seen(0.8), passage(rng)
    seen.show(qa("Who?", passage(rng)))
    seen.show(qa("What?", text))
    twin = seen.show(qa("what?", edited(text, rng)))
    assert (twin.nth, twin.exact) == (1, False)
    assert 0.8 <= twin.likeness < 1


def test_labels_of_another_kind_are_no_twins():
    seen, text = Seen(0.8), passage(random.Random(1))
    row = {"text": text, "words": [[0, 3]], "values": [1.0], "kind": "heads"}
    assert seen.show(row) is None
    assert seen.show({**row, "kind": "leave_out"}) is None
    assert seen.show({**row, "values": [0.5]}).exact


def test_without_a_threshold_only_equal_rows_are_twins():
    rng = random.Random(1)
    seen, text = Seen(None), passage(rng)
    seen.show({"text": text})
    assert seen.show({"text": edited(text, rng)}) is None
    assert seen.show({"text": text}).exact
