"""HotpotQA: questions that two of ten paragraphs answer together.

Data:     Yang et al. 2018, https://hotpotqa.github.io/, distractor setting: first the 100 of
          https://github.com/noahshinn/reflexion with their ten paragraphs, then 500 of the
          validation split with two gold paragraphs and eight that BM25 found among those of the
          other questions. On a hub: hotpotqa/hotpot_qa:distractor:validation.
Licence:  CC BY-SA 4.0.
Reader:   ten numbered documents with titles, about 1,300 tokens, "Question: ...", "Answer:".
          Questions of yes or no have both as options. The group is "bridge" or "comparison".
Gold:     the supporting sentences where the set has them (on a hub); else, of each needed
          paragraph, the sentences with the answer or the other's title, or its first sentence.
"""

from __future__ import annotations

from collections.abc import Iterator

from tersely.evaluation.source import Row, Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.documents import Passage, titled
from tersely.evaluation.tasks.fields import Fields, present, read_fields
from tersely.evaluation.tasks.gold import needed_sentences

SETS = ("hotpotqa_distractor100", "hotpotqa500")
YES_NO = ("yes", "no")


def read(source: Source) -> Iterator[Example]:
    """Yield each question once.

    Raises:
        SettingError: No set is there, or a row is not as it should be.
    """
    seen: set[str] = set()
    for name in present(source, SETS):
        for row in read_fields(source, name, hub=_from_hub):
            question = row.text("question").strip()
            if question not in seen:
                seen.add(question)
                yield _example(row, question)


def _example(row: Fields, question: str) -> Example:
    passages = [Passage.of(document) for document in row.rows("documents")]
    answers = row.texts("answers")
    plain = tuple(answer.lower().strip() for answer in answers)
    closed = bool(plain) and plain[0] in YES_NO
    return Example(
        id=row.id,
        contexts=titled(passages),
        question=f"Question: {question}",
        answers=plain if closed else answers,
        gold=_gold(row, passages, answers),
        options=YES_NO if closed else (),
        group=row.text("type"),
    )


def _gold(row: Fields, passages: list[Passage], answers: tuple[str, ...]) -> tuple[str, ...]:
    if "facts" in row.row:
        return row.texts("facts")
    indices = row.row.get("gold_indices")
    if not isinstance(indices, list) or not all(i in range(len(passages)) for i in indices):
        raise row.wrong("gold_indices", "is not a list of indices of documents")
    needed = [passages[i] for i in sorted(indices)]
    return tuple(
        sentence
        for passage in needed
        for sentence in needed_sentences(
            passage.text, answers, [other.title for other in needed if other is not passage]
        )
    )


def _from_hub(row: Row, number: int) -> Row:
    """Give a row of hotpotqa/hotpot_qa our fields; sentences are joined as they were cut."""
    context, facts = row["context"], row["supporting_facts"]
    sentences = dict(zip(context["title"], context["sentences"], strict=True))
    return {
        "id": str(row["id"]),
        "question": row["question"],
        "answers": [row["answer"]],
        "documents": [{"title": t, "text": "".join(cut)} for t, cut in sentences.items()],
        "facts": [
            sentences[title][at].strip()
            for title, at in zip(facts["title"], facts["sent_id"], strict=True)
            if at < len(sentences.get(title, ()))  # a few point past the end
        ],
        "type": row["type"],
    }


TASK = Task(
    name="hotpotqa",
    version=1,
    family="multi-hop",
    data=SETS,
    read=read,
    measures=("em", "f1", "contains"),
    answer_tokens=16,
    extractive=True,
    source="https://arxiv.org/abs/1809.09600",
)
