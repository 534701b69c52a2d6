"""Each filter and each switch does what it says."""

import hypothesis
import numpy as np
import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import strategies as st
from texts import spaced_texts

from tersely.compat.llmlingua import PromptCompressor
from tersely.compat.llmlingua.arguments import Options
from tersely.compat.llmlingua.contexts import plain
from tersely.compat.llmlingua.pipeline import Call
from tersely.compat.llmlingua.ranking import Rankers
from tersely.compat.llmlingua.stage import ByContext
from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.units import word_units
from tersely.errors import PromptError, SettingError
from tersely.hard.base import segment_units
from tersely.hard.documents import cut_passages, document_segments

COLOURS = ["red", "green", "blue", "black", "white", "pink"]
CONTEXTS = [f"The {c} house has {c} doors. Its roof is {c} as well. A {c} cat." for c in COLOURS]
BLUE = {"question": "Which blue?", "rank_method": "bm25", "concate_question": False}


@pytest.fixture
def compressor():
    return PromptCompressor(FakeBackend(), tokenizer=WordCounter())


def run(compressor, contexts=CONTEXTS, **given):
    return compressor.compress_prompt(contexts, **given)["compressed_prompt"]


def colours(text):
    return [c for c in COLOURS if c in text]


def test_the_context_filter_drops_whole_contexts_the_worst_first(compressor):
    assert colours(run(compressor, target_token=12, context_budget="+0", **BLUE)) == ["blue"]
    off = run(compressor, target_token=60, use_context_level_filter=False, **BLUE)
    assert len(colours(off)) > 3


@pytest.mark.parametrize(("budget", "count"), [("-1000", 1), ("+0", 1), ("*2", 2), ("+20", 3)])
def test_the_context_budget_says_how_much_the_other_stages_get(compressor, budget, count):
    left = run(compressor, target_token=14, context_budget=budget, force_context_ids=[], **BLUE)
    assert len(left.split("\n\n")) <= count


def test_forced_contexts_pass_the_context_filter(compressor):
    left = run(compressor, rate=0.3, context_budget="-1000", force_context_ids=[0, 5], **BLUE)
    assert set(colours(left)) == {"red", "pink"}


def test_contexts_alone_are_kept_whole_where_only_they_may_go(compressor):
    left = run(compressor, target_token=34, use_token_level_filter=False, **BLUE)
    assert CONTEXTS[2] in left
    assert set(left.split("\n\n")) <= set(CONTEXTS)
    forced = run(
        compressor, target_token=17, use_token_level_filter=False, force_context_ids=[5], **BLUE
    )
    assert forced == CONTEXTS[5]


def test_sentences_alone_are_kept_whole_where_words_may_not_go(compressor):
    left = run(
        compressor,
        target_token=25,
        use_token_level_filter=False,
        use_sentence_level_filter=True,
        **BLUE,
    )
    assert 15 <= len(left.split()) <= 25
    sentences = {s.strip().rstrip(".") for c in CONTEXTS for s in c.split(". ")}
    assert {s.strip().rstrip(".") for c in left.split("\n\n") for s in c.split(". ")} <= sentences


def test_where_nothing_may_be_dropped_a_limit_is_refused(compressor):
    off = {"use_token_level_filter": False, "use_context_level_filter": False}
    with pytest.raises(SettingError, match="nothing may be dropped"):
        run(compressor, target_token=20, **off)
    assert run(compressor, rate=1.0, **off) == "\n\n".join(CONTEXTS)
    with pytest.raises(SettingError, match="nothing may be dropped"):
        run(compressor, "one two three four", rate=0.5, use_token_level_filter=False)


def test_the_sentence_filter_leaves_its_share_to_the_words(compressor):
    text = " ".join(f"This is sentence {n} of the {c} text." for n, c in enumerate(COLOURS))
    left = run(
        compressor,
        text,
        target_token=14,
        use_sentence_level_filter=True,
        token_budget_ratio=1.0,
        **BLUE,
    )
    assert colours(left)
    assert len(colours(left)) <= 2


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"keep_first_sentence": 1}, "The red house has red doors."),
        ({"keep_last_sentence": 1}, "A red cat."),
        ({"keep_sentence_number": 1, "question": "Which roof?"}, "Its roof is red as well."),
    ],
)
def test_sentences_to_keep_are_kept_whole_without_the_sentence_filter_too(
    compressor, given, wanted
):
    asked = {"rank_method": "bm25", "concate_question": False} | given
    assert wanted in run(compressor, CONTEXTS[0], target_token=8, **asked)
    without = run(compressor, CONTEXTS[0], target_token=8, high_priority_bonus=0, **asked)
    assert without == run(compressor, CONTEXTS[0], target_token=8)


def test_contexts_are_written_in_the_order_that_is_asked_for(compressor):
    asked = {"question": "blue blue white", "rank_method": "bm25", "rate": 1.0}
    ranks = [i for i, _ in compressor.get_rank_results(CONTEXTS, asked["question"], "bm25")]
    best = [CONTEXTS[i] for i in ranks]
    for order, wanted in [
        ("original", CONTEXTS),
        ("sort", best),
        ("two_stage", [*best[::2], *best[1::2][::-1]]),
    ]:
        left = run(compressor, reorder_context=order, concate_question=False, **asked)
        assert left == "\n\n".join(wanted)


