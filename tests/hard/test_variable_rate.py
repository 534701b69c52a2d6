"""One rule for all prompts: a share to reach, a price of a token, or a sum that is promised."""

import pytest
from fakes import FakeBackend, FakeEncoder, Percents, WordCounter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from texts import prompts, rates

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError, SettingError
from tersely.hard.chain import Chain
from tersely.hard.cuts import Bounds, cuts_of
from tersely.hard.evaluator_heads import EvaluatorHeads
from tersely.hard.hybrid import Hybrid
from tersely.hard.truncate import Truncate
from tersely.hard.variable_rate import VariableRate, compress_together

COUNTER = load_counter("o200k_base")
HYBRID = Hybrid(encoder=FakeEncoder())
TEXT = """The council met on Monday. It rained all day in the town. The bridge over the river Tamsin
was closed in May. Children played in the yard. The bridge opens again on 4 June, the mayor said.
Bread has become dearer. Nobody knows why the clock stopped."""
TOWN = Prompt.of(TEXT, question="When does the bridge open again?")
PLAIN = Prompt.of("2 90 1 3 1 1")
VAGUE = Prompt.of("23 14 8 26 12 17")


def kept(prompt=VAGUE, method=None, counter=None, budget=Budget(rate=1.0), **rule):  # noqa: B008
    method = VariableRate(method=method or Percents(), **rule)
    return method.compress(prompt, budget, counter=counter or WordCounter())


def asked(prompt):
    segments = (*prompt.segments, Segment("Why the cat?", "question"))
    separators = (*prompt.separators, " ")[: len(segments) - 1]
    return Prompt(segments, separators, prompt.protected)


def test_a_floor_is_reached_with_the_fewest_tokens():
    assert kept(PLAIN, quality_floor=0.8).text == "90"
    assert kept(VAGUE, quality_floor=0.8).text == "23 14 26 17"


def test_a_threshold_is_one_price_for_all():
    assert kept(PLAIN, threshold=0.125).text == "90"
    assert kept(VAGUE, threshold=0.125).text == "23 14 26 17"


def test_something_is_kept_at_any_threshold():
    assert kept(threshold=1e9).text == "26"


def test_the_budget_is_the_limit_all_the_same():
    result = kept(budget=Budget(tokens=2), quality_floor=0.99)
    assert (result.text, result.limit_tokens) == ("23 26", 2)


def test_bounds_hold():
    assert kept(PLAIN, quality_floor=0.5, bounds=Bounds(0.5, 1)).text == "2 90 3"
    assert kept(VAGUE, quality_floor=0.99, bounds=Bounds(0, 0.5)).text == "23 26 17"


def test_the_method_is_called_what_it_is():
    hybrid = VariableRate(method=HYBRID, threshold=1)
    result = hybrid.compress(TOWN, Budget(rate=1.0), counter=COUNTER)
    assert (result.method, result.model, hybrid.needs_question) == ("hybrid", "fake", True)


def test_hybrid_keeps_the_sentence_that_answers():
    result = kept(TOWN, HYBRID, COUNTER, quality_floor=0.5)
    assert "4 June" in result.text
    assert result.rate < 1


def test_evaluator_heads_say_shares_too():
    heads = EvaluatorHeads(backend=FakeBackend(), heads=((1, 0), (3, 2)))
    assert 0 < kept(TOWN, heads, quality_floor=0.5).rate < 1


@settings(max_examples=60)
@given(prompt=prompts(), rate=rates, floor=st.floats(0.05, 0.95))
def test_any_prompt_keeps_the_promises(prompt, rate, floor):
    prompt = asked(prompt)
    try:
        result = kept(prompt, HYBRID, COUNTER, Budget(rate=rate), quality_floor=floor)
    except BudgetTooSmall as error:
        assume(error.protected_tokens <= error.limit_tokens)
    assert result.limit_tokens == Budget(rate=rate).limit(result.tokens_before)
    assert result.tokens_after == COUNTER.count(result.text) <= result.limit_tokens


