"""Pairs that a model writes: what is finished is kept, and garbage is called that."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import BackendError, SettingError
from tersely.training.label.pairs import (
    Pair,
    Window,
    Written,
    cut_windows,
    read_pairs,
    write_pairs,
)

TEXT = "The old committee met on Monday and {} voted for the plan."
WINDOWS = [Window(f"w-{n}", "g", TEXT.format(n)) for n in range(30)]


class Model:
    """Leaves out "old" and "the"; from some answer on it fails or says something else."""

    def __init__(self, until=10**9, then=None):
        self.until, self.then, self.asked = until, then, []

    def __call__(self, prompts):
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt):
        self.asked.append(prompt)
        if len(self.asked) > self.until:
            return self.then
        text = prompt.rpartition("Text:\n")[2]
        return Written(text.replace("old ", "").replace("the ", ""))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "pairs.jsonl"


def test_what_the_model_left_is_written_with_its_text(out):
    made = write_pairs(WINDOWS, Model(), out, model="big")
    first = next(read_pairs(out))
    assert (made.pairs, made.refused) == (30, 0)
    assert first == Pair(
        id="w-0",
        group="g",
        text=TEXT.format(0),
        compressed="The committee met on Monday and 0 voted for plan.",
        model="big",
    )


def test_what_fails_half_way_keeps_what_is_finished_and_is_gone_on_with(out):
    failing = Model(20, Written("", "BackendError: 503"))
    with pytest.raises(BackendError, match=r"failed: w-20: .*503. 20 pairs are in .*go on"):
        write_pairs(WINDOWS, failing, out, model="big", at_once=8)
    again = Model()
    write_pairs(WINDOWS, again, out, model="big")
    assert [pair.id for pair in read_pairs(out)] == [window.id for window in WINDOWS]
    assert len(again.asked) == 10


def test_a_torn_line_is_asked_for_again(out):
    write_pairs(WINDOWS, Model(), out, model="big")
    whole = out.read_bytes()
    out.write_bytes(whole[:-20])
    again = Model()
    write_pairs(WINDOWS, again, out, model="big")
    assert (out.read_bytes(), len(again.asked)) == (whole, 1)


GARBAGE = {
    "empty": ("", "is empty"),
    "blank": (" \n", "is empty"),
    "longer": (TEXT.format("x") * 3, "is longer than its text"),
    "other": ("As an AI I cannot shorten texts", "has 100% new words"),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_a_model_that_answers_garbage_is_stopped(out, case):
    text, said = GARBAGE[case]
    with pytest.raises(BackendError, match=f"are no compression of their text; .*w-0 {said}"):
        write_pairs(WINDOWS, Model(0, Written(text)), out, model="big", at_once=4)
    assert out.read_text() == ""


def test_good_answers_before_garbage_are_kept(out):
    with pytest.raises(BackendError, match=r"\d+ of \d+ answers are no compression"):
        write_pairs(WINDOWS, Model(8, Written("no")), out, model="big", at_once=4)
    assert len(list(read_pairs(out))) == 8


def test_a_little_garbage_is_counted(out):
    made = write_pairs(WINDOWS[:12], Model(9, Written("")), out, model="big")
    assert (made.pairs, made.refused, made.why) == (9, 3, "w-9 is empty")


def test_a_few_texts_and_nothing_but_garbage_is_an_error_too(out):
    with pytest.raises(BackendError, match="2 of 2 answers are no compression"):
        write_pairs(WINDOWS[:2], Model(0, Written("")), out, model="big")


def test_progress_counts_what_was_there_before(out):
    seen = []
    write_pairs(WINDOWS[:20], Model(), out, model="big")
    write_pairs(WINDOWS, Model(), out, model="big", progress=lambda *done: seen.append(done))
    assert seen == [(30, 30)]


@pytest.mark.parametrize("row", [{"id": "1"}, {"id": 1, "group": "", "text": "", "compressed": ""}])
def test_a_line_that_is_no_pair_is_named(out, row):
    out.write_text(json.dumps(row) + "\n")
    with pytest.raises(SettingError, match=r"Line 1 of .*pairs.jsonl is not a pair"):
        list(read_pairs(out))


def test_windows_end_with_sentences(words):
    text = "One two three. Four five six. Seven eight nine."
    assert cut_windows(text, words, most_tokens=6) == [
        "One two three. Four five six.",
        "Seven eight nine.",
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words(words):
    assert cut_windows("a b c d e", words, most_tokens=2) == ["a b", "c d", "e"]


@given(st.text(alphabet="ab .,\n日", max_size=60), st.integers(1, 9))
def test_windows_hold_all_words_and_are_never_too_long(text, most):
    from fakes import WordCounter

    windows = cut_windows(text, WordCounter(), most_tokens=most)
    assert "".join("".join(windows).split()) == "".join(text.split())
    assert all(len(window.split()) <= most for window in windows)


def test_windows_of_no_token_are_refused(words):
    with pytest.raises(SettingError, match="most_tokens is at least 1; got 0"):
        cut_windows("a", words, most_tokens=0)
