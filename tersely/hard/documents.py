"""A prompt's documents, cut into passages: what a question is held against.

A document is a context or a demonstration. Where there is only one, its paragraphs stand in. A
long document is several passages, so that what answers the question can be found inside it, and
so that no passage costs much to read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import regex

from tersely.backends.base import CausalBackend, Ints, Tokens
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt
from tersely.core.units import Unit, sentence_groups
from tersely.scorers.surprisal import token_owners

PASSAGE_TOKENS = 400
"""The longest passage, but for a sentence that is longer by itself; a pass holds one beside a
question."""

LONGEST_TITLE = 200
"""Characters after which a first line is a paragraph."""

_NUMBERED = regex.compile(r"\s*Document \[\d+\]\s*(?=\(Title:)")
_BRACKET = regex.compile(r"[()\n]")
_SENTENCE_END = regex.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z")
_BLANK_LINE = regex.compile(r"\n[^\S\n]*(?=\n)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of units of one segment that is read on its own.

    Attributes:
        segment: Index of the segment.
        document: Number of the document it is a part of.
        places: (U_p,), indices of its units, ascending; at least one.
        text: Its characters, without the whitespace before its first core.
        tokens: The tokens of the text.
        offset: Where the text begins in the segment.
        title_end: Where its title ends in the segment; 0 if it has none.
    """

    segment: int
    document: int
    places: Ints
    text: str
    tokens: Tokens
    offset: int
    title_end: int

    def units(self, layout: Layout) -> list[Unit]:
        """Return its units, their characters counted from the beginning of its text."""
        at = self.offset
        return [
            Unit(u.segment, max(0, u.start - at), u.core - at, u.end - at)
            for u in map(layout.units.__getitem__, self.places.tolist())
        ]

    def costs(self, layout: Layout) -> Ints:
        """Return how many of its tokens each of its units takes, (U_p,)."""
        owners = token_owners(self.tokens, self.units(layout))
        return np.bincount(owners, minlength=len(self.places)).astype(np.int64)

    def in_title(self, layout: Layout) -> Bools:
        """Return which of its units are its title's, (U_p,)."""
        starts = [layout.units[place].core for place in self.places.tolist()]
        return np.array(starts) < self.title_end


def document_segments(prompt: Prompt) -> list[int]:
    """Return which segments are documents: contexts and demonstrations."""
    return [i for i, s in enumerate(prompt.segments) if s.role in ("context", "demonstration")]


def cut_passages(
    layout: Layout, segments: Collection[int], backend: CausalBackend, most_tokens: int
) -> list[Passage]:
    """Cut some segments into passages, in reading order.

    Args:
        layout: U units.
        segments: Indices of the segments, ascending.
        backend: Whose tokens a passage's length is counted in.
        most_tokens: The longest passage, but for a sentence longer than that.
    """
    documents = document_segments(layout.prompt)
    members = layout.by_segment()
    passages: list[Passage] = []
    document = -1
    for index in segments:
        if not len(members[index]):
            continue
        units = [layout.units[place] for place in members[index].tolist()]
        text = layout.prompt.segments[index].text
        labels = np.zeros(len(units), dtype=np.int64)
        if documents == [index]:
            labels = _paragraphs(units, text)
        begins = {0, *(np.flatnonzero(np.diff(labels)) + 1).tolist()}  # documents
        labels = _shorter(units, text, labels, backend, most_tokens)
        edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(units)]
        for first, last in pairwise(edges):
            offset, end = units[first].core, units[last - 1].end
            title_end = _title_end(text[:end], offset) if first in begins else 0
            places, own = members[index][first:last], text[offset:end]
            document += first in begins
            tokens = backend.encode(own)
            passages.append(Passage(index, document, places, own, tokens, offset, title_end))
    return passages


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage.

    Attributes:
        document: Number of the document it is in.
        places: (U_s,), indices of its units.
        text: Its characters, without the whitespace before its first core.
        costs: (U_s,), tokens of each unit.
        in_title: (U_s,), whether a unit is its document's title or a part of it.
    """

    document: int
    places: Ints
    text: str
    costs: Ints
    in_title: Bools


def cut_sentences(passage: Passage, layout: Layout) -> list[Sentence]:
    """Cut a passage into sentences, in reading order."""
    units, costs, in_title = passage.units(layout), passage.costs(layout), passage.in_title(layout)
    groups = sentence_groups(units, passage.text)
    edges = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(units)]
    return [
        Sentence(
            passage.document,
            passage.places[first:last],
            passage.text[units[first].core : units[last - 1].end],
            costs[first:last],
            in_title[first:last],
        )
        for first, last in pairwise(edges)
    ]


def _title_end(text: str, start: int) -> int:
    """Return where the title that begins at `start` ends; 0 if none does.

    A title is "Document [3](Title: ...)" up to the bracket that closes it, or a first line that
    is short, does not end as a sentence does, and is not all there is.
    """
    numbered = _NUMBERED.match(text, start)
    if numbered:
        depth = 0
        for bracket in _BRACKET.finditer(text, numbered.end()):
            depth += {"(": 1, ")": -1, "\n": 0}[bracket[0]]
            if depth == 0 or bracket[0] == "\n":
                return bracket.end() if depth == 0 else bracket.start()
    end = text.find("\n", start)
    line = text[start:end] if end >= 0 else ""
    is_title = 0 < len(line.strip()) <= LONGEST_TITLE and not _SENTENCE_END.search(line)
    return end if is_title and text[end:].strip() else 0


def _paragraphs(units: list[Unit], text: str) -> Ints:
    """Return the number of the paragraph that each unit's core starts in, (U,)."""
    breaks = np.array([match.end() for match in _BLANK_LINE.finditer(text)], dtype=np.int64)
    cores = np.array([unit.core for unit in units], dtype=np.int64)
    empty = np.array([unit.core == unit.end for unit in units])
    labels = np.searchsorted(breaks, cores, side="right").astype(np.int64)
    if empty[-1] and len(units) > 1:  # blanks at the very end belong to what they end
        labels[-1] = labels[-2]
    return labels


def _shorter(
    units: list[Unit], text: str, labels: Ints, backend: CausalBackend, most_tokens: int
) -> Ints:
    """Refine labels so that each run of them has at most `most_tokens`, at sentence ends.

    A paragraph is cut into the fewest parts of about equal length; a sentence that is longer than
    allowed is cut between words.
    """
    tokens = backend.encode(text)
    counts = np.bincount(token_owners(tokens, units), minlength=len(units))
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(units)]
    totals = np.add.reduceat(counts, edges[:-1])
    if totals.max() <= most_tokens:
        return labels
    sentences = np.array(sentence_groups(units, text))
    before = np.cumsum(counts) - counts  # tokens before each unit
    cuts = np.zeros(len(units), dtype=np.bool_)
    cuts[edges[:-1]] = True
    for (first, last), total in zip(pairwise(edges), totals.tolist(), strict=True):
        if total > most_tokens:
            size = total / -(-total // most_tokens)
            heads = np.searchsorted(sentences, sentences[first:last])  # of each unit's sentence
            heads = np.maximum(heads, first)
            part = (before[heads] - before[first]) // size
            inside = (before[first:last] - before[heads]) // most_tokens
            cuts[first + 1 : last] |= (np.diff(part) != 0) | (np.diff(inside) != 0)
    return np.cumsum(cuts)
