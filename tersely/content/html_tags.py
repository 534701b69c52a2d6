"""Markup → tags, with exact offsets: which tag closes which, and what is only text.

Source:  https://html.spec.whatwg.org/multipage/parsing.html and https://www.w3.org/TR/xml/
Differs: no tree is built and nothing is repaired: an end tag that closes nothing says so. What is
         no tag is text, also where a browser would read a broken one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "open", "close", "void", "comment", "declaration", "cdata", "raw"]

_VOID_NAMES = "area base br col embed hr img input link meta param source track wbr"
VOID = frozenset(_VOID_NAMES.split())
RAW = frozenset(["script", "style", "textarea", "iframe", "noembed", "xmp"])
"""Elements of HTML in which nothing is a tag."""

_CLOSES: dict[str, frozenset[str]] = {
    "li": frozenset(["li", "p"]),
    "p": frozenset(["p"]),
    "td": frozenset(["td", "th", "p"]),
    "th": frozenset(["td", "th", "p"]),
    "tr": frozenset(["tr", "td", "th", "p"]),
    "tbody": frozenset(["tr", "td", "th", "p", "thead", "tbody"]),
    "tfoot": frozenset(["tr", "td", "th", "p", "thead", "tbody"]),
    "option": frozenset(["option"]),
    "optgroup": frozenset(["option", "optgroup"]),
    "dt": frozenset(["dt", "dd", "p"]),
    "dd": frozenset(["dt", "dd", "p"]),
    "body": frozenset(["head"]),
}
_OPTIONAL = frozenset.union(*_CLOSES.values()) | {"tfoot", "html", "body", "colgroup", "rt", "rp"}

_HTML_NAME = re.compile(r"[A-Za-z][^\s/><]*")
_XML_NAME = re.compile(r"[^\W\d][^\s/><=\"']*|:[^\s/><=\"']*")
_ATTRIBUTE = re.compile(r"[\s/]*+([^\s\"'<>/=]++)(\s*+=\s*+)?")
_BARE = re.compile(r"[^\s\"'<>`]*+")
_CLOSE = re.compile(r"</([^\s/><]+)[^<>]*>")
_SUBSET = re.compile(r"\]\s*>")


@dataclass(slots=True)
class Token:
    """Characters [start, end) of a text that are one tag, comment or stretch of text.

    Attributes:
        kind: What it is. "raw" is a whole script or style, "void" an element without an end tag,
            "declaration" a doctype or a processing instruction.
        start: First character.
        end: One past the last.
        name: Of a tag; in HTML in small letters.
        attributes: Of a tag: start (with the blank before), end and name of each.
        element: Number of the element that an opening tag begins; -1 for other tokens.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: list[tuple[int, int, str]] = field(default_factory=list)
    element: int = -1


@dataclass(slots=True)
class Element:
    """Tokens [first, last), a tag and all up to its end.

    Attributes:
        name: Of its tag.
        first: Its opening tag.
        last: One past its end tag, or where it ends without one.
        parent: Number of the element around it; -1 if there is none.
        clean: Whether every tag in it that needs a partner has it there.
    """

    name: str
    first: int
    last: int
    parent: int
    clean: bool = True


