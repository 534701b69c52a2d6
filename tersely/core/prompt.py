"""What goes in: a prompt is a tuple of segments, and a span is a stretch of one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tersely.core.structure import Structure, tiles, weave
from tersely.errors import PromptError

Role = Literal["instruction", "demonstration", "context", "question"]
ROLES: tuple[str, ...] = get_args(Role)

JOINER = "\n\n"
"""What stands between segments that were given separately."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters [start, end) of one segment.

    Attributes:
        segment: Index of the segment in its prompt.
        start: First character.
        end: One past the last character; never before `start`.
    """

    segment: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.segment < 0 or not 0 <= self.start <= self.end:
            raise PromptError(
                f"A span needs segment >= 0 and 0 <= start <= end; got segment {self.segment},"
                f" start {self.start}, end {self.end}."
            )


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a prompt, with a role.

    Attributes:
        text: The characters, any at all.
        role: What the piece is for.
        rate: Share of its own tokens to keep, in (0, 1]; 1 protects it. None means that the
            role decides: instruction and question are kept verbatim, the rest shares the budget.
        structure: What of it may go, where it is not prose; None is prose.
    """

    text: str
    role: Role = "context"
    rate: float | None = None
    structure: Structure | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise PromptError(f"A segment's text is a str, not {type(self.text).__name__}.")
        if self.role not in ROLES:
            raise PromptError(f"No role is called {self.role!r}. There are: {', '.join(ROLES)}.")
        if self.rate is not None and not 0 < self.rate <= 1:
            raise PromptError(f"A segment's rate is in (0, 1]; got {self.rate}.")
        if self.structure is not None and not tiles(self.structure.pieces, len(self.text)):
            raise PromptError("The pieces of a segment's structure do not tile its text.")

    @property
    def written(self) -> str:
        """The text, with notes on what had gone from it before."""
        if self.structure is None or not any(series.gone for series in self.structure.series):
            return self.text
        return weave(self.text, [(0, len(self.text))] if self.text else [], self.structure)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The whole: segments in order, what stands between them, and what must not be touched.

    Attributes:
        segments: The pieces, in the order in which they are sent.
        separators: What stands between segment i and i + 1; one fewer than there are segments.
        protected: Spans that survive any compression, byte for byte.
        preferred: Spans that are worth more than all others, but yield to the budget.
    """

    segments: tuple[Segment, ...]
    separators: tuple[str, ...] = ()
    protected: tuple[Span, ...] = ()
    preferred: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        wanted = max(0, len(self.segments) - 1)
        if len(self.separators) != wanted:
            raise PromptError(
                f"{len(self.segments)} segments need {wanted} separators, got"
                f" {len(self.separators)}. Use Prompt.of(...) to have them joined by a blank line."
            )
        for kind, span in self._marked():
            if span.segment >= len(self.segments):
                raise PromptError(f"A {kind} span names segment {span.segment}; there is none.")
            if span.end > len(self.segments[span.segment].text):
                raise PromptError(
                    f"A {kind} span ends at character {span.end} of segment {span.segment},"
                    f" which has {len(self.segments[span.segment].text)}."
                )

    @classmethod
    def of(
        cls,
        contexts: str | Sequence[str] = (),
        *,
        instruction: str = "",
        demonstrations: Sequence[str] = (),
        question: str = "",
    ) -> Prompt:
        """Put a prompt together: instruction, demonstrations, contexts, question.

        An empty instruction or question is left out; an empty context stays, so that
        `Compression.contexts` has one entry per context given.

        Raises:
            PromptError: Something is not a str.
        """
        texts = [contexts] if isinstance(contexts, str) else _strings("contexts", contexts)
        segments = [
            *([Segment(instruction, "instruction")] if instruction else []),
            *(
                Segment(text, "demonstration")
                for text in _strings("demonstrations", demonstrations)
            ),
            *(Segment(text, "context") for text in texts),
            *([Segment(question, "question")] if question else []),
        ]
        return cls.joined(segments)

    @classmethod
    def joined(cls, segments: Iterable[Segment]) -> Prompt:
        """Build a prompt of segments that are separated by a blank line."""
        pieces = tuple(segments)
        return cls(pieces, (JOINER,) * max(0, len(pieces) - 1))

    @property
    def text(self) -> str:
        """The whole prompt as one string; a separator stands only between non-empty segments.

        Where a segment is what is left of a longer one, the notes on that are part of it.
        """
        return self.join([segment.written for segment in self.segments])

    @property
    def question(self) -> str:
        """What the contexts are for: the text of the question segments; "" if there is none."""
        return "\n".join(s.text for s in self.segments if s.role == "question" and s.text.strip())

    def join(self, texts: Sequence[str], order: Sequence[int] | None = None) -> str:
        """Join one text per segment as this prompt does; empty ones leave no separator.

        Args:
            texts: One per segment.
            order: In which order the segments are written, a permutation of their indices; None
                is the prompt's own. The separators stay in their places.
        """
        out: list[str] = []
        for place, index in enumerate(range(len(texts)) if order is None else order):
            if not texts[index]:
                continue
            if out:
                out.append(self.separators[place - 1])
            out.append(texts[index])
        return "".join(out)

    def read(self, span: Span) -> str:
        """Return the characters of a span."""
        return self.segments[span.segment].text[span.start : span.end]

    def protecting(self, spans: Iterable[Span]) -> Prompt:
        """Return this prompt with more spans protected."""
        return replace(self, protected=self.protected + tuple(spans))

    def preferring(self, spans: Iterable[Span]) -> Prompt:
        """Return this prompt with more spans preferred."""
        return replace(self, preferred=self.preferred + tuple(spans))

    def _marked(self) -> Iterator[tuple[str, Span]]:
        yield from (("protected", span) for span in self.protected)
        yield from (("preferred", span) for span in self.preferred)


def _strings(name: str, texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str | bytes) or not isinstance(texts, Sequence):
        raise PromptError(f"{name} is a list of str, not {type(texts).__name__}.")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise PromptError(f"{name}[{index}] is {type(text).__name__}, not str.")
    return list(texts)
