"""Which sentences a sentence leans on: what names the thing it speaks of.

Source: how often compression parts a sentence from what introduces it, and what that costs, is
measured in "Referential dangling", 2026, https://arxiv.org/abs/2608.04569.
"""

from __future__ import annotations

import regex

from tersely.core.passages import Passages

_OPENING = r"""["'“‘(]*+(?:(?:and|but|so|or|yet|then|also|however|moreover|furthermore|instead|
later|afterwards?|subsequently|in[ ]addition|as[ ]a[ ]result|at[ ]the[ ]time)\b,?\s++)*+"""
# What stands for a thing or a person: the title of the document names it.
_PERSONAL = regex.compile(
    _OPENING + r"(?:he|she|it|they|his|her|hers|its|their|theirs|him|them)\b",
    regex.IGNORECASE | regex.VERBOSE,
)
# What stands for something that was just said.
_DEMONSTRATIVE = regex.compile(
    _OPENING + r"(?:this|that|these|those|such|both|there|the[ ](?:latter|former|same))\b",
    regex.IGNORECASE | regex.VERBOSE,
)

_QUESTION = regex.compile(r"[?？؟][\"'”»)]*\Z")

MOST_BEFORE = 2
"""Sentences pulled in before one that begins with a pronoun."""


def dependencies(passages: Passages) -> list[tuple[int, ...]]:
    """Return, for each sentence, the sentences that introduce what it speaks of.

    Every sentence leans on the header of its document: with it a reader finds an answer more
    easily than with as many tokens of other sentences (docs/log.md). One that begins with a
    pronoun leans on the sentence before it: with "he" or "it" where no header says who that is,
    with "this" or "both" in any case. Pronouns are known in English only. A question leans on
    the sentence after it.
    """
    headers = {s.document: at for at, s in enumerate(passages.sentences) if s.is_header}
    needs: list[tuple[int, ...]] = []
    for at, (sentence, text) in enumerate(zip(passages.sentences, passages.texts, strict=True)):
        header = headers.get(sentence.document)
        title = passages.titles[sentence.document]
        out: list[int] = [] if header is None or header == at else [header]
        leans = _DEMONSTRATIVE.match(text) or (not title and _PERSONAL.match(text))
        before = at - 1
        same = before >= 0 and passages.sentences[before].document == sentence.document
        if leans and same and before != header:
            out += [before, *(other for other in needs[before] if other != at)]
        out = list(dict.fromkeys(out))[: MOST_BEFORE + 1]
        after = passages.sentences[at + 1 : at + 2]
        if _QUESTION.search(text) and after and after[0].document == sentence.document:
            out.append(at + 1)  # a question in the text says nothing without its answer
        needs.append(tuple(out))
    return needs
