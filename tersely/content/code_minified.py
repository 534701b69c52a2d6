"""Cut minified source code: long lines in which no statement has a line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tersely.content.code_lines import bounds
from tersely.content.grammars import Grammar
from tersely.core.structure import Piece, Structure

if TYPE_CHECKING:
    from ast_grep_py import SgNode

GROUPS = 400
"""Pieces at most: to find where a node is costs time in proportion to its place in the line."""

_DEEPEST = 200
_WORK = 100_000_000  # characters of lines to read until all nodes are found: under a second


def is_minified(text: str, nodes: int) -> bool:
    """Return whether it would take too long to find that many nodes of a text one by one."""
    longest = max(map(len, text.split("\n")))
    return nodes * longest > _WORK


def cut_minified(text: str, grammar: Grammar, root: SgNode) -> Structure:
    """Return runs of statements of the outermost block that holds more than half of the text.

    Args:
        text: The source, as the tree was read from it.
        grammar: Its language's.
        root: The root of the tree.
    """
    block = _widest(root, grammar)
    pieces: list[Piece] = []
    at = 0
    for start, end in _runs(block, grammar, len(text) // GROUPS):
        if start > at:
            pieces.append(Piece(at, start, "fixed"))
        pieces.append(Piece(start, end, "whole"))
        at = end
    if at < len(text):
        pieces.append(Piece(at, len(text), "fixed"))
    return Structure("code", tuple(pieces))


def _widest(root: SgNode, grammar: Grammar) -> SgNode:
    """Return the innermost container that one child after the other leads to."""
    block = node = root
    size = len(root.text())
    for _ in range(_DEEPEST):
        sizes = [(len(child.text()), index) for index, child in enumerate(node.children())]
        longest, index = max(sizes, default=(0, 0))
        if longest * 2 <= size:
            break
        node = node.children()[index]
        if node.kind() in grammar.containers:
            block = node
    return block


def _runs(block: SgNode, grammar: Grammar, least: int) -> list[tuple[int, int]]:
    """Return runs of statements, each ended by a mark, of at least so many characters."""
    runs: list[tuple[int, int]] = []
    first: SgNode | None = None
    size = 0
    for child in block.children():
        if child.kind() in grammar.parts or child.kind() == "ERROR":
            first, size = None, 0
        elif child.is_named():
            first = first or child
            text = child.text()
            size += len(text)
            if size >= least and text[-1:] in {";", "}"}:
                runs.append((bounds(first)[0], bounds(child)[1]))
                first, size = None, 0
    return runs
