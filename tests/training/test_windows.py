"""Label rows become windows, epochs become batches: everything once, nothing twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_labels import make_row, make_rows, tokenizer, write_labels

from tersely.backends.openvino_classifier import frames
from tersely.errors import ModelMismatch, SettingError
from tersely.training.windows import (
    NO_WORD,
    WindowShape,
    choose_groups,
    cut_batches,
    cut_windows,
    draw,
    read_corpus,
    window_bounds,
    words_of,
)

LONG = " ".join(["the cat sat on a mat ."] * 12)  # 84 tokens


def shape(window=24, *, overlap=6, types=2, of=None):
    alone, pair = frames(of or tokenizer())
    return WindowShape(
        alone=alone, pair=pair, token_types=types, window_tokens=window, overlap_tokens=overlap
    )


def cut(row, **given):
    return cut_windows(row, 7, tokenizer(), shape(**given))


def test_a_short_row_is_one_window_with_a_value_for_each_token():
    (window,) = cut(make_row("a cats ran"))
    assert window.ids.tolist() == [2, 4, 5, 14, 12, 3]  # [CLS] a cat ##s ran [SEP]
    assert window.words.tolist() == [-1, 0, 1, 1, 2, -1]
    assert window.targets.tolist() == pytest.approx([-1, 0.1, 0.9, 0.9, 0.1, -1])
    assert window.row == 7


def test_a_question_stands_before_the_text_and_is_not_learnt():
    (window,) = cut(make_row("a cat", question="the dog"))
    assert window.ids.tolist() == [2, 9, 6, 3, 4, 5, 3]
    assert window.types.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert window.words.tolist() == [-1, -1, -1, -1, 0, 1, -1]


def test_a_model_of_one_text_has_one_type():
    (window,) = cut(make_row("a cat", question="the dog"), types=1)
    assert not window.types.any()


def test_a_long_question_leaves_half_a_window():
    windows = cut(make_row(LONG, question=LONG), window=24)
    assert max(map(len, windows)) <= 24
    assert windows[0].ids[:13].tolist() == [2, *tokenizer().encode(LONG).ids[1:13]]


def test_a_tokenizer_without_pairs_takes_no_question():
    alone = tokenizer()
    alone.post_processor = None
    single = shape()
    without = WindowShape(
        alone=single.alone, pair=single.alone, token_types=2, window_tokens=24, overlap_tokens=6
    )
    with pytest.raises(ModelMismatch, match="no template of pairs"):
        cut_windows(make_row("a cat", question="the dog"), 0, alone, without)


@pytest.mark.parametrize("question", ["", "the dog sat"])
def test_every_token_of_a_long_row_is_learnt_once(question):
    row = make_row(LONG, question=question)
    windows = cut(row)
    learnt = np.concatenate([window.words[window.words >= 0] for window in windows])
    assert len(windows) > 3
    assert learnt.tolist() == list(range(len(row.words)))
    assert all(len(window) <= 24 for window in windows)


@given(st.integers(1, 400), st.integers(4, 40), st.integers(0, 30))
def test_windows_cover_a_text_and_share_no_lesson(tokens, room, overlap):
    bounds = list(window_bounds(tokens, room, overlap))
    learnt = [place for _, (own, end) in bounds for place in range(own, end)]
    assert learnt == list(range(tokens))
    for (start, stop), (own, end) in bounds:
        assert start <= own < end <= stop <= start + room


def test_a_text_without_tokens_has_no_window():
    assert cut_windows(make_row("a cat"), 0, _Nothing(), shape()) == []


class _Nothing:
    """A tokenizer that knows no character."""

    ids, offsets = (), ()

    def encode(self, text, add_special_tokens):
        return self


def test_a_token_belongs_to_the_word_of_its_last_character():
    words = np.array([[0, 3], [4, 7], [7, 8]])
    tokens = np.array([[0, 2], [2, 3], [3, 5], [5, 8], [3, 4], [8, 8], [8, 9]])
    assert words_of(tokens, words).tolist() == [0, 0, 1, 2, NO_WORD, NO_WORD, NO_WORD]


def test_a_threshold_keeps_or_drops():
    row = make_row("a cat sat", values=(0.2, 0.6, 0.6001))
    (window,) = cut_windows(row, 0, tokenizer(), shape(), threshold=0.6)
    assert window.targets.tolist() == [-1, 0, 1, 1, -1]


def batches_of(lengths, seed, *, most=64):
    rng = np.random.default_rng(seed)
    return cut_batches(np.array(lengths), np.arange(len(lengths)), batch_tokens=most, rng=rng)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=80), st.integers(0, 9))
def test_each_window_is_in_one_batch_and_no_batch_is_too_large(lengths, seed):
    batches = batches_of(lengths, seed)
    assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
    for batch in batches:
        size = max(lengths[number] for number in batch) * len(batch)
        assert size <= 64 or len(batch) == 1


def test_the_order_depends_on_the_seed_alone():
    lengths = list(range(1, 60))
    assert batches_of(lengths, 3) == batches_of(lengths, 3)
    assert batches_of(lengths, 3) != batches_of(lengths, 4)


def test_windows_of_a_batch_are_nearly_equally_long():
    lengths = np.random.default_rng(0).integers(5, 60, size=400)
    padded = sum(
        max(lengths[n] for n in batch) * len(batch) for batch in batches_of(lengths, 0, most=240)
    )
    assert padded < 1.1 * lengths.sum()


def test_shares_say_how_often_a_kind_is_read():
    kinds = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    drawn = draw(kinds, {"a": 2.0, "b": 0.3}, np.random.default_rng(0))
    counts = np.bincount(drawn // 100, minlength=3)
    assert (counts[0], counts[2]) == (200, 100)
    assert 15 < counts[1] < 45


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_group_is_on_one_side_and_both_sides_have_one(count, share, seed):
    groups = [f"g{number}" for number in range(count)]
    aside = choose_groups(groups * 3, share, seed)
    assert 1 <= len(aside) < count
    assert abs(len(aside) - share * count) <= 1
    assert aside == choose_groups(groups[::-1], share, seed)


def test_no_text_of_a_held_out_group_is_learnt(tmp_path):
    rows = [row for number in range(3) for row in make_rows(10, seed=number)]
    corpus = read_corpus([write_labels(tmp_path / "l.jsonl", rows)], held_out=0.3, seed=1)
    sides = {
        side: {corpus.rows[number].group for number in corpus.numbers(held_out=side)}
        for side in (True, False)
    }
    assert len(sides[True]) == 3
    assert not sides[True] & sides[False]


def test_one_document_cannot_be_held_out(tmp_path):
    rows = make_rows(4, group="the only one")
    with pytest.raises(SettingError, match=r"All 4 rows .* one group, 'the only one'"):
        read_corpus([write_labels(tmp_path / "l.jsonl", rows)], held_out=0.1, seed=0)


def test_no_rows_are_no_corpus(tmp_path):
    with pytest.raises(SettingError, match=r"no label rows in .*l\.jsonl"):
        read_corpus([write_labels(tmp_path / "l.jsonl", [])], held_out=0.1, seed=0)
