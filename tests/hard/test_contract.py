"""What every hard compressor promises. A new method is tested here by being registered."""

import inspect
from itertools import pairwise

import pytest
import regex
from fakes import FakeBackend, FakeClassifier, FakeEncoder
from hypothesis import assume, given, settings
from texts import prompts, rates, spaced_texts

from tersely._registry import COMPRESSORS, compressor_class
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.core.units import is_word_char
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError
from tersely.scorers.lexical import GzipDistance

COUNTER = load_counter("o200k_base")
SETTINGS = [
    *((name, {}) for name in COMPRESSORS),
    ("llmlingua", {"unit": "token"}),
    ("llmlingua", {"alignment": "reference", "segment_tokens": 10, "refresh": 0.0}),
    ("llmlingua", {"segment_tokens": 3, "refresh": 1.0, "instruction_rate": 0.7, "k": 1.0}),
    ("longllmlingua", {"reorder": "two_stage", "sentence_filter": True, "keep_sentences": 1}),
    ("longllmlingua", {"reorder": "rank", "contrastive": False, "ranker": GzipDistance()}),
    ("longllmlingua", {"alignment": "reference", "delta": 0.9, "k": 1.0, "keep_titles": False}),
    ("selective_context", {"unit": "token"}),
    ("selective_context", {"unit": "sentence"}),
    ("evaluator_heads", {"unit": "word", "pool_tokens": 4, "window_tokens": 256}),
    ("llmlingua2", {"word": "max", "context_filter": True, "use_question": True}),
    ("llmlingua2", {"word": "first", "drop_consecutive": True, "window_tokens": 20}),
    ("truncate", {"keep": "tail"}),
    ("truncate", {"keep": "both"}),
]
CHARACTER = regex.compile("[\ud800-\udbff][\udc00-\udfff]|\\X")
HALVES_WORDS = [("llmlingua", {"unit": "token"})]
KEEPS_LONGER_UNITS = [("selective_context", {}), ("selective_context", {"unit": "sentence"})]


def build(name, **settings):
    cls = compressor_class(name)
    parts = {"backend": FakeBackend(), "encoder": FakeEncoder(), "heads": ((1, 0), (3, 2))}
    parts["classifier"] = FakeClassifier(window_tokens=256)
    parts["stages"] = (build("truncate"), build("random_drop")) if name == "chain" else ()
    taken = inspect.signature(cls).parameters
    return cls(**{part: fake for part, fake in parts.items() if part in taken} | settings)


def asked(compressor, prompt):
    """Return the prompt, with a question if the method needs one and there is none."""
    if not compressor.needs_question or prompt.question:
        return prompt
    segments = (*prompt.segments, Segment("Why?", "question"))
    separators = (*prompt.separators, " ")[: len(segments) - 1]
    return Prompt(segments, separators, prompt.protected)


def compress(compressor, prompt, **budget):
    """Return the result, or None if the budget is refused for a reason that holds."""
    prompt = asked(compressor, prompt)
    try:
        return compressor.compress(prompt, Budget(**budget), counter=COUNTER)
    except BudgetTooSmall as error:
        if error.protected_tokens <= error.limit_tokens:
            raise
        return None


def over(methods):
    ids = [" ".join(map(str, (name, *chosen.values()))) for name, chosen in methods]
    return pytest.mark.parametrize(("name", "chosen"), methods, ids=ids)


every = over(SETTINGS)
keeps_words = over([s for s in SETTINGS if s not in HALVES_WORDS])
# A phrase or a sentence may be longer than what is left of a budget; words and tokens are not.
can_use_it_up = over([s for s in SETTINGS if s not in KEEPS_LONGER_UNITS])


def inner_edges(result):
    """Yield (text, place) of each end of a kept span that is inside its segment."""
    for span in result.kept:
        text = result.prompt.segments[span.segment].text
        yield from ((text, at) for at in (span.start, span.end) if 0 < at < len(text))


def joins(result):
    """Yield the two characters that meet where something between them was dropped."""
    for left, right in pairwise(result.kept):
        if left.segment == right.segment:
            yield result.prompt.read(left)[-1], result.prompt.read(right)[0]


@every
@settings(max_examples=50)
@given(prompt=prompts(), rate=rates)
def test_any_prompt_any_rate(name, chosen, prompt, rate):
    result = compress(build(name, **chosen), prompt, rate=rate)
    assume(result is not None)
    prompt = result.prompt
    assert result.limit_tokens == int(rate * COUNTER.count(prompt.text) + 1e-9)
    assert result.tokens_before == COUNTER.count(prompt.text)
    assert result.tokens_after == COUNTER.count(result.text) <= result.limit_tokens
    for text, at in inner_edges(result):
        assert at in {match.end() for match in CHARACTER.finditer(text)}, "no character is cut"
    for span in prompt.protected:
        inside = [k for k in result.kept if k.segment == span.segment and k.start <= span.start]
        assert span.start == span.end or inside[-1].end >= span.end


