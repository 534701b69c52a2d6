"""Data sets -> passages with all that is asked of them; only groups that no training has seen.

squad2    paragraphs of Wikipedia articles; questions without an answer are left out.
xquad     the same kind of paragraph in twelve languages; a passage is one paragraph in one.
covidqa   papers, cut into windows of whole sentences from their beginning, wherever the answers
          stand; a question belongs to the first window that holds one of its answers as a whole.
pubmedqa  abstracts without their conclusion, one question each; the conclusion is the answer.
qmsum     meetings, cut into windows of whole turns from their beginning; a query belongs to the
          window that holds the most of its relevant turns, if that is at least half of their words.

A question whose answer no window holds is left out, and so is a window that is asked nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.reader import ANSWER, Problem
from tersely.core.units import sentence_bounds
from tersely.evaluation.metrics.answers import normalised
from tersely.evaluation.source import Source, number_of
from tersely.evaluation.tasks.fields import Fields, read_fields
from tersely.training.split import group_of, is_held_out

WINDOW_WORDS = {"covidqa": 300, "qmsum": 600}
LEAST_SHARE = 0.5
_CALCULATION = re.compile(r"<<[^>]*>>")
_MARK = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Attributes:
        id: Unlike any other of the set.
        question: As it was asked.
        answers: Each of them is right.
    """

    id: str
    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One text that is compressed once, for all its questions.

    Attributes:
        id: Unlike any other of the set.
        set: Name of the set, as in `SETS`.
        group: What it shares with texts of the same article, paper or meeting.
        language: As in "en".
        text: The passage.
        asked: What is asked of it; at least one question.
        extractive: Whether the answers stand in the text, so that they can survive.
    """

    id: str
    set: str
    group: str
    language: str
    text: str
    asked: tuple[Asked, ...]
    extractive: bool


def read_passages(
    name: str, source: Source, *, count: int | None = None, seed: int = 0
) -> list[Passage]:
    """Return held-out passages of a set, in an order that depends on their ids and the seed alone.

    Args:
        name: One of `SETS`.
        source: Where the data sets are.
        count: How many, of xquad for each language; None is all.
        seed: Which come first.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    found = [passage for passage in SETS[name](source) if is_held_out(passage.group)]
    found.sort(key=lambda passage: (number_of(seed, passage.id.rpartition("@")[0]), passage.id))
    taken: dict[str, int] = defaultdict(int)
    out = []
    for passage in found:
        if count is None or taken[passage.language] < count:
            out.append(passage)
        taken[passage.language] += 1
    return out


def training_texts(name: str, source: Source, language: str = "en") -> list[str]:
    """Return the passages of a set that are not held out: what word counts may be made of."""
    read = {"gsm8k": _gsm8k}.get(name) or SETS[name]
    return [
        passage.text
        for passage in read(source)
        if passage.language == language and not is_held_out(passage.group)
    ]


def read_demonstrations(
    source: Source, *, sets: int, shots: int = 8, seed: int = 0
) -> list[Passage]:
    """Return sets of worked problems of GSM8K that no training has seen, as few-shot prompts.

    Args:
        source: Where the data sets are.
        sets: How many prompts.
        shots: Problems of each; they stand apart by blank lines.
        seed: Which come first.
    """
    found = [one for one in _gsm8k(source) if is_held_out(one.group)]
    found.sort(key=lambda one: number_of(seed, one.id))
    texts = ["\n\n".join(p.text for p in found[i : i + shots]) for i in range(0, len(found), shots)]
    return [
        Passage(f"gsm8k-{n}@en", "gsm8k", f"gsm8k-{n}", "en", text, (), extractive=False)
        for n, text in enumerate(texts[:sets])
    ]


def _squad2(source: Source) -> Iterator[Passage]:
    rows = (row for row in read_fields(source, "squad2_dev") if row.row.get("answers"))
    yield from _paragraphs(rows, "squad2", "squad2_dev")


def _xquad(source: Source) -> Iterator[Passage]:
    yield from _paragraphs(read_fields(source, "xquad"), "xquad", "xquad")


def _paragraphs(rows: Iterable[Fields], name: str, data: str) -> Iterator[Passage]:
    """Yield one passage for each text that rows have as their only document.

    A paragraph is named by its first question, whose number is the same in all languages.
    """
    found: dict[tuple[str, str], list[Fields]] = defaultdict(list)
    for row in rows:
        found[str(row.row.get("lang", "en")), _text(row)].append(row)
    for (language, text), asked in found.items():
        number = min(row.id.removeprefix(f"{data}-").removeprefix(f"{language}-") for row in asked)
        yield Passage(
            id=f"{name}-{number}@{language}",
            set=name,
            group=group_of(data, asked[0].row),
            language=language,
            text=text,
            asked=tuple(map(_asked, asked)),
            extractive=True,
        )


def _covidqa(source: Source) -> Iterator[Passage]:
    papers: dict[str, list[Fields]] = defaultdict(list)
    for row in read_fields(source, "covidqa"):
        papers[_text(row)].append(row)
    for text, rows in papers.items():
        group = group_of("covidqa", rows[0].row)
        windows = [text[a:b].strip() for a, b in sentence_windows(text, WINDOW_WORDS["covidqa"])]
        plain = [normalised(window) for window in windows]
        homes = [_home(plain, row.texts("answers")) for row in rows]
        for number, window in enumerate(windows):
            asked = [row for row, home in zip(rows, homes, strict=True) if home == number]
            if asked:
                yield Passage(
                    id=f"{group}#{number}@en",
                    set="covidqa",
                    group=group,
                    language="en",
                    text=window,
                    asked=tuple(map(_asked, asked)),
                    extractive=True,
                )


