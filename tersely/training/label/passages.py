"""Passages to label, from data sets of four shapes: questions on documents, meetings, chats, texts.

Shapes (of a row): `question, answers, documents[{title, text}]`, with `long_answer` if that
says more; `turns[{role, text}], queries`;
`turns` alone; `text`. Long texts are cut at sentence ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tersely.core.units import sentence_bounds
from tersely.errors import SettingError
from tersely.training.label.questions import LONGEST_QUESTION, Question, answer_spans
from tersely.training.label.rows import word_bounds
from tersely.training.split import group_of, stable_number

Row = Mapping[str, Any]

JOINED = ("pubmedqa",)
"""Sets whose documents are the parts of one text."""


VERDICTS = ("yes", "no", "maybe")
"""Answers that stand in a text for other reasons, if they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How texts become passages.

    Attributes:
        least_words: A passage has at least so many words.
        most_words: And at most so many. Lengths between are about equally frequent where a long
            text is cut.
        most_per_text: Passages of one text; those with questions of their own come first.
        lang: Rows that say they are in another language are left out.
    """

    least_words: int = 60
    most_words: int = 300
    most_per_text: int = 4
    lang: str = "en"

    def __post_init__(self) -> None:
        if self.least_words < 1 or self.most_per_text < 1:
            raise SettingError("least_words and most_per_text are at least 1.")
        if self.most_words < 2 * self.least_words:
            raise SettingError(
                f"most_words is at least twice least_words ({self.least_words});"
                f" got {self.most_words}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A text to label.

    Attributes:
        id: Unique in all sets.
        group: See `split.group_of`.
        text: What it says.
        own: Its set's questions on it.
        after: The sentence that follows it in its text; "" if none does.
        lang: Its language.
        source: Name of its set.
    """

    id: str
    group: str
    text: str
    own: tuple[Question, ...] = ()
    after: str = ""
    lang: str = "en"
    source: str = ""


def read_passages(
    name: str, rows: Iterable[Row], cut: Cut, *, allowed: Callable[[str], bool] | None = None
) -> Iterator[Passage]:
    """Yield the passages of a set, text by text, in an order that a hash of each decides.

    Texts are cut when they are reached: taking a few passages of a large set is cheap.

    Args:
        name: The set.
        rows: Its rows, all of which are read at once.
        cut: How texts are cut.
        allowed: Says of a group whether its texts are wanted; None wants all.

    Raises:
        SettingError: A row has none of the known shapes.
    """
    texts = [t for t in _texts(name, rows, cut.lang) if allowed is None or allowed(t.group)]
    for text in sorted(texts, key=lambda text: (stable_number(text.id), text.id)):
        yield from _cut_text(text, name, cut)


def interleave(sets: Sequence[Iterable[Passage]], count: int | None) -> list[Passage]:
    """Return the first passage of each set, then the second of each, ...: at most `count`.

    Of passages that say the same, blanks aside, the first is taken.
    """
    mixed: dict[str, Passage] = {}
    left = [iter(members) for members in sets]
    while left and (count is None or len(mixed) < count):
        found = [(members, next(members, None)) for members in left]
        for _, passage in found:
            if passage is not None:
                mixed.setdefault(" ".join(passage.text.split()), passage)
        left = [members for members, passage in found if passage is not None]
    return list(mixed.values())[:count]


@dataclass(slots=True)
class _Text:
    """A text before it is cut: where it is from, and what is asked of it.

    `asked` pairs a question with the characters it is about; None is wherever its answer stands.
    """

    id: str
    group: str
    text: str
    lang: str
    asked: list[tuple[Question, tuple[int, int] | None]] = field(default_factory=list)


def _texts(name: str, rows: Iterable[Row], lang: str) -> Iterator[_Text]:
    """Yield the texts of a set; questions on the same document come together."""
    asked: dict[str, _Text] = {}
    for number, row in enumerate(rows, start=1):
        if row.get("lang", lang) != lang:
            continue
        try:
            if "question" in row and "documents" in row:
                for text, question in _documents(name, row, lang):
                    asked.setdefault(text.text, text).asked.append((question, None))
            elif "turns" in row:
                yield from _turns(name, row, lang)
            elif "text" in row:
                identity = f"{name}/{_string(row, 'id')}"
                yield _Text(identity, group_of(name, row), _string(row, "text"), lang)
            else:
                raise SettingError("it has neither documents, turns nor text")
        except (SettingError, KeyError, TypeError, IndexError, AttributeError) as error:
            shown = row.get("id", number)
            raise SettingError(f"In {name}, row {shown}: {_what(error)}.") from error
    yield from asked.values()


