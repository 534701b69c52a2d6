"""HTML and XML: words may go, short elements go whole, and every end tag keeps its start tag.

Source:  https://html.spec.whatwg.org/multipage/syntax.html and https://www.w3.org/TR/xml/
Differs: nothing is rendered, no style is looked at. What is well-formed stays so; what is not gets
         no worse.
Cost:    no model; about a second for each megabyte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from tersely.content.html_pieces import Writer
from tersely.content.html_tags import Tokenizer
from tersely.core.structure import Structure
from tersely.errors import PromptError

_READ_CHARS = 20_000  # how much of a text decides what it is
_FEWEST_TAGS = 8
_LEAST_MARKUP = 0.15  # of the characters read, in tags

_DECLARED = re.compile(r"\ufeff?\s*(?:<!doctype\s+html|<html[\s>]|<\?xml\s)", re.IGNORECASE)
_ELEMENT = re.compile(r"\ufeff?\s*(?:<!--.*?-->\s*)*<([A-Za-z_][\w.:-]*)[\s/>]", re.DOTALL)
_NAMES = """
a abbr address article aside audio b blockquote body br button canvas caption center cite code col
colgroup dd del details dfn dialog div dl dt em fieldset figcaption figure font footer form h1 h2 h3
h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map mark meta nav
noscript object ol option p picture pre q s samp script section select small span strong style sub
summary sup svg table tbody td textarea tfoot th thead time title tr u ul var video
"""
_HTML_NAMES = frozenset(_NAMES.split())


@dataclass(frozen=True)
class HTML:
    """Pages, parts of pages, and XML documents.

    Attributes:
        scripts: Whether scripts, styles and drawings are looked at as something to keep; otherwise
            they go as soon as anything goes. Comments do in any case.
        notes: Whether rows, items and repeated elements that are missing are counted in a comment
            in their place.
    """

    name: ClassVar[str] = "html"
    scripts: bool = False
    notes: bool = True

    def matches(self, text: str) -> bool:
        """Return whether a text says that it is HTML or XML, or is an element with many others.

        A prompt in a few tags is prose.
        """
        sample = text[:_READ_CHARS]
        if _DECLARED.match(sample):
            return True
        root = _ELEMENT.match(sample)
        if root is None or not text.rstrip().endswith(">"):
            return False
        tokens = [*Tokenizer(sample, xml=_is_xml(text)).tokens()]
        tags = [token for token in tokens if token.kind in ("open", "close", "void")]
        marked = sum(token.end - token.start for token in tags)
        closes = any(token.kind == "close" for token in tags)
        return closes and len(tags) >= _FEWEST_TAGS and marked >= _LEAST_MARKUP * len(sample)

    def read(self, text: str) -> Structure:
        """Say what may go.

        Raises:
            PromptError: There is no tag in the text.
        """
        if not text:
            return Structure(self.name, ())
        xml = _is_xml(text)
        tokens = [*Tokenizer(text, xml=xml).tokens()]
        if all(token.kind == "text" for token in tokens):
            raise PromptError("This is no HTML or XML: there is no tag after line 1, column 1.")
        writer = Writer(text, tokens, xml=xml, scripts=self.scripts)
        series = tuple(writer.series()) if self.notes else ()
        return Structure(self.name, tuple(writer.pieces), series)


def _is_xml(text: str) -> bool:
    """Return whether a text is XML: it says so, or begins with an element that HTML has not."""
    if text[:1000].lstrip("\ufeff \t\r\n").startswith("<?xml"):
        return True
    root = _ELEMENT.match(text)
    return root is not None and root[1].lower() not in _HTML_NAMES
