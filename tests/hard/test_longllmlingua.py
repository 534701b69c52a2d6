"""LongLLMLingua: what a question makes worth keeping, documents first."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import reference
from fakes import FakeBackend, WordCounter
from hypothesis import given
from hypothesis import strategies as st

from tersely.core.budget import Budget
from tersely.core.prompt import JOINER, Prompt, Segment
from tersely.errors import PromptError, SettingError
from tersely.hard.base import Goal
from tersely.hard.longllmlingua import LongLLMLingua, write_order
from tersely.scorers.question_likelihood import GUIDELINE, QuestionLikelihood

QUESTION = "Who ate the cheese?"
WORDS = "the mouse ate a bit of old cheese and then it went home again to sleep some more"
NUMBERS = ["one", "two", "three", "four", "five", "six"]
DOCUMENTS = [f"{number} {WORDS} in {number}" for number in NUMBERS]


@dataclass(frozen=True)
class Listed:
    """A scorer that says what it was told to: a passage that contains a word is worth its value."""

    worth: dict
    name: str = "listed"
    measured_in: str = "points"
    asked: list = field(default_factory=list)

    def score(self, question, passages, *, on_tokens=None):
        self.asked.append((question, list(passages)))
        if on_tokens:
            on_tokens(100)
        best = [
            max((v for w, v in self.worth.items() if w in text), default=0) for text in passages
        ]
        return np.array(best, dtype=float)


def ranked(*best_first):
    return Listed({word: -place for place, word in enumerate(best_first, start=-99)})


def compress(prompt, *, backend=None, **given):
    budget = Budget(**{name: given.pop(name) for name in ("tokens", "rate") if name in given})
    if not isinstance(prompt, Prompt):
        prompt = Prompt.of(prompt, question=QUESTION)
    method = LongLLMLingua(backend=backend or FakeBackend(), **given)
    return method.compress(prompt, budget, counter=WordCounter())


def rank(prompt, rate, **settings):
    """Return layout and ranking, only instruction and question fixed."""
    if not isinstance(prompt, Prompt):
        prompt = Prompt.of(prompt, question=QUESTION)
    method = LongLLMLingua(backend=FakeBackend(), **settings)
    layout = method.lay_out(prompt)
    roles = [prompt.segments[unit.segment].role for unit in layout.units]
    fixed = np.array([role in ("instruction", "question") for role in roles])
    return layout, method.rank(layout, Goal(fixed, rate, lambda done, expected: None))


def read(before, text):
    """Surprisal of a text's tokens after another text."""
    backend = FakeBackend()
    first, ids = backend.encode(before).ids, backend.encode(text).ids
    return backend.score([np.append(first, ids)])[0][len(first) :]


# ---- documents


def test_documents_are_kept_by_rank_until_k_times_the_budget():
    """Six documents alike: a sixth of the text is one, twice that two, and the third overshoots."""
    ranker = ranked("four", "two", "six", "one", "five", "three")
    layout, ranking = rank(DOCUMENTS, 0.17, ranker=ranker, keep_titles=False)
    best = [ranking.values[places].max() for places in layout.by_segment()[:-1]]
    assert [i for i, value in enumerate(best) if value > -2] == [1, 3, 5]
    assert sorted(range(6), key=lambda i: -best[i])[3:] == [0, 4, 2]


def test_every_word_of_a_kept_document_goes_before_those_of_dropped_ones():
    layout, ranking = rank(DOCUMENTS, 0.17, ranker=ranked("four", "two"), k=1.0)
    members = layout.by_segment()
    kept = np.concatenate([members[3], members[1]])
    rest = np.concatenate([members[i] for i in (0, 2, 4, 5)])
    assert ranking.values[kept].min() > ranking.values[rest].max()
    assert np.isfinite(ranking.values).all()


def test_by_default_documents_are_ranked_by_the_likelihood_of_the_question():
    worth = QuestionLikelihood(backend=FakeBackend()).score(QUESTION, DOCUMENTS)
    layout, ranking = rank(DOCUMENTS, 0.1, k=1.0, delta=0.0)
    best = [ranking.values[places].max() for places in layout.by_segment()[:-1]]
    kept = 2  # a tenth of six documents is not one, so the second is not begun
    assert np.argsort(best)[::-1][:1].tolist() == np.argsort(-worth)[:1].tolist()
    assert sum(value > -2 for value in best) == kept - 1


