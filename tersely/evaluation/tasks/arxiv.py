"""arXiv abstracts: can the text be written down again from what is left of it?

Data:     abstracts of arXiv papers, most of 2025, as several daily lists have them, for example
          https://github.com/KAFKA2306/daily-arXiv-ai-enhanced.
Licence:  CC0 (arXiv's metadata).
Reader:   that a text follows, the abstract, and "The same text again, complete and unchanged:";
          then the abstract is the answer. 800 to 1,900 characters, about 250 tokens: it has to be
          written as a whole, so it is not longer.
"""

from __future__ import annotations

from collections.abc import Iterator

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import read_fields

LENGTH = (800, 1_900)
"""Fewest and most characters."""


def read(source: Source) -> Iterator[Example]:
    """Yield every abstract of that length; its cluster is the text.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "arxiv_abstracts"):
        text = " ".join(row.text("text").split())
        if LENGTH[0] <= len(text) <= LENGTH[1]:
            yield Example(
                id=row.id,
                contexts=(text,),
                instruction="A text, and then the same text again.",
                question="The same text again, complete and unchanged:",
                cue="\n",
                answers=(text,),
            )


TASK = Task(
    name="arxiv",
    version=1,
    family="reconstruction",
    data=("arxiv_abstracts",),
    read=read,
    measures=("rouge_l", "bleu"),
    answer_tokens=400,
    source="https://info.arxiv.org/help/bulk_data.html",
)
