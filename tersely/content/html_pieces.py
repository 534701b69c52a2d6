"""Tags → pieces: which elements go whole, and where words may go.

An element that is short is one piece; of a longer one the tags are fixed. What stands in a line of
text (a link, bold words) belongs to the words it touches, so that none are glued together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tersely.content.atoms import Group, word_groups, word_pieces
from tersely.content.html_tags import Element, Token, match_tags
from tersely.core.structure import Piece, PieceKind, Series
from tersely.core.units import is_word_char

ELEMENT_CHARS, ITEM_CHARS, PRE_CHARS, ATTRIBUTE_CHARS = 200, 400, 800, 80
"""Characters up to which an element, a row or an item, or code is one; or an attribute is fixed."""

_CHAIN_CHARS = 400  # links without blanks between them are one piece up to here

NOTE = "<!-- {dropped} more -->"

_INLINE_NAMES = """
a abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span strike
strong sub sup time tt u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())
_ITEMS = frozenset(["tr", "li", "option", "dd"])
_NEVER_WHOLE = frozenset(["html", "head", "body"])
_WITHOUT_WORDS = frozenset(["svg", "script", "style"])
_HEADS = frozenset(["title", "h1", "h2", "h3"])
_KEPT_NAMES = frozenset(["href", "src", "alt", "title", "id", "name", "value", "type"])
_BLANK_NAMES = re.compile(r"(?:class|style|role|tabindex|srcset|(?:data|aria)-.*|on[a-z]+)\Z")
_DATA = re.compile(r"""[\s/]*[^\s=]+\s*=\s*["']?\s*data:""")
_HARD = re.compile(r"&(?:\#?\w{1,32};|.?)|<.?|\]\].?", re.DOTALL)
_HEAD_VALUE = 1.5
_LEAST_SERIES = 3


