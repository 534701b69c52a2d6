"""Papers: the abstract, from the beginning of the text and its conclusion.

Data:     papers of the ACL Anthology, https://github.com/WING-NUS/scisumm-corpus, and of arXiv,
          https://github.com/IllDepence/unarXive, with their abstracts.
Licence:  CC BY-NC-SA 3.0 (ACL papers: research only), CC BY-SA 4.0 (sample of unarXive).
Reader:   sections from the first on, up to 7,000 characters, and up to 2,500 of the conclusion,
          about 2,000 tokens; "Title: ..."; "Abstract:". A paper whose text repeats its abstract
          is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import read_fields

BEGINNING = 7_000
ENDING = 2_500
ABSTRACT_WORDS = (40, 220)
LEAST = 2_500
"""Characters of text that a paper has at least."""

_SECTION = re.compile(r"\n(?=## )")
_CLOSING = re.compile(r"## [\d. ]*(?:conclu|discussion|summary|future)", re.IGNORECASE)


def read(source: Source) -> Iterator[Example]:
    """Yield every paper with an abstract of usual length.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "sci_fulltext"):
        abstract = " ".join(str(row.row.get("abstract") or "").split())
        if not ABSTRACT_WORDS[0] <= len(abstract.split()) <= ABSTRACT_WORDS[1]:
            continue
        contexts = _shown(row.text("text"))
        shown = " ".join(" ".join(contexts).split())
        if len(shown) >= LEAST and not _repeats(abstract, shown):
            yield Example(
                id=row.id,
                contexts=contexts,
                instruction="Parts of a scientific paper, and then its abstract.",
                question=f"Title: {row.text('title')}",
                cue="\nAbstract:",
                answers=(abstract,),
                group=row.id.partition("-")[0],
            )


def _shown(text: str) -> tuple[str, ...]:
    """Return sections from the first on, and the last one that concludes; cut at line breaks."""
    sections = [section.strip() for section in _SECTION.split(text) if section.strip()]
    closing = [at for at, section in enumerate(sections) if _CLOSING.match(section)][-1:]
    shown: list[str] = []
    room = BEGINNING
    for at, section in enumerate(sections):
        part = _cut(section, ENDING if at in closing else room)
        if part:
            shown.append(part)
        if at not in closing:
            room = max(0, room - len(part))
    return tuple(shown)


def _cut(section: str, most: int) -> str:
    if len(section) <= most:
        return section
    end = max(section.rfind("\n", 0, most), section.rfind(". ", 0, most) + 1)
    return section[:end].strip() if end > most // 2 else ""


def _repeats(abstract: str, shown: str) -> bool:
    """Return whether one of three stretches of the abstract stands in the text."""
    step = len(abstract) // 3
    return any(abstract[at : at + 60] in shown for at in (10, step, 2 * step))


TASK = Task(
    name="arxiv_summary",
    version=1,
    family="summary",
    data=("sci_fulltext",),
    read=read,
    measures=("rouge_l", "rouge1"),
    answer_tokens=200,
    source="https://github.com/WING-NUS/scisumm-corpus",
)
