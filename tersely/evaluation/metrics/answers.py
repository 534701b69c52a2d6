"""Whether an answer is right, and whether one is still there: plain functions of texts.

`em` and `f1` are the official ones: SQuAD 2.0 for English, MLQA for other languages. What those
scripts leave open is decided here and said where it is.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

import regex

from tersely.core.units import sentence_bounds

_ASCII_MARKS = str.maketrans("", "", string.punctuation)
_ARTICLES = {
    "en": r"\b(?:a|an|the)\b",
    "es": r"\b(?:un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(?:của|là|cái|chiếc|những)\b",
    "de": r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "ال",
}
# MLQA parts these from each other and from what stands beside them, and no other character.
_HAN = re.compile("[\u4e00-\u9fa5]|[^\u4e00-\u9fa5\\s]+")
_ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_CHARACTERS = regex.compile(rf"(?={_ALONE})\X|(?:(?!{_ALONE})\S)+")
UNSPACED = frozenset({"ja", "th", "lo", "km", "my"})
"""Languages written without spaces, but for Chinese: each character is a word of the measures."""

_ACCENT = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; vowel signs of others stay
_ARTICLE = re.compile(_ARTICLES["en"])
_NO_SPACES = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_BLANK_BESIDE = re.compile(rf"(?<={_NO_SPACES}) | (?={_NO_SPACES})")

# What stands before a final answer; the last one counts, and the answer is the rest of its line.
_CUE = re.compile(r"####|\banswer(?:\s+is|\s*:)\s*:?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[\w)%])[.!]\s")
_SIGN = r"(?:(?<![\w)])[-\u2212])?"  # not of a difference: "10-5"
_NUMBER = re.compile(
    rf"{_SIGN}(?:[$€£]\s?)?{_SIGN}(?:(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+)"
)
_ONE_NUMBER = re.compile(rf"{_NUMBER.pattern}\s?%?\.?")
_GOLD_LETTER = re.compile(r"\s*(?:\(([A-Za-z])\)|([A-Za-z])[.)]?\s*\Z)")
_LETTERS = (  # the first of these that is there says which option was chosen
    re.compile(r"\s*\(?([A-Za-z])(?:[.):,]|[^\S\n]*$)", re.MULTILINE),
    re.compile(r".*\(([A-Za-z])\)", re.DOTALL),
    re.compile(r".*(?<![\w'’])(?:([B-HJ-Z])(?![\w'’])|([AI])(?![\w'’]|\s+\w))", re.DOTALL),
)


def em(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return whether an answer is one of the right ones: case, punctuation, articles aside.

    Args:
        answer: What was written.
        answers: What would be right, one of them enough; `[""]` where there is no answer to give.
        language: Of the answers, as in "en" or "zh-Hant".

    Returns:
        0 or 1; NaN if there are no right answers.

    Source: as for `f1`.
    """
    said = answer_words(answer, language)
    return max(
        (float(said == words) for words in _right_words(answers, language)), default=math.nan
    )


