"""Plain text → a prompt with roles: instruction, demonstrations, question.

A few-shot prompt is a row of blocks, separated by blank lines, that begin with the same label
("Question:", "Q:", "Input 3:"). What stands before the first is the instruction; a last block
that lacks what the others end with is the question.
"""

from __future__ import annotations

import re
from collections import Counter

from tersely.core.prompt import Prompt, Role, Segment

_BLANK_LINES = re.compile(r"(?<![ \t])(?:[ \t]*+\r?\n){2,}+")
_LABEL = re.compile(r"[ \t]*([^\W\d_][^\n:]{0,23}?)[ \t]*#?\d*[ \t]*[::](?!//)")
# What documents are headed by: a row of them is no row of demonstrations.
_DOCUMENT = re.compile(r"(?:document|passage|source|title|article|chapter|section)\b")
_LEAST_BLOCKS = 2
# Of the blocks from the first label on: a demonstration has few blocks, a document with notes many.
_LEAST_SHARE = 0.2
_ANSWER_WORDS = 3


def parse_prompt(text: str) -> Prompt:
    """Cut a text into demonstrations if it is a few-shot prompt, else leave it one context.

    The segments and separators of the result make up the text, byte for byte.
    """
    blocks, separators = _blocks(text)
    starts = _demonstration_starts(blocks)
    if len(starts) < _LEAST_BLOCKS or len(starts) < _LEAST_SHARE * (len(blocks) - starts[0]):
        return Prompt.of(text)
    edges = [*([0] if starts[0] else []), *starts]
    merged = [
        _rejoin(blocks, separators, a, b)
        for a, b in zip(edges, [*edges[1:], len(blocks)], strict=True)
    ]
    first = 1 if starts[0] else 0
    roles: list[Role] = ["demonstration"] * len(merged)
    if first:
        roles[0] = "instruction"
    if _is_open(merged[first:]):
        roles[-1] = "question"
    segments = tuple(Segment(piece, role) for piece, role in zip(merged, roles, strict=True))
    return Prompt(segments, tuple(separators[edge - 1] for edge in edges[1:]))


def _blocks(text: str) -> tuple[list[str], list[str]]:
    """Split at blank lines; blank lines at either end stay with their block."""
    blocks, separators = [], []
    at = 0
    for gap in _BLANK_LINES.finditer(text):
        if not text[at : gap.start()].strip() or not text[gap.end() :].strip():
            continue
        blocks.append(text[at : gap.start()])
        separators.append(gap[0])
        at = gap.end()
    return [*blocks, text[at:]], separators


def _demonstration_starts(blocks: list[str]) -> list[int]:
    """Return the indices of the blocks that begin with the most frequent label."""
    labels = [_label(block) for block in blocks]
    counts = Counter(label for label in labels if label)
    if not counts:
        return []
    best = max(counts, key=lambda label: (counts[label], -labels.index(label)))
    return [index for index, label in enumerate(labels) if label == best]


def _label(block: str) -> str | None:
    match = _LABEL.match(block.lstrip("\r\n"))
    label = match[1].strip().casefold() if match else None
    return None if label is None or _DOCUMENT.match(label) else label


def _rejoin(blocks: list[str], separators: list[str], start: int, end: int) -> str:
    pieces = [blocks[start]]
    for index in range(start + 1, end):
        pieces += [separators[index - 1], blocks[index]]
    return "".join(pieces)


def _is_open(blocks: list[str]) -> bool:
    """Return whether the last block lacks the ending that all others share."""
    *others, last = blocks
    endings = {_opening_words(_last_line(block)) for block in others}
    if last.rstrip().endswith(":"):
        return True
    shared = endings.pop() if len(endings) == 1 else None
    if shared and len(others) > 1:
        return _opening_words(_last_line(last)) != shared
    labels = [_line_labels(block) for block in others]
    wanted = set.intersection(*labels) if labels else set()
    return not wanted <= _line_labels(last)


def _last_line(block: str) -> str:
    return block.rstrip().rpartition("\n")[2]


def _opening_words(line: str) -> tuple[str, ...]:
    return tuple(line.casefold().split()[:_ANSWER_WORDS])


def _line_labels(block: str) -> set[str]:
    return {match[1].casefold() for line in block.splitlines() if (match := _LABEL.match(line))}