class Writer:
    """Writes the pieces of one text, token after token.

    Attributes:
        pieces: They tile the text.
    """

    def __init__(self, text: str, tokens: list[Token], *, xml: bool, scripts: bool) -> None:
        self.pieces: list[Piece] = []
        self._text, self._tokens, self._xml = text, tokens, xml
        self._scripts = scripts
        self._elements = match_tags(tokens, xml=xml)
        self._members: dict[tuple[int, str], list[int]] = {}
        self._at = 0  # what is before it is written
        self._inline: list[tuple[int, int]] = []  # elements in the run of text that is not written
        self._run = 0  # where that run ends
        index = 0
        while index < len(tokens):
            index = self._token(index)
        self._end_run(at_tag=True)

    def series(self) -> Iterator[Series]:
        """Yield the rows, the items, and the elements of one name that follow one another."""
        for members in self._members.values():
            if len(members) >= _LEAST_SERIES:
                yield Series(tuple(members), NOTE, self.pieces[members[-1]].end)

    def _token(self, index: int) -> int:
        """Write one token, or the element it begins; return the index of what comes next."""
        token = self._tokens[index]
        if token.kind == "text":
            self._run = token.end
        elif token.kind == "open":
            element = self._elements[token.element]
            end = self._tokens[element.last - 1].end
            if self._is_whole(element, token.start, end):
                self._element(element, token.start, end)
                return element.last
            self._tag(token)
        elif token.kind == "void" and self._is_short(token):
            self._droppable("whole", token)
        elif token.kind == "raw":
            self._droppable(
                "whole" if self._scripts or token.name == "textarea" else "blank", token
            )
        elif token.kind == "comment":
            self._comment(token)
        elif token.kind == "cdata":
            self._cdata(token)
        else:
            self._tag(token)
        return index + 1

    def _is_short(self, token: Token) -> bool:
        """Return whether an element of one tag may go; the root of a document may not."""
        return token.end - token.start <= ELEMENT_CHARS and bool(self._elements or not self._xml)

    def _is_whole(self, element: Element, start: int, end: int) -> bool:
        if not element.clean or element.name in _NEVER_WHOLE or (self._xml and element.parent < 0):
            return False
        if element.parent >= 0 and element.name in _WITHOUT_WORDS:
            return True
        if element.name in _ITEMS or (self._xml and self._is_repeated(element)):
            return end - start <= ITEM_CHARS
        return end - start <= (PRE_CHARS if element.name == "pre" else ELEMENT_CHARS)

    def _is_repeated(self, element: Element) -> bool:
        """Return whether an element of the same name follows."""
        following = self._tokens[element.last : element.last + 2]
        return any(token.kind == "open" and token.name == element.name for token in following)

    # runs of text

    def _element(self, element: Element, start: int, end: int) -> None:
        """Write an element that goes whole."""
        if element.name in _INLINE:
            if self._inline and self._inline[-1][1] == start and end - self._at > _CHAIN_CHARS:
                self._end_run(at_tag=False)
            self._inline.append((start, end))
            self._run = end
            return
        self._end_run(at_tag=True)
        hidden = element.name in _WITHOUT_WORDS and not self._scripts
        heads = element.name in _HEADS or self._text.find("<th", start, min(end, start + 80)) >= 0
        self._add("blank" if hidden else "whole", end, _HEAD_VALUE if heads else 0.0)
        if (self._xml or element.name in _ITEMS) and not hidden:
            key = (element.parent, element.name)
            self._members.setdefault(key, []).append(len(self.pieces) - 1)

    def _droppable(self, kind: PieceKind, token: Token) -> None:
        """Write a token that may go, with the blanks before it: they part what it parts."""
        self._end_run(at_tag=True, leave_blanks=True)
        self._add(kind, token.end)

    def _comment(self, token: Token) -> None:
        before, after = (
            self._text[token.start - 1 : token.start],
            self._text[token.end : token.end + 1],
        )
        if before and after and is_word_char(before) and is_word_char(after):
            self._inline.append((token.start, token.end))  # without it, two words would be one
            self._run = token.end
        else:
            self._droppable("blank", token)

    def _cdata(self, token: Token) -> None:
        inside = self._text[token.start + 9 : token.end - 3]
        if token.end - token.start <= ELEMENT_CHARS or "]]" in inside:
            self._inline.append((token.start, token.end))
            self._run = token.end
            return
        # Its marks part no words, so the blanks beside them stay.
        self._end_run(at_tag=True, leave_blanks=True)
        self._add("fixed", token.start + 9)
        stop = _stripped(self._text, self._at, token.end - 3)
        self._write(word_groups(self._text, self._at, stop, []))
        self._add("fixed", token.end)

    def _end_run(self, *, at_tag: bool, leave_blanks: bool = False) -> None:
        """Write the run of text and of elements in it that has not been written.

        Args:
            at_tag: Whether a tag follows that parts words: then blanks before it say nothing.
            leave_blanks: Whether such blanks are left to what is written next.
        """
        start, end = self._at, self._run
        if start >= end:
            return
        text, inline = self._text, self._inline
        self._inline = []
        stop = end
        if at_tag and not (inline and inline[-1][1] == end):
            stop = max(start, *(right for _, right in inline[-1:]), _stripped(text, start, end))
        if stop > start:
            hard = [match.span() for match in _HARD.finditer(text, start, stop)]
            groups = word_groups(text, start, stop, sorted([*inline, *hard]))
            before = self.pieces[-1] if self.pieces else None
            if (
                before is not None
                and before.kind in ("whole", "blank")
                and is_word_char(text[start])
            ):
                # Without what is before it, the first word would be glued to an earlier one.
                self.pieces[-1] = Piece(before.start, groups[0][1], "whole", before.value)
                self._at = groups.pop(0)[1]
            self._write(groups)
        if not leave_blanks:
            self._add("blank", end)

    def _write(self, groups: list[Group]) -> None:
        for piece in word_pieces(groups):
            self._add(piece.kind, piece.end)

    def _add(self, kind: PieceKind, end: int, value: float = 0.0) -> None:
        if end > self._at:
            self.pieces.append(Piece(self._at, end, kind, value))
            self._at = end
            self._run = max(self._run, end)

    # tags that stay

    def _tag(self, token: Token) -> None:
        """Write a tag or a declaration; some of its attributes may go."""
        self._end_run(at_tag=True)
        for start, end, name in token.attributes:
            kind = self._attribute_kind(start, end, name)
            spaced = self._text[start].isspace()
            if kind == "fixed" or not spaced:
                continue
            self._add("fixed", start)
            self._add(kind, end)
        self._add("fixed", token.end)

    def _attribute_kind(self, start: int, end: int, name: str) -> PieceKind:
        if name.startswith(("xmlns", "xml:")):
            return "fixed"
        if end - start > ELEMENT_CHARS and _DATA.match(self._text, start, end):
            return "blank"
        if name in _KEPT_NAMES:
            return "fixed" if end - start <= ATTRIBUTE_CHARS else "whole"
        return "blank" if not self._xml and _BLANK_NAMES.match(name) else "whole"


def _stripped(text: str, start: int, end: int) -> int:
    """Return where the blanks at the end of [start, end) begin."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
