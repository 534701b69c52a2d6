"""BIG-Bench Hard: 27 kinds of puzzle, each after three worked ones, which are what is shortened.

Data:     Suzgun et al. 2022, https://github.com/suzgunmirac/BIG-Bench-Hard, with its
          chain-of-thought prompts.
Licence:  MIT.
Reader:   what is to be done, the worked puzzles, "Q: ...", and after "A: So the answer is" the
          answer. A small reader's own reasoning is worth nothing, so none is asked for; what the
          worked puzzles give it is the form and the kind of answer. Where there are options, the
          likeliest is taken: letters where the puzzle lists them, else the words it can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, read_fields

PROMPTS = "prompts/bbh_cot"
OPTIONS = {
    "boolean_expressions": ("True", "False"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
}
"""Of the kinds that do not list them."""

_RULE = "-----\n"  # stands between the canary and the prompt
_LETTERED = re.compile(r"^\([A-Z]\)", re.MULTILINE)
_LISTED = re.compile(r"^- (.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What stands before a puzzle: what is to be done, and worked puzzles."""

    instruction: str
    worked: tuple[str, ...]


def read(source: Source) -> Iterator[Example]:
    """Yield every puzzle; its kind is its group.

    Raises:
        SettingError: The set or a prompt is not there, or a row is not as it should be.
    """
    prompts: dict[str, _Shown] = {}
    for row in read_fields(source, "bbh"):
        kind = row.text("task")
        if kind not in prompts:
            prompts[kind] = _prompt(source.text(f"{PROMPTS}/{kind}.txt"))
        answer = row.text("final_answer")
        options = _options(row, kind)
        if options and answer not in options:
            continue  # a few puzzles do not list their answer
        yield Example(
            id=row.id,
            contexts=prompts[kind].worked,
            instruction=prompts[kind].instruction,
            question=f"Q: {row.text('question').strip()}",
            cue="\nA: So the answer is",
            answers=(answer,),
            role="demonstration",
            options=options,
            group=kind,
        )


def _prompt(text: str) -> _Shown:
    body = text.partition(_RULE)[2] or text
    instruction, *worked = re.split(r"\n\n(?=Q: )", body.strip())
    return _Shown(instruction.strip(), tuple(block.strip() for block in worked))


def _options(row: Fields, kind: str) -> tuple[str, ...]:
    listed = row.text("question").partition("Options:")[2]
    found = _LETTERED.findall(listed) or _LISTED.findall(listed)
    return tuple(dict.fromkeys(found)) or OPTIONS.get(kind, ())


TASK = Task(
    name="bbh",
    version=1,
    family="few-shot",
    data=("bbh",),
    read=read,
    measures=("accuracy",),
    answer_tokens=32,
    source="https://arxiv.org/abs/2210.09261",
)
