"""The two backends see the same text alike."""

from pathlib import Path

import numpy as np
import pytest

import tersely
from tersely.backends.load import load_causal

pytest.importorskip("torch", reason="the torch backend needs the extra torch")
pytestmark = pytest.mark.model

TEXT = (Path(__file__).parents[2] / "examples" / "maths_cot.txt").read_text("utf-8")


def ranks(values):
    return np.argsort(np.argsort(values))


@pytest.fixture(scope="module")
def torch_smollm2(smollm2):
    return load_causal(runtime="torch", precision="f32")


def test_surprisals_rank_tokens_alike(smollm2, torch_smollm2):
    ids = smollm2.encode(TEXT).ids
    ours, theirs = smollm2.score([ids])[0], torch_smollm2.score([ids])[0]
    assert np.corrcoef(ranks(ours), ranks(theirs))[0, 1] >= 0.998


def test_both_cut_text_into_the_same_tokens(smollm2, torch_smollm2):
    assert np.array_equal(smollm2.encode(TEXT).ids, torch_smollm2.encode(TEXT).ids)


def test_both_score_the_end_of_a_text_as_the_whole_of_it(smollm2, torch_smollm2):
    ids = smollm2.encode(TEXT).ids[:700]
    for backend in (smollm2, torch_smollm2):
        whole, end = backend.score([ids])[0], backend.score([ids], scored_from=[660])[0]
        np.testing.assert_allclose(end, whole[660:], atol=1e-3)


@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_both_keep_nine_words_in_ten_alike(smollm2, torch_smollm2, rate):
    kept = []
    for backend in (smollm2, torch_smollm2):
        method = tersely.load("llmlingua", model=backend)
        spans = tersely.compress(TEXT, rate=rate, method=method).kept
        kept.append({(s.segment, at) for s in spans for at in range(s.start, s.end)})
    assert len(kept[0] & kept[1]) / len(kept[0] | kept[1]) >= 0.9


def test_both_look_at_the_same_tokens(smollm2, torch_smollm2):
    ids = smollm2.encode("The cat sat on the mat. The dog ran off.\n\nWhere did the cat sit?").ids
    heads = [(14, 3), (15, 6), (18, 6)]
    ours, theirs = (np.exp(b.attend(ids, rows=6, heads=heads)) for b in (smollm2, torch_smollm2))
    shares = [(a / a.sum(-1, keepdims=True)).ravel() for a in (ours, theirs)]
    assert np.corrcoef(*shares)[0, 1] >= 0.98
