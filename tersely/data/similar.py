"""Texts that are nearly the same: MinHash signatures and an index of them, by datasketch.

Words and signs are compared in runs of three, without case, commas, stops and blanks; where words
are written without blanks, characters are. Two texts are near if the share of runs they have in
common (Jaccard), as 128 hashes estimate it, is at least a threshold. At 0.8 the estimate is off by
0.035 or less in two of three cases. Texts of few runs are near to none: a question of eight words
with one word changed is another question.

Source: Broder 1997, "On the resemblance and containment of documents".
Library: https://github.com/ekzhu/datasketch (MIT); its hashes are the same on every machine.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import regex

from tersely._optional import need

HASHES = 128
RUN_WORDS = 3
LEAST_RUNS = 20
SLACK = 0.2
"""How much lower the index looks than asked, so that little of what is asked for is missed."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS = regex.compile(
    rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]++|[\p{{S}}(){{}}\[\]*/\-%#&@]",
    regex.V1,
)


def normalised(text: str) -> str:
    """Return a text as it is compared: compatible characters, case and blanks made alike."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text as they are compared, without commas and stops."""
    found: list[str] = _WORDS.findall(normalised(text))
    return found


def digest_of(*texts: str) -> bytes:
    """Return 16 bytes that are the same for texts that differ in case and blanks alone."""
    joined = "\x00".join(normalised(text) for text in texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).digest()[:16]


def signature_of(text: str) -> Any:
    """Return the MinHash of a text; None if it has too few words to be near to another.

    Raises:
        MissingDependency: datasketch is not installed.
    """
    words = words_of(text)
    runs = {
        " ".join(words[at : at + RUN_WORDS]).encode("utf-8", "surrogatepass")
        for at in range(len(words) - RUN_WORDS + 1)
    }
    if len(runs) < LEAST_RUNS:
        return None
    minhash = need("datasketch", extra="data").MinHash
    made = minhash(
        num_perm=HASHES, hashfunc=zlib.crc32, permutations=_permutations(), scheme="affine32"
    )
    made.update_batch(sorted(runs))
    return made


def likeness(first: Any, second: Any) -> float:
    """Return the share of runs that two texts have in common, by their signatures."""
    return float(first.jaccard(second))


class NearIndex:
    """Finds, for a text, those seen before that are near. Keys are numbers the caller chooses."""

    def __init__(self, threshold: float) -> None:
        """Look for texts that share at least `threshold` of their runs.

        Raises:
            MissingDependency: datasketch is not installed.
        """
        self.threshold = threshold
        lowered = max(0.1, threshold - SLACK)
        self._index = need("datasketch", extra="data").MinHashLSH(
            threshold=lowered, num_perm=HASHES, weights=(0.2, 0.8)
        )
        self._signatures: dict[int, Any] = {}

    def near(self, signature: Any) -> Iterator[tuple[int, float]]:
        """Yield (key, likeness) of what is near, the smallest key first."""
        for key in sorted(self._index.query(signature)):
            alike = likeness(signature, self._signatures[key])
            if alike >= self.threshold:
                yield key, alike

    def add(self, key: int, signature: Any) -> None:
        """Take a text in."""
        self._index.insert(key, signature)
        self._signatures[key] = signature


@cache
def _permutations() -> Any:
    return need("datasketch", extra="data").MinHash(num_perm=HASHES, seed=1).permutations
