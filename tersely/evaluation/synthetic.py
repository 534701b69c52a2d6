"""Binary strings and seven questions about them: a set whose bound is known without a model.

The reader is a program that answers the question about whatever string it is given. So every
shorter string can be tried on every question, and the curves are exact.

Paper:    Nagle et al. 2024, "Fundamental Limits of Prompt Compression: A Rate-Distortion Framework
          for Black-Box Language Models", section 4. https://arxiv.org/abs/2407.15504
Code:     https://github.com/acnagle/fundamental-limits/tree/2fb729530c693cd113381afb388c4fb97f462d9f
Differs:  the paper's reader is a fine-tuned Mistral-7B, which errs, so its curves are others. Its
          set was drawn without a seed and has no licence: `make_items` draws another by the same
          law, and `read_items` reads the authors' file if you have it.
Cost:     seconds; no model.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from tersely.errors import SettingError
from tersely.evaluation.rate_distortion import (
    Bound,
    Candidates,
    Floats,
    Ints,
    agnostic_groups,
    aware_groups,
    distortion_rate,
)
from tersely.evaluation.source import read_rows

Pool = Literal["all", "pruned"]
"""What a string may become: any shorter string or itself, or only what is left if some symbols are
dropped. None may become the empty string."""

STAY = 0.9
SHORTEST, LONGEST = 4, 10
PER_QUERY = 200
MOST_SYMBOLS = 12
"""All shorter strings of a longer one are too many to try."""

TABLE_RATES = (0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60, 0.70, 0.80, 0.90)


def _longest_run(string: str) -> int:
    return max(len([*run]) for _, run in groupby(string))


def _transitions(string: str) -> int:
    return sum(left != right for left, right in pairwise(string))


ANSWERS: dict[str, Callable[[str], object]] = {
    "Count the number of 1s.": lambda string: string.count("1"),
    "Count the number of 0s.": lambda string: string.count("0"),
    "Compute the parity.": lambda string: string.count("1") % 2,
    "What is the length of the longest subsequence of 0s or 1s?": _longest_run,
    "Is the binary string a palindrome?": lambda s: "Yes" if s == s[::-1] else "No",
    "Count the number of transitions from 0 to 1 and 1 to 0.": _transitions,
    "Predict the next bit.": lambda string: string[-1],  # it is likelier to stay
}
"""By question, worded as in the authors' files, the program that answers it."""

PALINDROME = "Is the binary string a palindrome?"
NEXT_BIT = "Predict the next bit."


@dataclass(frozen=True, slots=True)
class Item:
    """One string, one question, and the right answer.

    Attributes:
        context: Zeros and ones, at least one.
        query: A key of `ANSWERS`.
        answer: As text. Of the next bit it is what chance drew, so no reader is always right.
    """

    context: str
    query: str
    answer: str


@dataclass(frozen=True, slots=True)
class SyntheticCurves:
    """The curves of a set.

    Attributes:
        agnostic: The compressor does not know the question.
        aware: It does.
        by_query: Aware, over the items of one question.
    """

    agnostic: Bound
    aware: Bound
    by_query: dict[str, Bound]


def answer(query: str, string: str) -> str:
    """Return what the exact reader says to a question about a string."""
    return str(ANSWERS[query](string))


