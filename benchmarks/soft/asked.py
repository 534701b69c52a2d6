"""What memories are asked: questions about windows of texts, and texts to be given back.

Every text belongs to a held-out group (`tersely.training.split`), so that nothing here has been
trained on; questions of the other groups are there to learn from. Each set is in the order of
hashes of its ids, which have nothing to do with content.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from benchmarks.soft.passages import ABSTRACTS, YEAR
from tersely.backends.tokenizer import encode
from tersely.evaluation.source import Row, Source, number_of
from tersely.training.split import group_of, is_held_out

QUESTIONS, TEXTS = "questions", "texts"
SETS = ("squad2_dev", "covidqa")
BREAK = "\n\n"
NEAR_CHARS = 12
"""Characters of a text that are looked at for each token of a window, on either side."""


@dataclass(frozen=True, slots=True)
class Item:
    """A text at one or more lengths, and what is asked about it.

    Attributes:
        task: `QUESTIONS`, or `TEXTS` where the text itself is asked for.
        set: Name of the data set.
        id: Its id there.
        group: What is resampled together.
        windows: For each length as many tokens of the text; those of a question hold its answer.
        question: What is asked; "" for texts.
        answers: What would be right.
    """

    task: str
    set: str
    id: str
    group: str
    windows: Mapping[int, tuple[int, ...]]
    question: str = ""
    answers: tuple[str, ...] = ()

    def of(self, length: int) -> str:
        """Return 16 hex digits that tell what is asked from anything else."""
        said = repr((self.windows[length], self.question, self.answers))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_questions(
    source: Source,
    tokenizer: Tokenizer,
    *,
    count: int,
    lengths: Sequence[int],
    held_out: bool = True,
) -> list[Item]:
    """Return `count` questions of each set, each with a window of every length around its answer.

    A paragraph of Wikipedia stands among the others of its article that the set has, in their
    order. Where in the window the answer stands is drawn by a hash, alike for all lengths.

    Args:
        source: Where the data sets lie.
        tokenizer: Of the model that reads them.
        count: How many questions of each set, at most.
        lengths: Tokens of the windows.
        held_out: Of the groups that nothing is learnt from; else of all others.
    """
    found: list[Item] = []
    for name in SETS:
        rows = [row for row in source.rows(name) if row.get("answers")]
        texts = _whole_texts(name, rows)
        held = [row for row in rows if is_held_out(group_of(name, row)) == held_out]
        items = (
            _question(name, row, texts[group_of(name, row)], tokenizer, lengths)
            for row in sorted(held, key=lambda row: number_of(name, row["id"]))
        )
        found += _first(items, count)
    return found


def read_texts(
    source: Source, tokenizer: Tokenizer, *, count: int, lengths: Sequence[int]
) -> list[Item]:
    """Return `count` abstracts that have as many tokens as the greatest length, cut to each.

    Args:
        source: Where the data sets lie.
        tokenizer: Of the model that reads them.
        count: How many texts, at most.
        lengths: Tokens of the windows.
    """
    longest = max(lengths)
    rows = [
        (row["id"], f"{row['title'].strip()}{BREAK}{row['text'].strip()}".strip())
        for row in source.rows(ABSTRACTS)
        if str(row["date"]).startswith(YEAR) and is_held_out(group_of(ABSTRACTS, row))
    ]
    rows = [row for row in rows if len(row[1]) > 3 * longest]
    rows.sort(key=lambda row: number_of(ABSTRACTS, row[0]))
    return _first((_text(*row, tokenizer, lengths) for row in rows), count)


def _text(key: str, text: str, tokenizer: Tokenizer, lengths: Sequence[int]) -> Item | None:
    ids = tuple(map(int, encode(tokenizer, text).ids))
    if len(ids) < max(lengths):
        return None
    return Item(TEXTS, ABSTRACTS, key, key, {length: ids[:length] for length in lengths})


def _first(items: Iterator[Item | None], count: int) -> list[Item]:
    found: list[Item] = []
    for item in items:
        if len(found) == count:
            break
        if item is not None:
            found.append(item)
    return found


def _whole_texts(name: str, rows: Sequence[Row]) -> dict[str, str]:
    """Return the text of every group: all paragraphs that its rows have, each once."""
    parts: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        parts[group_of(name, row)][row["documents"][0]["text"]] = None
    return {group: BREAK.join(some) for group, some in parts.items()}


def _question(
    name: str, row: Row, whole: str, tokenizer: Tokenizer, lengths: Sequence[int]
) -> Item | None:
    """Return a question, or None where no window of a length holds an answer of it."""
    own = row["documents"][0]["text"]
    answers = tuple(dict.fromkeys(one.strip() for one in row["answers"] if one.strip()))
    said = next((one for one in answers if one in own), None)
    if said is None:
        return None
    start = whole.index(own) + own.index(said)
    reach = NEAR_CHARS * max(lengths)
    first = max(0, start - reach)
    tokens = encode(tokenizer, whole[first : start + len(said) + reach])
    start -= first
    inside = [
        at
        for at, (a, b) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
        if b > start and a < start + len(said)
    ]
    ids = tuple(map(int, tokens.ids))
    share = number_of("place", row["id"]) / 2**32
    windows = {n: _window(ids, inside[0], inside[-1] + 1, n, share) for n in lengths}
    if not all(len(window) == n for n, window in windows.items()):
        return None
    group = group_of(name, row)
    return Item(QUESTIONS, name, row["id"], group, windows, row["question"].strip(), answers)


def _window(
    ids: tuple[int, ...], first: int, end: int, length: int, share: float
) -> tuple[int, ...]:
    """Return `length` tokens with [first, end) among them; () where there are none."""
    spare = length - (end - first)
    if spare < 0 or len(ids) < length:
        return ()
    start = min(max(0, first - int(share * (spare + 1))), len(ids) - length)
    return ids[start : start + length]
