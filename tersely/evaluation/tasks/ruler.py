"""RULER and key-value retrieval: one random string among many of the same form.

Data:     Hsieh et al. 2024, https://github.com/NVIDIA/RULER: needles of "niah_multikey_3" at
          4,096 tokens; and Liu et al. 2023, https://github.com/nelson-liu/lost-in-the-middle:
          75 pairs of random keys and values as one JSON object.
Licence:  Apache-2.0 (RULER), MIT (pairs).
Reader:   of RULER, the lines with the needles and the question of the set, with the beginning of
          its answer; of the pairs, the JSON and "Key: ...", "Value:". The group says which.
          Where the sentences or pairs are not prose, methods keep the JSON valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, present, read_fields

NEEDLES, PAIRS = "ruler_niah_mk3_4k", "kv_retrieval_75"

_ASKED = re.compile(r"What is the special magic (\w+) for (\S+) mentioned in the provided text\?")


def read(source: Source) -> Iterator[Example]:
    """Yield every question of both sets, or of the one that is there.

    Raises:
        SettingError: Neither set is there, or a row is not as it should be.
    """
    for name in present(source, (NEEDLES, PAIRS)):
        for row in read_fields(source, name):
            yield _needle(row) if "prompt" in row.row else _pair(row)


def _needle(row: Fields) -> Example:
    """Return a needle question; its last line asks, and the first says that it will."""
    first, *lines = row.text("prompt").splitlines()
    asked = _ASKED.search(lines[-1]) if lines else None
    if asked is None:
        raise row.wrong("prompt", "does not end in a question of the form that is known")
    kind, key = asked.groups()
    lines = [line for line in lines[:-1] if line.strip()]
    return Example(
        id=row.id,
        contexts=("\n".join(lines),),
        instruction=first,
        question=asked.group(0),
        cue=f"\nThe special magic {kind} for {key} mentioned in the provided text is:",
        answers=row.texts("answers"),
        gold=tuple(line for line in lines if key in line),
        group="needles",
    )


def _pair(row: Fields) -> Example:
    pairs = row.row.get("records")
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise row.wrong("records", "is missing or not a list of pairs")
    key = row.text("question")
    lines = [f'"{k}": "{v}"' for k, v in pairs]
    return Example(
        id=row.id,
        contexts=("{" + ",\n ".join(lines) + "}",),
        instruction="Find the value of a key in this JSON object.",
        question=f"Key: {key}",
        cue="\nValue:",
        answers=row.texts("answers"),
        gold=tuple(line for line in lines if line.startswith(f'"{key}"')),
        group="pairs",
    )


TASK = Task(
    name="ruler",
    version=1,
    family="retrieval",
    data=(NEEDLES, PAIRS),
    read=read,
    measures=("contains", "em"),
    answer_tokens=48,
    extractive=True,
    content="auto",
    source="https://arxiv.org/abs/2404.06654",
)
