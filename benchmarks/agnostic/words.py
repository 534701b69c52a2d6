"""What words are worth without a model: lists, counts, shapes, and sentences that are like others.

Every function is pure. Words are the package's own units, without the blank before them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import bm25s.stopwords
import numpy as np
import regex

from tersely.backends.base import Floats
from tersely.core.units import word_units
from tersely.evaluation.metrics.answers import answer_words

LISTS = {
    "en": "STOPWORDS_EN_PLUS",
    "de": "STOPWORDS_GERMAN",
    "es": "STOPWORDS_SPANISH",
    "ru": "STOPWORDS_RUSSIAN",
    "tr": "STOPWORDS_TURKISH",
    "zh": "STOPWORDS_CHINESE",
}
"""Stop words of a language: the names of the lists of bm25s."""

MOST_FREQUENT = 120
"""Where there is no list: as many of the most frequent words of the training texts."""

DAMPING = 0.85  # of TextRank, as of PageRank
ROUNDS = 50

_WORD = regex.compile(r"[\p{L}\p{N}]")
_DIGIT = regex.compile(r"\p{N}")
_UPPER = regex.compile(r"^[\"'“‘«(\[]*[\p{Lu}\p{Lt}]")


def plain(word: str) -> str:
    """Return a word in small letters without marks around it; "" if it is nothing but marks."""
    low = word.casefold()
    inside = list(_WORD.finditer(low))
    return low[inside[0].start() : inside[-1].end()] if inside else ""


@dataclass(frozen=True, slots=True)
class Counts:
    """In how many texts a word stands.

    Attributes:
        texts: How many texts there are.
        documents: Of each `plain` word, in how many.
        occurrences: Of each, how often in all.
    """

    texts: int
    documents: Counter[str]
    occurrences: Counter[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Counts:
        """Count the words of some texts."""
        documents: Counter[str] = Counter()
        occurrences: Counter[str] = Counter()
        for text in texts:
            words = [plain(text[unit.core : unit.end]) for unit in word_units(text)]
            documents.update(set(words))
            occurrences.update(words)
        return cls(len(texts), documents, occurrences)

    def rarity(self, word: str) -> float:
        """Return ln((1 + N) / (1 + n)) of a `plain` word, n of the N texts having it; 0 of ""."""
        return math.log((1 + self.texts) / (1 + self.documents[word])) if word else 0.0


def stop_words(language: str, counts: Counts) -> frozenset[str]:
    """Return the words that say least: a list where bm25s has one, else the most frequent."""
    if language in LISTS:
        return frozenset(map(plain, getattr(bm25s.stopwords, LISTS[language])))
    frequent = [word for word, _ in counts.occurrences.most_common(MOST_FREQUENT + 1) if word]
    return frozenset(frequent[:MOST_FREQUENT])


def content(words: Sequence[str], stops: Collection[str]) -> Floats:
    """Return 1 for words that are not stop words, 0 for those and for marks, (W,)."""
    bare = map(plain, words)
    return np.array([float(bool(word) and word not in stops) for word in bare], np.float64)


def names_and_numbers(
    words: Sequence[str], firsts: Sequence[bool], stops: Collection[str]
) -> Floats:
    """Return 2 for numbers and capitalised words, 1 for other content, 0 for the rest, (W,).

    Args:
        words: W words of one text, in order.
        firsts: Whether each stands first in its sentence, where a capital says nothing: there a
            word is a name only if it is capitalised elsewhere in the text, too.
        stops: Words that are never names.
    """
    pairs = list(zip(words, firsts, strict=True))
    inside = {plain(word) for word, first in pairs if not first and _UPPER.match(word)}
    worth = content(words, stops)
    for at, (word, first) in enumerate(pairs):
        named = _UPPER.match(word) and (not first or plain(word) in inside)
        if _DIGIT.search(word) or (named and worth[at]):
            worth[at] = 2.0
    return worth


def tf_idf(words: Sequence[str], counts: Counts, *, tf: bool = True) -> Floats:
    """Return (1 + ln f) times the rarity of each word, f its frequency among `words`, (W,).

    Args:
        words: W words of one text.
        counts: What rarity is taken from.
        tf: Off is the rarity alone.
    """
    bare = [plain(word) for word in words]
    here = Counter(bare)
    return np.array(
        [counts.rarity(word) * ((1 + math.log(here[word])) if tf else 1.0) for word in bare],
        np.float64,
    )


def smoothed(values: Floats, reach: int) -> Floats:
    """Return the mean of each value and up to `reach` neighbours on either side, (W,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means: Floats = (sums[high] - sums[low]) / (high - low)
    return means


def means_of(values: Floats, groups: Sequence[int]) -> Floats:
    """Return for each value the mean of the finite ones in its group, (W,); what is not, stays."""
    finite = np.isfinite(values)
    _, owners = np.unique(np.asarray(groups, np.int64), return_inverse=True)
    sums = np.bincount(owners[finite], weights=values[finite], minlength=len(values))
    counts = np.bincount(owners[finite], minlength=len(values))
    means: Floats = values.astype(np.float64)
    means[finite] = (sums / np.maximum(counts, 1))[owners[finite]]
    return means


def text_rank(sentences: Sequence[Sequence[str]]) -> Floats:
    """Return how central each sentence is: PageRank over how many words sentences share, (S,).

    Args:
        sentences: S sentences, each as its words of content.

    Source: Mihalcea and Tarau 2004, "TextRank", https://aclanthology.org/W04-3252
    """
    sets = [set(words) for words in sentences]
    size = len(sets)
    likeness = np.zeros((size, size))
    for i, one in enumerate(sets):
        for j in range(i):
            length = math.log(1 + len(one)) + math.log(1 + len(sets[j]))
            likeness[i, j] = likeness[j, i] = len(one & sets[j]) / length if length else 0.0
    sums = likeness.sum(axis=1, keepdims=True)
    even = np.full_like(likeness, 1 / max(1, size))
    moves = np.divide(likeness, sums, out=even, where=sums > 0)  # (S, S), rows sum to 1
    rank: Floats = np.full(size, 1 / max(1, size))
    for _ in range(ROUNDS):
        rank = (1 - DAMPING) / max(1, size) + DAMPING * moves.T @ rank
    return rank


def words_kept(passage: str, left: str, answers: Sequence[str], language: str = "en") -> float:
    """Return the share of an answer's words of content that were there and still are.

    Args:
        passage: The whole text.
        left: What is left of it.
        answers: Right answers; the one of which most is left counts.
        language: Of them.

    Returns:
        In [0, 1]; NaN where no answer has a word of content that stands in the passage.
    """
    stops = frozenset(map(plain, bm25s.stopwords.STOPWORDS_EN_PLUS)) if language == "en" else ()
    before, after = set(answer_words(passage, language)), set(answer_words(left, language))
    shares = [math.nan]
    for answer in answers:
        wanted = (set(answer_words(answer, language)) & before).difference(stops)
        if wanted:
            shares.append(len(wanted & after) / len(wanted))
    return max((share for share in shares if not math.isnan(share)), default=math.nan)
