from itertools import chain, pairwise

import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely.errors import PromptError, SettingError
from tersely.scorers.heads import LEAD, HeadScorer

HEADS = ((1, 0), (3, 2))
QUESTION = "Why did the dog run?"
TEXTS = ["The cat sat, the dog ran. A quetzal flew! 日本語。", "Why not? (It's fine), she said."]
LONG = " ".join(f"Sentence {n} is about the number {n}." for n in range(60))


def scorer(backend=None, **changes):
    return HeadScorer(backend=backend or FakeBackend(), heads=HEADS, **changes)


def reference(question, texts):
    """Each text read whole; one softmax over the tokens of all, for each head and row alone."""
    backend = FakeBackend()
    own = [end > len(LEAD) for end in backend.encode(LEAD + question).ends]
    logits = []
    for text in texts:
        ids = [backend.start_id, *backend.encode(text).ids, *backend.encode(LEAD + question).ids]
        seen = backend.attend(np.array(ids), rows=sum(own), heads=HEADS)
        logits.append(seen[:, :, 1 : 1 + len(backend.encode(text))])
        logits[-1][:, :, 0] = -np.inf
    powers = np.exp(np.concatenate(logits, axis=2))
    rows = [head_row / head_row.sum() for head in powers for head_row in head]
    return np.mean(rows, axis=0)


def test_a_token_is_worth_its_share_of_the_questions_attention():
    found = scorer().value_tokens(QUESTION, TEXTS)
    values = np.concatenate([part.values for part in found])
    np.testing.assert_allclose(values, reference(QUESTION, TEXTS), rtol=1e-5)


def test_the_shares_of_all_texts_sum_to_one():
    found = scorer().value_tokens(QUESTION, [*TEXTS, "", LONG])
    assert sum(part.values.sum() for part in found) == pytest.approx(1)
    assert [len(part.values) for part in found] == [len(part.tokens) for part in found]


@pytest.mark.parametrize("window", [40, 64, 200])
def test_a_long_text_is_read_in_windows_that_each_hold_the_question(window):
    backend = FakeBackend()
    (found,) = scorer(backend, window_tokens=window).value_tokens(QUESTION, [LONG])
    assert max(backend.passes) <= window
    assert max(backend.passes) - min(backend.passes[1:]) <= 1 + window // 4
    assert len(found.values) == len(backend.encode(LONG))
    assert sum(backend.passes) == scorer(window_tokens=window).expected_tokens(QUESTION, LONG)


def test_windows_are_as_comparable_as_one_reading():
    # The fake's logits depend on no position, so cutting must change nothing at all.
    (cut,), (whole,) = (scorer(window_tokens=n).value_tokens(QUESTION, [LONG]) for n in (64, 2000))
    np.testing.assert_allclose(cut.values, whole.values)


def test_only_the_questions_own_rows_are_asked():
    asked = []

    class Noting(FakeBackend):
        def attend(self, ids, *, rows, heads, on_tokens=None):
            asked.append(ids[-rows:].tolist())
            return super().attend(ids, rows=rows, heads=heads, on_tokens=on_tokens)

    scorer(Noting()).value_tokens(QUESTION, [TEXTS[1]])
    assert asked == [FakeBackend().encode(" " + QUESTION).ids.tolist()]


def test_a_window_begins_with_the_end_of_the_one_before():
    read = []

    class Noting(FakeBackend):
        def attend(self, ids, *, rows, heads, on_tokens=None):
            read.append(ids.tolist())
            return super().attend(ids, rows=rows, heads=heads, on_tokens=on_tokens)

    scorer(Noting(), window_tokens=200).value_tokens(QUESTION, [LONG])
    asked = len(FakeBackend().encode(LEAD + QUESTION))
    again = (200 - asked - 1) // 4
    assert all(b[1 : 1 + again] == a[-asked - again : -asked] for a, b in pairwise(read))
    texts = [read[0][1:-asked], *(ids[1 + again : -asked] for ids in read[1:])]
    assert list(chain(*texts)) == FakeBackend().encode(LONG).ids.tolist()


def test_a_texts_first_token_is_worth_nothing_unless_it_is_alone():
    whole, alone = scorer().value_tokens(QUESTION, ["one two three", "x"])
    assert whole.values[0] == 0
    assert min(*whole.values[1:], alone.values[0]) > 0


def test_of_a_long_question_the_last_tokens_are_asked():
    question = " ".join(["word"] * 200)
    assert scorer()._question(question)[1] == 64


passages = st.lists(st.sampled_from(["", "one", "two three", *TEXTS]), max_size=6)


@settings(max_examples=30)
@given(texts=passages, seed=st.randoms())
def test_neither_order_nor_repetition_changes_a_passages_value(texts, seed):
    values = dict(zip(texts, scorer().score(QUESTION, texts), strict=True))
    other = [*texts, *texts[:2]]
    seed.shuffle(other)
    assert scorer().score(QUESTION, other).tolist() == [values[text] for text in other]


def test_a_passage_is_worth_the_mean_of_its_tokens_and_ten_worthless_ones():
    found = scorer().value_tokens(QUESTION, sorted(TEXTS))
    means = [np.mean([*part.values, *[0.0] * 10]) for part in found]
    np.testing.assert_allclose(scorer().score(QUESTION, sorted(TEXTS)), means)


def test_an_empty_passage_is_worth_nothing():
    assert scorer().score(QUESTION, ["", TEXTS[0]])[0] == 0
    assert scorer().score(QUESTION, ["", ""]).tolist() == [0, 0]
    assert scorer().score(QUESTION, []).shape == (0,)


def test_passes_report_their_tokens():
    backend, passes = FakeBackend(), []
    scorer(backend).score(QUESTION, TEXTS, on_tokens=passes.append)
    assert passes == backend.passes


def test_it_says_what_it_is():
    assert (scorer().name, scorer().measured_in) == ("heads-fake", "attention")


@pytest.mark.parametrize("question", ["", " \n"])
def test_no_question_is_an_error(question):
    with pytest.raises(PromptError, match="need a question: give question="):
        scorer().score(question, TEXTS)


def test_a_question_longer_than_half_the_window_is_an_error_with_numbers():
    tokens = len(FakeBackend().encode(LEAD + LONG))
    with pytest.raises(PromptError, match=rf"has {tokens} tokens.* reads 100 at once.*most 2048"):
        scorer(window_tokens=100).score(LONG, TEXTS)


def test_a_window_that_holds_nothing_is_refused():
    with pytest.raises(SettingError, match="window_tokens is at least 32; got 31"):
        scorer(window_tokens=31)
