"""GSM8K: grade-school problems after eight worked ones; the worked ones are what is shortened.

Data:     Cobbe et al. 2021, https://github.com/openai/grade-school-math, test split. The worked
          problems are the "hardest" prompt (2,365 tokens) of complexity-based prompting,
          https://github.com/FranxYao/Complexity-Based-Prompting, as in the LLMLingua paper.
          On a hub: openai/gsm8k:main:test; there, and where a file is named instead of a folder,
          the first eight rows are shown, worked, and not asked about.
Licence:  MIT; none is stated for the prompt.
Reader:   the worked problems, "Question: ...", "Let's think step by step", and on the next line
          the solution, which ends in "The answer is N". Likelihood is of the whole solution.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tersely.evaluation.source import Row, Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, read_fields

PROMPT = "prompts/gsm8k_prompt_hardest.txt"
SHOWN = 8
"""How many rows are shown where there is no prompt."""

_CALCULATION = re.compile(r"<<[^>]*>>")


def read(source: Source) -> Iterator[Example]:
    """Yield the problems of the test split, or all where rows do not say of which split they are.

    Raises:
        SettingError: The set or the prompt is not there, or a row is not as it should be.
    """
    rows = (row for row in read_fields(source, "gsm8k", hub=_from_hub) if _is_test(row))
    if source.is_hub or not Path(source.place).is_dir():
        shown = tuple(f"{_asked(row)}\n{_solution(row)}" for row in islice(rows, SHOWN))
    else:
        shown = tuple(block.strip() for block in source.text(PROMPT).split("\n\n"))
    for row in rows:
        yield Example(
            id=row.id,
            contexts=shown,
            question=_asked(row),
            cue="\n",
            answers=(_solution(row),),
            role="demonstration",
        )


def _is_test(row: Fields) -> bool:
    return "orig_split" not in row.row or row.text("orig_split") == "test"


def _asked(row: Fields) -> str:
    return f"Question: {row.text('question').strip()}\nLet's think step by step"


def _solution(row: Fields) -> str:
    worked, marks, final = row.text("answer").rpartition("####")
    if not marks:
        raise row.wrong("answer", "does not end in '#### N'")
    return f"{_CALCULATION.sub('', worked).strip()}\nThe answer is {final.strip()}"


def _from_hub(row: Row, number: int) -> Row:
    return {"id": f"gsm8k-hub-{number}", "question": row["question"], "answer": row["answer"]}


TASK = Task(
    name="gsm8k",
    version=1,
    family="few-shot",
    data=("gsm8k",),
    read=read,
    measures=("accuracy",),
    answer_tokens=256,
    source="https://arxiv.org/abs/2110.14168",
)
