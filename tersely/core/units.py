"""Text → words, phrases, sentences: the units a method keeps or drops.

Units tile the text. Each carries the whitespace before it, so that dropping one never glues its
neighbours together, and no cut ever falls inside a user-perceived character (a letter with its
combining marks, a joined emoji) or, by default, inside a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import regex
import sentencex

from tersely.core.prompt import Span

# Scripts written without spaces: there a unit is one user-perceived character.
_UNSPACED = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Yi}"
    r"\p{Bopomofo}\u3001-\u3003\u3005-\u301f\u30fb\u30fc\uff01-\uff0f\uff1a-\uff20\uff65]"
)
# A blank belongs to the character after it when that is a combining mark or a joiner.
_EXTENDS = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]"
_SPACE = rf"(?:[\t-\r\x1c-\x1f\x85\u2028\u2029]|\s(?!{_EXTENDS}))"
_LEADING = regex.compile(rf"{_SPACE}*+")
# A user-perceived character; two surrogates that make one count as one.
_CHARACTER = regex.compile("[\ud800-\udbff][\udc00-\udfff]|\\X")
# A unit of `word_units`: whitespace, then one unspaced character or a run of spaced text.
_CHUNK = regex.compile(rf"{_SPACE}*+(?:(?={_UNSPACED})\X|(?:(?!{_UNSPACED})(?!{_SPACE})\X)+|\Z)")
# "said," is a word and a comma; "50%", "C#" and "file." + "txt" stay as they are.
_TRAIL = regex.compile(r"(?:[\p{P}--[%‰#@&*_/\\\-]]\p{M}*+)++\Z", regex.V1)
_DASH = regex.compile(r"(?<=\w)[—–…]+(?=\w)")

_SURROGATE = re.compile("[\ud800-\udfff]")
_MARK = regex.compile(r"(?<=[\p{L}\p{N}\p{M}])[\p{P}\p{S}]")

LONGEST_WORD = 200
"""Characters after which a run without spaces is no word: minified JSON, base64."""

_WORD_CHAR = regex.compile(r"[\p{L}\p{M}\p{N}_]")
_IS_UNSPACED = regex.compile(_UNSPACED)

_PHRASE_END = regex.compile(r"[,;:.!?…)\]}—–，；：。！？、）】]+[\"'”’»]*\Z")
_NEW_LINE = regex.compile(r"\n(?=[ \t]*(?:\n|[\p{Lu}\p{Lo}\p{N}\p{S}\-*#>|<({\[\"'“«]))")


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing a method keeps or drops: [start, end) of one segment.

    Attributes:
        segment: Index of the segment.
        start: First character; the unit's leading whitespace is [start, core).
        core: First character that is not leading whitespace.
        end: One past the last character. The next unit of the segment starts here.
        protected: Whether it must survive.
    """

    segment: int
    start: int
    core: int
    end: int
    protected: bool = False


