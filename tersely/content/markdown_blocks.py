"""A Markdown text → its blocks, with exact lines: markdown-it-py finds them, offsets are ours.

Source:  https://spec.commonmark.org/0.31.2/#blocks-and-inlines, and GitHub's tables.
Differs: short list items and quotes are one block each; front matter and link definitions are
         blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

ITEM_CHARS, NESTED_CHARS, QUOTE_CHARS = 200, 400, 300
"""Characters up to which an item, an item with more than a paragraph in it, or a quote is one."""

_DEEPEST = 24  # what is nested deeper is not looked into

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_FRONT = re.compile(
    r"---[ \t]*\r?\n(?=[\w-]+[ \t]*:)"
    r"(?:(?!(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z))[^\n]*\n)*+(?:---|\.\.\.)"
)
_BLANK = re.compile(r"[ \t>]*\Z")
_CLOSED = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*\Z")
_EMPTY_ITEM = re.compile(r"[ \t>]*(?:[-+*]|\d{1,9}[.)])[ \t]*\Z")
_DEFINITION = re.compile(r"[ \t>]*(?:[-+*][ \t]+)?\[")


@dataclass(slots=True)
class Block:
    """Lines [first, last) of a text that hang together.

    Attributes:
        kind: "heading", "words", "fence", "code", "html", "table", "rule", "item", "quote",
            "front" or "other".
        first: First line.
        last: One past the last line that is not blank.
        owner: The list item or quote it stands in; equal for blocks of the same one.
        level: Of a heading, 1 to 6.
        info: What a fence says its content is.
        opens: Whether a list item or a quote begins with it.
        listed: Whether it stands in a list item.
        numbers: Whether a numbered list begins with it.
        underlined: Whether it is a heading by the line below it.
        alone: Whether it is all of its item.
    """

    kind: str
    first: int
    last: int
    owner: int = -1
    level: int = 0
    info: str = ""
    opens: bool = False
    listed: bool = False
    numbers: bool = False
    underlined: bool = False
    alone: bool = False


class Lines:
    """Where the lines of a text are."""

    def __init__(self, text: str) -> None:
        spans = [match.span() for match in _LINE.finditer(text) if match.end() > match.start()]
        self.text = text
        self.starts = [start for start, _ in spans]
        self.ends = [end - _terminator(text, start, end) for start, end in spans]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]]

    def is_blank(self, index: int) -> bool:
        """Return whether a line has nothing but quote marks on it."""
        return _BLANK.match(self.text, self.starts[index], self.ends[index]) is not None

    def chars(self, first: int, last: int) -> int:
        """Return how many characters lines [first, last) have."""
        return self.ends[last - 1] - self.starts[first]


def read_blocks(text: str, lines: Lines) -> list[Block]:
    """Return the blocks of a text, in order; what is between them is blank."""
    front = _FRONT.match(text)
    skipped = 0 if front is None else text.count("\n", 0, front.end()) + 1
    source = "\n" * skipped + text[lines.starts[skipped] :] if 0 < skipped < len(lines) else text
    if skipped >= len(lines):
        source = "\n" * skipped
    if source.startswith("\ufeff"):
        source = " " + source[1:]
    blocks = [] if front is None else [Block("front", 0, skipped)]
    blocks += _Reader(lines, _parser().parse(source)).blocks()
    return list(_with_rest(blocks, lines))


@cache
def _parser() -> MarkdownIt:
    settings = {"maxNesting": _DEEPEST}
    return MarkdownIt("commonmark", settings).enable("table").disable(["inline"])


class _Reader:
    """Goes through the parser's tokens and makes blocks of them."""

    def __init__(self, lines: Lines, tokens: Sequence[Token]) -> None:
        self.lines = lines
        self.tokens = tokens
        self.closing, self.open_ended = _closings(lines, tokens)
        self.owners: list[tuple[int, bool]] = []  # token of each open item or quote, is it an item
        self.opens = self.numbers = False

    def blocks(self) -> Iterator[Block]:
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            whole = None
            if token.type in _CONTAINERS:
                whole = self._container(at)
            elif token.type in ("list_item_close", "blockquote_close"):
                self.owners.pop()
            elif token.type == "ordered_list_open":
                self.numbers = True
            elif token.type in _LEAVES:
                whole = self._leaf(token)
            if whole is not None:
                yield whole
                at = self.closing.get(at, at)
            at += 1

    def _container(self, at: int) -> Block | None:
        """Return an item or a quote that is short, or go into it."""
        token, stop = self.tokens[at], self.closing[at]
        is_item = token.type == "list_item_open"
        first, last = self._trimmed(token)
        alone = is_item and stop - at == 4  # a paragraph has three tokens
        limit = QUOTE_CHARS if not is_item else ITEM_CHARS if alone else NESTED_CHARS
        tight = self.numbers and first > 0 and not self.lines.is_blank(first - 1)
        short = self.lines.chars(first, last) <= limit and not tight
        if short or at in self.open_ended:
            return self._made(Block("item" if is_item else "quote", first, last))
        self.owners.append((at, is_item))
        self.opens = True
        return None

    def _leaf(self, token: Token) -> Block:
        first, last = self._trimmed(token)
        block = Block(_LEAVES[token.type], first, last, info=token.info.strip())
        if block.kind == "heading":
            block.level = int(token.tag[1])
            block.underlined = token.markup in ("=", "-")
        return self._made(block)

    def _made(self, block: Block) -> Block:
        """Say where a block stands."""
        block.opens, block.numbers = self.opens, self.numbers
        if self.owners:
            block.owner, block.listed = self.owners[-1][0], any(item for _, item in self.owners)
            block.alone = self.opens and self.closing[block.owner] - block.owner == 4
        self.opens = self.numbers = False
        return block

    def _trimmed(self, token: Token) -> tuple[int, int]:
        """Return a token's lines without the blank ones at its end."""
        assert token.map is not None, "blocks have lines"
        first, last = token.map[0], min(token.map[1], len(self.lines))
        if token.type != "fence":
            while last > first + 1 and self.lines.is_blank(last - 1):
                last -= 1
        return first, last


