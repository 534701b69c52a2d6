"""ROUGE, BLEU and chrF of one answer, through rouge-score and sacrebleu; 1 is the best.

What those libraries are asked for, beyond their defaults:

* ROUGE keeps English as it is (a-z and 0-9, no stemming). Everything else is no word to
  rouge-score, so other languages are cut into words of letters, marks and digits in small letters,
  and scripts written without spaces into characters.
* BLEU is of one text with the library's smoothing ("exp"), up to 4-grams, or fewer if the text has
  fewer. Chinese has sacrebleu's own tokenizer; in other languages without spaces, for which it
  needs dictionaries, words are characters.
* chrF needs no words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import regex

from tersely._optional import need
from tersely.evaluation.metrics.answers import UNSPACED, primary

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_WORD = regex.compile(rf"(?={_UNSPACED})\X|(?:(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}])+")


class WordTokenizer:
    """Cuts a text of any language into words, for `rouge_score`."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words in small letters; of a script without spaces, the characters."""
        return _WORD.findall(text.lower())


def rouge1(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return the largest F1 of words; NaN if no right answer has any.

    Source: Lin 2004, "ROUGE", https://aclanthology.org/W04-1013/; rouge-score, which follows
        ROUGE-1.5.5.
    """
    return _rouge("rouge1", 1, answer, answers, language)


def rouge2(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return the largest F1 of pairs of words; NaN if no right answer has one. See `rouge1`."""
    return _rouge("rouge2", 2, answer, answers, language)


def rouge_l(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return the largest F1 of the longest common subsequence, lines not told apart.

    NaN if no right answer has a word. Time and memory go with the product of the lengths: 0.5 s
    for 1,000 words each. See `rouge1`.
    """
    return _rouge("rougeL", 1, answer, answers, language)


def bleu(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return sentence BLEU against all right answers; NaN if none has a word.

    Source: Papineni et al. 2002, https://aclanthology.org/P02-1040/; Post 2018, "A Call for
        Clarity in Reporting BLEU Scores", https://aclanthology.org/W18-6319/
    """
    scorer = _bleu_scorer(primary(language))
    right = [gold for gold in answers if gold.strip()]
    return _share(scorer.sentence_score(answer, right).score) if right else math.nan


def chrf(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return chrF2 (6-grams of characters, no words) against the closest right answer.

    NaN if all right answers are blank; the language does not matter.

    Source: Popović 2015, https://aclanthology.org/W15-3049/
    """
    del language
    right = [gold for gold in answers if gold.strip()]
    return _share(_chrf_scorer().sentence_score(answer, right).score) if right else math.nan


def _rouge(kind: str, words: int, answer: str, answers: Sequence[str], language: str) -> float:
    """Return the F1 of a kind of ROUGE; answers of fewer words than it compares do not count."""
    scorer, tokenizer = _rouge_scorer(kind, primary(language) == "en")
    right = [gold for gold in answers if len(tokenizer.tokenize(gold)) >= words]
    scores = [float(scorer.score(gold, answer)[kind].fmeasure) for gold in right]
    return max(scores, default=math.nan)


def _share(percent: float) -> float:
    return min(1.0, percent / 100)  # 100.00000000000004 where all is equal


@lru_cache
def _rouge_scorer(kind: str, english: bool) -> tuple[Any, Any]:
    scorers = need("rouge_score.rouge_scorer", extra="eval")
    tokenizers = need("rouge_score.tokenizers", extra="eval")
    tokenizer = tokenizers.DefaultTokenizer() if english else WordTokenizer()
    return scorers.RougeScorer([kind], tokenizer=tokenizer), tokenizer


@lru_cache
def _bleu_scorer(tag: str) -> Any:
    tokenizer = "zh" if tag == "zh" else "char" if tag in UNSPACED else "13a"
    return need("sacrebleu", extra="eval").BLEU(tokenize=tokenizer, effective_order=True)


@lru_cache
def _chrf_scorer() -> Any:
    return need("sacrebleu", extra="eval").CHRF()
