"""Make a label file: passages, questions, a teacher, one row after another; can be stopped.

What is in the file is not made again, and a run that was stopped and started again ends with the
same bytes as one that was not: passages come in one order, and no row depends on another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from tersely.backends.base import Floats
from tersely.errors import SettingError
from tersely.training.label.base import Teacher
from tersely.training.label.files import drop_torn_line, hold
from tersely.training.label.passages import Passage
from tersely.training.label.questions import Mix, Question, Rarity, make_questions
from tersely.training.label.ranks import join_ranks, rank_values, telling
from tersely.training.label.rows import LabelRow, read_json_lines, word_bounds

Rows = Literal["passage", "question", "both"]
Join = Literal["places", "most"]

MOST_POWER = 100

Progress = Callable[[int, int], None]
"""Called with (passages done, passages)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """How passages are labelled.

    Attributes:
        mix: Which questions.
        rows: "passage" writes one row for all of a passage's questions; "question" a row for each
            question, which keeps it; "both" these and then the one for all.
        join: "places" takes the place of each value among those of its question, and the mean over
            the questions; "most" the greatest value of any question, as the teacher gave it.
        power: What places are raised to before their mean over the questions is taken. 1 asks how
            good a word is on average; a high power how many questions it is among the best for.
        seed: Decides which questions are asked.
    """

    mix: Mix = field(default_factory=Mix)
    rows: Rows = "passage"
    join: Join = "places"
    power: float = 8.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rows not in get_args(Rows):
            raise SettingError(f"rows is one of {', '.join(get_args(Rows))}; not {self.rows!r}.")
        if self.join not in get_args(Join):
            raise SettingError(f"join is one of {', '.join(get_args(Join))}; not {self.join!r}.")
        if not 0 < self.power <= MOST_POWER:
            raise SettingError(f"power is in (0, {MOST_POWER}]; got {self.power}.")
        if self.seed < 0:
            raise SettingError(f"seed is at least 0; got {self.seed}.")


@dataclass(slots=True)
class Made:
    """What came of a run, earlier parts of it included.

    Attributes:
        passages: Passages with a label.
        rows: Rows in the file.
        words: Words of these passages.
        groups: Their groups.
        asked: Questions of the passages labelled now, by kind.
        without_question: Passages, of those looked at now, that nothing could be asked of.
        untold: Passages that had questions, none of which told their words apart.
    """

    passages: int = 0
    rows: int = 0
    words: int = 0
    groups: set[str] = field(default_factory=set)
    asked: dict[str, int] = field(default_factory=dict)
    without_question: int = 0
    untold: int = 0

    def add(self, row: LabelRow, *, new: bool) -> None:
        """Count a row, of a passage that is new or not."""
        self.rows += 1
        self.groups.add(row.group)
        if new:
            self.passages += 1
            self.words += len(row.words)


