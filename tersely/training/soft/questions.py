"""Questions about texts as samples: the text becomes a memory, the answer is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tersely.errors import SettingError
from tersely.training.soft.leakage import Leakage, texts_in
from tersely.training.soft.samples import Sample
from tersely.training.soft.shards import check_files, rows_of
from tersely.training.split import stable_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How rows become samples.

    Attributes:
        question: From a question to the tokens behind the memory.
        encode: Cuts a text into tokens.
        end: The token that ends an answer.
        context_tokens: The longest text; rows with longer ones are left out.
        least_tokens: The shortest text.
        answer_tokens: The longest answer, its end included.
        room_tokens: The most of text, question and answer together; None is any number.
    """

    question: Callable[[str], list[int]]
    encode: Callable[[str], list[int]]
    end: int
    context_tokens: int
    least_tokens: int
    answer_tokens: int = 128
    room_tokens: int | None = None

    def sample(self, row: dict[str, Any]) -> Sample | None:
        """Return a row as a sample; None if it has no answer, or its text is too short or long."""
        text, answer = text_of(row), answer_of(row)
        question = row.get("question")
        if not (isinstance(question, str) and question.strip() and text and answer):
            return None
        ids, said = self.encode(text), self.encode(answer)
        if not self.least_tokens <= len(ids) <= self.context_tokens or not said:
            return None
        asked = self.question(question)
        said = [*said, self.end][: self.answer_tokens]
        if self.room_tokens and len(ids) + len(asked) + len(said) > self.room_tokens:
            return None
        following = np.array([*asked, *said], dtype=np.int64)
        scored = np.arange(len(following)) >= len(asked)
        return Sample(np.array(ids, dtype=np.int64), following, scored)


def text_of(row: dict[str, Any]) -> str:
    """Return what a row's question is about: its context, or the document that has the answer.

    Without a "gold_index" it is all documents, one behind the other; with one that is none of them
    it is "", so that the row is left out.
    """
    context, listed = row.get("context"), row.get("documents")
    if isinstance(context, str):
        return context
    documents = [
        str(one.get("text", "") if isinstance(one, dict) else one)
        for one in (listed if isinstance(listed, list) else [])
    ]
    gold = row.get("gold_index")
    if gold is None:
        return "\n\n".join(documents)
    is_one = isinstance(gold, int) and not isinstance(gold, bool) and 0 <= gold < len(documents)
    return documents[gold] if is_one else ""


def answer_of(row: dict[str, Any]) -> str:
    """Return the answer that is learnt: the first of a row's; "" if it has none."""
    answers = row.get("answers")
    found = answers[0] if isinstance(answers, list) and answers else answers
    return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learnt and what is held out.

    Attributes:
        learnt: Samples.
        held_out: Samples of other texts.
        rows: Rows read.
        left_out: Rows without an answer, without the document that has it, or with a text too
            short or too long.
        leakage: What shared wording with what is measured on.
    """

    learnt: list[Sample]
    held_out: list[Sample]
    rows: int
    left_out: int
    leakage: dict[str, Any]


def read_questions(
    files: Sequence[Path], measured: Sequence[Path], reading: Reading, *, held_out: float
) -> Lessons:
    """Read rows {question, answers, documents | context}; all rows of a text are on one side.

    Raises:
        SettingError: A file is not there, or there is nothing to learn from.
    """
    check_files((*files, *measured))
    leakage = Leakage.of(t for file in measured for row in rows_of(file) for t in texts_in(row))
    sides: tuple[list[Sample], list[Sample]] = ([], [])
    rows = left_out = 0
    for file in files:
        for row in rows_of(file):
            rows += 1
            sample = reading.sample(row)
            if sample is None:
                left_out += 1
            elif not leakage.leaks(text_of(row)):
                sides[stable_number(text_of(row)) / 2**64 < held_out].append(sample)
    if not sides[0]:
        raise SettingError(_why_none(rows, left_out, len(sides[1]), leakage.dropped, reading))
    return Lessons(sides[0], sides[1], rows, left_out, leakage.to_json())


def _why_none(rows: int, left_out: int, held_out: int, dropped: int, reading: Reading) -> str:
    """Return in words why there is nothing to learn from."""
    if not rows:
        return "There is no row to learn from: the files are empty."
    have, share = ("has" if left_out == 1 else "have"), ("shares" if dropped == 1 else "share")
    sizes = f"less than {reading.least_tokens} or more than {reading.context_tokens} tokens"
    causes = [
        f"{left_out:,} {have} no question, no answer, a gold_index that is none of the documents,"
        f" or a text of {sizes}"
    ] * bool(left_out)
    causes += [f"{dropped:,} {share} wording with what is measured on"] * bool(dropped)
    causes += [f"{held_out:,} held out"] * bool(held_out)
    what = "row" if rows == 1 else "rows"
    return f"Of {rows:,} {what} none is left to learn from: {'; '.join(causes)}."
