"""LongLLMLingua: keep the documents, then the words, that a question makes worth keeping.

Paper:    Jiang et al. 2024, "LongLLMLingua: Accelerating and Enhancing LLMs in Long Context
          Scenarios via Prompt Compression". https://arxiv.org/abs/2310.06839
Code:     https://github.com/microsoft/LLMLingua/tree/e0e9d99
Differs:  the budget is kept to the token, in the target's tokenizer; words are kept whole and
          valued by their own tokens; a document's tokens are valued given the question and the
          document only, not what was kept of the documents before it, so order and chance of
          neighbours do not matter; tau_k is applied as a share of the document, so that the exact
          fit moves all rates alike; titles are kept first; long documents are ranked in passages;
          keep_first_sentences, keep_last_sentences and keep_sentences do what they say, with any
          ranker.
Cost:     the model reads N + P * Q tokens to rank P passages against a question of Q, and about
          k * rate * N more to value their words: the ranking has read what they are compared
          with. The published code reads what it keeps twice more, and each document alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import JOINER, Prompt
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.hard.contrastive import contrast
from tersely.hard.counted import Counted
from tersely.hard.documents import (
    PASSAGE_TOKENS,
    Passage,
    cut_passages,
    cut_sentences,
    document_segments,
)
from tersely.hard.iterative import ENDLESS
from tersely.scorers.base import Scorer
from tersely.scorers.question_likelihood import QuestionLikelihood, encode_question, window_room
from tersely.scorers.surprisal import Alignment, align, score_texts, unit_values

Order = Literal["original", "rank", "two_stage"]

GUIDELINE_TOKENS = 16
"""About how many tokens are read beside a passage, apart from the question."""

DROPPED_SENTENCE = -10.0
DROPPED_PASSAGE = -100.0
"""What is added to the value of what was dropped coarsely; a kept word's is in [-2, 1]."""


