import numpy as np
import pytest
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from tersely.errors import ModelMismatch, SettingError
from tersely.scorers.head_file import HeadFile, load_heads
from tersely.training.heads import HeadSearch, choose_heads, find_heads, reciprocal_ranks
from tersely.training.needles import Needle, make_needles

QUICK = {"samples": 3, "sentences": 8}


class OneGoodHead(FakeBackend):
    """A model in which head 2.1 looks from each question at the sentence that answers it."""

    needles = tuple(make_needles(3, sentences=8, seed=0))

    def attend(self, ids, *, rows, heads, on_tokens=None):
        logits = super().attend(ids, rows=rows, heads=heads, on_tokens=on_tokens)
        for needle in self.needles:
            before = "".join(needle.sentences[: needle.answer])
            first = 1 + len(self.encode(before))
            if ids[1 : 1 + 40].tolist() == self.encode(needle.text).ids[:40].tolist():
                length = len(self.encode(needle.sentences[needle.answer]))
                logits[list(heads).index((2, 1)), :, first : first + length] += 20
        return logits


def test_the_head_that_sees_the_answer_is_found():
    found = find_heads(OneGoodHead(), HeadSearch(count=1, **QUICK))
    assert found.heads == ((2, 1),)
    assert found.made["scores"] == [1.0]


def test_what_is_found_is_a_file_that_can_be_used(tmp_path):
    found = find_heads(FakeBackend(), HeadSearch(count=4, seed=5, **QUICK))
    found.save(tmp_path / "heads.json")
    again = HeadFile.load(tmp_path / "heads.json")
    assert (again.model, again.shape, again.heads) == ("fake", (4, 3), found.heads)
    assert (again.made["seed"], again.made["samples"], again.made["count"]) == (5, 3, 4)


def test_the_same_search_finds_the_same():
    search = HeadSearch(count=5, **QUICK)
    assert find_heads(FakeBackend(), search) == find_heads(FakeBackend(), search)


def test_progress_counts_texts():
    seen = []
    find_heads(FakeBackend(), HeadSearch(**QUICK), progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_head_that_looks_at_nothing_in_particular_comes_last():
    class Blind(FakeBackend):
        def attend(self, ids, *, rows, heads, on_tokens=None):
            return np.zeros((len(heads), rows, len(ids)))

    needle = Needle(("One two three.", " Four five six."), 0, "Which?")
    assert reciprocal_ranks(Blind(), needle).tolist() == [0.5] * 12


def slow_choice(scores, count, slack):
    """Try every highest layer in turn."""
    ranked = sorted(np.ndindex(scores.shape), key=lambda head: (-scores[head], head))
    most = np.mean([scores[head] for head in ranked[:count]])
    for top in range(scores.shape[0]):
        best = [head for head in ranked if head[0] <= top][:count]
        good = (
            len(best) == count and np.mean([scores[h] for h in best]) >= (1 - slack) * most - 1e-9
        )
        if good:
            return tuple(best)
    raise AssertionError("the highest layer always does")


tables = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6)


@given(tables, st.integers(1, 18), st.sampled_from([0, 0.02, 0.3, 0.9]))
def test_lower_layers_are_preferred_when_nearly_as_good(table, count, slack):
    scores = np.array(table, dtype=np.float64)
    count = min(count, scores.size)
    assert choose_heads(scores, count, slack=slack) == slow_choice(scores, count, slack)


def test_more_heads_than_there_are_is_an_error():
    with pytest.raises(SettingError, match="count is at most 12, all heads of fake"):
        find_heads(FakeBackend(), HeadSearch(count=13, **QUICK))


def test_a_model_that_shows_no_attention_is_refused():
    with pytest.raises(ModelMismatch, match="does not show its attention"):
        find_heads(object())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 0}, "count is at least 1; got 0"),
        ({"samples": 0}, "samples is at least 1; got 0"),
        ({"sentences": 7}, "sentences is at least 8; got 7"),
        ({"seed": -1}, "seed is at least 0; got -1"),
        ({"slack": 1.0}, r"slack is in \[0, 1\); got 1.0"),
    ],
)
def test_a_setting_out_of_range_is_named(changes, said):
    with pytest.raises(SettingError, match=said):
        HeadSearch(**changes)


@pytest.mark.model
def test_the_shipped_heads_of_a_real_model_see_the_answer(smollm2):
    needle = list(make_needles(2, sentences=8, seed=0))[1]  # the name gives it away
    ranks = reciprocal_ranks(smollm2, needle).reshape(smollm2.attention_shape)
    assert [ranks[head] for head in load_heads(None, smollm2)] == [1, 1, 1, 1, 1]
