"""A prompt's contexts as question-aware methods see them: documents, blocks, sentences.

A document begins with each segment, and inside a segment wherever a paragraph begins with a
header: a label such as `Document [3](Title: ...)`, a heading, or a short first line that does not
end like a sentence. A header is a sentence too. A block is a stretch of one document about as
long as the passages that retrievers are made for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import regex

from tersely.core.layout import Layout
from tersely.core.prompt import Segment
from tersely.core.units import clean, sentence_bounds

Ints = npt.NDArray[np.int64]

LONGEST_SENTENCE = 600
"""Characters after which a sentence is cut: tables and minified text have none that end."""

BLOCK_CHARS = 1000
"""The most characters of a block; one ends with its paragraph from half of that on."""

LONGEST_ESCAPE = 10
"""Characters up to which a piece that stays or goes as one is part of a sentence: an escape."""

_LABELLED = regex.compile(
    r"\s*+[^\n()]{0,60}\([ \t]*+Title:[ \t]*+"
    r"(?<title>(?:[^\n()]|\([^\n()]{0,200}+\)){1,200}+|[^\n]{1,200}?)\)(?=\s|\z)",
    regex.IGNORECASE,
)
# Two lines in a row that begin with "# " are a comment.
_HEADING = regex.compile(
    r"\s*+(?:\#{1,6}[ \t]++(?<title>[^\n]{0,199}[^\s.,;])[ \t\r]*+(?!\n[ \t]*+\#[ \t])"
    r"|Title[ \t]*+:[ \t]*+(?<title>[^\n]{1,200})"
    r"|(?:Document|Passage|Source)[ \t]*+(?:\[?\d{1,6}\]?)?+[ \t]*+:[ \t]*+"
    r"(?<title>[^\n]{0,199}[^\s.,;])[ \t\r]*+)(?=\n|\z)",
    regex.IGNORECASE,
)
_NUMBERED = regex.compile(
    r"\s*+(?:Document|Passage|Source)[ \t]*+\[?\d{1,6}\]?[ \t]*+:", regex.IGNORECASE
)
# Not indented, not the middle of a sentence. Above a paragraph, the line must be too short to be
# the first of several of one width, and what follows must begin like a sentence, not be the next
# item of a list.
_PLAIN = r"[^\n:;|=<>{}\uff1a\uff1b。！？]"
_OPENS = r"\r?\n(?!\d{1,3}[.)]\s)(?=[\p{Lu}\p{Lt}\p{Lo}\p{N}\"'“‘«(])"
_SHORT_LINE = regex.compile(
    r"\s*+(?<![ \t])(?!\p{Ll}|\*[ \t])"
    rf"(?:(?<title>{_PLAIN}{{1,80}}?)[ \t]*+(?=\r?\n[ \t]*+[\r\n]|{_OPENS}[^\n]{{80}})"
    rf"|(?<title>{_PLAIN}{{1,50}}?)[ \t]*+(?={_OPENS}[^\n]*[.!?。！？]))"
)
_SENTENCE_END = regex.compile(r"[.!?,…。！？，、।؟][»”\"')\]]*\Z")
_PARAGRAPH = regex.compile(r"\n[ \t\r]*\n[\s\x1c-\x1f]*")  # all that str.strip takes
_MOST_TITLE_WORDS = 12


@dataclass(frozen=True, slots=True)
class Sentence:
    """Neighbouring units of one segment.

    Attributes:
        segment: Index of the segment.
        start: First character, leading whitespace included.
        end: One past the last.
        document: Number of the document it is in.
        block: Number of the block it is in.
        is_header: Whether it is its document's header.
    """

    segment: int
    start: int
    end: int
    document: int
    block: int
    is_header: bool


@dataclass(frozen=True, slots=True)
class Passages:
    """The sentences of some segments, and what they are part of.

    Attributes:
        sentences: S sentences in reading order.
        texts: Their S texts, without surrounding whitespace.
        titles: The title of each document, "" where it has none.
        blocks: The text of each block, its sentences joined by a blank.
        owner: (U,), the sentence each unit of the layout belongs to; -1 outside the segments.
    """

    sentences: tuple[Sentence, ...]
    texts: tuple[str, ...]
    titles: tuple[str, ...]
    blocks: tuple[str, ...]
    owner: Ints

    def __len__(self) -> int:
        return len(self.sentences)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence to be, numbered within its segment."""

    end: int
    document: int
    block: int
    is_header: bool