def clean(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD; every offset stays the same.

    Only for reading (a tokenizer, a splitter): what is kept is always cut from the original.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def word_units(text: str, *, segment: int = 0) -> list[Unit]:
    """Cut a text into words and trailing punctuation; unspaced scripts into characters.

    Args:
        text: Any text.
        segment: What the units say they belong to.

    Returns:
        Units that tile the text: the first starts at 0, each next where the one before ends.
        Whitespace at the very end is a unit with an empty core.
    """
    units: list[Unit] = []
    for match in _CHUNK.finditer(clean(text)):
        start, end = match.span()
        if start == end:
            continue
        for left, right in _pieces(text, core_start(text, start, end), end):
            units.append(Unit(segment, start, left, right))
            start = right
    return units


def core_start(text: str, start: int, end: int) -> int:
    """Return where the whitespace at the beginning of [start, end) ends."""
    match = _LEADING.match(text, start, end)
    assert match is not None, "it matches the empty string"
    return match.end()


def character_ends(text: str) -> list[int]:
    """Return where each user-perceived character ends."""
    return [match.end() for match in _CHARACTER.finditer(text)]


def _pieces(text: str, core: int, end: int) -> Iterator[tuple[int, int]]:
    """Split one spaced run into words, each with the dash before it, and trailing punctuation."""
    if end - core > LONGEST_WORD:
        return _parts_of_no_word(text, core, end)
    run = text[core:end]
    trail = _TRAIL.search(run)
    stop = end if trail is None or trail.start() == 0 else core + trail.start()
    cuts = [dash.start() for dash in _DASH.finditer(text, core, stop) if dash.start() > core]
    if stop < end:
        cuts.append(stop)
    if cuts and not run.isascii():  # punctuation can be part of a character too
        whole = {core + place for place in character_ends(run)}
        cuts = [cut for cut in cuts if cut in whole]
    return pairwise([core, *cuts, end])


def _parts_of_no_word(text: str, core: int, end: int) -> Iterator[tuple[int, int]]:
    """Split a run too long to be a word before its punctuation, and then by length.

    A part that begins with punctuation cannot become one word with what is left before it.
    """
    at = core
    edges = [mark.start() for mark in _MARK.finditer(text, core, end) if mark.start() > core]
    for edge in [*edges, end]:
        for stop in character_ends(text[at:edge]):
            if stop == edge - at or at + stop - core >= LONGEST_WORD:
                yield core, at + stop
                core = at + stop
        at = edge


def sentence_bounds(text: str) -> list[int]:
    """Return where each sentence ends, in characters, the last one at the end of the text.

    Sentences are sentencex's; a line break before what looks like a new line of its own
    (capital, digit, bullet, quote, markup) ends one too.

    Source: https://github.com/wikimedia/sentencex
    """
    readable = clean(text)
    ends = {match.end() for match in _NEW_LINE.finditer(readable)}
    at = 0
    for sentence in sentencex.segment("en", readable):
        at += len(sentence)
        ends.add(at)
    ends.add(len(text))
    return sorted(end for end in ends if 0 < end <= len(text))


def sentence_units(text: str, *, segment: int = 0) -> list[Unit]:
    """Cut a text into sentences, each a run of whole words; they tile the text."""
    words = word_units(text, segment=segment)
    return join_units(words, sentence_groups(words, text))


def sentence_groups(words: Sequence[Unit], text: str) -> list[int]:
    """Return, for each word of a text, the number of the sentence its core starts in."""
    bounds = sentence_bounds(text)
    groups: list[int] = []
    sentence = 0
    for word in words:
        while sentence + 1 < len(bounds) and word.core >= bounds[sentence]:
            sentence += 1
        groups.append(sentence)
    return groups


def phrase_units(text: str, *, segment: int = 0) -> list[Unit]:
    """Cut a text into phrases: runs of words up to a comma, a bracket, a dash or a sentence end."""
    words = word_units(text, segment=segment)
    groups: list[int] = []
    phrase, sentence_before = 0, 0
    for index, (word, sentence) in enumerate(zip(words, sentence_groups(words, text), strict=True)):
        after_mark = index > 0 and _PHRASE_END.search(text, 0, words[index - 1].end) is not None
        if index > 0 and (sentence != sentence_before or (after_mark and word.start < word.core)):
            phrase += 1
        sentence_before = sentence
        groups.append(phrase)
    return join_units(words, groups)


def join_units(units: Sequence[Unit], groups: Sequence[int]) -> list[Unit]:
    """Join neighbours of the same group into one unit; a protected part protects the whole."""
    out: list[Unit] = []
    last: int | None = None
    for unit, group in zip(units, groups, strict=True):
        if group == last:
            core = out[-1].core if out[-1].core < out[-1].end else unit.core
            out[-1] = replace(
                out[-1], core=core, end=unit.end, protected=out[-1].protected or unit.protected
            )
        else:
            out.append(unit)
        last = group
    return out


def protect_units(units: Sequence[Unit], spans: Iterable[Span]) -> list[Unit]:
    """Join the units of one segment that a span touches, and protect them whole.

    Whitespace inside a protected span, at its edges too, becomes part of the core, so that it
    survives byte for byte.
    """
    covered = _merged(spans)
    out: list[Unit] = []
    at = 0
    for unit in units:
        while at < len(covered) and covered[at][1] <= unit.start:
            at += 1
        last = at
        while last < len(covered) and covered[last][0] < unit.end:
            last += 1
        if last == at:
            out.append(unit)
            continue
        start, stop = covered[at][0], covered[last - 1][1]
        if start >= unit.start:
            out.append(replace(unit, core=min(unit.core, start), protected=True))
        elif stop <= unit.core < unit.end:  # only whitespace is covered: it goes to the unit before
            out[-1] = replace(out[-1], end=stop)
            out.append(replace(unit, start=stop))
        else:
            out[-1] = replace(out[-1], end=unit.end)
    return out


def _merged(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return the characters that spans of one segment cover, as intervals in order."""
    out: list[tuple[int, int]] = []
    for start, end in sorted((span.start, span.end) for span in spans if span.end > span.start):
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def is_word_char(char: str) -> bool:
    """Return whether the character can be part of a word written with spaces around it."""
    return bool(_WORD_CHAR.match(char)) and not _IS_UNSPACED.match(char)
