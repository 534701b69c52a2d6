"""LLMLingua: the published algorithm, within its cost, at every length."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
from fakes import FakeBackend
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.counting import load_counter
from tersely.errors import SettingError
from tersely.hard.base import Goal
from tersely.hard.llmlingua import LLMLingua

COUNTER = load_counter("o200k_base")
NO_COARSE_STAGE = 1e9  # k
SOME = "The quick brown fox, 12 dogs; a zebra—and “you”. It's 日本語文字 here! 👩‍🚀 e\u0301t al. "


def compress(prompt, *, backend=None, **given):
    budget = Budget(**{name: given.pop(name) for name in ("tokens", "rate") if name in given})
    prompt = Prompt.of(prompt) if isinstance(prompt, str) else prompt
    return LLMLingua(backend=backend or FakeBackend(), **given).compress(
        prompt, budget, counter=COUNTER
    )


def rank(text, rate, **settings):
    """Return layout and ranking of one context, none of it fixed."""
    method = LLMLingua(backend=FakeBackend(), **settings)
    layout = method.lay_out(Prompt.of(text))
    goal = Goal(np.zeros(len(layout), dtype=np.bool_), rate, lambda done, expected: None)
    return layout, method.rank(layout, goal)


def naive(layout, rate, **settings):
    """Return what the reference says of the units of one context, and which own tokens."""
    backend = FakeBackend()
    tokens = backend.encode(layout.prompt.text)
    owned = reference.owned_tokens(tokens, layout.units)
    words = [[int(tokens.ids[t]) for t in places] for places in owned if places]
    margins, _ = reference.fine_stage(backend, words, rate, **settings)
    return margins, [bool(places) for places in owned]


@pytest.fixture(scope="session")
def long_text(example):
    """Four thousand tokens and more."""
    text = "\n\n".join(map(example, ["meeting.txt", "documents.txt", "maths_cot.txt"]))
    assert COUNTER.count(text) > 4000
    return text


def cut_to(text, tokens):
    """Return the longest beginning of a text, whole words, of at most so many tokens."""
    words = text.split(" ")
    low, high = 0, len(words)
    while high - low > 1:
        middle = (low + high) // 2
        fits = COUNTER.count(" ".join(words[:middle])) <= tokens
        low, high = (middle, high) if fits else (low, middle)
    return " ".join(words[:low])


# ---- the algorithm


@pytest.mark.parametrize("alignment", ["paper", "reference"])
@given(st.integers(5, 60), st.sampled_from([0.1037, 0.3119, 0.5171, 0.7913]), st.integers(1, 4))
def test_the_fine_stage_is_that_of_the_paper(alignment, stretch, rate, times):
    settings = {"alignment": alignment, "refresh": 1.0}
    layout, ranking = rank(
        SOME * times, rate, k=NO_COARSE_STAGE, segment_tokens=stretch, **settings
    )
    expected, owns = naive(layout, rate, stretch_tokens=stretch, alignment=alignment)
    np.testing.assert_allclose(ranking.values[owns], expected, atol=1e-6)


@pytest.mark.parametrize("refresh", [0.5, 0.7])
def test_up_to_the_rate_of_refreshing_the_cache_is_as_good_as_new(refresh):
    sides = [
        rank(SOME * 20, 0.4, k=NO_COARSE_STAGE, segment_tokens=50, refresh=share)[1].values
        for share in (refresh, 1.0)
    ]
    assert np.array_equal(*sides)


def test_without_refreshing_the_cache_remembers_what_was_dropped():
    sides = [
        rank(SOME * 20, 0.4, k=NO_COARSE_STAGE, segment_tokens=50, refresh=share)[1].values
        for share in (0.0, 1.0)
    ]
    assert not np.allclose(*sides)


def test_the_first_stretch_is_not_read_twice(long_text):
    backend = FakeBackend()
    compress(long_text, backend=backend, rate=0.2, segment_tokens=100)
    read = backend.encode(long_text)
    assert backend.passes == [len(read)]
    first_read = backend.calls[0][1]
    assert first_read[0] == backend.start_id
    assert len(backend.calls) > 1


def test_reusing_the_first_stretch_changes_nothing():
    """A separator before the context hides that it was read on its own."""
    text = "One cat. " + SOME * 30
    layout, ranking = rank(text, 0.2037, k=2, segment_tokens=40, refresh=1.0)
    pool = ranking.values > -1e8
    backend = FakeBackend()
    tokens = backend.encode(text)
    owned = reference.owned_tokens(tokens, layout.units)
    words = [[int(tokens.ids[t]) for t in owned[u]] for u in np.flatnonzero(pool) if owned[u]]
    rate = 0.2037 * len(tokens) / sum(map(len, words))
    expected, _ = reference.fine_stage(backend, words, rate, 40)
    owns = [u for u in np.flatnonzero(pool) if owned[u]]
    np.testing.assert_allclose(ranking.values[owns], expected, atol=1e-6)


def test_demonstrations_are_dropped_before_sentences_and_these_before_words():
    prompt = Prompt.of(demonstrations=[SOME * 4] * 5, question="Why?")
    result = compress(prompt, rate=0.1)
    kept = [index for index, text in enumerate(result.texts[:-1]) if text]
    assert len(kept) <= 2
    assert result.texts[-1] == "Why?"


@pytest.mark.parametrize("where", ["instruction", "question"])
def test_a_rate_of_its_own_shortens_instruction_or_question(where, long_text):
    prompt = Prompt.of(cut_to(long_text, 2000), **{where: cut_to(long_text[::-1], 300)})
    result = compress(prompt, rate=0.3, k=1.0, **{f"{where}_rate": 0.4})
    index = [segment.role for segment in prompt.segments].index(where)
    before = COUNTER.count(prompt.segments[index].text)
    assert 0.35 * before <= COUNTER.count(result.texts[index]) <= 0.5 * before
    assert 0.97 * result.limit_tokens <= result.tokens_after <= result.limit_tokens


def test_what_the_coarse_stages_leave_goes_back_to_the_question(long_text):
    """One short demonstration is all that fits k times the budget: the rest is not used there."""
    prompt = Prompt.joined(
        [Segment(cut_to(long_text, 600)), Segment(cut_to(long_text[99:], 200), "question")]
    )
    shares = []
    for k in (1.0, 4.0):
        result = compress(prompt, rate=0.8, k=k, question_rate=0.5)
        shares.append(COUNTER.count(result.texts[1]) / COUNTER.count(prompt.segments[1].text))
    assert 0.45 <= shares[0] <= 0.6
    assert shares[1] == 1.0


def test_a_segment_keeps_its_own_rate(long_text):
    parts = [cut_to(long_text[at:], 400) for at in (0, 3000, 6000)]
    prompt = Prompt.joined(
        [Segment(parts[0]), Segment(parts[1], rate=0.25), Segment(parts[2], rate=1.0)]
    )
    result = compress(prompt, rate=0.6)
    limit = COUNTER.count(parts[1]) // 4
    assert limit - 6 <= COUNTER.count(result.texts[1]) <= limit
    assert result.texts[2] == parts[2]


def test_every_character_of_a_shared_token_can_be_kept():
    """In Chinese one token is often several units."""
    text = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜" * 20
    result = compress(text, rate=0.9)
    assert 0.97 * result.limit_tokens <= result.tokens_after <= result.limit_tokens


def test_token_units_can_halve_words():
    text = "antidisestablishmentarianism " * 40
    result = compress(text, tokens=60, unit="token")
    assert set(result.text.split()) - {"antidisestablishmentarianism"}
    assert result.tokens_after >= 58


# ---- the rate


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("tokens", [60, 150, 250, 400, 1000, 4000])
@pytest.mark.parametrize("unit", ["word", "token"])
def test_the_rate_is_right_at_every_length(long_text, tokens, rate, unit):
    text = cut_to(long_text, tokens)
    result = compress(text, rate=rate, unit=unit)
    words = LLMLingua(backend=FakeBackend()).lay_out(Prompt.of(text))
    one_word = max(COUNTER.count(words.text_of(unit)) for unit in words.units)
    assert one_word <= 6
    assert result.limit_tokens - one_word <= result.tokens_after <= result.limit_tokens


# ---- the cost


@pytest.mark.parametrize("tokens", [60, 250, 1000, 4000])
@pytest.mark.parametrize("rate", [0.5, 0.7, 0.9])
def test_without_coarse_stages_the_model_reads_half_as_much_again(long_text, tokens, rate):
    backend = FakeBackend()
    text = cut_to(long_text, tokens)
    result = compress(text, backend=backend, rate=rate)
    assert backend.passes == []  # nothing could be dropped, so nothing was ranked
    assert result.model_tokens <= 1.5 * len(backend.encode(text)) + 1


@pytest.mark.parametrize("tokens", [60, 250, 1000, 4000])
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_with_them_it_reads_once_and_three_times_the_rate(long_text, tokens, rate):
    text = cut_to(long_text, tokens)
    assert model_tokens_within(text, rate)


@pytest.mark.parametrize("text", ["so it goes on and on " * 300, "天地玄黄" * 300, "x,y;" * 400])
def test_a_text_without_sentences_costs_no_more(text):
    assert model_tokens_within(text, 0.1)


def model_tokens_within(text, rate):
    backend = FakeBackend()
    total = len(backend.encode(text))
    result = compress(text, backend=backend, rate=rate)
    return result.model_tokens <= total + 3 * rate * total + 150


def test_every_token_the_model_reads_is_counted(long_text):
    backend = FakeBackend()
    result = compress(long_text, backend=backend, rate=0.2)
    read = sum(backend.passes) + sum(len(ids) for _, ids, _ in backend.calls)
    assert result.model_tokens == read


def test_what_follows_the_last_word_that_may_go_is_not_read():
    backend = FakeBackend()
    result = compress(Prompt.of(SOME, question=SOME * 9), backend=backend, tokens=300, k=99.0)
    assert 0 < result.model_tokens < 2 * len(backend.encode(SOME))


def test_progress_rises_to_the_end(long_text):
    seen = []
    method = LLMLingua(backend=FakeBackend())
    result = method.compress(
        Prompt.of(long_text), Budget(rate=0.2), counter=COUNTER, progress=lambda *p: seen.append(p)
    )
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == result.model_tokens
    assert all(done <= expected for done, expected in seen)


# ---- long prompts, threads, settings


@pytest.mark.parametrize("rate", [0.1, 0.7])
def test_a_prompt_of_50_000_tokens_is_read_in_windows(long_text, rate):
    text = cut_to(long_text * 12, 50_000)
    result = compress(text, backend=FakeBackend(window_tokens=1024), rate=rate)  # which asserts it
    assert 0.97 * result.limit_tokens <= result.tokens_after <= result.limit_tokens
    places = [span.start // 1000 for span in result.kept]
    assert len(set(places)) > 0.9 * len(text) / 1000 * min(1, 4 * rate)


def test_the_cache_reaches_no_further_back_than_asked(long_text):
    backend = FakeBackend()
    compress(long_text, backend=backend, rate=0.8, reach_tokens=100, segment_tokens=50)
    assert 50 < max(len(cached) for cached, _, _ in backend.calls) <= 100


def test_the_first_tokens_stay_when_the_cache_is_cut(long_text):
    backend = FakeBackend()
    compress(long_text, backend=backend, rate=0.8, reach_tokens=100, segment_tokens=50)
    first = next(cached[:4] for cached, _, _ in backend.calls if len(cached) >= 4)
    assert {cached[:4] for cached, _, _ in backend.calls if len(cached) >= 4} == {first}


def test_two_threads_may_share_a_compressor(long_text):
    method = LLMLingua(backend=FakeBackend())
    texts = [long_text[at : at + 4000] for at in range(0, 16_000, 2000)]

    def kept(text):
        return method.compress(Prompt.of(text), Budget(rate=0.3), counter=COUNTER).kept

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(kept, texts)) == [kept(text) for text in texts]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("k", 0.5), ("k", float("nan")), ("instruction_rate", 0), ("question_rate", 1.01)],
        *[("segment_tokens", 0), ("refresh", -0.1), ("refresh", 1.1), ("reach_tokens", 15)],
        *[("unit", "sentence"), ("alignment", "original"), ("question_rate", float("nan"))],
    ],
)
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(SettingError, match=f"^{setting} is .*{value}.*[.]$"):
        LLMLingua(backend=FakeBackend(), **{setting: value})
