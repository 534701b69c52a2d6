"""What of a context may be shortened: the harness's text or chat as a prompt with roles.

The harness writes description, demonstrations and question as one text, each demonstration with
the few-shot delimiter behind it, and hands on that text and the document it asks about. What
stands where is known exactly if the task is there to be asked (`Task.doc_to_text`); else the
question is what stands behind the last delimiter before the longest field of the document.

Source: https://github.com/EleutherAI/lm-evaluation-harness/blob/v0.4.13/lm_eval/api/task.py
    (ConfigurableTask.fewshot_context, build_qa_turn)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from tersely.core.prompt import JOINER, Prompt, Role, Segment, Span
from tersely.core.result import Compression
from tersely.errors import PromptError, SettingError

What = Literal["demonstrations", "context"]
Split = Callable[[str, Mapping[str, Any]], tuple[str, str, str]]
"""Cuts the text of a document into what is kept before, what is shortened, and what is kept after;
the three make up the text."""

Piece = tuple[Role | None, str]
"""A stretch of text with what it is for; None is what only separates."""

Message = Mapping[str, str]
LEAST_FIELD_CHARS = 20
"""A field of a document that is shorter may stand anywhere."""


class Task(Protocol):
    """What is asked of a task of the harness."""

    config: Any

    def doc_to_text(self, doc: Any) -> str | int:
        """Return the question; an index of the choices where these are whole questions."""
        ...

    def doc_to_choice(self, doc: Any) -> list[str]:
        """Return the choices."""
        ...


@dataclass(frozen=True)
class Turn:
    """Part of a chat.

    Attributes:
        messages: One, or a demonstration's two.
        prompt: Its content; a demonstration's is one segment.
    """

    messages: tuple[Message, ...]
    prompt: Prompt


@dataclass(frozen=True)
class Cutter:
    """Says what of a context may be shortened.

    Attributes:
        what: "demonstrations" are all that stands before the question; "context" is part of a
            text without demonstrations.
        split: Finds that part; None takes all that stands before the last delimiter.
        tasks: Of the harness, by name; to be asked what their questions are.
        delimiter: What stands between demonstrations where the task is not known.
    """

    what: What
    split: Split | None
    tasks: Mapping[str, Task]
    delimiter: str = JOINER

    def pieces(self, text: str, doc: Mapping[str, Any], task: str | None) -> list[Piece]:
        """Cut a context, or the last turn of a chat.

        Raises:
            PromptError: The splitter's parts do not make up the text.
        """
        known = self.tasks.get(task or "")
        delimiter = (known and known.config.fewshot_delimiter) or self.delimiter
        if self.what == "context":
            return self._context(text, doc, delimiter)
        start = question_start(text, doc, known, delimiter)
        kept = description_end(text[:start], doc, known)
        out: list[Piece] = [("instruction", text[:kept])]
        for block in text[kept:start].split(delimiter):
            out += [("demonstration", block), (None, delimiter)]
        return [*out[:-1], ("question", text[start:])]

    def _context(self, text: str, doc: Mapping[str, Any], delimiter: str) -> list[Piece]:
        if self.split is None:
            start = last_block(text, delimiter)
            return [("context", text[:start]), ("question", text[start:])]
        before, context, after = self.split(text, doc)
        if before + context + after != text:
            raise PromptError(
                "The splitter's three parts do not make up the context"
                f" ({len(before)} + {len(context)} + {len(after)} characters of {len(text)})."
            )
        return [("instruction", before), ("context", context), ("question", after)]

    def turns(
        self, messages: Sequence[Message], doc: Mapping[str, Any], task: str | None
    ) -> list[Turn]:
        """Cut a chat.

        The system's text is kept, the last user's turn and what is behind it are the question or
        hold it, and a user's turn before with its answer is a demonstration.

        Raises:
            PromptError: A message is not text.
        """
        for message in messages:
            if not isinstance(message["content"], str):
                kind = type(message["content"]).__name__
                raise PromptError(f"A message of the chat is a {kind}; only text is compressed.")
        last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
        shows = self.what == "demonstrations"
        out: list[Turn] = []
        at = 0
        while at < len(messages):
            message, pair = messages[at], tuple(messages[at : at + 2])
            text, kept = message["content"], message["role"] == "system" or not shows
            if at == last:
                out.append(Turn((message,), tiled(self.pieces(text, doc, task))))
            elif at > last:
                out.append(Turn((message,), _one(text, "question")))
            elif not kept and [m["role"] for m in pair] == ["user", "assistant"]:
                out.append(Turn(pair, _one(JOINER.join(m["content"] for m in pair))))
            else:
                out.append(Turn((message,), _one(text, "instruction" if kept else "demonstration")))
            at += len(out[-1].messages)
        return out


def regex_split(pattern: str) -> Split:
    """Return a splitter that shortens what the group "context" of a regular expression matches.

    A text that it does not match is kept as it is.

    Raises:
        SettingError: It is not a regular expression, or has no such group.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SettingError(f"split is not a regular expression: {error}.") from error
    if "context" not in compiled.groupindex:
        raise SettingError(f"split needs a group (?P<context>...); {pattern!r} has none.")

    def split(text: str, doc: Mapping[str, Any]) -> tuple[str, str, str]:
        match = compiled.search(text)
        start, end = match.span("context") if match else (-1, -1)
        return ("", "", text) if start < 0 else (text[:start], text[start:end], text[end:])

    return split


