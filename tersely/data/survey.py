"""What is in a set: domains, lengths, languages, answer places, labels, what is there twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tersely.counting.base import TokenCounter
from tersely.data.duplicates import Seen
from tersely.data.kinds import answers, at, documents, gold_documents, kind_of, passages, whole
from tersely.data.languages import language_of
from tersely.data.lines import Line, Row
from tersely.data.sanity import fault_of
from tersely.data.similar import digest_of

TENTHS = 10
_DOMAINS = ("domain", "task", "source", "kind")


@dataclass(slots=True)
class Survey:
    """What was counted.

    Attributes:
        tokenizer: Whose tokens lengths are in.
        rows: How many there are.
        bad_lines: Lines that are no rows.
        kinds: How many rows of each kind.
        tokens: By set, the tokens of each row's passages.
        languages: How many rows in each language; "und" where it cannot be told.
        answer_places: Where the first answer begins, as a share of all passages' characters.
        gold_places: Where the first gold document stands: 0.0 first, 1.0 last.
        faults: How many rows for each reason to leave them out.
        values: Words of label rows by value, in tenths.
        kept_shares: Of each label row, the share of words with a value of 0.5 and above.
        passages: How many different passages there are.
        duplicates: Rows that are the same as an earlier one.
        near_duplicates: Rows that are nearly the same.
    """

    tokenizer: str
    rows: int = 0
    bad_lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    languages: Counter[str] = field(default_factory=Counter)
    answer_places: list[float] = field(default_factory=list)
    gold_places: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    values: list[int] = field(default_factory=lambda: [0] * TENTHS)
    kept_shares: list[float] = field(default_factory=list)
    passages: int = 0
    duplicates: int = 0
    near_duplicates: int = 0

    @property
    def all_tokens(self) -> list[int]:
        """The tokens of every row."""
        return [count for counts in self.tokens.values() for count in counts]

    def numbers(self) -> dict[str, Any]:
        """Return everything, for JSON; what there is none of is null."""
        words = sum(self.values)
        return {
            "rows": self.rows,
            "bad_lines": self.bad_lines,
            "kinds": _ordered(self.kinds),
            "tokenizer": self.tokenizer,
            "tokens": quartiles(self.all_tokens),
            "sets": {name: quartiles(counts) for name, counts in sorted(self.tokens.items())},
            "languages": _ordered(self.languages),
            "answer_places": tenths(self.answer_places),
            "gold_places": tenths(self.gold_places),
            "faults": _ordered(self.faults),
            "labels": {
                "rows": len(self.kept_shares),
                "words": words,
                "values": self.values,
                "kept_share": sum(self.values[TENTHS // 2 :]) / words if words else None,
                "kept_share_of_rows": quartiles(self.kept_shares),
            },
            "passages": self.passages,
            "duplicates": self.duplicates,
            "near_duplicates": self.near_duplicates,
        }


def survey(lines: Iterable[Line], counter: TokenCounter, *, near: float = 0.8) -> Survey:
    """Count what is in a set.

    Args:
        lines: Its rows.
        counter: Counts tokens.
        near: Share of word runs from which two rows are the same.

    Raises:
        MissingDependency: A library of the extra "data" is not installed.
    """
    found = Survey(tokenizer=counter.name)
    seen, different = Seen(near), set[bytes]()
    for line in lines:
        row, text = line.row, whole(line.row)
        found.rows += 1
        found.kinds[kind_of(row)] += 1
        found.tokens[_set_of(line)].append(counter.count(text))
        found.languages[language_of(text)] += 1
        different |= {digest_of(at(row, where)) for where in passages(row)}
        if fault := fault_of(row, new_words=0.1, check_answers=True):
            found.faults[fault[0]] += 1
        else:
            _count_row(found, row)
        if twin := seen.show(row):
            found.duplicates += twin.exact
            found.near_duplicates += not twin.exact
    found.passages = len(different)
    return found


def quartiles(values: Sequence[float]) -> dict[str, float] | None:
    """Return count, smallest, quartiles, mean and largest; None of nothing."""
    if not values:
        return None
    low, first, middle, third, high = np.percentile(values, [0, 25, 50, 75, 100]).tolist()
    return {
        "count": len(values),
        "least": low,
        "quarter": first,
        "median": middle,
        "three_quarters": third,
        "most": high,
        "mean": float(np.mean(values)),
    }


def tenths(shares: Sequence[float]) -> list[int] | None:
    """Return how many of these shares are in each tenth of [0, 1]; None of nothing."""
    if not shares:
        return None
    counted = np.histogram(shares, bins=TENTHS, range=(0.0, 1.0))[0]
    return [int(count) for count in counted]


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _set_of(line: Line) -> str:
    """Return the file's name, and the domain if the row says one."""
    name = Path(line.place.file).name.removesuffix(".gz").removesuffix(".jsonl")
    domains = [str(line.row[key]) for key in _DOMAINS if isinstance(line.row.get(key), str)]
    return f"{name}: {domains[0]}" if domains else name


def _count_row(found: Survey, row: Row) -> None:
    kind = kind_of(row)
    if kind == "label":
        for value in row["values"]:
            found.values[min(TENTHS - 1, int(value * TENTHS))] += 1
        kept = sum(value >= 0.5 for value in row["values"])
        found.kept_shares.append(kept / len(row["values"]))
    if kind == "qa":
        gold = gold_documents(row)
        if gold and len(row.get("documents", [])) > 1:
            found.gold_places.append(gold[0] / (len(row["documents"]) - 1))
        if (place := _answer_place(row, gold)) is not None:
            found.answer_places.append(place)


def _answer_place(row: Row, gold: Sequence[int]) -> float | None:
    """Return where the first answer begins in the gold documents, as a share of all passages."""
    before, texts = 0, [at(row, where) for where in documents(row)]
    total = sum(map(len, texts))
    wanted = [answer.strip().casefold() for answer in answers(row) if answer.strip()]
    for nth, text in enumerate(texts):
        plain = text.casefold()
        places = [place for answer in wanted if (place := plain.find(answer)) >= 0]
        if places and (not gold or nth in gold):
            return min(1.0, (before + min(places)) / total)
        before += len(text)
    return None
