"""XQuAD: a question on one paragraph among others, in twelve languages.

Data:     Artetxe et al. 2019, https://github.com/google-deepmind/xquad: 240 paragraphs and 1,190
          questions of SQuAD, translated by people. On a hub: google/xquad:xquad.ar:validation.
Licence:  CC BY-SA 4.0.
Reader:   the paragraph among up to nine others of its language, four of them of its article,
          none with the answer; then the question and the word for "answer" of that language.
          All together are at most 6,000 bytes of UTF-8, or a reader whose tokens are English
          could not read Thai: English has about seven, Thai and Hindi about three.
          The group is the language; the same question in all languages is one cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from tersely.evaluation.source import Row, Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.documents import Passage, Pool
from tersely.evaluation.tasks.fields import Fields, read_fields
from tersely.evaluation.tasks.gold import gold_sentences

OTHERS = 9
KIN = 4
MOST_BYTES = 6_000
WORDS = {
    "ar": ("سؤال", "جواب"),
    "de": ("Frage", "Antwort"),
    "el": ("Ερώτηση", "Απάντηση"),
    "es": ("Pregunta", "Respuesta"),
    "hi": ("प्रश्न", "उत्तर"),
    "ro": ("Întrebare", "Răspuns"),
    "ru": ("Вопрос", "Ответ"),
    "th": ("คำถาม", "คำตอบ"),
    "tr": ("Soru", "Cevap"),
    "vi": ("Câu hỏi", "Trả lời"),
    "zh": ("问题", "答案"),
}
"""What "question" and "answer" are called; in other languages they are English."""


def read(source: Source) -> Iterator[Example]:
    """Yield every question of every language, language by language as the set has them.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    language = source.place.partition("xquad.")[2].partition(":")[0] if source.is_hub else ""
    rows = list(read_fields(source, "xquad", hub=partial(_from_hub, language=language or "en")))
    pools: dict[str, Pool] = defaultdict(Pool)
    homes = [_home(row) for row in rows]
    for row, home in zip(rows, homes, strict=True):
        pools[row.text("lang")].add(home)
    for row, home in zip(rows, homes, strict=True):
        yield _example(row, home, pools[row.text("lang")])


def _home(row: Fields) -> Passage:
    documents = row.rows("documents")
    if len(documents) != 1:
        raise row.wrong("documents", f"has {len(documents)} entries, not one")
    return Passage.of(documents[0])


def _example(row: Fields, home: Passage, pool: Pool) -> Example:
    language, answers = row.text("lang"), row.texts("answers")
    number = row.id.removeprefix("xquad-").removeprefix(f"{language}-")
    asked, answered = WORDS.get(language, ("Question", "Answer"))
    passages = pool.around(
        home, answers, kin=KIN, others=OTHERS, most=MOST_BYTES, key=f"xquad {number}"
    )
    return Example(
        id=row.id,
        contexts=tuple(passage.text for passage in passages),
        question=f"{asked}: {row.text('question').strip()}",
        cue=f"\n{answered}:",
        answers=answers,
        gold=gold_sentences(home.text, answers),
        group=language,
        cluster=number,
        language=language,
    )


def _from_hub(row: Row, number: int, *, language: str) -> Row:
    return {
        "id": f"xquad-{language}-{row['id']}",
        "question": row["question"],
        "answers": list(row["answers"]["text"]),
        "documents": [{"title": row.get("title", ""), "text": row["context"]}],
        "lang": language,
    }


TASK = Task(
    name="xquad",
    version=1,
    family="question answering",
    data=("xquad",),
    read=read,
    measures=("em", "f1", "contains"),
    answer_tokens=24,
    extractive=True,
    source="https://arxiv.org/abs/1910.11856",
)
