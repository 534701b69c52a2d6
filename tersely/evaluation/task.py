"""What is measured on: an example has something to shorten, a question, and a known answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tersely.core.prompt import Prompt
from tersely.errors import SettingError
from tersely.evaluation.source import Source, number_of

Family = Literal[
    "few-shot",
    "question answering",
    "multi-hop",
    "retrieval",
    "summary",
    "reconstruction",
    "conversation",
    "code",
    "tools",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One prompt whose right answer is known.

    Attributes:
        id: Unlike any other of the task.
        contexts: What may be shortened, in order; none is empty.
        question: What is kept and stands last, as it is written: "Question: who pays?". "" where
            the prompt asks nothing of its own.
        instruction: What is kept and stands first; "" for none.
        cue: What is written after the compressed prompt, and the answer right after it.
        answers: Strings of which each is a right answer; the first is the one to be preferred.
        role: What the contexts are: texts, or the worked examples of a few-shot prompt.
        gold: What is needed for the answer: strings that stand in one of the contexts, in order.
            Empty where that is not known.
        options: Where the answer is one of a few: all of them. Then a reader picks the likeliest.
        group: What tables break results down by: a position, a language, a kind of question.
        cluster: What examples on the same matter share; intervals resample these. "" is `id`.
        language: Of the answers, as in "en"; measures cut words by it.
    """

    id: str
    contexts: tuple[str, ...]
    question: str = ""
    instruction: str = ""
    cue: str = "\nAnswer:"
    answers: tuple[str, ...] = ()
    role: Literal["context", "demonstration"] = "context"
    gold: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    group: str = ""
    cluster: str = ""
    language: str = "en"

    @property
    def prompt(self) -> Prompt:
        """What is compressed: the contexts, between what is kept."""
        shown = {"contexts" if self.role == "context" else "demonstrations": self.contexts}
        return Prompt.of(question=self.question, instruction=self.instruction, **shown)

    @property
    def bare(self) -> str:
        """The prompt without its contexts."""
        return Prompt.of(question=self.question, instruction=self.instruction).text

    def after_cue(self, answer: str) -> str:
        """Return an answer as it stands after the cue: behind a blank, or at a line's beginning."""
        return answer if not self.cue or self.cue[-1].isspace() else f" {answer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kind of prompt, and how an answer to it is measured.

    Attributes:
        name: Registry name, file name and docs heading.
        version: Raised whenever examples or measures change; records carry it.
        family: What kind of thing is asked of a prompt.
        data: Names of the data sets that are read.
        read: Examples of a source, in a fixed order.
        measures: What a written answer is scored by, the main one first; see
            `tersely.evaluation.metrics`. Empty where answers are not written.
        answer_tokens: The most tokens that a reader writes.
        extractive: Whether the right answer stands in the contexts, so that it can survive.
        content: What the contexts are: "text" is prose, "auto" finds out.
        source: Paper or page of the data.
    """

    name: str
    version: int
    family: Family
    data: tuple[str, ...]
    read: Callable[[Source], Iterator[Example]]
    measures: tuple[str, ...] = ()
    answer_tokens: int = 0
    extractive: bool = False
    content: Literal["text", "auto"] = "text"
    source: str = ""

    def examples(self, source: Source, *, count: int | None = None, seed: int = 0) -> list[Example]:
        """Return examples in an order that depends on their ids and the seed alone.

        So a longer run begins with the examples of a shorter one.

        Args:
            source: Where the data sets are.
            count: How many; None is all.
            seed: Which come first.

        Raises:
            SettingError: A data set is not there or has no examples, or the count is below 1.
        """
        if count is not None and count < 1:
            raise SettingError(f"At least 1 example is needed; got {count}.")
        found = sorted(self.read(source), key=lambda example: number_of(seed, example.id))
        if not found:
            raise SettingError(f"The task {self.name!r} has no examples in {source.place}.")
        return found[:count]
