from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import assume, given, reject, settings
from texts import prompts, rates

import tersely
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError, SettingError, UnknownName
from tersely.hard.base import Ranking, RankingCompressor
from tersely.hard.chain import Chain, compose, kept_prompt
from tersely.hard.llmlingua import LLMLingua
from tersely.hard.random_drop import RandomDrop
from tersely.hard.selective_context import SelectiveContext
from tersely.hard.truncate import Truncate

HEAD, TAIL, DROP = Truncate(), Truncate(keep="tail"), RandomDrop()
COUNTER = load_counter("o200k_base")
DIGITS = "0 1 2 3 4 5 6 7 8 9"


@dataclass(frozen=True, kw_only=True)
class Backwards(RankingCompressor):
    """Writes the last segment first, and keeps the beginnings; for prompts with a question."""

    name: ClassVar[str] = "backwards"
    needs_question: ClassVar[bool] = True

    def rank(self, layout, goal):
        segments = len(layout.prompt.segments)
        return Ranking(
            -np.array([1.0 * unit.start for unit in layout.units]),
            order=(*range(segments - 1)[::-1], segments - 1),
        )


def compress(prompt, *stages, k=2.0, counter=None, **budget):
    prompt = Prompt.of(prompt) if isinstance(prompt, str | list) else prompt
    return Chain(stages=stages, k=k).compress(
        prompt, Budget(**budget), counter=counter or WordCounter()
    )


def test_each_stage_reads_what_the_one_before_it_left():
    assert compress(DIGITS, HEAD, TAIL, tokens=2).text == "2 3"
    assert compress(DIGITS, TAIL, HEAD, tokens=2).text == "6 7"
    assert compress(DIGITS, HEAD, TAIL, tokens=2, k=1.0).text == "0 1"


def test_the_limits_fall_geometrically():
    chain = Chain(stages=(HEAD, HEAD, HEAD))
    assert chain.limits(1000, 100) == [400, 200, 100]
    assert chain.limits(1000, 360) == [1000, 600, 360]
    assert chain.limits(1000, 2000) == [2000, 2000, 2000]
    assert chain.limits(1000, 0) == chain.limits(0, 0) == [0, 0, 0]


def test_no_stage_leaves_less_than_the_next_one_may():
    for limit in range(1, 200):
        limits = Chain(stages=(HEAD,) * 5, k=1.1).limits(190, limit)
        assert limits == sorted(limits, reverse=True)
        assert limits[-1] == limit


def test_a_huge_k_leaves_the_earlier_stages_out():
    assert Chain(stages=(HEAD,) * 4, k=1e300).limits(1000, 8) == [1000, 200, 40, 8]


def test_the_spans_are_spans_of_what_went_in():
    prompt = Prompt.of("a b c d e f g h i j").protecting([Span(0, 10, 11), Span(0, 16, 17)])
    result = compress(prompt, HEAD, DROP, tokens=4)
    assert result.prompt is prompt
    assert "".join(map(prompt.read, result.kept)) == result.text
    assert {"f", "i"} <= set(result.text.split())
    assert result.tokens_after == 4


def test_a_span_over_a_cut_becomes_several_and_touching_ones_become_one():
    first = compress("abcdefghij", HEAD, HEAD, tokens=1)
    first = replace(first, kept=(Span(0, 1, 3), Span(0, 3, 5), Span(0, 7, 9)))
    second = HEAD.compress(kept_prompt(first), Budget(tokens=1), counter=WordCounter())
    assert second.prompt.segments[0].text == "bcdehi"
    assert compose([first, second])[0] == (Span(0, 1, 5), Span(0, 7, 9))
    second = replace(second, kept=(Span(0, 1, 2), Span(0, 3, 5)))
    assert compose([first, second])[0] == (Span(0, 2, 3), Span(0, 4, 5), Span(0, 7, 8))


def test_what_is_protected_stays_protected():
    prompt = Prompt.of(f"{DIGITS} a b c d e").protecting([Span(0, 6, 9), Span(0, 24, 25)])
    result = compress(prompt, DROP, HEAD, DROP, tokens=4)
    assert "3 4" in result.text
    assert "c" in result.text.split()


def test_the_order_of_one_stage_is_the_order_of_the_next():
    prompt = Prompt.of(["a b c d", "e f g h", "i j k l"], question="Why?")
    result = compress(prompt, Backwards(), TAIL, tokens=5)
    assert result.order == (2, 1, 0, 3)
    assert result.text == prompt.join(result.texts, result.order)
    assert result.text.split()[-1] == "Why?"
    assert [span.segment for span in result.kept] == sorted(
        (span.segment for span in result.kept), key=result.order.index
    )


def test_two_orders_make_one():
    prompt = Prompt.of(["a b c d", "e f g h", "i j k l"], question="Why?")
    result = compress(prompt, Backwards(), Backwards(), tokens=5)
    assert (result.order, result.text.split()[-1]) == (None, "Why?")


def test_a_segments_own_rate_is_applied_once():
    prompt = Prompt.joined([Segment("a " * 64, rate=0.25), Segment("b " * 64)])
    result = compress(prompt, HEAD, HEAD, tokens=40)
    assert [len(text.split()) for text in result.texts] == [16, 24]


def test_the_numbers_are_those_of_the_whole():
    backend = FakeBackend()
    stages = SelectiveContext(backend=backend), HEAD, LLMLingua(backend=FakeBackend())
    result = compress("The cat, it sat on the mat. " * 9, *stages, tokens=12)
    assert result.method == "selective_context+truncate+llmlingua"
    assert result.model == "fake"
    assert (result.tokens_before, result.limit_tokens) == (63, 12)
    assert result.model_tokens > sum(backend.passes) > 0
    assert result.seconds > 0


