"""The contexts of one call: what of each must stay, has a rate of its own, or may go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import regex

from tersely.core.markup import Marked, parse_markup
from tersely.core.units import sentence_bounds
from tersely.errors import SettingError

_SPLIT = regex.compile(r"(?:\r?\n){2,}")
_MARKER = regex.compile(r"<#ref[0-9]{1,9}#>")
"""What LangChain's adapter knows its documents by."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a context, never empty.

    Attributes:
        text: Its characters.
        rate: Share of its own tokens to keep, in (0, 1]; 1 keeps it byte for byte; None means that
            it shares what the call has room for.
        pool: Pieces of one pool share their rate's tokens; None makes one of its own.
        is_frame: Whether it stays as long as anything may of its context: a row of line breaks
            with `keep_split`, a marker. Its context may go as any other, and it with it.
    """

    text: str
    rate: float | None = None
    pool: Hashable | None = None
    is_frame: bool = False

    @property
    def stays(self) -> bool:
        """Whether it is kept byte for byte, where its context is."""
        return self.is_frame or self.rate == 1


@dataclass(frozen=True)
class Context:
    """One context, in pieces.

    Attributes:
        pieces: What it is made of, in order.
    """

    pieces: tuple[Piece, ...]

    @cached_property
    def text(self) -> str:
        """All of it."""
        return "".join(piece.text for piece in self.pieces)

    @cached_property
    def ends(self) -> list[int]:
        """Where each piece ends, in characters."""
        return list(accumulate(len(piece.text) for piece in self.pieces))

    @property
    def is_tagged(self) -> bool:
        """Whether a part of it has a rate of its own."""
        return any(piece.rate is not None for piece in self.pieces)

    @property
    def has_uncompressed(self) -> bool:
        """Whether a part of it must stay as it is, and it with that."""
        return any(piece.rate == 1 for piece in self.pieces)

    @property
    def markers(self) -> list[str]:
        """What it is known by, and kept for that."""
        return [piece.text for piece in self.pieces if _is_marker(piece)]

    def without_markers(self) -> Context:
        """Return it with these as any other text."""
        return Context(
            tuple(replace(p, is_frame=False) if _is_marker(p) else p for p in self.pieces)
        )

    def piece_at(self, character: int) -> int:
        """Return the place of the piece that a character is in, the last one at the very end."""
        return min(bisect_right(self.ends, character), len(self.pieces) - 1)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a context.

    Attributes:
        context: Place of the context.
        start: First character.
        end: One past the last.
    """

    context: int
    start: int
    end: int


def plain(text: str, *, keep_split: bool) -> Context:
    """Return a context without tags; with `keep_split`, its blank lines must stay."""
    return _split(Context((Piece(text),) if text else ()), keep_split)


def with_markers(context: Context) -> Context:
    """Return a context that keeps `<#ref0#>` and the like as long as it is there itself."""
    return _framed(context, _MARKER)


def tagged(text: str, *, default_rate: float | None, keep_split: bool) -> Context:
    """Return a context whose tags say what is to become of which part.

    Args:
        text: It, with tags.
        default_rate: The rate where none is given.
        keep_split: Whether its blank lines must stay.

    Raises:
        PromptError: A tag is malformed.
    """
    marked = parse_markup(text, default_rate=default_rate)
    return _split(from_marked(marked), keep_split)


def from_marked(marked: Sequence[Marked]) -> Context:
    """Return the context that stretches with rates make."""
    return Context(tuple(Piece(m.text, m.rate if m.compress else 1.0) for m in marked if m.text))


def from_segments(
    context: Sequence[str],
    segments: Sequence[Sequence[str]],
    rates: Sequence[Sequence[float]],
    compress: Sequence[Sequence[bool]],
) -> list[Context]:
    """Return the contexts that `segment_structured_context` had taken apart.

    Args:
        context: C texts without tags.
        segments: For each the stretches that make it up.
        rates: The rate of each stretch.
        compress: Whether each may be shortened.

    Raises:
        SettingError: They are not of one length, or do not make up the contexts.
    """
    out = []
    if not len(context) == len(segments) == len(rates) == len(compress):
        raise SettingError("context_segs, their rates and compress are lists with one per context.")
    for text, parts, shares, flags in zip(context, segments, rates, compress, strict=True):
        if not len(parts) == len(shares) == len(flags) or "".join(parts) != text:
            raise SettingError(
                "context_segs of a context are its text in pieces, with a rate and a compress each:"
                " what segment_structured_context returns."
            )
        out.append(
            from_marked([Marked(p, r, c) for p, r, c in zip(parts, shares, flags, strict=True)])
        )
    return out


def cut_sentences(contexts: Sequence[Context]) -> list[Sentence]:
    """Cut contexts into sentences, in order."""
    out = []
    for place, context in enumerate(contexts):
        start = 0
        for end in sentence_bounds(context.text):
            out.append(Sentence(place, start, end))
            start = end
    return out


def _split(context: Context, keep_split: bool) -> Context:
    """Make each row of line breaks a piece that stays, if wanted."""
    return _framed(context, _SPLIT) if keep_split else context


def _framed(context: Context, pattern: regex.Pattern[str]) -> Context:
    """Make what matches pieces that stay, where it does not stay already."""
    pieces: list[Piece] = []
    for whole in context.pieces:
        piece, at = whole, 0
        if piece.rate is not None and piece.pool is None:
            piece = replace(piece, pool=object())  # its parts share what its rate leaves
        for match in () if piece.stays else pattern.finditer(piece.text):
            before = replace(piece, text=piece.text[at : match.start()])
            pieces += [before, Piece(match[0], is_frame=True)]
            at = match.end()
        pieces.append(replace(piece, text=piece.text[at:]))
    return Context(tuple(piece for piece in pieces if piece.text))


def _is_marker(piece: Piece) -> bool:
    return piece.is_frame and _MARKER.fullmatch(piece.text) is not None
