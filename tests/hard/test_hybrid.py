from itertools import pairwise

import numpy as np
import pytest
from fakes import FakeEncoder, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.core.layout import Layout
from tersely.core.prompt import Prompt, Segment, Span
from tersely.errors import BudgetTooSmall, SettingError
from tersely.hard.base import Goal
from tersely.hard.hybrid import Hybrid, spread, word_values

QUESTION = "Who opened the mill?"
TEXT = "Rain fell on the hills. The mill was opened by Ann. Cows ate grass there. It is cold."
DOCUMENTS = [
    "# The river\nBoats go up each day. This is slow. Fish swim down.",
    "# Brick tower\nBob lit a fire. This opened the mill again. Nobody came.",
    "# The forest\nTrees grow tall. Deer eat bark. Owls hoot.",
]


def compress(contexts, tokens, *, question=QUESTION, encoder=None, protect=(), **chosen):
    """What is left beside the question, in words, which are tokens."""
    prompt = Prompt.of(contexts, question=question).protecting(protect)
    method = Hybrid(encoder=encoder, **chosen)
    budget = Budget(tokens=tokens + len(question.split()))
    result = method.compress(prompt, budget, counter=WordCounter())
    assert result.texts[-1] == question
    return result


def left(*args, **given):
    return compress(*args, **given).texts[0]


def rank(prompt, encoder=None, rate=0.5, **chosen):
    method = Hybrid(encoder=encoder, **chosen)
    layout = method.lay_out(prompt)
    fixed = np.zeros(len(layout), bool)
    return layout, method.rank(layout, Goal(fixed, rate, lambda done, expected: None))


# Which sentences


@pytest.mark.parametrize("encoder", [None, FakeEncoder()])
def test_the_sentence_that_answers_is_kept(encoder):
    assert left(TEXT, 6, encoder=encoder) == "The mill was opened by Ann."


def test_an_encoder_finds_what_has_no_word_in_common():
    class Knowing(FakeEncoder):
        def embed(self, texts, *, on_tokens=None):
            meant = [any(word in text for word in ("mill", "Ann")) for text in texts]
            return np.array([[1.0, 0.0] if is_meant else [0.0, 1.0] for is_meant in meant])

    text = "Rain fell over hills today. Ann cut some red ribbon. Cows ate all green grass."
    assert left(text, 5, encoder=Knowing()) == "Ann cut some red ribbon."


def test_sentences_stand_in_the_order_of_the_source():
    text = "Rain fell. The mill stands. Snow fell. Who opened the mill is known. Hail fell."
    assert left(text, 9) == "The mill stands. Who opened the mill is known."


def test_documents_stand_in_the_order_of_the_source():
    result = compress(["Snow fell. The mill.", "Who opened the mill? Ann."], 8)
    assert result.order is None
    assert [span.segment for span in result.kept] == sorted(span.segment for span in result.kept)


def test_the_last_sentence_is_cut_at_its_end():
    for tokens in range(1, 6):
        assert left(TEXT, tokens) == " ".join(["The", "mill", "was", "opened", "by"][:tokens])


@given(st.integers(1, 16))
def test_only_one_sentence_is_cut_and_only_at_its_end(tokens):
    sentences = TEXT.replace(". ", ".|").split("|")
    kept = left(TEXT, tokens)
    assert len(kept.split()) == tokens
    partial = []
    for sentence in sentences:
        starts = [
            n for n in range(len(sentence.split()) + 1) if " ".join(sentence.split()[:n]) in kept
        ]
        if 0 < max(starts) < len(sentence.split()):
            partial.append(sentence)
    assert len(partial) <= 1


def test_a_smaller_budget_keeps_part_of_what_a_larger_one_keeps():
    kept = [set(left(TEXT, tokens).split()) for tokens in range(1, 18)]
    assert all(small <= large for small, large in pairwise(kept))


def test_a_sentence_said_twice_is_kept_once():
    same = "The mill was opened by Ann."
    assert left([same, "Rain fell on it.", same], 10) == same
    assert compress([same, "Rain fell on it.", same], 10).texts[:3] == [
        same,
        "Rain fell on it.",
        "",
    ]


def test_a_sentence_said_twice_is_kept_twice_where_there_is_nothing_else():
    result = compress(["The mill stands.", "The mill stands.", "The mill stands."], 6)
    assert result.tokens_after == 6 + len(QUESTION.split())


# What a sentence leans on


def test_repair_pulls_in_the_header_and_the_sentence_before():
    whole = "# Brick tower\nBob lit a fire. This opened the mill again."
    assert compress(DOCUMENTS, 12).texts[:3] == ["", whole, ""]


