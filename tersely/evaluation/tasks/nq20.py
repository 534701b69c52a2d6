"""NaturalQuestions among 20 documents: the one that answers at the beginning, within, at the end.

Data:     Liu et al. 2023, "Lost in the Middle",
          https://github.com/nelson-liu/lost-in-the-middle; questions of NaturalQuestions, passages
          of Wikipedia, distractors as retrieved.
Licence:  MIT (code); CC BY-SA 3.0 (questions, passages).
Reader:   20 numbered documents with titles, about 3,000 tokens, "Question: ...", "Answer:".
          A question is asked once; which of the five published positions its document has is
          decided by the hash of its id, and is its group.
"""

from __future__ import annotations

from collections.abc import Iterator

from tersely.evaluation.source import Source, number_of
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.documents import Passage, placed, titled
from tersely.evaluation.tasks.fields import read_fields
from tersely.evaluation.tasks.gold import gold_sentences

POSITIONS = (0, 4, 9, 14, 19)


def read(source: Source) -> Iterator[Example]:
    """Yield each question, with its document moved to a position.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "nq20_original"):
        passages = [Passage.of(document) for document in row.rows("documents")]
        if row.row.get("gold_index") != 0 or len(passages) <= POSITIONS[-1]:
            raise row.wrong("documents", "are not 20 of which the first (gold_index 0) answers")
        position = POSITIONS[number_of("position", row.id) % len(POSITIONS)]
        answers = row.texts("answers")
        yield Example(
            id=f"{row.id}@{position}",
            contexts=titled(placed(passages, position)),
            question=f"Question: {row.text('question').strip()}",
            answers=answers,
            gold=gold_sentences(passages[0].text, answers),
            group=str(position),
            cluster=row.id,
        )


TASK = Task(
    name="nq20",
    version=1,
    family="question answering",
    data=("nq20_original",),
    read=read,
    measures=("em", "f1", "contains"),
    answer_tokens=16,
    extractive=True,
    source="https://arxiv.org/abs/2307.03172",
)