def f1(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return the largest F1 of the answer's words and those of a right one.

    Words are counted: "no no no" against "no" is 0.5. Two texts without words are equal, a text
    without words and one with words have nothing in common; right answers without words count only
    if all are so. In Chinese each character is a word, as in MLQA (the scripts of CMRC 2018
    and DRCD also do so, but compare the longest common run instead of counting); in `UNSPACED`
    languages, which no official script has, too. Languages that MLQA does not have keep their
    articles.

    Args:
        answer: What was written.
        answers: What would be right, one of them enough; `[""]` where there is no answer to give.
        language: Of the answers, as in "en" or "zh-Hant".

    Returns:
        In [0, 1]; NaN if there are no right answers.

    Source: for English compute_f1, compute_exact and get_raw_scores of evaluate-v2.0.py,
        https://github.com/rajpurkar/SQuAD-explorer/blob/eee5fdbf62f8613a7812b03419e6b29617b74fd1/evaluate-v2.0.py
        for others f1_score and normalize_answer of
        https://github.com/facebookresearch/MLQA/blob/5ef5c731a96acb7008b51aac4acb5fa9dff4f297/mlqa_evaluation_v1.py
        (there two texts without words have F1 0).
    """
    said = answer_words(answer, language)
    return max(
        (_overlap(said, words) for words in _right_words(answers, language)), default=math.nan
    )


def answer_words(text: str, language: str = "en") -> list[str]:
    """Return the words of an answer, in small letters, without punctuation and articles."""
    tag = primary(language)
    bare = _unmarked(text.lower(), tag)
    if tag == "zh":
        return _HAN.findall(bare)
    if tag in UNSPACED:
        return _CHARACTERS.findall(bare)
    return _without_articles(bare, tag).split()


def primary(language: str) -> str:
    """Return the language of a tag: "zh" of "zh-Hant" and "zh_CN"."""
    return re.split("[-_]", language, maxsplit=1)[0].lower()


def accuracy(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return whether the final number, the chosen letter or the chosen word is the right one.

    What is compared depends on the right answer. If it is a letter ("B", "(B)"): the letter that
    was chosen, which is the one that the answer begins with, else the last in brackets, else the
    last capital that stands alone. If it is a number, also behind a cue: the final number,
    whatever its currency, separators of thousands and percent sign. Else the first word, or all
    words if the right answer has several. Where the answer has a cue ("the answer is", "Answer:",
    "####"), only the rest of the line behind the last one is looked at; for a number its first
    sentence, and everything if that has none.

    Args:
        answer: What was written.
        answers: What would be right, one of them enough.
        language: Of the answers.

    Returns:
        0 or 1; NaN if there are no right answers.

    Source: the final number after "####", as in GSM8K,
        https://github.com/openai/grade-school-math/blob/3101c7d5072418e28b9008a6636bde82a006892c/grade_school_math/dataset.py
    """
    return max((float(_agrees(answer, gold, language)) for gold in answers), default=math.nan)


def final_number(text: str) -> Decimal | None:
    """Return the number that a solution ends in; None if there is none."""
    behind = _behind_cue(text)
    sentence = "" if behind is None else _SENTENCE_END.split(behind, maxsplit=1)[0]
    found = _NUMBER.findall(sentence) or _NUMBER.findall(text)
    if not found:
        return None
    return Decimal(re.sub(r"[,$€£\s]", "", found[-1].replace("\u2212", "-")))


def chosen_letter(text: str) -> str | None:
    """Return the letter of the option that an answer chooses, as a capital, or None."""
    said = stated(text)
    for pattern in _LETTERS:
        if found := pattern.match(said):
            return next(group for group in found.groups() if group).upper()
    return None


def stated(text: str) -> str:
    """Return the rest of the line behind the last cue of an answer; all of it without a cue."""
    behind = _behind_cue(text)
    return text.strip() if behind is None else behind


def contains(answer: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return whether one of the right answers stands in what was written, both `normalised`.

    Returns:
        0 or 1; NaN if there are no right answers, or none with a letter or a digit.
    """
    del language
    wanted = [gold for gold in answers if normalised(gold)]
    return float(survives(wanted, answer)) if wanted else math.nan


def survived(text: str, answers: Sequence[str], *, language: str = "en") -> float:
    """Return whether a right answer stands in what is left of a prompt; see `contains`."""
    return contains(text, answers, language=language)


def normalised(text: str) -> str:
    """Return a text as answers are sought in it: case, accents, punctuation and articles gone.

    Blanks are collapsed; beside a character of a script without spaces they go too. The order of
    steps is the one of the usual scorer.

    Source: https://github.com/nelson-liu/lost-in-the-middle/blob/main/src/lost_in_the_middle/metrics.py
    """
    folded = _ACCENT.sub("", unicodedata.normalize("NFKD", text).casefold())
    folded = unicodedata.normalize("NFKC", folded)
    bare = "".join(char for char in folded if unicodedata.category(char)[0] not in "PS")
    return _BLANK_BESIDE.sub("", " ".join(_ARTICLE.sub(" ", bare).split()))


def survives(answers: Iterable[str], text: str) -> bool:
    """Return whether one of the answers occurs in the text, both normalised."""
    plain = normalised(text)
    wanted = [normalised(answer) for answer in answers]
    return any(answer in plain for answer in wanted if answer)


def paragraphs_kept(paragraphs: Iterable[str], text: str) -> list[bool]:
    """Return, for each paragraph, whether at least one whole sentence of it stands in the text."""
    return [any(sentence in text for sentence in sentences(p)) for p in paragraphs]


def sentences(text: str) -> list[str]:
    """Cut a text into sentences without the whitespace around them."""
    ends = sentence_bounds(text)
    cut = [text[a:b].strip() for a, b in zip([0, *ends], ends, strict=False)]
    return [sentence for sentence in cut if sentence]


def broken_characters(before: str, after: str) -> int:
    """Return how many replacement characters (U+FFFD) there are that were not there before."""
    return max(0, after.count("\ufffd") - before.count("\ufffd"))


def _right_words(answers: Sequence[str], language: str) -> list[list[str]]:
    """Return the words of each right answer; without those that have none, if others do."""
    words = [answer_words(answer, language) for answer in answers]
    return [some for some in words if some] or words


def _overlap(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right))


def _unmarked(text: str, tag: str) -> str:
    """Return a text without punctuation: of ASCII in English, of Unicode and ASCII in others."""
    bare = text.translate(_ASCII_MARKS)
    if tag == "en" or bare.isascii():
        return bare
    return "".join(char for char in bare if unicodedata.category(char)[0] != "P")


def _without_articles(text: str, tag: str) -> str:
    return _article(tag).sub(" ", text) if tag in _ARTICLES else text


@lru_cache
def _article(tag: str) -> re.Pattern[str]:
    return re.compile(_ARTICLES[tag])


def _behind_cue(text: str) -> str | None:
    cues = list(_CUE.finditer(text))
    return text[cues[-1].end() :].strip().partition("\n")[0] if cues else None


def _agrees(answer: str, gold: str, language: str) -> bool:
    """Return whether an answer chooses what a right answer says; equal texts always do."""
    if answer.strip() == gold.strip():
        return True
    if letter := _GOLD_LETTER.match(gold):
        return chosen_letter(answer) == (letter[1] or letter[2]).upper()
    if _ONE_NUMBER.fullmatch(stated(gold)):
        return final_number(answer) == final_number(gold)
    right, said = answer_words(stated(gold), language), answer_words(stated(answer), language)
    if not right:  # brackets to be closed, say
        return stated(gold).split() == stated(answer).rstrip(".").split()
    return said[:1] == right if len(right) == 1 else said == right
