"""SQuAD: a question on one paragraph among nine others, of the same article where it has so many.

Data:     Rajpurkar et al. 2018, https://rajpurkar.github.io/SQuAD-explorer/, half of the
          development set of version 2.0. On a hub: rajpurkar/squad::validation or
          rajpurkar/squad_v2::validation.
Licence:  CC BY-SA 4.0.
Reader:   ten paragraphs, about 1,600 tokens, "Question: ...", "Answer:". Questions without an
          answer are left out: there is nothing of them that could survive.
"""

from __future__ import annotations

from collections.abc import Iterator

from tersely.evaluation.source import Row, Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.documents import Passage, Pool
from tersely.evaluation.tasks.fields import Fields, read_fields
from tersely.evaluation.tasks.gold import gold_sentences

OTHERS = 9
MOST_BYTES = 16_000


def read(source: Source) -> Iterator[Example]:
    """Yield every question that has an answer; the article is its group.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    rows = list(read_fields(source, "squad2_dev", hub=_from_hub))
    homes = [_home(row) for row in rows]
    pool = Pool()
    for home in homes:
        pool.add(home)
    for row, home in zip(rows, homes, strict=True):
        answers = tuple(dict.fromkeys(row.texts("answers")))
        if not answers or row.row.get("unanswerable"):
            continue
        passages = pool.around(
            home, answers, kin=OTHERS, others=OTHERS, most=MOST_BYTES, key=row.id
        )
        yield Example(
            id=row.id,
            contexts=tuple(passage.text for passage in passages),
            question=f"Question: {row.text('question').strip()}",
            answers=answers,
            gold=gold_sentences(home.text, answers),
            group=home.title,
        )


def _home(row: Fields) -> Passage:
    documents = row.rows("documents")
    if len(documents) != 1:
        raise row.wrong("documents", f"has {len(documents)} entries, not one")
    return Passage.of(documents[0])


def _from_hub(row: Row, number: int) -> Row:
    return {
        "id": str(row["id"]),
        "question": row["question"],
        "answers": list(row["answers"]["text"]),
        "documents": [{"title": row.get("title", ""), "text": row["context"]}],
    }


TASK = Task(
    name="squad2",
    version=1,
    family="question answering",
    data=("squad2_dev",),
    read=read,
    measures=("em", "f1", "contains"),
    answer_tokens=16,
    extractive=True,
    source="https://arxiv.org/abs/1806.03822",
)
