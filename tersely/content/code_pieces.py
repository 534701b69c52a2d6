"""Cut source code by its syntax tree into pieces that may go without breaking it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tersely.content.code_comments import LONG_COMMENT, claim_comments, claim_lines
from tersely.content.code_lines import Claim, Lines, bounds, in_order, made_up, outermost
from tersely.content.code_minified import cut_minified, is_minified
from tersely.content.grammars import Grammar
from tersely.core.structure import Piece, Series, Structure

if TYPE_CHECKING:
    from ast_grep_py import SgNode

LONGEST = 1200
"""Characters after which a statement of a body is not one piece if it has blocks to cut."""

LONG_VALUES = 600
"""Characters after which a list or table of values goes value by value."""

LONG_LITERAL = 300
"""Characters after which a statement of a module or class is worth no more than others."""

SHORT_BODY = 24
"""Characters up to which a body stays: the note on it would be no shorter."""

MOSTLY_INSIDE, LEAST_INSIDE = 0.5, 0.05
"""Share of a statement, of a declaration, that must be in its blocks if they are to be cut."""

DEEPEST = 64
"""Blocks in blocks after which nothing is cut further: a statement is one piece, however long."""

IMPORT, DECLARED = 1.0, 2.0
"""What imports, and declarations without bodies, are worth more than a method thinks."""

_DOCSTRING = re.compile(r"[rRuU]?(\"\"\"|''')")
_GOES_ON = re.compile(r"[^\w@$#~\"'\\]")  # may belong to the line before, where a language joins
_BLOCK = re.compile(r"(?:func|class|interface|enum|if|for|while|try|switch|import)\w*$")
_STATEMENT = re.compile(r"(?<!export)_statement$")


@dataclass(slots=True)
class Member:
    """A statement or declaration, or several that cannot be told apart: characters [start, end)."""

    start: int
    end: int
    kind: str
    stays: bool = False


@dataclass(slots=True)
class Block:
    """A container whose children are looked at: characters [start, end).

    Attributes:
        start: First character.
        end: One past the last.
        node: It.
        holder: Kind of the node around it; empty for the whole text.
        depth: How many such blocks are around it.
        outline: Whether it holds declarations, not statements of a body.
        literal: Whether it holds values with commas.
        own: Whether its first member is the first of a line.
        long: Whether it holds enough to be shortened.
    """

    start: int
    end: int
    node: SgNode
    holder: str
    depth: int
    outline: bool
    literal: bool
    own: bool = True
    long: bool = True


@dataclass(slots=True)
class Cutter:
    """Cuts one text. Offsets are characters.

    Attributes:
        text: The source, lone surrogates and lone carriage returns replaced.
        grammar: Its language's.
        keep: Names of functions and classes whose bodies stay.
        bodies: Whether statements of bodies may go.
        comments: Whether comments and docstrings may go.
        notes: Whether missing statements leave a note.
    """

    text: str
    grammar: Grammar
    keep: frozenset[str]
    bodies: bool
    comments: bool
    notes: bool
    claims: list[Claim] = field(default_factory=list)
    series: list[tuple[list[int], str, int]] = field(default_factory=list)  # by first characters
    _lines: Lines = field(init=False)
    _errors: list[tuple[int, int]] = field(default_factory=list)
    _blocks: list[tuple[int, int, SgNode]] = field(default_factory=list)
    _literals: list[tuple[int, int, SgNode]] = field(default_factory=list)
    _kept: list[tuple[int, int]] = field(default_factory=list)

    def cut(self, root: SgNode) -> Structure:
        """Return the structure of the text that a tree was read from."""
        blocks = self._all(root, self.grammar.containers)
        literals = self._all(root, self.grammar.literals)
        remarks = self._all(root, self.grammar.comments)
        nodes = len(blocks) + len(remarks) + len(root.children())
        if not self.grammar.needs and is_minified(self.text, nodes):
            return cut_minified(self.text, self.grammar, root)
        self._lines = Lines(self.text, dict(bounds(node) for node in remarks))
        wrong = [*root.find_all(kind="ERROR"), *made_up(root)]
        self._errors = outermost([bounds(node) for node in wrong])
        self._blocks = in_order(blocks)
        if not is_minified(self.text, len(literals)):
            self._literals = in_order(literals)
        if self.keep:
            named = [(start, end) for start, end, node in self._blocks if self.keep & names(node)]
            self._kept = outermost(named)
        waiting = [(root, 0)]
        while waiting:
            node, depth = waiting.pop()
            waiting += [(inner, depth + 1) for inner in self._open(node, depth)]
        if self.comments:
            taken = [(claim.start, claim.end) for claim in self.claims]
            self.claims += claim_comments(self._lines, [*taken, *self._kept])
        return self._tile()

    def _all(self, root: SgNode, kinds: frozenset[str]) -> list[SgNode]:
        if not kinds:
            return []
        return root.find_all({"rule": {"any": [{"kind": kind} for kind in sorted(kinds)]}})

    # --- what may go from one container ---------------------------------------------------------

    def _open(self, node: SgNode, depth: int) -> list[SgNode]:
        """Claim what may go from a container; return the containers inside that are left to do."""
        block = self._block(node, depth)
        if (block.start, block.end) in self._kept:
            return []
        children = [(*bounds(child), child) for child in node.children()]
        members = self._members(children, block)
        if not members or any(member.kind == "case_clause" for member in members):
            return [inner for member in members for inner in self._inside(member, block)]
        if depth:
            block.long = members[-1].end - members[0].start > SHORT_BODY
            block.own = self._lines.opens(members[0].start)
        if not block.long:
            return []
        summary = self._docstring(members[0], block)
        inside: list[SgNode] = []
        gone: list[Claim] = []
        for member in members[1:] if summary else members:
            inner = self._inside(member, block) or self._values_inside(member, block)
            if self._stays(member, block, inner):
                inside += inner
            else:
                gone.append(self._claim(member, block))
        self._claim_blanks(children, block)
        self._say(gone, summary, block, stays=len(gone) < len(members) - (summary is not None))
        return inside

    def _block(self, node: SgNode, depth: int) -> Block:
        parent = node.parent()
        holder = parent.kind() if parent else ""
        outline = not self.grammar.outlines.isdisjoint({node.kind(), holder})
        literal = node.kind() in self.grammar.literals
        return Block(*bounds(node), node, holder, depth, outline, literal)

    def _members(self, children: list[tuple[int, int, SgNode]], block: Block) -> list[Member]:
        """Return what a container holds, without comments, joined where it cannot be parted."""
        grammar = self.grammar
        head = self._line(block.start) if block.node.kind().startswith("preproc_") else -1
        members: list[Member] = []
        joined = False
        ended = True  # whether no line so far could go on in the next
        for start, end, child in children:
            kind = child.kind()
            if start == end or kind in grammar.comments:
                continue
            if not child.is_named():
                if kind in {";", ",", "&"} and members:
                    members[-1].end = end
                continue
            member = Member(start, end, kind)
            if self._line(start) == head:
                continue  # the condition of a conditional part of the text
            member.stays = kind in grammar.parts or kind == "ERROR" or self._wrong(start, end)
            if members and (joined or self._belongs(members[-1], member, ended=ended)):
                last = members[-1]
                stays = last.stays or member.stays
                members[-1] = Member(last.start, end, member.kind if joined else last.kind, stays)
            else:
                members.append(member)
            joined = kind in grammar.before
            ended = block.literal or (ended and self._is_ended(member))
        return members

    def _belongs(self, last: Member, member: Member, *, ended: bool) -> bool:
        """Return whether a member cannot be parted from the one before it."""
        if member.kind in self.grammar.after:
            return True
        if self._line(last.end - 1) == self._line(member.start):
            parted = self.text[last.end - 1] in ";}" and not self.grammar.needs
            return not parted and not last.stays and not member.stays
        joins = self.grammar.joins and not ended
        return joins and _GOES_ON.match(self.text, member.start) is not None

    def _is_ended(self, member: Member) -> bool:
        last = self.text[member.end - 1]
        return last == ";" or (last == "}" and _BLOCK.match(member.kind) is not None)

    def _wrong(self, start: int, end: int) -> bool:
        index = bisect_left(self._errors, (start,))
        if index and self._errors[index - 1][1] > start:
            return True
        return index < len(self._errors) and self._errors[index][0] < end

    def _inside(self, member: Member, around: Block) -> list[SgNode]:
        """Return the outermost containers in a member of a container."""
        return within(self._blocks, member, around)

    def _values_inside(self, member: Member, around: Block) -> list[SgNode]:
        """Return the outermost literals in a long member, if it is mostly literals."""
        size = member.end - member.start
        if (
            member.stays
            or size <= LONG_VALUES
            or not (self.bodies or around.outline or around.literal)
        ):
            return []
        found = within(self._literals, member, around)
        return found if sum(len(node.text()) for node in found) > size * MOSTLY_INSIDE else []

    def _stays(self, member: Member, block: Block, inner: list[SgNode]) -> bool:
        """Return whether a member is not to be one piece; what is inside may still go."""
        if member.stays or not (block.outline or block.literal or self.bodies):
            return True
        if self.grammar.needs and not block.own and not block.literal:
            return True
        if block.outline and self._is_pinned(member):
            return True
        if any(member.start <= start and end <= member.end for start, end in self._kept):
            return True
        if not inner or block.depth >= DEEPEST:
            return False
        size = member.end - member.start
        share = sum(len(node.text()) for node in inner) / size
        if block.outline and not _STATEMENT.search(member.kind):
            return size <= LONG_LITERAL or share > LEAST_INSIDE
        return size > (LONG_LITERAL if block.outline else LONGEST) and share > MOSTLY_INSIDE

    def _is_pinned(self, member: Member) -> bool:
        pinned = self.grammar.pinned
        return bool(pinned) and re.compile(pinned).match(self.text, member.start) is not None

    # --- pieces ---------------------------------------------------------------------------------

    def _claim(self, member: Member, block: Block) -> Claim:
        start, end = self._lines.around(member.start, member.end) or (member.start, member.end)
        value = 0.0
        if member.kind in self.grammar.imports:
            value = IMPORT
        elif block.outline and end - start <= LONG_LITERAL:
            value = DECLARED
        claim = Claim(start, end, "whole", value)
        self.claims.append(claim)
        return claim

    def _docstring(self, member: Member, block: Block) -> Claim | None:
        """Claim a docstring; return where it is, if there is one."""
        match = _DOCSTRING.match(self.text, member.start)
        if self.grammar.name != "python" or match is None or member.stays or not block.own:
            return None
        if block.holder not in {"", "function_definition", "class_definition"}:
            return None
        alone = self._lines.around(member.start, member.end)
        if not self.comments or alone is None:
            return Claim(member.start, member.end, "fixed")
        ended = self.text.find(match[1], match.end(), member.end) == member.end - 3
        if ended and member.end - member.start > LONG_COMMENT:
            self.claims += claim_lines(self._lines, match.end(), member.end - 3)
            return Claim(*alone, "fixed")
        self.claims.append(Claim(*alone, "whole"))
        return self.claims[-1]

    def _claim_blanks(self, children: list[tuple[int, int, SgNode]], block: Block) -> None:
        """Claim the blank lines before and between what a container holds."""
        gaps = [(left[1], right[0]) for left, right in pairwise(children)]
        if block.own and block.depth:
            gaps.append((self._lines.blank_before(children[0][0]), children[0][0]))
        elif not block.depth:
            gaps = [(0, children[0][0]), *gaps, (children[-1][1], len(self.text))]
        for left, right in gaps:
            if right <= left or self.text[left:right].strip():
                continue
            first = left
            if left and self.text[left - 1] != "\n":
                first = self._lines.after(left)
            last = right if right == len(self.text) else self._lines.first(right)
            if first < last:
                self.claims.append(Claim(first, last, "blank"))

    def _say(self, gone: list[Claim], summary: Claim | None, block: Block, *, stays: bool) -> None:
        """Write a note where statements may be missing, or see that one stays where one must."""
        if summary and summary.kind == "whole" and not gone and not stays:
            gone = [summary]
        stays = stays or (summary is not None and summary.kind == "fixed")
        bare = self.grammar.needs and not stays and not block.literal
        if not gone or not block.depth or not self._lines.opens(gone[0].start):
            return
        if block.outline and not bare:
            return
        if not self.notes:
            if bare:
                min(gone, key=lambda claim: claim.end - claim.start).kind = "fixed"
            return
        at = self._lines.first(gone[0].start)
        newline = "\r\n" if self.text.endswith("\r\n", 0, self._lines.after(at)) else "\n"
        said = "# ..." if block.literal and self.grammar.name == "python" else self.grammar.note
        note = self._lines.indent(at) + said + newline
        self.series.append(([claim.start for claim in gone], note, at))

    def _tile(self) -> Structure:
        """Return all claims as pieces, with what stays between them."""
        pieces: list[Piece] = []
        at = 0
        for claim in sorted(self.claims, key=lambda claim: claim.start):
            if claim.kind == "fixed" or claim.start < at or claim.start >= claim.end:
                continue
            if claim.start > at:
                pieces.append(Piece(at, claim.start, "fixed"))
            pieces.append(Piece(claim.start, claim.end, claim.kind, claim.value))
            at = claim.end
        if at < len(self.text):
            pieces.append(Piece(at, len(self.text), "fixed"))
        places = {piece.start: index for index, piece in enumerate(pieces)}
        series = tuple(
            Series(tuple(places[start] for start in starts if start in places), note, at)
            for starts, note, at in self.series
        )
        return Structure("code", tuple(pieces), series)

    def _line(self, at: int) -> int:
        return self._lines.number(at)


def within(blocks: list[tuple[int, int, SgNode]], member: Member, around: Block) -> list[SgNode]:
    """Return the outermost of all blocks, in order, that are in a member of another."""
    outer = (around.start, around.end)  # with one member only, both may have the same bounds
    index = bisect_left(blocks, member.start, key=lambda block: block[0])
    found: list[SgNode] = []
    end = -1
    while index < len(blocks) and blocks[index][0] < member.end:
        block = blocks[index]
        if block[0] >= end and block[1] <= member.end and block[:2] != outer:
            found.append(block[2])
            end = block[1]
            index = bisect_left(blocks, end, lo=index + 1, key=lambda block: block[0])
        else:
            index += 1
    return found


def names(block: SgNode) -> set[str]:
    """Return what the function or class around a block is called: "f", "A::f" and "f", or none."""
    return {name for node in list(block.ancestors())[:2] for name in _names(node)}


def _names(node: SgNode) -> Iterator[str]:
    for label in ("name", "declarator", "key", "left"):
        found = node.field(label)
        while found and (deeper := found.field("declarator")):
            found = deeper
        if found:
            text = found.text()
            yield text
            yield re.split(r"::|[.:]", text)[-1]
    for child in node.children():
        if child.kind() in {"simple_identifier", "type_identifier"}:
            yield child.text()
            return