def read_passages(layout: Layout, segments: Sequence[int]) -> Passages:
    """Cut segments of a layout into documents, blocks and sentences of whole units.

    Args:
        layout: U units.
        segments: Indices of the segments, ascending.
    """
    owner = np.full(len(layout), -1, dtype=np.int64)
    members = layout.by_segment()
    sentences: list[Sentence] = []
    titles: list[str] = []
    blocks: list[list[str]] = []
    for index in segments:
        units = [layout.units[place] for place in members[index].tolist()]
        if not units:
            continue
        segment = layout.prompt.segments[index]
        prose = segment.structure is None or segment.structure.prose
        pieces, new_titles = _cut(segment.text) if prose else _cut_structure(segment)
        cores = np.array([unit.core for unit in units])
        which = np.searchsorted([piece.end for piece in pieces], cores, side="right")
        which = np.minimum(which, len(pieces) - 1)  # whitespace at the very end
        firsts = np.flatnonzero(np.diff(which, prepend=-1))
        owner[members[index]] = len(sentences) + np.cumsum(np.diff(which, prepend=-1) > 0) - 1
        first_document, first_block = len(titles), len(blocks)
        titles += new_titles
        blocks += [[] for _ in range(pieces[-1].block + 1)]
        for first, after in zip(firsts, [*firsts[1:], len(units)], strict=True):
            piece = pieces[which[first]]
            start, end = units[first].start, units[after - 1].end
            document, block = first_document + piece.document, first_block + piece.block
            sentences.append(Sentence(index, start, end, document, block, piece.is_header))
            blocks[block].append(segment.text[start:end].strip())
    texts = [layout.prompt.segments[s.segment].text[s.start : s.end].strip() for s in sentences]
    joined = tuple(" ".join(parts) for parts in blocks)
    return Passages(tuple(sentences), tuple(texts), tuple(titles), joined, owner)


def read_header(text: str, start: int = 0, end: int | None = None) -> tuple[int, str] | None:
    """Return where the header of a paragraph ends, and its title; None if it has none.

    Args:
        text: A text without lone surrogates.
        start: Where the paragraph begins.
        end: Where it ends, the blank lines after it included; None is the end of the text.
    """
    end = len(text) if end is None else end  # given, so that a search never runs past it
    for pattern in (_LABELLED, _HEADING):
        if match := pattern.match(text, start, end):
            return match.end(), match["title"].strip(" \t\r#*_=")
    if match := _NUMBERED.match(text, start, end):
        return _read_short_line(text, match.end(), end) or (match.end(), "")
    return _read_short_line(text, start, end)


def _read_short_line(text: str, start: int, end: int) -> tuple[int, str] | None:
    """Return where a short line that is no sentence ends, and its words; None if it is neither."""
    match = _SHORT_LINE.match(text, start, end)
    if match is None or _SENTENCE_END.search(match["title"]):
        return None
    title = match["title"].strip(" \t*_=")
    if len(title.split()) > _MOST_TITLE_WORDS or not title[:1].isalnum():
        return None
    return (match.end(), title) if any(char.isalpha() for char in title) else None


def _cut(text: str) -> tuple[list[_Piece], list[str]]:
    """Return the pieces of one segment, and the title of each of its documents."""
    readable = clean(text)
    bounds = sentence_bounds(text)
    pieces: list[_Piece] = []
    titles: list[str] = []
    block, block_start = -1, 0
    for start, end in _paragraphs(readable):
        header = read_header(readable, start, end)
        if header is not None or not titles:
            titles.append(header[1] if header else "")
            block, block_start = block + 1, start
        elif start - block_start >= BLOCK_CHARS / 2:
            block, block_start = block + 1, start
        body = start
        if header is not None:
            body = min(header[0], end)
            pieces.append(_Piece(body, len(titles) - 1, block, is_header=True))
        inside = bounds[bisect_right(bounds, body) : bisect_left(bounds, end)]
        at = body
        for stop in _sentence_ends(body, [*inside, end]):
            if stop - block_start > BLOCK_CHARS and at > block_start:
                block, block_start = block + 1, at
            pieces.append(_Piece(stop, len(titles) - 1, block, is_header=False))
            at = stop
    return pieces, titles


def _cut_structure(segment: Segment) -> tuple[list[_Piece], list[str]]:
    """Return the pieces of a segment that is not prose, one document without a title.

    What stays or goes as one is a sentence, with what leads up to it; so is each sentence of prose.
    """
    assert segment.structure is not None, "prose is cut by _cut"
    ends: set[int] = {len(segment.text)}
    tiles = segment.structure.pieces
    last_of = {piece.group: index for index, piece in enumerate(tiles) if piece.group >= 0}
    for index, piece in enumerate(tiles):
        if piece.group >= 0:
            if last_of[piece.group] == index:
                ends.add(piece.end)
        elif piece.kind == "words":
            inside = sentence_bounds(segment.text[piece.start : piece.end])
            ends.update(piece.start + end for end in inside)
        elif piece.kind == "whole" and piece.end - piece.start > LONGEST_ESCAPE:
            ends.add(piece.end)
    pieces: list[_Piece] = []
    block, block_start, start = 0, 0, 0
    for end in sorted(ends):
        if end - block_start > BLOCK_CHARS and start > block_start:
            block, block_start = block + 1, start
        pieces.append(_Piece(end, 0, block, is_header=False))
        start = end
    return pieces, [""]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield what blank lines separate; the blank lines go with what is before them."""
    start = 0
    for gap in _PARAGRAPH.finditer(text):
        if text[start : gap.start()].strip() and gap.end() < len(text):
            yield start, gap.end()
            start = gap.end()
    yield start, len(text)


def _sentence_ends(start: int, ends: Sequence[int]) -> Iterator[int]:
    """Yield where each sentence ends, long ones cut into equal parts."""
    for end in ends:
        if end <= start:
            continue
        parts = -(-(end - start) // LONGEST_SENTENCE)
        yield from (start + (end - start) * part // parts for part in range(1, parts + 1))
        start = end