def test_without_repair_there_is_only_the_sentence():
    text = compress(DOCUMENTS, 5, repair=False).texts[1]
    assert text == "This opened the mill again."


def test_a_sentence_comes_before_what_it_leans_on():
    assert compress(DOCUMENTS, 5).texts[:3] == ["", "This opened the mill again.", ""]
    assert compress(DOCUMENTS, 8).texts[1] == "# Brick tower\nThis opened the mill again."


@given(st.integers(1, 35))
def test_repair_stays_within_the_budget_and_uses_it_up(tokens):
    result = compress(DOCUMENTS, tokens)
    assert result.tokens_after == min(tokens + 4, result.tokens_before)


# Diversity


def test_diversity_keeps_different_sentences():
    text = "The mill opened. The mill opened now. Ann did it. Rain fell on us."
    alike = left(text, 7, encoder=FakeEncoder(), repair=False)
    apart = left(text, 7, encoder=FakeEncoder(), repair=False, diversity=50.0)
    assert alike == "The mill opened. The mill opened now."
    assert "The mill opened now." not in apart


def test_diversity_without_vectors_changes_nothing():
    assert compress(DOCUMENTS, 12, diversity=3.0).kept == compress(DOCUMENTS, 12).kept


def test_diversity_ranks_every_sentence():
    _, ranking = rank(Prompt.of([TEXT] * 3, question=QUESTION), FakeEncoder(), 0.01, diversity=1.0)
    assert len(set(ranking.values[:-4].tolist())) > 12
    assert (ranking.values[: -len(QUESTION.split()) - 1] < 0).all()


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_a_diversity_out_of_range_is_refused(wrong):
    with pytest.raises(SettingError, match="diversity is at least 0, and finite; got"):
        Hybrid(encoder=None, diversity=wrong)


def test_repair_is_a_yes_or_a_no():
    with pytest.raises(SettingError, match="repair is True or False, not 1"):
        Hybrid(encoder=None, repair=1)


# Prompts of every kind


def test_a_segment_with_a_rate_of_its_own_keeps_that_share():
    prompt = Prompt.joined([Segment(TEXT, rate=0.25), Segment(TEXT), Segment(QUESTION, "question")])
    result = Hybrid(encoder=None).compress(prompt, Budget(tokens=24), counter=WordCounter())
    assert len(result.texts[0].split()) == len(TEXT.split()) // 4
    assert len(result.texts[1].split()) == 24 - 4 - len(TEXT.split()) // 4


def test_protected_text_survives_and_the_rest_is_chosen_as_ever():
    start = TEXT.index("Cows ate")
    assert (
        left(TEXT, 8, protect=[Span(0, start, start + 8)]) == "The mill was opened by Ann. Cows ate"
    )


def test_instruction_and_question_are_not_ranked():
    encoder = FakeEncoder()
    prompt = Prompt.of(TEXT, instruction="Be very brief.", question=QUESTION)
    Hybrid(encoder=encoder).compress(prompt, Budget(tokens=12), counter=WordCounter())
    assert "Be very brief." not in encoder.embedded
    assert encoder.embedded.count(QUESTION) == 1


def test_a_question_that_is_in_the_context_too_stays_in_its_own_place():
    result = compress([f"{TEXT} {QUESTION}", "It is so."], 10)
    assert result.texts[-1] == QUESTION
    assert "The mill was opened by Ann." in result.texts[0]


def test_two_questions_are_asked_together():
    segments = [
        Segment("Rain fell. Ann opened it. Snow fell. Bob shut it."),
        Segment("Ann?", "question"),
        Segment("Bob?", "question"),
    ]
    result = Hybrid(encoder=None).compress(
        Prompt.joined(segments), Budget(tokens=8), counter=WordCounter()
    )
    assert result.texts == ["Ann opened it. Bob shut it.", "Ann?", "Bob?"]


@pytest.mark.parametrize("encoder", [None, FakeEncoder()])
@pytest.mark.parametrize(
    "contexts",
    [
        ["", TEXT, ""],
        [TEXT] * 4,
        [" \n", "\n\n\n", TEXT],
        ["# The mill", "# The mill", "# The tower and the hill"],
        ["\ud83d \ude00", TEXT],
        [TEXT, "日本語。猫は座る。" * 3],
        ["...", "?!", "— — —", "a b c d e"],
    ],
)
def test_documents_of_any_kind_fit_the_budget(contexts, encoder):
    result = compress(contexts, 4, encoder=encoder)
    assert result.tokens_after <= 8
    assert result.tokens_after >= 7
    assert len(result.texts) == len(contexts) + 1


