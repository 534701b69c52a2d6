"""Two sides that share no passage: what a compressor learns from, and what it is measured on.

Rows are held together by a field ("group") and by their passages, the same or nearly so, at any
number of steps. What is held together goes to one side. Which one is a matter of hashes: neither
the order of the rows nor the machine counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tersely.data.kinds import at, gold_documents, kind_of, passages
from tersely.data.lines import Line, Row
from tersely.data.similar import NearIndex, digest_of, signature_of
from tersely.errors import SettingError

_BYTES = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How rows are shared out.

    Attributes:
        share: Of the rows, how many are to learn from, in (0, 1). It is met as closely as what
            is held together allows.
        by: Fields whose value holds rows together; a row may lack them.
        near: Share of word runs from which two passages are the same.
        seed: Which of the possible splits.
    """

    share: float = 0.8
    by: tuple[str, ...] = ("group",)
    near: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise SettingError(f"share is above 0 and below 1; got {self.share}.")
        if not 0.3 <= self.near <= 1:
            raise SettingError(f"near is in [0.3, 1]; got {self.near}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where each row goes.

    Attributes:
        in_train: For each row in order, whether it is to learn from.
        groups: How many groups are held together.
        largest: Rows of the largest.
    """

    in_train: tuple[bool, ...]
    groups: int
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """What the two sides have in common, looked for afresh.

    Attributes:
        train_passages: Different passages to learn from.
        test_passages: Different passages of the other side.
        same: Of these, how many stand in both.
        near: How many more are near to one on the other side.
        closest: The greatest likeness of two passages that are neither, of those that were
            looked at: 0.5 and above; 0.0 if there are none.
        documents: Share of the test rows of which any document, distractors too, stands in train.
    """

    train_passages: int
    test_passages: int
    same: int
    near: int
    closest: float
    documents: float


def split_rows(lines: Iterable[Line], settings: Splitting) -> Split:
    """Share rows out.

    The passages of a question are its gold documents, where the row says which they are, and
    otherwise all of its documents.

    Raises:
        SettingError: There are no rows, or all are held together.
        MissingDependency: datasketch is not installed.
    """
    held = _Held()
    index = NearIndex(settings.near)
    known: dict[bytes, int] = {}
    ids: list[int] = []
    names: dict[int, bytes] = {}
    for line in lines:
        node = held.add()
        ids.append(node)
        for field in settings.by:
            if line.row.get(field) not in (None, ""):
                held.tie(node, f"{field} {line.row[field]}".encode(*_BYTES))
        if line.row.get("id") not in (None, ""):  # what was made of a row goes with it
            source, _, _ = str(line.row["id"]).rpartition("~")
            whole = not source or "augmented" not in line.row
            held.tie(node, f"id {line.row['id'] if whole else source}".encode(*_BYTES))
        for text in passage_texts(line.row):
            digest = digest_of(text)
            held.tie(node, digest)
            names[node] = min(names.get(node, digest), digest)
            if digest not in known:
                known[digest] = node
                _tie_near(held, index, node, len(known), text)
        names.setdefault(node, digest_of(str(line.row)))
    return _shared_out(ids, held, names, settings)


def leakage(
    train: Iterable[Line], test: Iterable[Line], *, near: float, looked: float = 0.5
) -> Leakage:
    """Look for passages that stand on both sides, or nearly so.

    This knows nothing of how the rows were shared out.
    """
    index = NearIndex(min(looked, near))
    learnt: dict[bytes, int] = {}
    everywhere: set[bytes] = set()
    for line in train:
        everywhere |= {digest_of(text) for text in _all_texts(line.row)}
        for text in passage_texts(line.row):
            digest = digest_of(text)
            if digest not in learnt:
                learnt[digest] = len(learnt)
                if (signature := signature_of(text)) is not None:
                    index.add(learnt[digest], signature)
    found: Counter[str] = Counter()
    closest, seen = 0.0, set[bytes]()
    rows = shared = 0
    for line in test:
        rows += 1
        shared += any(digest_of(text) in everywhere for text in _all_texts(line.row))
        for text in passage_texts(line.row):
            digest = digest_of(text)
            if digest in seen:
                continue
            seen.add(digest)
            alike = 1.0 if digest in learnt else _closest(index, text)
            name = "same" if digest in learnt else "near" if alike >= near else "apart"
            found[name] += 1
            closest = max(closest, alike) if name == "apart" else closest
    return Leakage(
        train_passages=len(learnt),
        test_passages=len(seen),
        same=found["same"],
        near=found["near"],
        closest=closest,
        documents=shared / rows if rows else 0.0,
    )


def passage_texts(row: Row) -> list[str]:
    """Return the passages that a row must not share with the other side."""
    places = passages(row)
    if kind_of(row) == "conversation":
        return ["\n".join(at(row, where) for where in places)]
    gold = {*gold_documents(row)} if kind_of(row) == "qa" else set()
    chosen = [where for where in places if where[1:2] and where[1] in gold] if gold else places
    found = [at(row, where) for where in chosen or places]
    return [text for text in found if text.strip()] or [str(row.get("question", ""))]


def _all_texts(row: Row) -> list[str]:
    return [at(row, where) for where in passages(row)]


def _closest(index: NearIndex, text: str) -> float:
    signature = signature_of(text)
    if signature is None:
        return 0.0
    return max((alike for _, alike in index.near(signature)), default=0.0)


class _Held:
    """What is held together: a forest of nodes, some with a name."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._named: dict[bytes, int] = {}

    def add(self) -> int:
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def root(self, node: int) -> int:
        while self._parents[node] != node:
            self._parents[node] = self._parents[self._parents[node]]
            node = self._parents[node]
        return node

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first

    def tie(self, node: int, name: bytes) -> None:
        self.join(node, self._named.setdefault(name, node))


def _tie_near(held: _Held, index: NearIndex, node: int, key: int, text: str) -> None:
    signature: Any = signature_of(text)
    if signature is None:
        return
    for other, _ in index.near(signature):
        held.tie(node, b"near %d" % other)
    held.tie(node, b"near %d" % key)
    index.add(key, signature)


def _shared_out(
    ids: Sequence[int], held: _Held, names: dict[int, bytes], settings: Splitting
) -> Split:
    groups: dict[int, list[int]] = defaultdict(list)
    for node in ids:
        groups[held.root(node)].append(node)
    if len(groups) < 2:
        raise SettingError(
            f"{len(ids)} rows are held together as {len(groups)} group; two are needed."
            " More documents, a field with more values (--by), or a higher --near part them."
        )

    def order(nodes: list[int]) -> bytes:
        name = min(names[node] for node in nodes)
        return hashlib.sha256(b"%d " % settings.seed + name).digest()

    wanted = (1 - settings.share) * len(ids)
    test: set[int] = set()
    ordered = sorted(groups.values(), key=order)
    for nodes in ordered:
        if abs(len(test) + len(nodes) - wanted) < abs(len(test) - wanted):
            test |= {*nodes}
    if not test:  # every group is larger than twice what is wanted
        test = {*min(ordered, key=len)}
    if len(test) == len(ids):
        test -= {*min(ordered, key=len)}
    return Split(
        in_train=tuple(node not in test for node in ids),
        groups=len(groups),
        largest=max(map(len, groups.values())),
    )