def test_progress_goes_on_from_stage_to_stage():
    seen = []
    stages = [SelectiveContext(backend=FakeBackend()), LLMLingua(backend=FakeBackend())]
    result = Chain(stages=stages).compress(
        Prompt.of("The cat, it sat on the mat. " * 9),
        Budget(tokens=12),
        counter=WordCounter(),
        progress=lambda done, expected: seen.append((done, expected)),
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= expected for done, expected in seen)
    assert seen[-1][0] == result.model_tokens


def test_a_chain_needs_a_question_if_a_stage_does():
    assert Chain(stages=[HEAD, Backwards()]).needs_question
    assert not Chain(stages=[HEAD, HEAD]).needs_question
    with pytest.raises(PromptError, match=r"truncate\+backwards keeps what a question asks for"):
        compress(DIGITS, HEAD, Backwards(), tokens=3)


def test_a_budget_too_small_says_the_budget_of_the_whole():
    prompt = Prompt.of(DIGITS, question="Why is the sky so very blue?")
    with pytest.raises(BudgetTooSmall, match=r"is 2 tokens .* needs 7"):
        compress(prompt, HEAD, HEAD, tokens=2)


def test_a_chain_can_be_a_stage():
    inner = Chain(stages=[HEAD, TAIL])
    result = compress(DIGITS, inner, HEAD, tokens=2)
    assert (result.method, result.text.split()) == ("truncate+truncate+truncate", ["4", "5"])


MISTAKES = [
    ({"stages": (HEAD,)}, "two stages or more; got 1"),
    ({"stages": "truncate+truncate"}, "list of methods"),
    ({"stages": None}, "list of methods"),
    ({"stages": (HEAD, "truncate")}, "what tersely.load returns, not 'truncate'"),
    ({"stages": (HEAD, HEAD), "k": 0.5}, "at least 1, and finite; got 0.5"),
    ({"stages": (HEAD, HEAD), "k": float("nan")}, "at least 1"),
    ({"stages": (HEAD, HEAD), "k": float("inf")}, "finite"),
    ({"stages": (HEAD, HEAD), "k": "2"}, "k is a number"),
]


@pytest.mark.parametrize(("given_settings", "said"), MISTAKES)
def test_what_is_no_chain_is_refused(given_settings, said):
    with pytest.raises(SettingError, match=said):
        Chain(**given_settings)


CHAINS = [
    (DROP, TAIL),
    (SelectiveContext(backend=FakeBackend(), unit="sentence"), LLMLingua(backend=FakeBackend())),
    (HEAD, DROP, LLMLingua(backend=FakeBackend(), unit="token", k=1.0)),
]


@pytest.mark.parametrize("stages", CHAINS, ids=lambda stages: "+".join(s.name for s in stages))
@settings(max_examples=40)
@given(prompt=prompts(), rate=rates)
def test_any_prompt_any_rate(stages, prompt, rate):
    try:
        result = compress(prompt, *stages, rate=rate, counter=COUNTER)
    except BudgetTooSmall:
        reject()
    assert result.tokens_after == COUNTER.count(result.text) <= result.limit_tokens
    assert result.limit_tokens == Budget(rate=rate).limit(COUNTER.count(prompt.text))
    for span in prompt.protected:
        inside = [k for k in result.kept if k.segment == span.segment and k.start <= span.start]
        assert span.start == span.end or inside[-1].end >= span.end


@settings(max_examples=40)
@given(prompt=prompts())
def test_rate_one_changes_nothing(prompt):
    assume(all(segment.rate in (None, 1.0) for segment in prompt.segments))
    result = compress(prompt, DROP, HEAD, rate=1.0, counter=COUNTER)
    assert (result.text, result.dropped) == (prompt.text, ())


def test_names_joined_by_a_plus_are_a_chain():
    method = tersely.load("truncate+random_drop", k=3.0)
    assert (method.name, method.k) == ("truncate+random_drop", 3.0)
    result = tersely.compress(DIGITS, tokens=3, method="truncate+random_drop")
    assert result.method == "truncate+random_drop"


def test_stages_can_be_names_and_loaded_methods():
    for stages in (["truncate", DROP], "truncate+random_drop", (HEAD, DROP)):
        assert tersely.load("chain", stages=stages).stages == (HEAD, DROP)


def test_only_stages_that_run_a_model_get_it(backend):
    chain = tersely.load("truncate+llmlingua", model=backend)
    assert chain.stages == (HEAD, LLMLingua(backend=backend))


LOADING = [
    (("truncate+random_drop",), {"seed": 1}, SettingError, "no setting 'seed', it has k"),
    (("truncate+random_drop",), {"model": "smollm2-135m"}, SettingError, "needs no model"),
    (("truncate+random_drp",), {}, UnknownName, "Did you mean 'random_drop'"),
    (("truncate+",), {}, SettingError, "has no name"),
    (("chain",), {}, SettingError, "needs its stages"),
    (("chain",), {"stages": 3}, SettingError, "needs its stages"),
    (("chain",), {"stages": ["truncate", 3]}, SettingError, "what tersely.load returns"),
    (("chain",), {"stages": ["truncate"]}, SettingError, "two stages or more"),
    (("chain",), {"stages": ["chain", "truncate"]}, SettingError, "needs its stages"),
]


@pytest.mark.parametrize(("arguments", "given_settings", "kind", "said"), LOADING)
def test_a_chain_that_cannot_be_loaded_says_why(arguments, given_settings, kind, said):
    with pytest.raises(kind, match=said):
        tersely.load(*arguments, **given_settings)