def test_the_model_reads_everything_once_and_what_is_kept_twice():
    backend = FakeBackend()
    result = compress(DOCUMENTS, backend=backend, tokens=27)  # 4 words are the question's
    asked = len(backend.encode(JOINER + QUESTION + GUIDELINE))
    asking = len(backend.encode(QUESTION + JOINER))
    documents = [len(backend.encode(text)) for text in DOCUMENTS]
    assert backend.passes[:6] == [tokens + asked for tokens in documents]
    again = backend.passes[6:]
    assert len(again) == 3
    assert {tokens - asking for tokens in again} <= set(documents)
    assert result.model_tokens == sum(backend.passes)


def test_tokens_of_another_scorers_model_are_counted_too():
    result = compress(DOCUMENTS, tokens=27, ranker=ranked("four"), contrastive=False, k=1.0)
    backend = FakeBackend()
    kept = [len(backend.encode(DOCUMENTS[i])) for i in (3, 0)]
    assert result.model_tokens == 100 + sum(kept)


def test_a_likelihood_on_the_same_model_is_not_counted_twice():
    backend = FakeBackend()
    scorer = QuestionLikelihood(backend=backend, condition="before")
    result = compress(DOCUMENTS, backend=backend, tokens=27, ranker=scorer)
    assert result.model_tokens == sum(backend.passes)


def test_paragraphs_of_a_lone_context_are_documents_and_stay_where_they_are():
    text = "\n\n".join(DOCUMENTS)
    result = compress(text, tokens=27, ranker=ranked("four", "two"), k=1.0, reorder="rank")
    assert result.order is None
    paragraphs = [set(paragraph.split()) for paragraph in result.texts[0].split("\n\n")]
    assert len(paragraphs) == 2
    assert not set().union(*paragraphs) & {"one", "three", "five", "six"}


def test_one_document_is_not_ranked():
    backend = FakeBackend()
    compress(DOCUMENTS[0], backend=backend, tokens=12)
    asking = len(backend.encode(QUESTION + JOINER))
    tokens = len(backend.encode(DOCUMENTS[0]))
    assert backend.passes == [asking + tokens, tokens]


def test_a_long_document_is_kept_where_it_answers():
    filler = "Nothing to be seen here, says the wall. " * 80
    long = filler + "The grey mouse it was. " + filler
    layout, ranking = rank([long, filler], 0.02, ranker=ranked("grey mouse"), k=1.0)
    words = [layout.text_of(unit).strip() for unit in layout.units]
    kept = ranking.values > -2
    assert kept[words.index("grey")]
    assert kept[words.index("Nothing")] == 0
    assert kept.sum() < 400


# ---- words


def naive_values(text):
    """What each word of a document is worth, token by token."""
    tokens = FakeBackend().encode(text)
    values = read("", text) - read(QUESTION + JOINER, text)
    layout, _ = rank([text, "x"], 0.5)
    units = [unit for unit in layout.units if unit.segment == 0]
    return reference.mean_values(values, tokens, units)


@pytest.mark.parametrize("place", [0, 4])
def test_words_are_ordered_by_contrastive_perplexity(place):
    layout, ranking = rank(DOCUMENTS, 0.9, keep_titles=False)
    values = ranking.values[layout.by_segment()[place]]
    expected = np.array(naive_values(DOCUMENTS[place]))
    falling = expected[np.argsort(-values)]
    assert (np.diff(falling) <= 0).all()


def test_without_contrast_a_word_is_worth_its_surprisal():
    layout, ranking = rank(DOCUMENTS, 0.9, contrastive=False)
    places = layout.by_segment()[2]
    tokens = FakeBackend().encode(DOCUMENTS[2])
    units = [layout.units[i] for i in places]
    expected = reference.mean_values(read("", DOCUMENTS[2]), tokens, units)
    assert np.argsort(-ranking.values[places]).tolist() == np.argsort(-np.array(expected)).tolist()


def test_the_reference_alignment_values_a_token_by_the_next_one():
    layout, ranking = rank(DOCUMENTS, 0.9, contrastive=False, alignment="reference")
    places = layout.by_segment()[2]
    tokens = FakeBackend().encode(DOCUMENTS[2])
    units = [layout.units[i] for i in places]
    nats = np.append(read("", DOCUMENTS[2])[1:], 1e6)
    expected = reference.mean_values(nats, tokens, units)
    assert np.argsort(-ranking.values[places]).tolist() == np.argsort(-np.array(expected)).tolist()