_CONTAINERS = ("list_item_open", "blockquote_open")
_LEAVES = {
    "heading_open": "heading",
    "paragraph_open": "words",
    "fence": "fence",
    "code_block": "code",
    "html_block": "html",
    "hr": "rule",
    "table_open": "table",
}


def _closings(lines: Lines, tokens: Sequence[Token]) -> tuple[dict[int, int], set[int]]:
    """Return where each token that opens is closed, and what holds a fence that is not closed."""
    closing: dict[int, int] = {}
    open_ended: set[int] = set()
    stack: list[int] = []
    for at, token in enumerate(tokens):
        if token.nesting > 0:
            stack.append(at)
        elif token.nesting < 0:
            closing[stack.pop()] = at
        elif token.type == "fence" and stack and not is_closed(lines, token.map, token.markup):
            open_ended.add(next(i for i in stack if tokens[i].type in _CONTAINERS))
    return closing, open_ended


def is_closed(lines: Lines, span: Sequence[int] | None, markup: str) -> bool:
    """Return whether the last line of a fenced block is its closing fence."""
    if span is None or span[1] - span[0] < 2 or span[1] > len(lines):
        return False
    match = _CLOSED.match(lines[span[1] - 1])
    return match is not None and match[1].startswith(markup)


def _with_rest(blocks: Sequence[Block], lines: Lines) -> Iterator[Block]:
    """Yield the blocks, and as blocks of their own the lines that belong to none.

    Those are link definitions, and what is nested too deeply. The marker of an item that is empty
    or goes on in the next line is left to the block after it.
    """
    at = 0
    for block in [*blocks, Block("", len(lines), len(lines))]:
        loose = [i for i in range(at, block.first) if not lines.is_blank(i)]
        while loose and block.opens and _EMPTY_ITEM.match(lines[loose[-1]]):
            loose.pop()
        start = 0
        for index, line in enumerate(loose):
            ends = index + 1 == len(loose) or loose[index + 1] != line + 1
            if ends or _DEFINITION.match(lines[loose[index + 1]]):
                yield Block("other", loose[start], line + 1)
                start = index + 1
        if block.kind:
            yield block
        at = max(at, block.last)


def _terminator(text: str, start: int, end: int) -> int:
    """Return how many characters end a line: 0, 1 or 2."""
    if text.endswith("\r\n", start, end):
        return 2
    return int(text.endswith(("\n", "\r"), start, end))
