"""How likely each sentence is to hold what a question asks for, by its words and by its meaning.

BM25 finds rare words, a sentence encoder finds paraphrases; each is wrong where the other is
right. Both see a sentence under its document's title, since the sentence that answers often does
not say what it is about. A document whose title a good sentence mentions is worth more: that is
how the second half of a question with two steps is found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import regex

from tersely.backends.base import EncoderBackend, Floats, OnTokens
from tersely.core.passages import Passages
from tersely.scorers.bm25 import BM25

FIRST = 0.5
"""Added to the sentence a document begins with, in standard deviations of a signal."""
LENGTH = 0.5
"""Taken off for each e-fold of length: at equal worth, short sentences leave room for others."""
MOST = 8.0
"""The most standard deviations a signal counts for: among thousands of sentences one that shares
a rare word is dozens from the mean, and nothing else would be heard."""
SHORTEST = 40
"""Characters that every sentence counts for: "OK." leaves no more room than it does harm."""
LINKED = 1.5
"""Added to the sentences of a document whose title is mentioned in the question or in one of the
`LINKING` best sentences of other documents."""
LINKING = 3
TEMPERATURE = 1.3
LONGER = 1.37
"""Shares go with exp(logit / TEMPERATURE) times the length to the power of LONGER: an answer is
likelier to be in a long sentence, though short ones are the better buy. Both fitted by maximum
likelihood, so that shares are about as large as they turn out to be right."""

_LEAST_TITLE_CHARS = 4
_IN_BRACKETS = regex.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_WORD = regex.compile(r"[\p{L}\p{N}]")
_NOT_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


@dataclass(frozen=True, slots=True)
class Relevance:
    """What is known of S sentences.

    Attributes:
        logits: (S,), larger is likelier to hold the answer; -inf for headers and for what has no
            word, which hold none.
        vectors: (S, D), each of length 1 or 0; (S, 0) without an encoder.
        chars: (S,), the length of each, at least 1.
    """

    logits: Floats
    vectors: Floats
    chars: Floats

    @property
    def shares(self) -> Floats:
        """(S,), the probability that each sentence is the one that holds the answer."""
        worth = self.logits / TEMPERATURE + LONGER * np.log(self.chars)
        top = worth.max(initial=-np.inf)
        if not np.isfinite(top):
            return np.zeros(len(self.logits))
        weights = np.exp(worth - top)
        shares: Floats = weights / weights.sum()
        return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceRelevance:
    """Puts BM25 and an encoder together.

    Attributes:
        encoder: Gives the vectors; None leaves BM25 alone.
        bm25: Compares the words.
    """

    encoder: EncoderBackend | None
    bm25: BM25 = field(default_factory=BM25)

    def score(
        self, question: str, passages: Passages, *, on_tokens: OnTokens | None = None
    ) -> Relevance:
        """Value the sentences of a prompt for a question that is not empty."""
        texts = titled(passages)
        logits = _standard(self.bm25.score(question, texts))
        vectors = np.zeros((len(texts), 0))
        if self.encoder is not None and texts:
            different = list(dict.fromkeys([question, *texts]))
            place = {text: at for at, text in enumerate(different)}
            found = self.encoder.embed(different, on_tokens=on_tokens)  # (N, D)
            vectors = found[[place[text] for text in texts]]
            logits += _standard(vectors @ found[0])
        logits += FIRST * _first(passages)
        chars = np.array([max(len(text), 1) for text in passages.texts], dtype=np.float64)
        logits -= LENGTH * np.log(np.maximum(chars, SHORTEST))
        logits[headers(passages)] = -np.inf
        logits[[not _WORD.search(text) for text in passages.texts]] = -np.inf
        return Relevance(logits + LINKED * _linked(question, passages, logits), vectors, chars)


def titled(passages: Passages) -> list[str]:
    """Return each sentence after its document's title, where that is not the sentence itself."""
    out = []
    for sentence, text in zip(passages.sentences, passages.texts, strict=True):
        title = "" if sentence.is_header else passages.titles[sentence.document]
        out.append(f"{title}. {text}" if title else text)
    return out


def headers(passages: Passages) -> list[int]:
    """Return the headers of documents that hold more than a header."""
    bodies = {s.document for s in passages.sentences if not s.is_header}
    return [at for at, s in enumerate(passages.sentences) if s.is_header and s.document in bodies]


def _standard(values: Floats) -> Floats:
    """Bring values to mean 0 and deviation 1; equal ones to 0."""
    deviation = values.std() if len(values) else 0.0
    if deviation < 1e-9:
        return np.zeros(len(values))
    standard: Floats = (values - values.mean()) / deviation
    return np.minimum(standard, MOST)


def _first(passages: Passages) -> Floats:
    """Mark the first sentence of each document that is not its header, (S,)."""
    marks = np.zeros(len(passages))
    seen: set[int] = set()
    for at, sentence in enumerate(passages.sentences):
        if not sentence.is_header and sentence.document not in seen:
            seen.add(sentence.document)
            marks[at] = 1
    return marks


def _linked(question: str, passages: Passages, logits: Floats) -> Floats:
    """Mark the sentences of documents whose title is mentioned elsewhere, (S,)."""
    best = [at for at in np.argsort(-logits, kind="stable")[:LINKING] if np.isfinite(logits[at])]
    sources = [(-1, _plain(question))]
    sources += [(passages.sentences[at].document, _plain(passages.texts[at])) for at in best]
    linked = set()
    times = Counter(passages.titles)
    for document, title in enumerate(passages.titles):
        if times[title] > max(1, len(passages.titles) / 2):  # "Summary" names no document
            continue
        name = _plain(_IN_BRACKETS.sub("", title))
        if len(name) >= _LEAST_TITLE_CHARS + 2 and any(
            name in text for other, text in sources if other != document
        ):
            linked.add(document)
    return np.array([s.document in linked for s in passages.sentences], dtype=np.float64)


def _plain(text: str) -> str:
    """Return the words of a text, casefolded, with one blank around each.

    In scripts without spaces every character is a word.
    """
    apart = _UNSPACED.sub(r" \g<0> ", text.casefold())
    return f" {' '.join(_NOT_WORD.sub(' ', apart).split())} "