@given(st.floats(0, 1), st.floats(-0.5, 0.5))
def test_rates_fall_linearly_with_the_rank(delta, threshold):
    """Equation 5: a document keeps clip((1 - 2 I / K') * delta + tau, 0, 1) of its tokens."""
    best_first = ["four", "two", "six", "one", "five", "three"]
    ranker = Listed({f"in {word}": 9 - place for place, word in enumerate(best_first)})
    layout, ranking = rank(DOCUMENTS, 0.9, ranker=ranker, delta=delta, contrastive=False)
    for nth, document in enumerate([3, 1, 5, 0, 4, 2]):
        places = layout.by_segment()[document]
        units = [layout.units[i] for i in places]
        owned = reference.owned_tokens(FakeBackend().encode(DOCUMENTS[document]), units)
        costs = np.array([len(tokens) for tokens in owned])
        share = costs[ranking.values[places] > threshold].sum() / costs.sum()
        expected = np.clip((1 - 2 * nth / 6) * delta - threshold, 0, 1)
        assert abs(share - expected) <= costs.max() / costs.sum() / 2 + 1e-9


@pytest.mark.parametrize("title", ["Document [1](Title: Of mice)", "Of mice and men\n"])
def test_a_title_goes_after_all_the_rest_of_its_document(title):
    text = f"{title} {WORDS}."
    layout, ranking = rank([text, "x"], 0.5, delta=0.0, ranker=ranked("mouse"))
    values = ranking.values[layout.by_segment()[0]]
    words = len(title.split()) + ("[" in title)  # the closing bracket is a unit of its own
    assert values[:words].min() > values[words:].max()


# ---- sentences


def filtered(tokens, **settings):
    """Compress three documents of four sentences, all of whose words are worth the same."""
    documents = [" ".join(f"The {n}th of {name} is." for n in "1234") for name in "abc"]
    ranker = Listed({"3th of": 3, "4th of": 2})
    result = compress(documents, tokens=tokens + 4, ranker=ranker, k=99, sentence_k=1.0,
                      sentence_filter=True, **settings)  # fmt: skip
    return {word for word in result.text.split() if word.endswith("th")}


def test_sentences_are_kept_by_what_they_are_worth_to_the_question():
    assert filtered(15) == {"3th"}
    assert filtered(30) == {"3th", "4th"}


@pytest.mark.parametrize(
    ("setting", "kept"),
    [("keep_first_sentences", "1th"), ("keep_last_sentences", "4th"), ("keep_sentences", "3th")],
)
def test_preferred_sentences_are_kept_and_not_dropped(setting, kept):
    assert filtered(15, **{setting: 1}) == {kept}


def test_a_title_survives_the_sentence_filter():
    documents = [f"Document [{n}](Title: Of {n})\nOne is. Two is. Three is." for n in (1, 2)]
    ranker = Listed({"Three": 9})
    result = compress(documents, tokens=20, ranker=ranker, k=99, sentence_k=1.0,
                      sentence_filter=True)  # fmt: skip
    assert "Document [1](Title: Of 1)" in result.text
    assert "Document [2](Title: Of 2)" in result.text


# ---- order

PROMPT = Prompt.of(list("abcde"), instruction="i", question="q")


@pytest.mark.parametrize(
    ("reorder", "order"),
    [
        ("original", None),
        ("rank", (0, 3, 5, 2, 1, 4, 6)),
        ("two_stage", (0, 3, 2, 4, 1, 5, 6)),
    ],
)
def test_documents_change_places_among_themselves(reorder, order):
    assert write_order(PROMPT, [3, 5, 2, 3, 1, 4], reorder) == order


def test_what_is_in_order_already_stays():
    assert write_order(PROMPT, [1, 2], "rank") is None


@pytest.mark.parametrize(
    ("reorder", "names"),
    [("rank", ["four", "two", "six"]), ("two_stage", ["four", "six", "two"])],
)
def test_the_best_documents_are_written_where_they_are_read(reorder, names):
    ranker = ranked("four", "two", "six")
    result = compress(DOCUMENTS, rate=0.25, ranker=ranker, reorder=reorder, delta=0.0)
    written = [text.split()[-1] for text in result.text.split("\n\n")[:-1]]
    order = [i for i in result.order if result.texts[i] and i != 6]
    assert [DOCUMENTS[i].split()[0] for i in order] == names
    assert len(written) == 3


