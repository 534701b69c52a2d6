"""Question answering as the code of 500xCompressor scores it, which is not how SQuAD does.

Words are those of nltk's tokenizer, in their own case, with punctuation and articles; a reply is
right only if it is the same string. Of several right answers the one with the best ROUGE-L counts,
for both.

Paper:    Li, Su and Collier 2024, 500xCompressor. https://arxiv.org/abs/2408.03094
Code:     https://github.com/ZongqianLi/500xCompressor
Differs:  ROUGE-L is rouge-score's, theirs the package `rouge`'s; of equals the first answer counts.
          A reply is not cut into sentences before it is cut into words, which needs data that
          nltk fetches: a full stop inside it stays with its word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tersely._optional import need
from tersely.evaluation.metrics.overlap import rouge_l


def published_f1(reply: str, answers: Sequence[str]) -> float:
    """Return the F1 of words that a reply shares with the closest answer; 0 where it has none."""
    said, right = _words(reply), _words(closest(reply, answers))
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right)) if common else 0.0


def published_em(reply: str, answers: Sequence[str]) -> float:
    """Return whether a reply is the closest answer, character by character: 0 or 1."""
    return float(reply == closest(reply, answers))


def closest(reply: str, answers: Sequence[str]) -> str:
    """Return the answer with the best ROUGE-L, of equals the first."""
    scores = [rouge_l(reply, [one]) for one in answers]
    best = max(range(len(answers)), key=lambda at: (_known(scores[at]), -at))
    return answers[best]


def _known(score: float) -> float:
    return -1.0 if math.isnan(score) else score


def _words(text: str) -> list[str]:
    tokenizer: Any = need("nltk.tokenize", extra="eval").NLTKWordTokenizer()
    return list(tokenizer.tokenize(text))