def _documents(name: str, row: Row, lang: str) -> Iterator[tuple[_Text, Question]]:
    """Yield the documents that a question is asked of, each with the question."""
    if row.get("unanswerable"):
        return
    said = [str(one) for one in (*row.get("answers", ()), row.get("long_answer") or "")]
    said = [one for one in said if one.strip()]
    answers = tuple(one for one in said if one.strip(" .").casefold() not in VERDICTS)
    question = Question(_string(row, "question").strip(), answers)
    documents = row["documents"]
    texts = [_string(document, "text") for document in documents]
    if name in JOINED:
        whole = "\n".join(texts)
        yield _Text(f"{name}/{row['id']}", group_of(name, row), whole, lang), question
        return
    gold = row.get("gold_indices") or [row.get("gold_index", 0)]
    for at in gold:
        group = group_of(name, row, at)
        yield _Text(f"{name}/{stable_number(texts[at]):016x}", group, texts[at], lang), question


def _turns(name: str, row: Row, lang: str) -> Iterator[_Text]:
    """Yield a meeting as one text with its questions, or a chat's longest answer."""
    group, identity = group_of(name, row), f"{name}/{row['id']}"
    turns = [(str(turn["role"]), _string(turn, "text")) for turn in row["turns"]]
    if not row.get("queries"):
        answers = [text for role, text in turns if role in ("assistant", "gpt")]
        if answers:
            yield _Text(identity, group, max(answers, key=len), lang)
        return
    lines = [f"{role}: {text}\n" for role, text in turns]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = _Text(identity, group, "".join(lines), lang)
    for query in row["queries"]:
        question = Question(_string(query, "query").strip(), (_string(query, "answer"),))
        for first, last in query.get("spans") or ():
            where = (starts[int(first)], starts[min(int(last) + 1, len(lines))])
            text.asked.append((question, where))
    yield text


def _cut_text(text: _Text, name: str, cut: Cut) -> list[Passage]:
    """Cut a text, and give each of its passages the questions on it."""
    bounds = _bounds(text.text, text.id, cut)
    asked = [(question, _places(text.text, question, where)) for question, where in text.asked]
    passages = []
    for number, (start, end) in enumerate(bounds):
        own = [q for q, place in asked if len(bounds) == 1 or _is_about(place, start, end)]
        following = text.text[end : end + LONGEST_QUESTION]
        passages.append(
            Passage(
                id=f"{text.id}-{number}",
                group=text.group,
                text=text.text[start:end].strip(),
                own=tuple(dict.fromkeys(own)),
                after=following[: sentence_bounds(following)[0]].strip() if following else "",
                lang=text.lang,
                source=name,
            )
        )
    passages.sort(key=lambda passage: (not passage.own, stable_number(passage.id)))
    return passages[: cut.most_per_text]


def _bounds(text: str, identity: str, cut: Cut) -> list[tuple[int, int]]:
    """Return the passages of a text as [start, end): runs of whole sentences.

    One ends with the sentence that reaches the wanted length. A sentence that would make it too
    long ends it before, and one that is too long alone is in none.
    """
    starts = [start for start, _ in word_bounds(text)]
    if len(starts) <= cut.most_words:
        return [(0, len(text))] if len(starts) >= cut.least_words else []
    found: list[tuple[int, int]] = []
    start, words, before = 0, 0, 0
    wanted = _wanted(identity, 0, cut)
    for end in [*sentence_bounds(text), len(text)]:
        more = bisect_left(starts, end) - bisect_left(starts, before)
        full = words >= wanted or words + more > cut.most_words or before == len(text)
        if full and words >= cut.least_words:
            found.append((start, before))
            wanted = _wanted(identity, len(found), cut)
        if full:
            start, words = before, 0
        if more > cut.most_words:
            start, words, more = end, 0, 0
        words += more
        before = end
    return found


def _wanted(identity: str, number: int, cut: Cut) -> int:
    """Return how many words a passage is to have; the sentence that reaches it is its last."""
    room = cut.most_words - cut.least_words
    return cut.least_words + stable_number(f"{identity} {number}") % (1 + room * 3 // 4)


_Place = tuple[int, int, bool] | None
"""[start, end) of a text, and whether a question is about the whole stretch."""


def _places(text: str, question: Question, where: tuple[int, int] | None) -> _Place:
    """Return where a text is asked about: as is said, or where an answer stands, if only once."""
    if where is not None:
        return *where, True
    found = {span for answer in question.answers for span in answer_spans(text, answer)}
    return (*found.pop(), False) if len(found) == 1 else None


def _is_about(place: _Place, start: int, end: int) -> bool:
    """Return whether a passage holds an answer, or lies in a stretch for the greater part."""
    if place is None:
        return False
    if place[2]:
        return min(end, place[1]) - max(start, place[0]) > (end - start) / 2
    return start <= place[0] and place[1] <= end


def _string(row: Row, name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise SettingError(f"{name!r} is {type(value).__name__}, not a string")
    return value


def _what(error: Exception) -> str:
    if isinstance(error, SettingError):
        return str(error)
    return f"it has not the fields that are read ({type(error).__name__}: {error})"
