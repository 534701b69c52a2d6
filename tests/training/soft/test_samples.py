"""Windows, segments and steps: every token once, no step too large, the same order each time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tersely.training.soft.samples import cut_document, filled, plan_steps, segments_of

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(st.integers(0, 300), st.integers(2, 40), st.integers(0, 20), st.integers(1, 10))
def test_windows_are_pieces_of_the_text_in_order(tokens, context, continuation, least):
    text = np.arange(tokens)
    samples = cut_document(text, context=context, continuation=continuation, least=least)
    for sample in samples:
        whole = [*sample.text, *sample.following]
        assert whole == list(range(whole[0], whole[0] + len(whole)))
        assert least <= len(sample.text) <= context
        assert len(sample.following) <= continuation
        assert not sample.scored[:1].any()
        assert sample.scored[1:].all()
    firsts = [sample.text[0] for sample in samples]
    assert firsts == [n * (context + continuation) for n in range(len(firsts))]


def test_a_short_text_is_divided_as_a_window_is():
    (sample,) = cut_document(np.arange(80), context=96, continuation=64, least=4)
    assert (len(sample.text), len(sample.following)) == (48, 32)


@given(st.integers(1, 500), st.integers(1, 60))
def test_segments_are_equal_and_not_too_long(tokens, longest):
    parts = segments_of(np.arange(tokens), longest)
    assert np.concatenate(parts).tolist() == list(range(tokens))
    sizes = [len(part) for part in parts]
    assert max(sizes) <= longest
    assert max(sizes) - min(sizes) <= 1


@given(lengths, st.integers(1, 200))
def test_groups_hold_each_sample_once_and_padded_are_not_too_large(sizes, most):
    groups = filled(range(len(sizes)), sizes, most)
    assert [i for group in groups for i in group] == list(range(len(sizes)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(sizes[i] for i in group) <= most


@given(lengths, st.integers(1, 3), st.integers(0, 5))
def test_an_epoch_has_each_sample_once(sizes, epochs, seed):
    steps = plan_steps(
        sizes, batch_tokens=120, pass_tokens=60, epochs=epochs, budgets=(1, 4), seed=seed
    )
    order = [i for step in steps for one in step.passes for i in one]
    assert sorted(order) == sorted(list(range(len(sizes))) * epochs)
    assert {step.slots for step in steps} <= {1, 4}


def test_the_seed_decides_the_order():
    given = {"batch_tokens": 100, "pass_tokens": 100, "epochs": 1, "budgets": (1, 4, 8)}
    sizes = [20] * 50
    plans = [plan_steps(sizes, seed=seed, **given) for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]