def test_a_document_that_is_kept_whole_is_moved_too():
    segments = [Segment(DOCUMENTS[0]), Segment("two", rate=1.0), Segment(QUESTION, "question")]
    result = compress(Prompt.joined(segments), tokens=9, ranker=ranked("two"), reorder="rank")
    assert result.order == (1, 0, 2)
    assert result.text.startswith("two\n\n")


# ---- any prompt


@pytest.mark.parametrize("texts", [["", "", ""], [" ", "\n\n", "x y z"], ["a b c"] * 4, ["\0"] * 3])
def test_empty_and_equal_documents_are_documents(texts):
    prompt = Prompt.of([*texts, DOCUMENTS[0]], question=QUESTION)
    result = compress(prompt, tokens=9)
    assert result.tokens_after <= 9
    assert result.texts[-1] == QUESTION


def test_equal_documents_are_ranked_by_one_reading():
    backend = FakeBackend()
    compress([DOCUMENTS[0]] * 4, backend=backend, rate=0.3, contrastive=False)
    assert len(backend.passes) == 1


def test_instructions_with_a_rate_of_their_own_are_shortened_by_surprisal():
    segments = [Segment(WORDS, "instruction", 0.5), Segment(DOCUMENTS[0]), Segment("x y")]
    prompt = Prompt.joined([*segments, Segment(QUESTION, "question")])
    result = compress(prompt, tokens=20)
    assert len(result.texts[0].split()) == 9
    assert result.tokens_after == 20


def test_ten_thousand_documents_are_sorted_once():
    documents = [f"Item {number}." for number in range(10_000)]
    result = compress(documents, tokens=300, ranker=ranked("Item 9999."), delta=1.0)
    assert result.texts[9999] == "Item 9999."
    assert result.tokens_after == 300
    assert result.model_tokens < 10_000


def test_a_prompt_without_a_question_is_refused():
    with pytest.raises(PromptError, match="question="):
        compress(Prompt.of(DOCUMENTS), tokens=9)


def test_a_question_too_long_for_the_model_is_refused_with_the_numbers():
    prompt = Prompt.of(DOCUMENTS, question="Why is it so? " * 9)
    with pytest.raises(PromptError, match=r"takes \d+ tokens of fake, which can read 50 "):
        compress(prompt, backend=FakeBackend(window_tokens=100), tokens=60)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"k": 0.5}, "k is at least 1; got 0.5"),
        ({"k": float("nan")}, "k is at least 1; got nan"),
        ({"sentence_k": 0}, "sentence_k is at least 1; got 0"),
        ({"delta": 1.5}, "delta is at least 0 and at most 1; got 1.5"),
        ({"keep_sentences": -1}, "keep_sentences is at least 0; got -1"),
        ({"keep_first_sentences": 2}, "keep_first_sentences needs sentence_filter=True"),
        ({"ranker": "bm25"}, "ranker is a scorer such as BM25.., not 'bm25'"),
        ({"alignment": "next"}, "alignment is 'paper' or 'reference', not 'next'"),
        ({"reorder": "sort"}, "reorder is one of original, rank, two_stage; not 'sort'"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, says):
    with pytest.raises(SettingError, match=says):
        LongLLMLingua(backend=FakeBackend(), **settings)


@pytest.mark.model
def test_a_real_model_keeps_the_document_with_the_answer(smollm2):
    facts = {
        "River": "The Amazon carries more water than any other river of the world does.",
        "Prize": "The first Nobel Prize in Physics went to Wilhelm Röntgen in the year 1901.",
        "Bread": "A good bread needs flour, water, salt and above all a very long rest.",
        "Chess": "The game of chess is played on a board of sixty-four squares by two people.",
    }
    documents = [f"Document [{n}](Title: {t}) {x}" for n, (t, x) in enumerate(facts.items(), 1)]
    prompt = Prompt.of(documents, question="Who got the first Nobel prize in physics?")
    result = compress(prompt, backend=smollm2, tokens=24, reorder="rank")
    assert result.order[0] == 1
    assert "Röntgen" in result.text