def last_block(text: str, delimiter: str, end: int | None = None) -> int:
    """Return where the block begins that goes on at `end`; None is the last that has text."""
    at = text.rfind(delimiter, 0, len(text.rstrip()) if end is None else end)
    return 0 if at < 0 else at + len(delimiter)


def question_start(context: str, doc: Mapping[str, Any], task: Task | None, delimiter: str) -> int:
    """Return where the question begins."""
    asked = [text for text in questions(task, doc) if text.strip()] if task else []
    found = max((context.rfind(text) for text in asked), default=-1)
    if found >= 0:
        return found
    fields = [str(value).strip() for value in doc.values() if isinstance(value, str)]
    longest = max((f for f in fields if f in context), key=len, default="")
    if len(longest) < LEAST_FIELD_CHARS:
        return last_block(context, delimiter)
    return last_block(context, delimiter, context.rfind(longest))


def questions(task: Task, doc: Mapping[str, Any]) -> list[str]:
    """Return what may be the question: one text, or each of those that are to be compared."""
    text = task.doc_to_text(doc)
    return [text] if isinstance(text, str) else list(task.doc_to_choice(doc))


def description_end(head: str, doc: Mapping[str, Any], task: Task | None) -> int:
    """Return where the description of the task ends, 0 where there is none or it is unknown."""
    if task is None or not task.config.description:
        return 0
    resolve = getattr(task, "resolve_field", None)
    description = resolve(doc, task.config.description) if resolve else task.config.description
    at = head.find(description) if description else -1
    return at + len(description) if at >= 0 else 0


def tiled(pieces: Sequence[Piece]) -> Prompt:
    """Return the prompt whose segments and separators make up the pieces, byte for byte.

    Blanks at the edges of segments become part of what separates them, so that they go with a
    segment that goes. Before the first segment and after the last they stay.
    """
    segments: list[Segment] = []
    gaps = [""]
    for role, text in pieces:
        core = text.strip() if role else ""
        if role is None or not core:
            gaps[-1] += text
            continue
        start = text.index(core)
        gaps[-1] += text[:start]
        segments.append(Segment(core, role))
        gaps.append(text[start + len(core) :])
    if not segments:
        return _one("".join(gaps), "question")
    segments[0] = Segment(gaps[0] + segments[0].text, segments[0].role)
    segments[-1] = Segment(segments[-1].text + gaps[-1], segments[-1].role)
    return Prompt(tuple(segments), tuple(gaps[1:-1]))


def may_shrink(prompt: Prompt) -> bool:
    """Return whether there is anything that may be shortened."""
    return any(segment.role in ("demonstration", "context") for segment in prompt.segments)


def bare(prompt: Prompt) -> str:
    """Return a prompt without what may be shortened."""
    kept = ("instruction", "question")
    return prompt.join([s.text if s.role in kept else "" for s in prompt.segments])


def chat_prompt(turns: Sequence[Turn]) -> Prompt:
    """Return all turns as one prompt, a blank line between them."""
    segments: list[Segment] = []
    separators: list[str] = []
    for turn in turns:
        segments += turn.prompt.segments
        separators += [*turn.prompt.separators, JOINER]
    return Prompt(tuple(segments), tuple(separators[:-1]))


def shortened_chat(turns: Sequence[Turn], result: Compression) -> list[dict[str, str]]:
    """Return the messages with what is left of them; a demonstration that is gone leaves none."""
    left: list[dict[str, str]] = []
    first = 0
    for turn in turns:
        count = len(turn.prompt.segments)
        if len(turn.messages) == 1:
            contents = [turn.prompt.join(result.texts[first : first + count])]
        else:
            contents = _parted(turn, [span for span in result.kept if span.segment == first])
        if len(contents) == 1 or any(contents):
            pairs = zip(turn.messages, contents, strict=True)
            left += [dict(message) | {"content": content} for message, content in pairs]
        first += count
    return left


def _parted(turn: Turn, kept: Sequence[Span]) -> list[str]:
    """Return what is left of a question and of its answer, which were one segment."""
    text, cut = turn.prompt.segments[0].text, len(turn.messages[0]["content"])
    bounds = ((0, cut), (cut + len(JOINER), len(text)))
    return [
        "".join(text[max(span.start, start) : min(span.end, end)] for span in kept)
        for start, end in bounds
    ]


def _one(text: str, role: Role = "demonstration") -> Prompt:
    return Prompt.joined([Segment(text, role)])


def read_what(what: str) -> What:
    """Return what is to be shortened.

    Raises:
        SettingError: It is neither of the two.
    """
    if what not in ("demonstrations", "context"):
        raise SettingError(f"what is 'demonstrations' or 'context', not {what!r}.")
    return cast("What", what)