class Tokenizer:
    """Reads one text, in linear time."""

    def __init__(self, text: str, *, xml: bool) -> None:
        self.text, self.xml = text, xml
        self._missing: set[str] = set()  # what is known not to come any more
        self._name = _XML_NAME if xml else _HTML_NAME

    def tokens(self) -> Iterator[Token]:
        """Yield tokens that tile the text."""
        at = written = 0
        while (left := self.text.find("<", at)) >= 0:
            token, at = self._markup(left)
            if token is None:
                continue
            if left > written:
                yield Token("text", written, left)
            if token.kind == "open" and not self.xml and token.name in RAW:
                token = self._raw(token)
            yield token
            at = written = token.end
        if written < len(self.text):
            yield Token("text", written, len(self.text))

    def _markup(self, left: int) -> tuple[Token | None, int]:
        """Return what begins at a `<`, or None and where to read on."""
        text = self.text
        if text.startswith("<!--", left):
            return self._until("comment", left, left + 4, "-->"), left + 1
        if text.startswith("<![CDATA[", left):
            return self._until("cdata", left, left + 9, "]]>"), left + 1
        if text.startswith("<?", left):
            return self._until("declaration", left, left + 2, "?>" if self.xml else ">"), left + 1
        if text.startswith("<!", left):
            return self._doctype(left), left + 1
        if text.startswith("</", left):
            match = _CLOSE.match(text, left)
            if match is None or self._name.match(match[1]) is None:
                return None, left + 2
            return Token("close", left, match.end(), self._cased(match[1])), left
        name = self._name.match(text, left + 1)
        return (None, left + 1) if name is None else self._tag(left, name)

    def _cased(self, name: str) -> str:
        return name if self.xml else name.lower()

    def _find(self, what: str, at: int) -> int:
        """Return where something is next; look for it in vain only once."""
        if what in self._missing:
            return -1
        found = self.text.find(what, at)
        if found < 0:
            self._missing.add(what)
        return found

    def _until(self, kind: Kind, left: int, inside: int, closing: str) -> Token:
        """Return what goes up to a mark; to the end of the text if there is none."""
        found = self._find(closing, inside)
        return Token(kind, left, len(self.text) if found < 0 else found + len(closing))

    def _doctype(self, left: int) -> Token:
        found = self._find(">", left)
        bracket = self.text.find("[", left, max(left, found))
        if self.xml and bracket >= 0 and "subset" not in self._missing:
            closing = _SUBSET.search(self.text, bracket)
            if closing is not None:
                return Token("declaration", left, closing.end())
            self._missing.add("subset")
        return Token("declaration", left, len(self.text) if found < 0 else found + 1)

    def _tag(self, left: int, name: re.Match[str]) -> tuple[Token | None, int]:
        """Read an opening tag."""
        text, at = self.text, name.end()
        attributes = []
        while (match := _ATTRIBUTE.match(text, at)) is not None:
            end = match.end()
            if match[2] is not None:
                if text[end : end + 1] in ('"', "'"):
                    found = self._find(text[end], end + 1)
                    if found < 0:
                        return None, end
                    end = found + 1
                else:
                    bare = _BARE.match(text, end)
                    end = bare.end() if bare is not None else end
            attributes.append((at, end, self._cased(match[1])))
            at = end
        while text[at : at + 1].isspace() or text.startswith("/", at):
            at += 1
        if not text.startswith(">", at):
            return None, max(at, left + 1)
        token = Token("open", left, at + 1, self._cased(name[0]), attributes)
        if text[at - 1] == "/" or (not self.xml and token.name in VOID):
            token.kind = "void"
        return token, left

    def _raw(self, token: Token) -> Token:
        """Return a whole script or style, given its opening tag."""
        key = f"</{token.name}"
        if key in self._missing:
            return Token("raw", token.start, len(self.text), token.name)
        closing = re.compile(rf"</{token.name}[\s/]*>", re.IGNORECASE).search(self.text, token.end)
        if closing is None:
            self._missing.add(key)
        end = len(self.text) if closing is None else closing.end()
        return Token("raw", token.start, end, token.name)


def match_tags(tokens: list[Token], *, xml: bool) -> list[Element]:
    """Say where each element ends, in linear time; opening tags get its number."""
    matcher = _Matcher(xml)
    for index, token in enumerate(tokens):
        if token.kind == "open":
            matcher.open(index, token)
        elif token.kind == "close":
            matcher.close(index, token.name)
    while matcher.stack:
        matcher.leave(len(tokens), closed=False)
    return matcher.elements


class _Matcher:
    """Finds the end tag of each start tag."""

    def __init__(self, xml: bool) -> None:
        self.xml = xml
        self.elements: list[Element] = []
        self.stack: list[int] = []  # elements that are open
        self.counts: dict[str, int] = {}  # how many of them have a name
        self.implied: dict[str, list[int]] = {}  # those of a name that ended without an end tag

    def open(self, index: int, token: Token) -> None:
        """Begin an element, and end those that it ends."""
        closes = frozenset() if self.xml else _CLOSES.get(token.name, frozenset())
        while self.stack and self.elements[self.stack[-1]].name in closes:
            self.leave(index, closed=False)
        token.element = len(self.elements)
        parent = self.stack[-1] if self.stack else -1
        self.elements.append(Element(token.name, index, index, parent))
        self.stack.append(token.element)
        self.counts[token.name] = self.counts.get(token.name, 0) + 1

    def close(self, index: int, name: str) -> None:
        """End the innermost element of a name, and what is open in it."""
        if self.counts.get(name, 0):
            while self.elements[self.stack[-1]].name != name:
                self.leave(index, closed=False)
            self.leave(index + 1, closed=True)
            return
        number = self.stack[-1] if self.stack else -1
        self._spoil(number)
        if self.implied.get(name):  # its end tag, in an odd place
            self._spoil(self.implied[name].pop())

    def _spoil(self, number: int) -> None:
        """Say that an element, and so all around it, is not clean."""
        while number >= 0 and self.elements[number].clean:
            self.elements[number].clean = False
            number = self.elements[number].parent

    def leave(self, last: int, *, closed: bool) -> None:
        """End the innermost element before the token at an index."""
        number = self.stack.pop()
        element = self.elements[number]
        element.last = last
        self.counts[element.name] -= 1
        if not closed:
            self.implied.setdefault(element.name, []).append(number)
            if self.xml or element.name not in _OPTIONAL:
                self._spoil(number)
