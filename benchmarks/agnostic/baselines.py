"""Compressors that need no model and no question: what a trained one has to beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from benchmarks.agnostic import words
from benchmarks.agnostic.words import Counts
from tersely.backends.base import CausalBackend, Floats, OnTokens
from tersely.core.layout import Layout
from tersely.core.units import phrase_units, sentence_groups, word_units
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.scorers.surprisal import Alignment, align, score_texts, unit_values

Worth = Literal["content", "names", "names, rare", "tf-idf", "rare"]
REACH = 2


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What is known of a language before a passage is seen.

    Attributes:
        counts: Of texts that are not measured on.
        stops: Words that say least.
    """

    counts: Counts
    stops: frozenset[str]

    @classmethod
    def of(cls, language: str, texts: Sequence[str]) -> Lexicon:
        """Make one of texts of the language."""
        counts = Counts.of(texts)
        return cls(counts, words.stop_words(language, counts))


@dataclass(frozen=True, kw_only=True)
class ByWord(RankingCompressor):
    """Keep the words that are worth most; between equals a coin decides.

    Attributes:
        lexicon: Of the text's language.
        worth: "content" drops stop words first; "names" keeps numbers and capitalised words first,
            then other content; "tf-idf" and "rare" go by how few texts have a word, and "names,
            rare" does so within what "names" sets apart.
        reach: How many neighbours on either side a word shares its worth with, so that phrases
            stay together.
        seed: Of the coin.
    """

    name: ClassVar[str] = "by_word"
    lexicon: Lexicon
    worth: Worth
    reach: int = 0
    seed: int = 0

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return what each word is worth, segment by segment."""
        values = np.zeros(len(layout))
        for segment, places in zip(layout.prompt.segments, layout.by_segment(), strict=True):
            units = [layout.units[place] for place in places.tolist()]
            cores = [segment.text[unit.core : unit.end] for unit in units]
            sentences = sentence_groups(units, segment.text)
            firsts = [n == 0 or sentences[n - 1] != s for n, s in enumerate(sentences)]
            worth = self._worth(cores, firsts)
            values[places] = words.smoothed(worth, self.reach) if self.reach else worth
        coin = np.random.default_rng(self.seed).random(len(layout))
        return Ranking(values + 1e-6 * coin)

    def _worth(self, cores: Sequence[str], firsts: Sequence[bool]) -> Floats:
        if self.worth == "content":
            return words.content(cores, self.lexicon.stops)
        named = words.names_and_numbers(cores, firsts, self.lexicon.stops)
        if self.worth == "names":
            return named
        rarity = words.tf_idf(cores, self.lexicon.counts, tf=self.worth == "tf-idf")
        if self.worth == "names, rare":
            named += rarity / (1 + rarity.max(initial=0.0))
            return named
        return rarity


@dataclass(frozen=True, kw_only=True)
class Surprisal(RankingCompressor):
    """Keep the words whose tokens have the highest mean surprisal, the text read once.

    Attributes:
        backend: The model that is surprised.
        alignment: What a token is worth; see `tersely.scorers.surprisal.align`.
    """

    name: ClassVar[str] = "surprisal"
    backend: CausalBackend
    alignment: Alignment = "paper"

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return the mean worth of each word's tokens."""
        values = np.zeros(len(layout))
        texts = [segment.text for segment in layout.prompt.segments]
        read = score_texts(self.backend, texts)
        for places, scores in zip(layout.by_segment(), read, strict=True):
            units = [layout.units[place] for place in places.tolist()]
            worth = align(scores.nats, self.alignment)
            values[places] = unit_values(worth, scores.tokens, units)
        endless = np.isposinf(values)
        values[endless] = values[np.isfinite(values)].max(initial=0.0) + 1
        return Ranking(values, sum(len(scores.tokens) for scores in read))


@dataclass(frozen=True, kw_only=True)
class Pooled(RankingCompressor):
    """Keep what another method keeps, but by whole sentences or phrases, or leaning to them.

    Attributes:
        inner: Says what words are worth; its own values are all that is taken of it.
        unit: What words are pooled over.
        share: How much of a word's worth is the mean of its unit; with 1 units are kept whole,
            best first, and only the last one is cut.
    """

    name: ClassVar[str] = "pooled"
    inner: RankingCompressor
    unit: Literal["sentence", "phrase"] = "sentence"
    share: float = 1.0

    @property
    def model_name(self) -> str:
        """Name of the inner method's model."""
        return self.inner.model_name

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return the inner method's values, pooled."""
        ranking = self.inner.rank(layout, goal)
        values = ranking.values.copy()
        for segment, places in zip(layout.prompt.segments, layout.by_segment(), strict=True):
            units = [layout.units[place] for place in places.tolist()]
            if self.unit == "sentence":
                groups = sentence_groups(units, segment.text)
            else:
                ends = [unit.end for unit in phrase_units(segment.text)]
                groups = np.searchsorted(ends, [u.end for u in units]).tolist()
            means = words.means_of(ranking.values[places], groups)
            values[places] = (1 - self.share) * values[places] + self.share * means
        return Ranking(values, ranking.model_tokens)


@dataclass(frozen=True, kw_only=True)
class Known(RankingCompressor):
    """Keep the answers to all questions first: what nobody can do who has not seen them.

    Attributes:
        answers: Of all questions; a word is worth the more, the more of them it stands in.
    """

    name: ClassVar[str] = "known"
    answers: tuple[str, ...]

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return how many answers each word is part of; the others from the beginning."""
        values = -np.arange(len(layout)) / max(1, len(layout))
        for segment, places in zip(layout.prompt.segments, layout.by_segment(), strict=True):
            for answer in self.answers:
                start = segment.text.find(answer)
                for place in places.tolist() if start >= 0 else ():
                    unit = layout.units[place]
                    values[place] += unit.core < start + len(answer) and unit.end > start
        return Ranking(values)


@dataclass(frozen=True)
class Sentences:
    """A scorer of sentences, without a question.

    Attributes:
        value: Given the words of every sentence, returns what each sentence is worth.
        name: Name in results.
    """

    value: Callable[[Sequence[Sequence[str]]], Floats]
    name: str
    measured_in: str = field(default="worth", init=False)

    def score(
        self, question: str, passages: Sequence[str], *, on_tokens: OnTokens | None = None
    ) -> Floats:
        """Return what each sentence is worth, (P,); the question is not looked at."""
        return self.value([[p[u.core : u.end] for u in word_units(p)] for p in passages])


def central(lexicon: Lexicon) -> Sentences:
    """Return a scorer: how many words of content a sentence shares with the others."""

    def value(sentences: Sequence[Sequence[str]]) -> Floats:
        bare = [[words.plain(word) for word in sentence] for sentence in sentences]
        return words.text_rank(
            [[word for word in one if word and word not in lexicon.stops] for one in bare]
        )

    return Sentences(value, "text_rank")


def dense(lexicon: Lexicon) -> Sentences:
    """Return a scorer: the share of a sentence's words that are numbers or names."""

    def value(sentences: Sequence[Sequence[str]]) -> Floats:
        out = np.zeros(len(sentences))
        for at, sentence in enumerate(sentences):
            firsts = [n == 0 for n in range(len(sentence))]
            worth = words.names_and_numbers(sentence, firsts, lexicon.stops)
            out[at] = float((worth == 2.0).mean()) if len(worth) else 0.0
        return out

    return Sentences(value, "names_and_numbers")