def test_a_question_without_a_word_still_fills_the_budget():
    assert compress(TEXT, 7, question="?!").tokens_after == 8


def test_a_question_longer_than_the_encoders_window_is_a_question(words):
    question = "Tell me who opened the mill, " * 200 + "please?"
    assert (
        left(TEXT, 6, question=question, encoder=FakeEncoder(window_tokens=16))
        == "The mill was opened by Ann."
    )


def test_a_long_context_is_read_in_sentences():
    encoder = FakeEncoder(window_tokens=16)
    text = "Rain fell on hill number {}. " * 3000
    compress(text.format(*range(3000)), 50, encoder=encoder)
    assert len(encoder.embedded) == 3001
    assert max(map(len, encoder.embedded)) < 40


def test_a_question_that_does_not_fit_is_refused():
    with pytest.raises(BudgetTooSmall, match="needs 4"):
        compress(TEXT, -1)


def test_progress_ends_where_it_is_expected_to():
    seen = []
    prompt = Prompt.of(DOCUMENTS, question=QUESTION)
    method = Hybrid(encoder=FakeEncoder())
    method.compress(
        prompt, Budget(tokens=9), counter=WordCounter(), progress=lambda *at: seen.append(at)
    )
    assert seen
    assert all(0 < done <= expected for done, expected in seen)


def test_ten_thousand_documents_are_written_out_a_few_times_only(monkeypatch):
    """The work grows with the prompt: one call of the encoder, a bisection of the budget."""
    written, calls = [], []
    text_of = Layout.text
    monkeypatch.setattr(Layout, "text", lambda *args: written.append(1) or text_of(*args))

    class Noting(FakeEncoder):
        def embed(self, texts, *, on_tokens=None):
            calls.append(len(texts))
            return np.ones((len(texts), 1))

    documents = [f"Box {at} is red." for at in range(10_000)]
    result = compress(documents, 500, encoder=Noting(), question="What of box 7123?")
    assert result.texts[7123].endswith("Box 7123 is red.")
    assert len(calls) == 1
    assert len(written) < 40


# What a ranking holds


def test_words_of_a_better_sentence_are_worth_more_and_earlier_words_too():
    layout, ranking = rank(Prompt.of(TEXT, question=QUESTION))
    order = [layout.text_of(layout.units[at]).strip() for at in np.argsort(-ranking.values)]
    free = [word for word in order if word not in ("Who", "?")]
    assert " ".join(free[-22:]).replace(" .", ".").find("The mill was opened by Ann.") >= 0


def test_shares_are_spread_over_the_words_of_a_sentence():
    layout, ranking = rank(Prompt.of(DOCUMENTS, question=QUESTION), FakeEncoder())
    assert ranking.shares.shape == (len(layout),)
    assert ranking.shares.sum() == pytest.approx(1)
    assert (ranking.shares >= 0).all()
    asked = [at for at, unit in enumerate(layout.units) if unit.segment == 3]
    assert (ranking.shares[asked] == 0).all()


def test_spread_leaves_what_nobody_owns_at_nothing():
    owner = np.array([0, 0, -1, 1, -1])
    assert spread(np.array([0.5, 0.25]), owner).tolist() == [0.25, 0.25, 0, 0.25, 0]
    assert spread(np.zeros(0), np.array([-1, -1])).tolist() == [0, 0]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.randoms())
def test_word_values_take_whole_sentences_in_order(lengths, random):
    order = random.sample(range(len(lengths)), len(lengths))
    owner = np.repeat(np.arange(len(lengths)), lengths)
    taken = np.argsort(-word_values(order, owner), kind="stable")
    expected = [at for sentence in order for at in np.flatnonzero(owner == sentence)]
    assert taken.tolist() == expected


def test_word_values_leave_what_nobody_owns_at_nothing():
    values = word_values([1, 0], np.array([-1, 0, 0, -1, 1]))
    assert values[[0, 3]].tolist() == [0, 0]
    assert values[4] > values[1] > values[2]
    assert word_values([], np.array([-1])).tolist() == [0]
    assert word_values([], np.zeros(0, np.int64)).tolist() == []


def test_it_runs_without_a_model():
    result = compress(TEXT, 6)
    assert (result.model, result.model_tokens, result.method) == ("", 0, "hybrid")


@pytest.mark.model
def test_a_real_encoder_finds_a_paraphrase(minilm, words):
    text = "Rain fell on the hills all day. The physician cured the sick child. Cows ate grass."
    prompt = Prompt.of(text, question="Which doctor healed a boy?")
    result = Hybrid(encoder=minilm).compress(prompt, Budget(tokens=11), counter=words)
    assert result.texts[0] == "The physician cured the sick child."