def make_labels(
    passages: Sequence[Passage],
    teacher: Teacher,
    out: Path,
    labelling: Labelling,
    *,
    rarity: Rarity | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Made:
    """Label passages, and append their rows to a file.

    Args:
        passages: Any, with ids of their own.
        teacher: Values words.
        out: The file, named *.jsonl. Beside it goes NAME.settings.json.
        labelling: How.
        rarity: Of words; None counts in the passages.
        fingerprint: What else the labels depend on: a file that was made with another one is not
            gone on with.
        progress: Called after each passage.

    Raises:
        SettingError: There are no passages, the file cannot be written or was made with other
            settings, another process is writing it, or no passage could be labelled.
    """
    if not passages:
        raise SettingError("There are no passages to label.")
    rarity = rarity or Rarity(passage.text for passage in passages)
    with _ours(out, {"teacher": teacher.name} | dict(fingerprint or {})):
        made = Made()
        done = _done(out, made, whole=labelling.rows == "passage")
        with out.open("a", encoding="utf-8") as file:
            for number, passage in enumerate(passages, start=1):
                if passage.id not in done:
                    rows = _label(passage, teacher, labelling, rarity, made)
                    file.write("".join(row.to_json() + "\n" for row in rows))
                    file.flush()
                    for at, row in enumerate(rows):
                        made.add(row, new=at == 0)
                if progress:
                    progress(number, len(passages))
    if not made.rows:
        raise SettingError(
            f"None of {len(passages)} passages could be labelled: {made.without_question} had no"
            f" question for the teacher {teacher.name!r}, and of {made.untold} it valued all words"
            " alike. Ask other kinds of questions, or take another teacher."
        )
    return made


def _label(
    passage: Passage, teacher: Teacher, labelling: Labelling, rarity: Rarity, made: Made
) -> list[LabelRow]:
    """Return the rows of one passage; none where there is nothing to say."""
    words = word_bounds(passage.text)
    asked: list[Question] = []
    if words:
        asked = make_questions(
            passage.text,
            passage.own,
            labelling.mix,
            rarity=rarity,
            after=passage.after,
            seed=labelling.seed,
        )
    if teacher.needs_answers:
        asked = [question for question in asked if question.answers]
    if not asked:
        made.without_question += 1
        return []
    values = teacher.value(passage.text, asked)
    assert values.shape == (len(asked), len(words)), "one value per question and word"
    told = [(q, row) for q, row in zip(asked, values, strict=True) if telling(row)]
    if not told:
        made.untold += 1
        return []
    single, joined = _joined(np.stack([row for _, row in told]), labelling, teacher.name)
    if not telling(joined):
        made.untold += 1
        return []
    for question, _ in told:
        made.asked[question.kind] = made.asked.get(question.kind, 0) + 1
    each = [
        _row(passage, words, row, teacher, question.text)
        for (question, _), row in zip(told, single, strict=True)
    ]
    of_all = _row(passage, words, joined, teacher, "")
    if labelling.rows == "passage":
        return [of_all]
    return each if labelling.rows == "question" else [*each, of_all]


def _joined(values: Floats, labelling: Labelling, teacher: str) -> tuple[Floats, Floats]:
    """Return the labels of single questions, (Q, W), and of all of them, (W,)."""
    if labelling.join == "most":
        if values.min() < 0 or values.max() > 1:
            raise SettingError(
                f"The values of the teacher {teacher!r} are not in [0, 1]: they can be joined by"
                " their places only."
            )
        return values, values.max(axis=0)
    ranks = np.stack([rank_values(row) for row in values])
    return ranks, join_ranks(ranks, labelling.power)


def _row(passage: Passage, words: Any, values: Any, teacher: Teacher, question: str) -> LabelRow:
    return LabelRow(
        id=passage.id,
        group=passage.group,
        text=passage.text,
        words=words,
        values=tuple(float(value) for value in values),
        kind=teacher.name,
        question=question,
        lang=passage.lang,
    )


def _done(out: Path, made: Made, *, whole: bool) -> set[str]:
    """Return the passages that are in the file, and cut off what a killed process began.

    That is a last line without an end and, unless each passage has one row, all rows of the last
    passage.
    """
    if not out.is_file():
        return set()
    drop_torn_line(out)
    lines = out.read_bytes().splitlines(keepends=True)
    if lines and not whole:
        last = json.loads(lines[-1])["id"]
        while lines and json.loads(lines[-1])["id"] == last:
            lines.pop()
        os.truncate(out, sum(map(len, lines)))
    done: set[str] = set()
    for _, row in read_json_lines(out):
        identity = str(row["id"])
        made.rows += 1
        made.groups.add(str(row["group"]))
        if identity not in done:
            made.passages += 1
            made.words += len(row["words"])
        done.add(identity)
    return done


@contextmanager
def _ours(out: Path, fingerprint: dict[str, Any]) -> Iterator[None]:
    """Hold a file for this process, and see that it is gone on with as it was begun."""
    with hold(out):
        settings = out.with_suffix(".settings.json")
        said = json.loads(json.dumps(fingerprint, sort_keys=True))
        if out.is_file() and out.stat().st_size:
            _same(settings, said, out)
        settings.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")
        yield


def _same(settings: Path, said: dict[str, Any], out: Path) -> None:
    try:
        before = json.loads(settings.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{out} is there, but what it was made with ({settings.name}) cannot be read."
            " Write to another file."
        ) from error
    other = sorted(k for k in before.keys() | said.keys() if before.get(k) != said.get(k))
    if other:
        raise SettingError(
            f"{out} was begun with other settings: {', '.join(other)}. Write to another file, or"
            " start it again as it was."
        )