@dataclass(frozen=True, kw_only=True)
class LongLLMLingua(RankingCompressor):
    """Question-aware, coarse to fine: documents, sentences if wanted, words.

    Attributes:
        backend: The small causal model.
        ranker: What ranks documents and sentences; None is `QuestionLikelihood` on the backend.
        k: How many times the budget the documents that are kept may hold (paper: 2).
        sentence_filter: Whether the least likely sentences of those go before words do.
        sentence_k: How many times the budget the sentence filter leaves (published code: 1.4).
        keep_first_sentences: First sentences of each document that the filter prefers.
        keep_last_sentences: Last ones that it prefers.
        keep_sentences: Best ones of each document that it prefers.
        delta: How much more of the best document than of a middling one is kept, as a share of it
            (paper: 0.3).
        contrastive: Whether a token is worth what the question takes from its surprisal; otherwise
            its surprisal.
        alignment: What a token is worth: "paper", its own value; "reference", the next one's.
        keep_titles: Whether a document's title goes after all the rest of it.
        reorder: How documents are written: "original"; "rank", the best one first; "two_stage",
            the best ones at both ends.
    """

    name: ClassVar[str] = "longllmlingua"
    needs_question: ClassVar[bool] = True
    backend: CausalBackend
    ranker: Scorer | None = None
    k: float = 2.0
    sentence_filter: bool = False
    sentence_k: float = 1.4
    keep_first_sentences: int = 0
    keep_last_sentences: int = 0
    keep_sentences: int = 0
    delta: float = 0.3
    contrastive: bool = True
    alignment: Alignment = "paper"
    keep_titles: bool = True
    reorder: Order = "original"

    def __post_init__(self) -> None:
        """Refuse what is out of range, naming the setting."""
        ranges = {
            "k": (1, math.inf),
            "sentence_k": (1, math.inf),
            "keep_first_sentences": (0, math.inf),
            "keep_last_sentences": (0, math.inf),
            "keep_sentences": (0, math.inf),
            "delta": (0, 1),
        }
        for setting, (least, most) in ranges.items():
            given = getattr(self, setting)
            if not least <= given <= most:
                most_said = f" and at most {most}" if most != math.inf else ""
                raise SettingError(f"{setting} is at least {least}{most_said}; got {given}.")
        for setting in ("keep_first_sentences", "keep_last_sentences", "keep_sentences"):
            if getattr(self, setting) and not self.sentence_filter:
                raise SettingError(f"{setting} needs sentence_filter=True: else none are dropped.")
        if self.ranker is not None and not callable(getattr(self.ranker, "score", None)):
            raise SettingError(f"ranker is a scorer such as BM25(), not {self.ranker!r}.")
        if self.alignment not in get_args(Alignment):
            raise SettingError(f"alignment is 'paper' or 'reference', not {self.alignment!r}.")
        if self.reorder not in get_args(Order):
            raise SettingError(
                f"reorder is one of {', '.join(get_args(Order))}; not {self.reorder!r}."
            )

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.backend.name

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value each unit: documents first, then sentences if wanted, then words."""
        prompt = layout.prompt
        model = Counted(self.backend, goal.progress)
        asking = _NOTHING
        if self.contrastive:
            asking = encode_question(model, prompt.question + JOINER)
        passages = self._passages(layout, goal.fixed, model, asking)
        shared = [self.segment_rate(prompt.segments[p.segment]) is None for p in passages]
        costs = np.array([_free_tokens(p, layout, ~goal.fixed) for p in passages]) * shared
        room = goal.rate * float(costs.sum())  # in the model's tokens
        worth, plain = self._rank_passages(model, prompt.question, passages)
        best_first = np.argsort(-worth, kind="stable")
        kept = np.logical_not(shared)
        kept[_within(best_first, costs, self.k * room)] = True
        work = _Work(layout, model, ~goal.fixed, np.zeros(len(layout)))
        for nth, index in enumerate(best_first.tolist()):
            work.values[passages[index].places] = DROPPED_PASSAGE - nth
        chosen = [index for index in best_first.tolist() if kept[index]]
        if self.sentence_filter:
            droppable = [passages[index] for index in chosen if shared[index]]
            self._drop_sentences(work, prompt.question, droppable, self.sentence_k * room)
        known = None if plain is None else [plain[index] for index in chosen]
        self._value_words(work, [passages[index] for index in chosen], asking, known)
        self._value_others(work)
        order = write_order(prompt, [passages[i].segment for i in best_first], self.reorder)
        return Ranking(work.values, model.tokens, order=order)

    def _passages(
        self, layout: Layout, fixed: Bools, model: Counted, asking: Ints
    ) -> list[Passage]:
        """Cut the documents that lose something, or all of them if they may be moved."""
        members = layout.by_segment()
        documents = [
            index
            for index in document_segments(layout.prompt)
            if self.reorder != "original" or not fixed[members[index]].all()
        ]
        most = min(PASSAGE_TOKENS, window_room(model, asking))
        return cut_passages(layout, documents, model, most)

    def _rank_passages(
        self, model: Counted, question: str, passages: Sequence[Passage]
    ) -> tuple[Floats, list[Floats] | None]:
        """Return what each passage is worth, and its tokens' surprisals where they are known."""
        if len(passages) < 2:
            return np.zeros(len(passages)), None
        texts = [passage.text for passage in passages]
        ranker = self._ranker(model)
        if isinstance(ranker, QuestionLikelihood) and ranker.backend is model:
            asking = len(model.encode(question)) + GUIDELINE_TOKENS
            model.expect(sum(len(p.tokens) + asking for p in passages))
            if ranker.condition == "after":
                reading = ranker.read(question, texts, keep_nats=True)
                return reading.values, reading.nats
        return self._score(ranker, model, question, texts), None

    def _ranker(self, model: Counted) -> Scorer:
        """Return the ranker; where it runs this method's model, it is counted as it reads."""
        if self.ranker is None:
            return QuestionLikelihood(backend=model)
        if isinstance(self.ranker, QuestionLikelihood) and self.ranker.backend is self.backend:
            return replace(self.ranker, backend=model)
        return self.ranker

    def _score(self, ranker: Scorer, model: Counted, question: str, texts: Sequence[str]) -> Floats:
        own = isinstance(ranker, QuestionLikelihood) and ranker.backend is model
        return ranker.score(question, texts, on_tokens=None if own else model.count)

    def _drop_sentences(
        self, work: _Work, question: str, passages: Sequence[Passage], most_tokens: float
    ) -> None:
        """Leave the sentences that are worth most to the question, at most so many tokens."""
        in_order = sorted(passages, key=lambda passage: passage.places[0])
        sentences = [s for passage in in_order for s in cut_sentences(passage, work.layout)]
        costs = np.array([int(s.costs[work.free[s.places]].sum()) for s in sentences])
        if costs.sum() <= most_tokens:
            return
        worth = self._score(
            self._ranker(work.model), work.model, question, [s.text for s in sentences]
        )
        preferred = self._preferred(np.array([s.document for s in sentences]), worth)
        best_first = np.lexsort((-worth, ~preferred))
        gone = np.setdiff1d(best_first, _within(best_first, costs, most_tokens))
        place = np.argsort(best_first) / len(sentences)  # in [0, 1)
        for index in gone.tolist():
            sentence = sentences[index]
            droppable = sentence.places[~(sentence.in_title & self.keep_titles)]
            work.values[droppable] = DROPPED_SENTENCE - place[index]
            work.free[droppable] = False

    def _preferred(self, documents: Ints, worth: Floats) -> Bools:
        """Return which sentences go last, (S,): the first, last and best of each document.

        Args:
            documents: (S,), the document of each sentence, sentences in reading order.
            worth: (S,), what each sentence is worth to the question.
        """
        by_place = np.argsort(documents, kind="stable")
        by_worth = np.lexsort((-worth, documents))
        size = np.bincount(documents)
        first = np.cumsum(size) - size  # of each document, among the sorted
        preferred = np.zeros(len(worth), dtype=np.bool_)
        nth = np.arange(len(worth)) - first[documents[by_place]]
        from_end = size[documents[by_place]] - nth
        preferred[by_place] = (nth < self.keep_first_sentences) | (
            from_end <= self.keep_last_sentences
        )
        preferred[by_worth[nth < self.keep_sentences]] = True
        return preferred

    def _value_words(
        self,
        work: _Work,
        passages: Sequence[Passage],
        asking: Ints,
        plain: Sequence[Floats] | None,
    ) -> None:
        """Value the words of kept passages, given best first, by their place in their passage.

        A document keeps a share tau_k = tau + delta * (1 - 2 I / K') of its tokens, I being its
        rank of K'. Which words these are does not depend on tau, so a word is worth delta * (...)
        minus the share of its passage that is worth more; the fit then finds tau.
        """
        ids = [passage.tokens.ids for passage in passages]
        if self.contrastive:
            reading = sum(len(i) + len(asking) for i in ids)
            work.model.expect(reading)
            nats = contrast(work.model, asking, ids, plain)
        else:
            nats = list(work.model.score(ids) if plain is None else plain)
        for nth, (passage, of_tokens) in enumerate(zip(passages, nats, strict=True)):
            worth = np.minimum(align(of_tokens, self.alignment), ENDLESS)
            values = unit_values(worth, passage.tokens, passage.units(work.layout))
            if self.keep_titles:
                values[passage.in_title(work.layout)] = np.inf
            free = work.free[passage.places]
            shares = shares_before(values[free], passage.costs(work.layout)[free])
            bonus = self.delta * (1 - 2 * nth / len(passages))
            work.values[passage.places[free]] = bonus - shares

    def _value_others(self, work: _Work) -> None:
        """Value the words of instructions and questions with a rate of their own by surprisal."""
        segments = work.layout.prompt.segments
        members = work.layout.by_segment()
        documents = set(document_segments(work.layout.prompt))
        others = [
            i for i, s in enumerate(segments) if i not in documents and work.free[members[i]].any()
        ]
        scores = score_texts(work.model, [segments[i].text for i in others])
        for index, score in zip(others, scores, strict=True):
            worth = np.minimum(align(score.nats, self.alignment), ENDLESS)
            units = [work.layout.units[place] for place in members[index].tolist()]
            values = unit_values(worth, score.tokens, units)
            work.values[members[index]] = np.maximum(values, -ENDLESS)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the stages of one ranking share.

    Attributes:
        layout: U units.
        model: Counts what it reads.
        free: (U,), units that may be dropped and are still to be valued.
        values: (U,), what they are worth; filled in as the stages go.
    """

    layout: Layout
    model: Counted
    free: Bools
    values: Floats


def write_order(
    prompt: Prompt, best_first: Sequence[int], reorder: Order
) -> tuple[int, ...] | None:
    """Return the order in which to write the segments; None for the prompt's own.

    Args:
        prompt: The prompt. Its documents change places among themselves only.
        best_first: Documents by rank, possibly repeated; those not in it come last.
        reorder: See `LongLLMLingua`.
    """
    if reorder == "original":
        return None
    slots = document_segments(prompt)
    ranked = list(dict.fromkeys([*best_first, *slots]))
    if reorder == "two_stage":
        ranked = ranked[::2] + ranked[1::2][::-1]
    order = list(range(len(prompt.segments)))
    for slot, document in zip(slots, ranked, strict=True):
        order[slot] = document
    return tuple(order) if order != sorted(order) else None


def _within(best_first: Ints, costs: Ints, most_tokens: float) -> Ints:
    """Return the first of `best_first` that reach `most_tokens`; at least one."""
    before = np.cumsum(costs[best_first]) - costs[best_first]
    first: Ints = best_first[(before < most_tokens) | (before == 0)]
    return first


def shares_before(values: Floats, costs: Ints) -> Floats:
    """Return, for each unit, the share of all tokens that better units take, (U,), in [0, 1].

    Half of its own are counted too; of equal units the earlier is the better.
    """
    order = np.argsort(-values, kind="stable")
    shares = np.zeros(len(values))
    shares[order] = np.cumsum(costs[order]) - costs[order] / 2
    return shares / max(1, int(costs.sum()))


def _free_tokens(passage: Passage, layout: Layout, free: Bools) -> int:
    """Count the tokens of a passage that may be dropped."""
    mine = free[passage.places]
    return len(passage.tokens) if mine.all() else int(passage.costs(layout)[mine].sum())


_NOTHING: Ints = np.zeros(0, dtype=np.int64)
