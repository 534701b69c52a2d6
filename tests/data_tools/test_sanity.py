"""What is wrong with a row in itself, and what is not."""

import pytest

from tersely.data.sanity import fault_of

LABEL = {
    "text": "The cat, it sat.",
    "words": [[0, 3], [4, 7], [7, 8], [9, 11], [12, 15], [15, 16]],
    "values": [0, 1, 0.5, 0, 1, 0],
}
QA = {
    "question": "Where?",
    "answers": ["New  York."],
    "documents": [{"text": "no"}, {"text": "In new\nyork."}],
    "gold_index": 1,
}
PAIR = {"original": "The cat sat on the mat, today.", "compressed": "cat sat mat today"}
FINE = {
    "label": LABEL,
    "some words": LABEL | {"words": [[4, 7], [12, 15]], "values": [0, 1]},
    "Chinese words": {"text": "猫在垫子上", "words": [[0, 1], [2, 4]], "values": [0, 1]},
    "question": QA,
    "no gold said": {**QA, "gold_index": None},
    "unanswerable": QA | {"answers": [], "unanswerable": True},
    "yes or no": QA | {"answers": ["Yes"]},
    "options": QA | {"answers": ["Rome"], "options": ["Rome", "York"]},
    "maths": {"question": "1 + 1?", "answer": "It is 2."},
    "pair": PAIR,
    "turns": {"turns": [{"role": "user", "text": "Hi"}]},
    "messages": {"messages": [{"role": "user", "content": "Hi"}]},
    "shared": {"conversations": [{"from": "human", "value": "Hi"}]},
    "instruction": {"instruction": "Say hi.", "response": "Hi."},
    "prompt": {"prompt": "Say hi.", "completion": "Hi."},
    "context": {"context": "Long.", "questions": ["What?"], "answers": [["x"]]},
}
WRONG = {
    "label_lengths": LABEL | {"values": [1]},
    "label_form": LABEL | {"words": [[0, "3"], *LABEL["words"][1:]]},
    "label_values": LABEL | {"values": [0, 1, float("nan"), 0, 1, 0]},
    "label_one_class": LABEL | {"values": [1] * 6},
    "label_outside": LABEL | {"words": [*LABEL["words"][:5], [15, 17]]},
    "label_misaligned": LABEL | {"words": [[0, 2], *LABEL["words"][1:]]},
    "label_empty": LABEL | {"words": [], "values": []},
    "pair_new_words": PAIR | {"compressed": "cat sat under mat"},
    "pair_longer": PAIR | {"compressed": PAIR["original"] + " the cat"},
    "pair_form": PAIR | {"compressed": None},
    "answer_missing": QA | {"answers": ["Boston"]},
    "answer_elsewhere": QA | {"gold_index": 0},
    "gold_outside": QA | {"gold_index": 2},
    "echo": {"instruction": "Hi.", "response": " hi. "},
    "empty": {"turns": []},
}
EMPTY = {
    "text": {"text": " "},
    "response": {"instruction": "Hi", "response": ""},
    "question": QA | {"question": ""},
    "answers": QA | {"answers": []},
    "documents": QA | {"documents": []},
    "compressed": PAIR | {"compressed": "..."},
    "nothing": {"id": "x", "score": 3},
}


def fault(row):
    return fault_of(row, new_words=0.1, check_answers=True)


@pytest.mark.parametrize("case", FINE)
def test_what_is_fine_is_fine(case):
    assert fault(FINE[case]) is None


@pytest.mark.parametrize("reason", WRONG)
def test_what_is_wrong_is_said(reason):
    assert fault(WRONG[reason])[0] == reason


@pytest.mark.parametrize("case", EMPTY)
def test_what_is_empty_is_said(case):
    assert fault(EMPTY[case])[0] == "empty"


@pytest.mark.parametrize(
    "words", [[[0, 4]], [[3, 7]], [[4, 6]], [[5, 7]], [[4, 4]], [[4, 7], [0, 3]], [[0, 3], [2, 7]]]
)
def test_words_that_are_none_are_misaligned(words):
    row = LABEL | {"words": words, "values": [0, 1][: len(words)]}
    row = row if len(words) > 1 else row | {"words": [*words, [15, 16]], "values": [0, 1]}
    assert fault(row)[0] == "label_misaligned"


def test_an_answer_may_be_anything_if_that_is_asked_for():
    assert fault_of(WRONG["answer_missing"], new_words=0.1, check_answers=False) is None


def test_new_words_are_allowed_up_to_their_share():
    row = PAIR | {"compressed": "cat sat under mat"}
    assert fault_of(row, new_words=0.25, check_answers=True) is None
