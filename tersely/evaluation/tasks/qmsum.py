"""QMSum: a question about a meeting, answered from the stretch in which the matter was discussed.

Data:     Zhong et al. 2021, https://github.com/Yale-LILY/QMSum: transcripts of product and
          academic meetings and of parliamentary committees, with questions, answers, and the
          turns that each answer rests on.
Licence:  MIT.
Reader:   a stretch of the meeting, "Query: ...", "Answer:".
Stretch:  whole turns, at most 1,500 words. If all relevant turns and what is between them fit,
          the stretch holds these and grows by turns before and after until it is full; how much
          of the growth goes before is decided by the hash of the id, so that what matters stands
          anywhere. If they do not fit, there is one stretch around each span of relevant turns,
          each with the same number of words before and after. Queries whose relevant turns alone
          have more than 1,000 words are left out, and so are those about the whole meeting, which
          have no such turns. Marks like {vocalsound} are taken out.
Gold:     the relevant turns. The group is the kind of meeting, as all queries left are specific.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tersely.evaluation.source import Source, number_of
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, read_fields

MOST_WORDS = 1_500
MOST_GOLD_WORDS = 1_000

Span = tuple[int, int]
"""Turns [start, end)."""

_MARK = re.compile(r"\{\w+\}")


def read(source: Source) -> Iterator[Example]:
    """Yield every specific query whose relevant turns are few enough.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "qmsum"):
        lines = [_line(turn) for turn in row.rows("turns")]
        for number, query in enumerate(row.rows("queries")):
            example = _example(f"{row.id}#{number}", row, query, lines)
            if example is not None:
                yield example


def _line(turn: Fields) -> str:
    said = _MARK.sub(" ", turn.text("text", empty=True))
    return f"{turn.text('role')}: {' '.join(said.split())}"


def _example(name: str, row: Fields, query: Fields, lines: Sequence[str]) -> Example | None:
    spans = _spans(query, len(lines))
    words = [len(line.split()) for line in lines]
    if not spans or _words(words, spans) > MOST_GOLD_WORDS:
        return None
    stretches = stretches_of(words, spans, MOST_WORDS, ahead=number_of(name) / 2**32)
    return Example(
        id=name,
        contexts=tuple("\n".join(lines[start:end]) for start, end in stretches),
        question=f"Query: {query.text('query').strip()}",
        answers=(query.text("answer").strip(),),
        gold=tuple(line for start, end in spans for line in lines[start:end]),
        group=row.text("domain"),
        cluster=row.id,
    )


def _spans(query: Fields, turns: int) -> list[Span]:
    """Return the relevant turns, as spans that neither touch nor overlap."""
    given = query.row.get("spans") or []
    try:
        pairs = sorted((int(first), int(last) + 1) for first, last in given)
    except (TypeError, ValueError) as error:
        raise query.wrong("spans", f"is not a list of pairs of turns ({error})") from error
    return _merged([(max(0, a), min(b, turns)) for a, b in pairs if a < min(b, turns)])


def stretches_of(
    words: Sequence[int], spans: Sequence[Span], most: int, *, ahead: float
) -> list[Span]:
    """Return the turns that are shown.

    Args:
        words: Of each turn, (T,).
        spans: The relevant turns, in order, of at most `most` words.
        most: Words of all that is shown.
        ahead: Share of what is not between the spans that stands before them, in [0, 1].
    """
    hull = (spans[0][0], spans[-1][1])
    room = most - _words(words, [hull])
    if room >= 0:
        grown = _grown(words, hull, before=round(room * ahead), after=0)
        grown = _grown(words, grown, before=0, after=most - _words(words, [grown]))
        return [_grown(words, grown, before=most - _words(words, [grown]), after=0)]
    margin = (most - _words(words, spans)) // (2 * len(spans))
    return _merged([_grown(words, span, before=margin, after=margin) for span in spans])


def _grown(words: Sequence[int], span: Span, *, before: int, after: int) -> Span:
    start, end = span
    while start > 0 and words[start - 1] <= before:
        start -= 1
        before -= words[start]
    while end < len(words) and words[end] <= after:
        after -= words[end]
        end += 1
    return start, end


def _merged(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for start, end in spans:
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _words(words: Sequence[int], spans: Sequence[Span]) -> int:
    return sum(sum(words[start:end]) for start, end in spans)


TASK = Task(
    name="qmsum",
    version=1,
    family="summary",
    data=("qmsum",),
    read=read,
    measures=("rouge_l", "rouge1"),
    answer_tokens=128,
    source="https://arxiv.org/abs/2104.05938",
)
