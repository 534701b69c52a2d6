"""What a hard compressor returns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tersely.core.prompt import Prompt, Span
from tersely.core.recover import MOST_DROPPED_WORDS, Recovered, recover, recover_spans
from tersely.core.structure import Note, weave

if TYPE_CHECKING:
    from tersely.payoff.savings import Savings


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """What is left of a prompt, and what it cost.

    The spans are the result; the text is derived from them. So every kept character can be
    traced to the segment it came from, and nothing downstream has to search or split a string.

    Attributes:
        prompt: The prompt that went in, unchanged.
        kept: What survives, in output order. Spans never overlap, are never empty, and two that
            touch are one. A segment's spans stand together, in reading order.
        order: The order in which segments are written, a permutation of their indices; None is
            the prompt's own.
        tokens_before: Tokens of the whole prompt as one text, by `tokenizer`.
        tokens_after: Tokens of `text`, tokenized afresh.
        limit_tokens: The most that was allowed. `tokens_after` never exceeds it.
        tokenizer: Whose tokens these are.
        exact: Whether that is the target's own tokenizer rather than a stand-in.
        method: Registry name of the compressor.
        model: Name of the model that scored; "" where none did.
        model_tokens: Tokens put through that model.
        seconds: Wall time of the compression, model time included.
        reason: Why the prompt was returned unchanged, or empty; "" where it was neither.
    """

    prompt: Prompt
    kept: tuple[Span, ...]
    tokens_before: int
    tokens_after: int
    limit_tokens: int
    tokenizer: str
    exact: bool
    method: str
    model: str
    model_tokens: int
    seconds: float
    order: tuple[int, ...] | None = None
    reason: str = ""

    @property
    def dropped(self) -> tuple[Span, ...]:
        """What did not survive, in the order of the prompt: the complement of `kept`."""
        out: list[Span] = []
        in_prompt_order = sorted(self.kept, key=lambda span: span.segment)
        kept = {
            index: list(spans) for index, spans in groupby(in_prompt_order, lambda s: s.segment)
        }
        for index, segment in enumerate(self.prompt.segments):
            at = 0
            for span in kept.get(index, []):
                if span.start > at:
                    out.append(Span(index, at, span.start))
                at = span.end
            if at < len(segment.text):
                out.append(Span(index, at, len(segment.text)))
        return tuple(out)

    @property
    def texts(self) -> list[str]:
        """The kept text of each segment, one entry per segment (may be empty)."""
        return spans_to_texts(self.prompt, self.kept)

    @property
    def contents(self) -> tuple[str, ...]:
        """What each segment was treated as, and is still valid as: "text" is prose."""
        structures = (segment.structure for segment in self.prompt.segments)
        return tuple("text" if one is None else one.content for one in structures)

    @property
    def notes(self) -> tuple[tuple[int, Note], ...]:
        """What `text` says that the prompt does not, by segment: notes on what is missing."""
        kept = bounds_of(self.prompt, self.kept)
        return tuple(
            (index, note)
            for index, segment in enumerate(self.prompt.segments)
            if segment.structure is not None
            for note in segment.structure.notes(kept[index])
        )

    @property
    def contexts(self) -> list[str]:
        """The kept text of each context, one entry per context given (may be empty)."""
        pairs = zip(self.prompt.segments, self.texts, strict=True)
        return [text for segment, text in pairs if segment.role == "context"]

    @property
    def text(self) -> str:
        """The compressed prompt as one string, to be sent as it is."""
        return self.prompt.join(self.texts, self.order)

    @property
    def rate(self) -> float:
        """Kept tokens / original tokens, in [0, 1]; 1.0 for an empty prompt."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0

    @property
    def saved_tokens(self) -> int:
        """How many tokens fewer are sent."""
        return self.tokens_before - self.tokens_after

    def report(self, model: str = "") -> Savings:
        """Return what is saved: tokens, money at a model's list prices, and the time it took.

        Args:
            model: Whose prices count ("gpt-5"); "" leaves money out.

        Raises:
            SettingError: No price of that model is known.
        """
        from tersely.payoff.savings import savings  # above this layer: here for convenience only

        return savings(self, model)

    def recover(
        self,
        answer: str,
        *,
        most_dropped_words: int = MOST_DROPPED_WORDS,
        complete_names: bool = True,
    ) -> str:
        """Return a model's answer with the original wording put back.

        Where words that stand together in the answer stood together in `text` only because
        others between them were dropped, these are put in again; so are the dropped words of a name
        that it begins or ends with. All else stays as it is.

        Args:
            answer: What a model wrote to `text`.
            most_dropped_words: A gap of more words than that is left alone.
            complete_names: Whether names that lost words at an edge are made whole.

        Raises:
            PromptError: The answer is not a str.
            SettingError: `most_dropped_words` is not a whole number of at least 0.
        """
        return recover(
            self.prompt,
            self.kept,
            answer,
            most_dropped_words=most_dropped_words,
            complete_names=complete_names,
        )

    def recover_spans(
        self,
        answer: str,
        *,
        most_dropped_words: int = MOST_DROPPED_WORDS,
        complete_names: bool = True,
    ) -> list[Recovered]:
        """Return what `recover` puts where: characters of the answer, and a span of the prompt."""
        return recover_spans(
            self.prompt,
            self.kept,
            answer,
            most_dropped_words=most_dropped_words,
            complete_names=complete_names,
        )


def spans_to_texts(prompt: Prompt, kept: tuple[Span, ...]) -> list[str]:
    """Return the kept text of each segment with its notes, one each (may be empty)."""
    return [
        weave(segment.text, bounds, segment.structure)
        for segment, bounds in zip(prompt.segments, bounds_of(prompt, kept), strict=True)
    ]


def bounds_of(prompt: Prompt, kept: tuple[Span, ...]) -> list[list[tuple[int, int]]]:
    """Return the kept characters of each segment as [start, end), one entry per segment."""
    bounds: list[list[tuple[int, int]]] = [[] for _ in prompt.segments]
    for span in kept:
        bounds[span.segment].append((span.start, span.end))
    return bounds
