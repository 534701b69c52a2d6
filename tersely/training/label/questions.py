"""Expected questions: what is likely to be asked of a passage, from its set or from its text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np

from tersely.core.units import sentence_bounds
from tersely.errors import SettingError

Kind = Literal["own", "cloze", "keyword", "continuation"]
KINDS: tuple[Kind, ...] = get_args(Kind)

BLANK = "____"
LEAST_SENTENCE_WORDS = 6
LONGEST_QUESTION = 400
"""Characters of a question; what is longer is no question, and is cut at a word."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a passage.

    Attributes:
        text: The question.
        answers: Right answers; empty if they are not known.
        kind: Where it is from.
    """

    text: str
    answers: tuple[str, ...] = ()
    kind: Kind = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Which questions a passage gets, and how many of each kind.

    Attributes:
        kinds: Of these kinds.
        own: The most of its set's own questions.
        cloze: Sentences with a word left out.
        keyword: Questions after two or three of its rarest words.
    """

    kinds: tuple[Kind, ...] = ("own", "keyword")
    own: int = 12
    cloze: int = 4
    keyword: int = 2

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise SettingError(
                f"questions are one or more of {', '.join(KINDS)}, each once;"
                f" got {','.join(self.kinds)!r}."
            )
        for name in ("own", "cloze", "keyword"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is at least 1; got {getattr(self, name)}.")


class Rarity:
    """How rare words are in a corpus: ln of how many of its texts there are per text with it."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Count in how many texts each word stands."""
        self._counts: Counter[str] = Counter()
        self._texts = 0
        for text in texts:
            self._counts.update({word.casefold() for word in _words(text)})
            self._texts += 1

    def __call__(self, word: str) -> float:
        """Return the rarity of a word, above 0."""
        return math.log((1 + self._texts) / (0.5 + self._counts[word.casefold()]))


def make_questions(
    text: str,
    own: Sequence[Question],
    mix: Mix,
    *,
    rarity: Rarity,
    after: str = "",
    seed: int = 0,
) -> list[Question]:
    """Return the questions of a passage, in the order of `mix.kinds`.

    Args:
        text: The passage.
        own: What its set asks of it.
        mix: Which kinds, and how many.
        rarity: Of the words of the corpus it is from.
        after: What follows the passage in its text, for "continuation"; possibly empty.
        seed: Together with the passage says what chance does.
    """
    chance = np.random.default_rng([seed, *text.encode("utf-8", "surrogatepass")[:256], len(text)])
    made: dict[Kind, list[Question]] = {kind: [] for kind in KINDS}
    made["own"] = list(own)
    if len(own) > mix.own:
        chosen = sorted(chance.choice(len(own), mix.own, replace=False).tolist())
        made["own"] = [own[at] for at in chosen]
    made["cloze"] = cloze_questions(text, mix.cloze, chance)
    made["keyword"] = keyword_questions(text, mix.keyword, rarity)
    if after.strip():
        made["continuation"] = [Question(" ".join(after.split()), (), "continuation")]
    found = [question for kind in mix.kinds for question in made[kind]]
    return [Question(_cut(q.text), q.answers, q.kind) for q in found if q.text.strip()]


def cloze_questions(text: str, count: int, chance: np.random.Generator) -> list[Question]:
    """Return sentences of which a name, a number or another content word is left out.

    Each is of a sentence of its own, as far as there are so many; numbers and names are left out
    rather than other words.
    """
    found: list[Question] = []
    ends = sentence_bounds(text)
    bounds = [(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    for index in chance.permutation(len(bounds)).tolist():
        start, end = bounds[index]
        sentence = text[start:end]
        words = list(_WORD.finditer(sentence))
        content = [m for m in words if _is_content(m[0])]
        if len(words) < LEAST_SENTENCE_WORDS or not content:
            continue
        weights = np.array([_blank_weight(m, words[0]) for m in content])
        gap = content[int(chance.choice(len(content), p=weights / weights.sum()))]
        asked = sentence[: gap.start()] + BLANK + sentence[gap.end() :]
        question = f"What is missing here: {' '.join(asked.split())}"
        found.append(Question(question, (gap[0],), "cloze"))
        if len(found) == count:
            break
    return found


def keyword_questions(text: str, count: int, rarity: Rarity) -> list[Question]:
    """Return questions that only name two content words each, the ones that stand out first.

    A word stands out by how often it is here times how rare it is elsewhere (tf-idf).
    """
    spelt: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for word in _words(text):
        if _is_content(word):
            spelt.setdefault(word.casefold(), word)
            counts[word.casefold()] += 1
    best = sorted(counts, key=lambda word: (-counts[word] * rarity(word), word))[: 2 * count]
    names = [spelt[word] for word in best]
    pairs = [names[at::count] for at in range(count)]  # the best with the next best but `count`
    return [Question(f"What about {' and '.join(p)}?", (), "keyword") for p in pairs if p]


def answer_spans(text: str, answer: str) -> list[tuple[int, int]]:
    """Return where an answer stands in a text, whole words; case and blanks do not count."""
    words = answer.split()
    if not words:
        return []
    left = r"(?<!\w)" if words[0][0].isalnum() and words[0][0].isascii() else ""
    right = r"(?!\w)" if words[-1][-1].isalnum() and words[-1][-1].isascii() else ""
    pattern = left + r"\s+".join(map(re.escape, words)) + right
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


_WORD = re.compile(r"[^\W_]+(?:['\u2019.,-][^\W_]+)*")


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


@cache
def common_words() -> frozenset[str]:
    """Return English words that say little, in small letters."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS  # a tenth of a second, so not at import

    return frozenset(STOPWORDS_EN_PLUS)


def _is_content(word: str) -> bool:
    return word.casefold() not in common_words() and (
        len(word) > 2 or any(c.isdigit() for c in word)
    )


def _blank_weight(word: re.Match[str], first: re.Match[str]) -> float:
    """Return how much likelier a word is to be left out: numbers, names, then all else."""
    if any(char.isdigit() for char in word[0]):
        return 4.0
    named = word[0][0].isupper() and word.start() != first.start()
    return 3.0 if named else 1.0


def _cut(question: str) -> str:
    if len(question) <= LONGEST_QUESTION:
        return question
    return question[:LONGEST_QUESTION].rsplit(None, 1)[0]
