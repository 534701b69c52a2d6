"""The texts that are read on: abstracts of 2025 that are long enough, then openings of articles.

Of the 59,495 abstracts in the development data few are long enough, so that their titles are put
in front, and articles complete the number: those not of ACL, whose old papers any model may know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tokenizers import Tokenizer

from tersely.evaluation.source import Row, Source

ABSTRACTS, ARTICLES = "arxiv_abstracts", "sci_fulltext"
YEAR = "2025"
LEAST_CHARS, MOST_CHARS = 1_200, 6_000  # what 481 tokens cannot and will have; saves time


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, in tokens.

    Attributes:
        set: Name of the data set.
        id: Its id there.
        ids: Its first tokens, exactly as many as were asked for.
    """

    set: str
    id: str
    ids: tuple[int, ...]

    @property
    def of(self) -> str:
        """16 hex digits that tell its tokens from others."""
        return hashlib.sha256(repr(self.ids).encode()).hexdigest()[:16]


def read_passages(
    source: Source, tokenizer: Tokenizer, *, count: int, tokens: int
) -> list[Passage]:
    """Return the first tokens of `count` texts: all abstracts that have so many, then articles.

    Each set is in the order of the hashes of its ids, which has nothing to do with their content.

    Args:
        source: Where the data sets lie.
        tokenizer: Of the model that will read them.
        count: How many texts, at most.
        tokens: How many tokens each.
    """
    found: list[Passage] = []
    for name, texts in ((ABSTRACTS, _abstracts(source)), (ARTICLES, _articles(source))):
        rows = [(key, text[:MOST_CHARS]) for key, text in texts if len(text) >= LEAST_CHARS]
        rows.sort(key=lambda row: hashlib.sha256(row[0].encode()).digest())
        cuts = tokenizer.encode_batch([text for _, text in rows], add_special_tokens=False)
        found += [
            Passage(name, row[0], tuple(cut.ids[:tokens]))
            for row, cut in zip(rows, cuts, strict=True)
            if len(cut.ids) >= tokens
        ]
        if len(found) >= count:
            break
    return found[:count]


def remembered_passages(
    file: Path, source: Source, tokenizer: Tokenizer, *, count: int, tokens: int
) -> list[Passage]:
    """Return `read_passages`, from a file where it was done before with the same data.

    Cutting 59,495 abstracts into tokens takes half a minute, again for every report.
    """
    key = {
        "data": [source.sha256(name) for name in (ABSTRACTS, ARTICLES)],
        "tokenizer": hashlib.sha256(tokenizer.to_str().encode()).hexdigest(),
        "count": count,
        "tokens": tokens,
    }
    if file.is_file() and (known := json.loads(file.read_text("utf-8")))["key"] == key:
        return [Passage(one["set"], one["id"], tuple(one["ids"])) for one in known["passages"]]
    found = read_passages(source, tokenizer, count=count, tokens=tokens)
    file.parent.mkdir(parents=True, exist_ok=True)
    passages = [asdict(passage) for passage in found]
    file.write_text(json.dumps({"key": key, "passages": passages}), "utf-8")
    return found


def counts_of(passages: Sequence[Passage]) -> dict[str, int]:
    """Return how many passages there are of each set."""
    sets = [passage.set for passage in passages]
    return {name: sets.count(name) for name in dict.fromkeys(sets)}


def _abstracts(source: Source) -> Iterator[tuple[str, str]]:
    for row in source.rows(ABSTRACTS):
        if str(row["date"]).startswith(YEAR):
            yield row["id"], _joined(row, "title", "text")


def _articles(source: Source) -> Iterator[tuple[str, str]]:
    for row in source.rows(ARTICLES):
        if not row["id"].startswith("acl-"):
            yield row["id"], _joined(row, "title", "abstract", "text")


def _joined(row: Row, *names: str) -> str:
    return "\n\n".join(part.strip() for name in names if (part := row.get(name) or ""))