MISTAKES = {
    "neither": ({}, "exactly one"),
    "both": ({"quality_floor": 0.5, "threshold": 1}, "exactly one"),
    "floor 0": ({"quality_floor": 0}, "in \\(0, 1\\)"),
    "floor 1": ({"quality_floor": 1}, "in \\(0, 1\\)"),
    "floor nan": ({"quality_floor": float("nan")}, "in \\(0, 1\\)"),
    "floor word": ({"quality_floor": "high"}, "in \\(0, 1\\)"),
    "floor true": ({"quality_floor": True}, "in \\(0, 1\\)"),
    "threshold 0": ({"threshold": 0}, "above 0"),
    "threshold inf": ({"threshold": float("inf")}, "above 0"),
    "threshold word": ({"threshold": "low"}, "above 0"),
    "chain": ({"method": Chain(stages=(HYBRID, HYBRID)), "threshold": 1}, "of hybrid\\+hybrid"),
    "no method": ({"method": "hybrid", "threshold": 1}, "cannot vary"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_says_what_to_do(case):
    rule, said = MISTAKES[case]
    with pytest.raises(SettingError, match=said):
        kept(**rule)


def test_a_method_without_shares_is_named():
    with pytest.raises(SettingError, match=r"truncate.*Use hybrid"):
        kept(method=Truncate(), threshold=1)


def test_a_question_is_needed_where_the_method_needs_one():
    with pytest.raises(PromptError, match="there is no question"):
        kept(Prompt.of(TEXT), HYBRID, quality_floor=0.5)


def together(batch, rate, method=None, counter=None, bounds=Bounds()):  # noqa: B008
    method, counter = method or Percents(), counter or WordCounter()
    cuts = [cuts_of(method, prompt, counter=counter, bounds=bounds) for prompt in batch]
    limit = Budget(rate=rate).limit(sum(one.ranked.total_tokens for one in cuts))
    return limit, compress_together(cuts, limit)


def tokens(results):
    return sum(result.tokens_after for result in results)


@settings(max_examples=40)
@given(batch=st.lists(prompts().map(asked), min_size=1, max_size=4), rate=rates)
def test_the_sum_is_never_above_the_limit(batch, rate):
    try:
        limit, results = together(batch, rate, HYBRID, COUNTER)
    except BudgetTooSmall as error:
        assume(error.protected_tokens <= error.limit_tokens)
    assert tokens(results) == sum(COUNTER.count(result.text) for result in results) <= limit


@pytest.mark.parametrize("rate", [0.2, 0.35, 0.5, 0.77])
def test_on_real_text_the_sum_is_used_up(example, rate):
    question = example("documents_question.txt")
    batch = [Prompt.of(example("documents.txt"), question=question), TOWN]
    limit, results = together(batch, rate, HYBRID, COUNTER)
    assert 0.97 * limit <= tokens(results) <= limit


def test_rate_one_gives_everything_back():
    _, results = together([TOWN, TOWN], 1.0, HYBRID, COUNTER)
    assert [result.text for result in results] == [TOWN.text] * 2


def test_the_plain_prompt_leaves_room_for_the_vague_one():
    _, (plain, vague) = together([PLAIN, VAGUE], 0.5)
    assert (plain.text, vague.text) == ("90", "23 14 26 12 17")


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=5), min_size=1, max_size=3), rates
)
def test_words_are_kept_as_the_best_of_all_choices(batch, rate):
    numbers = [[int(word) for word in result.text.split()] for result in taken(batch, rate)]
    left = sorted(n for words, kept in zip(batch, numbers, strict=True) for n in rest(words, kept))
    others = sorted(n for kept in numbers for n in sorted(kept)[:-1])  # the first of each is given
    assert not left or not others or left[-1] <= others[0]


def taken(batch, rate):
    """Compress lists of numbers, to at least one number each."""
    least = len(batch) / sum(map(len, batch))
    return together([Prompt.of(" ".join(map(str, one))) for one in batch], max(rate, least))[1]


def rest(words, kept):
    words = list(words)
    for word in kept:
        words.remove(word)
    return words


def test_bounds_hold_for_all_together():
    _, (plain, vague) = together([PLAIN, VAGUE], 0.5, bounds=Bounds(0.34, 0.6))
    assert (plain.text, vague.text) == ("2 90 3", "23 26 17")


def test_where_not_even_the_first_words_fit_the_sum_still_holds():
    _, results = together([PLAIN, VAGUE, VAGUE], 0.12)
    assert sorted(result.text for result in results) == ["", "26", "90"]


def test_a_sentence_that_is_too_long_is_ended_where_the_sum_is():
    _, (long, short) = together([Prompt.of("20 20 20 20 20"), Prompt.of("50 10 40")], 0.5)
    assert (long.text, short.text) == ("20 20 20", "50")


def test_what_is_protected_must_fit_in_all_together():
    batch = [Prompt.of("1 2 3", question="d e f"), Prompt.of("4 5", question="i j")]
    with pytest.raises(BudgetTooSmall) as caught:
        together(batch, 0.4)
    assert (caught.value.limit_tokens, caught.value.protected_tokens) == (4, 5)


def test_each_prompt_is_read_once():
    encoder = FakeEncoder()
    together([TOWN, TOWN], 0.5, Hybrid(encoder=encoder), COUNTER)
    assert encoder.embedded.count("Bread has become dearer.") == 2