def _home(windows: Sequence[str], answers: Sequence[str]) -> int | None:
    """Return the first window that holds an answer; both `normalised`, as for survival."""
    wanted = [answer for answer in map(normalised, answers) if answer]
    holds = (any(answer in window for answer in wanted) for window in windows)
    return next((number for number, found in enumerate(holds) if found), None)


def _pubmedqa(source: Source) -> Iterator[Passage]:
    for row in read_fields(source, "pubmedqa"):
        parts = [(d.text("title", empty=True), d.text("text")) for d in row.rows("documents")]
        yield Passage(
            id=f"{row.id}@en",
            set="pubmedqa",
            group=group_of("pubmedqa", row.row),
            language="en",
            text="\n".join(f"{title}: {text}" if title else text for title, text in parts),
            asked=(Asked(row.id, row.text("question").strip(), (row.text("long_answer"),)),),
            extractive=False,
        )


def _qmsum(source: Source) -> Iterator[Passage]:
    for row in read_fields(source, "qmsum"):
        lines = [_line(turn) for turn in row.rows("turns")]
        words = [len(line.split()) for line in lines]
        windows = turn_windows(words, WINDOW_WORDS["qmsum"])
        asked: dict[int, list[Asked]] = defaultdict(list)
        for number, query in enumerate(row.rows("queries")):
            home = window_of(windows, words, _relevant(query, len(lines)))
            if home is not None:
                one = Asked(f"{row.id}#{number}", query.text("query"), (query.text("answer"),))
                asked[home].append(one)
        for home, some in sorted(asked.items()):
            start, end = windows[home]
            yield Passage(
                id=f"{row.id}#{home}@en",
                set="qmsum",
                group=group_of("qmsum", row.row),
                language="en",
                text="\n".join(lines[start:end]),
                asked=tuple(some),
                extractive=False,
            )


def _line(turn: Fields) -> str:
    said = _MARK.sub(" ", turn.text("text", empty=True))
    return f"{turn.text('role')}: {' '.join(said.split())}"


def _relevant(query: Fields, turns: int) -> set[int]:
    """Return the turns that an answer rests on; a query about the whole meeting names none."""
    return {
        turn
        for first, last in query.row.get("spans") or []
        for turn in range(max(0, int(first)), min(int(last) + 1, turns))
    }


def sentence_windows(text: str, most_words: int) -> list[tuple[int, int]]:
    """Cut a text into runs of whole sentences, each as long as it may be: [start, end).

    A sentence of more than `most_words` words is a window of its own.
    """
    ends = sentence_bounds(text)
    starts = [0, *ends[:-1]]
    words = [len(text[a:b].split()) for a, b in zip(starts, ends, strict=True)]
    return [(starts[first], ends[last - 1]) for first, last in turn_windows(words, most_words)]


def turn_windows(words: Sequence[int], most_words: int) -> list[tuple[int, int]]:
    """Cut a row of pieces into runs of at most so many words, but at least one piece: [start, end).

    Args:
        words: Of each piece.
        most_words: Of a run.
    """
    runs: list[tuple[int, int]] = []
    start, sum_words = 0, 0
    for at, count in enumerate(words):
        if at > start and sum_words + count > most_words:
            runs.append((start, at))
            start, sum_words = at, 0
        sum_words += count
    return [*runs, (start, len(words))] if words else []


def window_of(
    windows: Sequence[tuple[int, int]], words: Sequence[int], relevant: set[int]
) -> int | None:
    """Return which window holds the most words of the relevant pieces; None if less than half."""
    held = [sum(words[i] for i in relevant if start <= i < end) for start, end in windows]
    total = sum(words[i] for i in relevant)
    if not total or max(held) < LEAST_SHARE * total:
        return None
    return held.index(max(held))


def _gsm8k(source: Source) -> Iterator[Passage]:
    """Yield worked problems of the training split, each as it stands in a few-shot prompt."""
    for row in read_fields(source, "gsm8k"):
        if row.text("orig_split") == "train":
            worked = _CALCULATION.sub("", row.text("answer").rpartition("####")[0]).strip()
            problem = Problem(
                row.text("question").strip(), worked, f"{ANSWER} {row.text('final_answer')}"
            )
            group = group_of("gsm8k", row.row)
            yield Passage(row.id, "gsm8k", group, "en", problem.demonstration, (), extractive=False)


def _text(row: Fields) -> str:
    documents = row.rows("documents")
    if len(documents) != 1:
        raise row.wrong("documents", f"has {len(documents)} entries, not one")
    return documents[0].text("text")


def _asked(row: Fields) -> Asked:
    return Asked(row.id, row.text("question").strip(), tuple(dict.fromkeys(row.texts("answers"))))


SETS: dict[str, Callable[[Source], Iterator[Passage]]] = {
    "squad2": _squad2,
    "xquad": _xquad,
    "covidqa": _covidqa,
    "pubmedqa": _pubmedqa,
    "qmsum": _qmsum,
}
"""Every set: name -> reader."""