@every
@settings(max_examples=30)
@given(prompt=prompts(), rate=rates)
def test_kept_and_dropped_tile_every_segment(name, chosen, prompt, rate):
    result = compress(build(name, **chosen), prompt, rate=rate)
    assume(result is not None)
    prompt = result.prompt
    order = result.order or range(len(prompt.segments))
    assert sorted(order) == list(range(len(prompt.segments)))
    kept = [(order.index(span.segment), span.start, span.end) for span in result.kept]
    assert kept == sorted(kept)
    assert all(a[0] < b[0] or a[2] < b[1] for a, b in pairwise(kept))
    for index, segment in enumerate(prompt.segments):
        both = sorted(s for s in result.kept + result.dropped if s.segment == index)
        assert all(s.start < s.end for s in both)
        assert "".join(map(prompt.read, both)) == segment.text
        assert [0, *(s.end for s in both)] == [*(s.start for s in both), len(segment.text)]


@keeps_words
@settings(max_examples=40)
@given(prompt=prompts(), rate=rates)
def test_no_word_is_halved_and_no_two_are_glued(name, chosen, prompt, rate):
    result = compress(build(name, **chosen), prompt, rate=rate)
    assume(result is not None)
    for text, at in inner_edges(result):
        before = CHARACTER.findall(text[:at])[-1][0]  # not the accent on it
        assert not (is_word_char(before) and is_word_char(text[at])), (text, at)
    for left, right in joins(result):
        assert not (is_word_char(left) and is_word_char(right)), (left, right)


@every
@settings(max_examples=20)
@given(prompt=prompts(), rate=rates)
def test_the_same_call_gives_the_same_result(name, chosen, prompt, rate):
    compressor = build(name, **chosen)
    result, other = (compress(compressor, prompt, rate=rate) for _ in range(2))
    assert (result and result.kept) == (other and other.kept)


@every
@settings(max_examples=20)
@given(text=spaced_texts)
def test_rate_one_changes_nothing(name, chosen, text):
    prompt = Prompt.of([text, "and", text], question=text)
    result = compress(build(name, **chosen), prompt, rate=1.0)
    assert result.text == result.prompt.text
    assert result.texts == [segment.text for segment in result.prompt.segments]


@every
@settings(max_examples=20)
@given(text=spaced_texts)
def test_nothing_is_made_up(name, chosen, text):
    result = compress(build(name, **chosen), Prompt.of(text), tokens=8)
    assert result.tokens_after <= 8
    left = iter(result.prompt.text)
    assert all(char in left for char in result.text)  # a subsequence, so no new U+FFFD either


@can_use_it_up
@pytest.mark.parametrize("tokens", [210, 400, 901])
@pytest.mark.parametrize("file", ["meeting.txt", "documents.txt", "maths_cot.txt"])
def test_at_least_97_percent_of_the_budget_is_used(name, chosen, tokens, file, example):
    result = compress(build(name, **chosen), Prompt.of(example(file)), tokens=tokens)
    assert 0.97 * tokens <= result.tokens_after <= tokens


@every
def test_a_budget_below_what_is_protected_is_refused_with_the_numbers(name, chosen):
    prompt = Prompt.of("One. Two.", question="Why is the sky blue?")
    compressor = build(name, **chosen)
    with pytest.raises(BudgetTooSmall, match=r"is 2 tokens .* needs 6") as caught:
        compressor.compress(prompt, Budget(tokens=2), counter=COUNTER)
    assert (caught.value.limit_tokens, caught.value.protected_tokens) == (2, 6)


@every
def test_a_method_that_needs_a_question_says_so(name, chosen):
    compressor = build(name, **chosen)
    prompt = Prompt.of("The cat sat on the mat. " * 9, question=" \n")
    if compressor.needs_question:
        with pytest.raises(PromptError, match=rf"{name} keeps what a question asks for"):
            compressor.compress(prompt, Budget(tokens=20), counter=COUNTER)
    else:
        assert compressor.compress(prompt, Budget(tokens=20), counter=COUNTER).tokens_after <= 20


@every
def test_every_result_says_what_it_is(name, chosen):
    compressor = build(name, **chosen)
    result = compress(compressor, Prompt.of("The cat sat on the mat. " * 9), tokens=20)
    assert (result.method, result.tokenizer, result.exact) == (compressor.name, "o200k_base", True)
    model = inspect.signature(compressor_class(name)).parameters.keys()
    model &= {"backend", "encoder", "classifier"}
    assert result.model == ("fake" if model else "")
    assert (result.model_tokens > 0) == (result.model != "")
    assert result.seconds > 0
