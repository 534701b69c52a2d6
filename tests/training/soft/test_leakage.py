"""Training texts that share wording with what is measured on are found, and others are not."""

from hypothesis import given
from hypothesis import strategies as st

from tersely.training.soft.leakage import RUN_WORDS, Leakage, runs_of, texts_in

MEASURED = " ".join(f"word{n}" for n in range(40))
words = st.lists(st.text("abcd", min_size=1, max_size=3), min_size=1, max_size=30).map(" ".join)


def test_a_copy_is_found_whatever_its_case_and_signs():
    copy = MEASURED.upper().replace(" ", ",  ")
    assert Leakage.of([MEASURED]).share(copy) == 1
    assert Leakage.of([MEASURED]).leaks(copy)


def test_a_long_text_with_one_quotation_stays():
    quoting = " ".join(f"new{n}" for n in range(200)) + " " + " ".join(MEASURED.split()[:12])
    assert not Leakage.of([MEASURED]).leaks(quoting)


def test_a_text_that_is_mostly_copied_is_left_out():
    assert Leakage.of([MEASURED]).leaks(MEASURED + " " + " ".join(f"x{n}" for n in range(20)))


def test_measured_texts_shorter_than_a_run_say_nothing():
    assert not Leakage.of(["The end."]).leaks("the end")


@given(words, words)
def test_the_share_is_that_of_runs_in_common(measured, text):
    def slow(one):
        cut = one.split()
        return [tuple(cut[i : i + RUN_WORDS]) for i in range(max(1, len(cut) - RUN_WORDS + 1))]

    long = len(measured.split()) >= RUN_WORDS
    common = [run in slow(measured) and long for run in slow(text)]
    assert Leakage.of([measured]).share(text) == sum(common) / len(common)


@given(words)
def test_each_run_is_one_number(text):
    assert len(list(runs_of(text))) == max(1, len(text.split()) - RUN_WORDS + 1)


def test_what_was_found_is_counted_and_shown():
    leakage = Leakage.of([MEASURED])
    assert [leakage.leaks(text) for text in (MEASURED, "something else")] == [True, False]
    told = leakage.to_json()
    assert (told["checked"], told["dropped"]) == (2, 1)
    assert told["examples"] == [{"text": MEASURED[:80], "share": 1.0}]


def test_every_string_of_a_row_counts_however_deep():
    row = {"question": "a", "documents": [{"text": "b", "n": 3}], "answers": ["c"]}
    assert list(texts_in(row)) == ["a", "b", "c"]
