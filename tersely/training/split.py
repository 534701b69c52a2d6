"""Which texts are held out: the same ones for whoever labels, trains and measures.

A text belongs to a group (an article, a paper, a meeting, a story), and a group is on one side
only. The side is a hash of the group's name, so that no list is kept, sets that share articles
(SQuAD, XQuAD and its translations, HotpotQA, Natural Questions, WikiText) agree, and a set that
grows moves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

HELD_OUT_TENTHS = 3

WIKIPEDIA = (
    "squad2_dev",
    "xquad",
    "hotpotqa500",
    "hotpotqa_distractor100",
    "wikitext2",
    "nq20_original",
    "nq20_rebuilt",
)
"""Sets whose texts are parts of Wikipedia articles: the article's title is their group."""


def is_held_out(group: str) -> bool:
    """Return whether a group is for measuring and never for training.

    It is if SHA-256 of its name, as a number, leaves 0, 1 or 2 when divided by ten. Case, blanks
    and underscores of the name do not count.
    """
    name = " ".join(group.replace("_", " ").split()).casefold()
    return int.from_bytes(_digest(name)) % 10 < HELD_OUT_TENTHS


def group_of(name: str, row: Mapping[str, Any], document: int = 0) -> str:
    """Return the group of one text of a row.

    Args:
        name: The set that the row is of.
        row: With "documents", of which each has "title" and "text", or with "id".
        document: Which of the row's documents is meant.

    Returns:
        "wikipedia/TITLE" for parts of Wikipedia articles; "NAME/" and a hash of the text for
        documents that have several questions and no title of their own; "NAME/ID" for all else.
    """
    documents = row.get("documents") or [row]
    found = documents[document]
    if name in WIKIPEDIA and str(found.get("title") or "").strip():
        return f"wikipedia/{found['title']}"
    if name in ("covidqa", "mctest"):
        text = " ".join(str(found.get("text", "")).split())
        return f"{name}/{stable_number(text):016x}"
    return f"{name}/{row.get('id', '')}"


def stable_number(text: str) -> int:
    """Return a number in [0, 2**64) that depends on nothing but a text."""
    return int.from_bytes(_digest(text)[:8])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