def test_a_dynamic_ratio_keeps_more_of_the_better_contexts(compressor):
    def counts(delta):
        asked = BLUE | {"rate": 0.5, "context_budget": "+1000"}
        left = run(compressor, dynamic_context_compression_ratio=delta, **asked)
        kept = {colours(part)[0]: len(part.split()) for part in left.split("\n\n") if colours(part)}
        return kept["blue"]

    assert counts(0.9) > counts(0.0)


def test_blank_lines_stay_if_they_are_to(compressor):
    text = "\n\n".join(CONTEXTS)
    kept = run(compressor, text, rate=0.4, keep_split=True)
    assert kept.count("\n\n") == 5
    assert 34 <= len(kept.split()) <= 36  # of 90
    assert run(compressor, text + "\r\n\r\n\r\nend", rate=0.4, keep_split=True).count("\r\n") == 3


@pytest.mark.parametrize("by_words", [True, False])
def test_contexts_with_blank_lines_that_are_to_stay_are_dropped_as_others(compressor, by_words):
    contexts = [text.replace(". Its", ".\n\nIts") for text in CONTEXTS]
    asked = BLUE | {"target_token": 34, "context_budget": "+0", "keep_split": True}
    if not by_words:
        asked |= {"use_token_level_filter": False, "context_budget": "+100"}
    left = run(compressor, contexts, **asked)
    assert len(colours(left)) <= 3
    assert by_words or contexts[2] in left
    assert left.count("\n\n") <= 5
    assert len(left.split()) <= 34


def call(backend, question="Why?", instruction="Do.", **given):
    return Call(
        contexts=tuple(plain(text, keep_split=False) for text in CONTEXTS),
        instruction=instruction,
        question=question,
        options=Options(**given),
        backend=backend,
        counter=WordCounter(),
        rankers=Rankers(backend, {}, may_stand_in=False),
    )


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ({}, ""),
        ({"condition_in_question": "after_condition"}, "Why?"),
        ({"condition_compare": True}, "Why?"),
        ({"condition_compare": True, "add_instruction": True}, "Why?\n\nDo."),
    ],
)
def test_words_are_valued_given_what_was_asked_for(backend, given, prefix):
    stage, _ = call(backend, **given)._stage(50, [], drops=False)
    assert (stage.prefix, stage.contrast) == (prefix, given.get("condition_compare", False))


@pytest.mark.parametrize(
    "given", [{"condition_in_question": "after_condition"}, {"condition_compare": True}]
)
def test_the_question_changes_which_words_stay(compressor, given):
    asked = [
        run(compressor, rate=0.5, question=q, concate_question=False, **given)
        for q in ("Which?", "Why not?")
    ]
    assert asked[0] != asked[1]
    plain_runs = {
        run(compressor, target_token=50, question=q, concate_question=False)
        for q in ("Which?", "Why not?")
    }
    assert len(plain_runs) == 1


def test_the_size_of_a_stretch_is_what_was_asked_for():
    reads = []
    for size in (20, 200):
        backend = FakeBackend()
        run(PromptCompressor(backend, tokenizer=WordCounter()), rate=0.5, iterative_size=size)
        reads.append(max(len(ids) - first for _, ids, first in backend.calls))
    assert reads[0] < 60 < reads[1]


def test_contexts_are_ranked_only_where_their_rank_plays_a_part(backend):
    compressor = PromptCompressor(backend, tokenizer=WordCounter())
    run(compressor, rate=0.5, context_budget="+1000")
    assert backend.passes == []
    run(compressor, rate=0.5, context_budget="+0")
    assert len(backend.passes) == len(CONTEXTS)


@pytest.mark.parametrize("rank_method", ["longllmlingua", "bm25", "gzip"])
def test_a_ranking_that_needs_a_question_says_so(compressor, rank_method):
    with pytest.raises(PromptError, match="there is none"):
        run(compressor, target_token=10, context_budget="+0", rank_method=rank_method)


def test_words_that_stay_are_words_of_the_contexts_in_order(compressor):
    left = run(compressor, rate=0.4)
    words = [[c[u.core : u.end] for u in word_units(c)] for c in CONTEXTS]
    for part in left.split("\n\n"):
        mine = iter(words[COLOURS.index(colours(part)[0])]) if colours(part) else None
        units = [part[u.core : u.end] for u in word_units(part)]
        assert mine is None or all(word in mine for word in units)


def test_almost_all_of_the_budget_is_used(compressor):
    for tokens in np.arange(20, 90, 7).tolist():
        left = run(compressor, target_token=tokens, context_budget="+20")
        assert 0.95 * tokens - 1 <= len(left.split()) <= tokens


def test_a_context_that_stands_in_a_better_one_has_its_own_rank():
    by_context = ByContext(("one two", "zero one two three", "", "one"), (2, 0, 3, 1))
    cut = ["one two", "zero", "one two three", "", "one"]
    assert by_context.score("?", cut).tolist() == [-2, 0, 0, -3, -1]


@hypothesis.given(st.lists(spaced_texts, min_size=2, max_size=5), st.integers(5, 40))
def test_passages_know_the_context_they_are_cut_from(texts, most):
    prompt = Prompt.of([text for text in texts if text.strip()], question="Why?")
    layout = Layout(prompt, segment_units(prompt, word_units))
    segments = document_segments(prompt)
    passages = cut_passages(layout, segments, FakeBackend(), most) if len(segments) > 1 else []
    by_context = ByContext(tuple(prompt.segments[at].text for at in segments), tuple(segments))
    scores = by_context.score("Why?", [passage.text for passage in passages])
    assert scores.tolist() == [-passage.segment for passage in passages]