def make_items(*, seed: int = 0, per_query: int = PER_QUERY) -> list[Item]:
    """Draw a set: strings of 4 to 10 symbols, each 0.9 likely to repeat the one before it.

    Of the strings that are asked whether they are palindromes, half are made one, as a string of
    half the length and its mirror image.

    Args:
        seed: Equal seeds give equal sets, on every machine.
        per_query: Items of each question.

    Raises:
        SettingError: Fewer than one item is asked for.
    """
    if per_query < 1:
        raise SettingError(f"At least 1 item per question is needed; got {per_query}.")
    chance = random.Random(seed)  # noqa: S311 -- its sequence is the same in every version
    items = []
    for query in ANSWERS:
        for _ in range(per_query):
            length = SHORTEST + int(chance.random() * (LONGEST - SHORTEST + 1))
            if query == PALINDROME and chance.random() < 0.5:
                half = _walk(chance, "01"[chance.random() < 0.5], length // 2)
                context = half + half[::-1]
            else:
                context = _walk(chance, "01"[chance.random() < 0.5], length)
            right = (
                _walk(chance, context[-1], 2)[1] if query == NEXT_BIT else answer(query, context)
            )
            items.append(Item(context, query, right))
    return items


def _walk(chance: random.Random, first: str, length: int) -> str:
    symbols = [first]
    while len(symbols) < length:
        stays = chance.random() < STAY
        symbols.append(symbols[-1] if stays else "10"[int(symbols[-1])])
    return "".join(symbols)


def read_items(file: Path) -> list[Item]:
    """Read a set in the authors' form: JSON lines with "context", "query" and "answer".

    Raises:
        SettingError: The file cannot be read or is empty, or a line is of another form: the
            message says which.
    """
    items = []
    for number, row in enumerate(read_rows(file), start=1):
        item = Item(*(str(row.get(name, "")) for name in ("context", "query", "answer")))
        if item.query not in ANSWERS or not item.context or set(item.context) - {*"01"}:
            raise SettingError(
                f"Row {number} of {file} is not a string of 0s and 1s with one of the"
                f" {len(ANSWERS)} questions: {json.dumps(row)[:80]}."
            )
        items.append(item)
    if not items:
        raise SettingError(f"{file} holds no items.")
    return items


def pruned(string: str) -> set[str]:
    """Return all that is left of a string if some symbols are dropped, but not all of them."""
    found = {""}
    for symbol in string:
        found |= {kept + symbol for kept in found}
    return found - {""}


def candidates(items: Iterable[Item], pool: Pool = "all") -> Iterator[Candidates]:
    """Yield what each candidate of each string costs: the share of wrong answers.

    Strings of up to L symbols are numbered as the leaves of a tree, 1 and then their symbols in
    binary, so that all shorter ones are a range.

    Raises:
        SettingError: A string has more than 12 symbols.
    """
    counted = Counter(items)
    longest = max((len(item.context) for item in counted), default=1)
    if longest > MOST_SYMBOLS:
        raise SettingError(
            f"A string of {longest} symbols has too many shorter ones to try; the most is"
            f" {MOST_SYMBOLS}."
        )
    strings = [f"{number:b}"[1:] for number in range(2 ** (longest + 1))]
    said = {
        query: np.array(["", "", *(answer(query, string) for string in strings[2:])])
        for query in ANSWERS
    }
    lengths = np.array([len(string) for string in strings])
    numbers: dict[str, Ints] = {}
    for item, count in counted.items():
        if item.context not in numbers:
            numbers[item.context] = _numbers(item.context, pool)
        own = numbers[item.context]
        wrong = (said[item.query][own] != item.answer).astype(np.float64)
        rates: Floats = lengths[own] / len(item.context)
        yield Candidates(item.context, item.query, rates, wrong, float(count))


def _numbers(context: str, pool: Pool) -> Ints:
    if pool == "all":
        return np.array([*range(2, 2 ** len(context)), int(f"1{context}", 2)])
    return np.array(sorted(int(f"1{string}", 2) for string in pruned(context)))


def curves(items: Sequence[Item], pool: Pool = "all") -> SyntheticCurves:
    """Return the exact curves of a set.

    Args:
        items: As `make_items` or `read_items` gives them.
        pool: What a string may become.

    Raises:
        SettingError: There are no items, or a string has more than 12 symbols.
    """
    costs = list(candidates(items, pool))
    return SyntheticCurves(
        distortion_rate(agnostic_groups(costs)),
        distortion_rate(aware_groups(costs)),
        {
            query: distortion_rate(aware_groups(cost for cost in costs if cost.question == query))
            for query in ANSWERS
            if any(cost.question == query for cost in costs)
        },
    )
