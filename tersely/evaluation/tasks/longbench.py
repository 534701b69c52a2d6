"""LongBench and L-Eval: questions and summaries of long texts, in English and Chinese.

Data:     Bai et al. 2023, https://github.com/THUDM/LongBench: three whole tasks, and a sample of
          all 21 (https://github.com/MilkThink-Lab/MiniLongBench); An et al. 2023,
          https://github.com/OpenLMLab/LEval: the tasks whose answers are strings.
          On a hub: THUDM/LongBench:TASK:test.
Licence:  MIT (LongBench), GPL-3.0 (L-Eval); the texts' own.
Reader:   the text, in paragraphs of about 1,000 characters, the question as the set words it, and
          the cue of the set. Texts have at most 24,000 bytes of UTF-8 (12,000 where they are
          Chinese), so that a window of 8,192 English tokens holds them; longer ones are left
          out. The group is the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tersely.evaluation.source import Row, Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, present, read_fields

SETS = ("longbench_part", "minilongbench", "leval")
CODE = ("lcc", "repobench-p")
"""Tasks that are left out: they are code, and the contexts here are prose."""

LEVAL = ("natural_question", "scientific_qa", "topic_retrieval_longchat", "multidoc_qa")
"""Tasks of leval whose answers are strings; of each text the first two questions are asked."""

MOST_BYTES = {"en": 24_000, "zh": 12_000}
PARAGRAPH = 1_000
PER_TEXT = 2
LONGEST_QUESTION = 2_500
"""Characters of a whole prompt's end in which the question begins."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_TAIL = re.compile(
    r"\n+(?=Answer the question based on|Now, answer the|Now, write a|Please enter the"
    r"|The following is an abstract|现在请基于|请基于上述|下面是一个摘要|会议总结：|Summary of"
    r"|(?:Question|Dialogue|Query): ?[^\n]*(?:\n(?!\n)[^\n]*)*\Z)"
)
_ASKS = {
    "passage_retrieval_zh": ("下面是一个摘要：", "\n这个摘要所属的段落的编号是："),
    "passage_retrieval_en": ("The following is an abstract.", "\nThe abstract is from"),
    "multi_news": ("A summary of all the news, in one page.", "\nSummary:"),
    "gov_report": ("A summary of the report, in one page.", "\nSummary:"),
    "vcsum": ("", "\n会议总结："),
}
"""Of tasks of the hub and of whole tasks: what stands before the input, and the cue."""


def read(source: Source) -> Iterator[Example]:
    """Yield every question on a text that is not too long.

    Raises:
        SettingError: No set is there, or a row is not as it should be.
    """
    for name in present(source, SETS):
        for row in read_fields(source, name, hub=_from_hub):
            if row.text("task") in CODE:
                continue
            if "prompt" in row.row:
                yield from _of_prompt(row)
            elif "metric" not in row.row or row.text("task") in LEVAL:
                yield from _of_context(row)


def _of_context(row: Fields) -> Iterator[Example]:
    text, kind = row.text("context"), row.text("task")
    if _too_long(text):
        return
    asked, answers = row.row.get("questions"), row.row.get("answers")
    if not isinstance(asked, list) or not isinstance(answers, list) or len(asked) != len(answers):
        raise row.wrong("answers", "is not a list with one entry per question")
    chinese = _language(text) == "zh"
    for number, (question, given) in enumerate(zip(asked, answers, strict=True)):
        right = _strings(row, given)
        if number >= PER_TEXT or not right:
            continue
        plain = ("问题：", "\n回答：") if chinese else ("Question:", "\nAnswer:")
        before, cue = _ASKS.get(kind, plain)
        yield Example(
            id=f"{row.id}#{number}" if len(asked) > 1 else row.id,
            contexts=_paragraphs(text),
            question=" ".join(filter(None, (before, question.strip()))),
            cue=cue,
            answers=right,
            group=kind,
            cluster=row.id,
            language="zh" if chinese else "en",
        )


def _of_prompt(row: Fields) -> Iterator[Example]:
    """Yield the example of a whole prompt, taken apart; none where its form is not known."""
    prompt = row.text("prompt").strip()
    first, _, rest = prompt.partition("\n")
    heads = first.rstrip().endswith((".", ":", "：", "。")) and len(first) <= PARAGRAPH
    instruction, body = (first.strip(), rest) if heads else ("", prompt)
    tails = [m for m in _TAIL.finditer(body) if m.start() >= len(body) - LONGEST_QUESTION]
    if not tails or _too_long(prompt):
        return
    question, _, cue = body[tails[0].end() :].strip().rpartition("\n")
    right, text = row.texts("answers"), body[: tails[0].start()]
    if right and text.strip():
        yield Example(
            id=row.id,
            contexts=_paragraphs(text),
            instruction=instruction,
            question=question.strip(),
            cue=f"\n{cue}",
            answers=right,
            options=_classes(row),
            group=row.text("task"),
            language=_language(prompt),
        )


def _classes(row: Fields) -> tuple[str, ...]:
    given = row.row.get("all_classes") or ()
    return tuple(given) if set(row.texts("answers")) <= set(given) else ()


def _strings(row: Fields, given: Any) -> tuple[str, ...]:
    answers = [given] if isinstance(given, str) else given
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        raise row.wrong("answers", "has an entry that is not a string or a list of strings")
    return tuple(one.strip() for one in answers if one.strip())


def _paragraphs(text: str) -> tuple[str, ...]:
    """Join lines to paragraphs of about `PARAGRAPH` characters; they are joined by blank lines."""
    out: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        if out and len(out[-1]) + len(line) < PARAGRAPH:
            out[-1] += f"\n{line}"
        else:
            out.append(line)
    return tuple(out)


def _language(text: str) -> str:
    return "zh" if len(_CJK.findall(text)) > len(text) / 5 else "en"


def _too_long(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES[_language(text)]


def _from_hub(row: Row, number: int) -> Row:
    return {
        "id": f"longbench-{row['dataset']}-{number}",
        "task": row["dataset"],
        "context": row["context"],
        "questions": [row["input"]],
        "answers": [list(row["answers"])],
    }


TASK = Task(
    name="longbench",
    version=1,
    family="question answering",
    data=SETS,
    read=read,
    measures=("f1", "rouge_l"),
    answer_tokens=64,
    source="https://arxiv.org/abs/2308.14508",
)
