"""Shorten the texts of a chat that may be touched until the whole request fits.

The methods see a prompt of these texts, in their order, with the newest user turn among them as
the question. What else is sent is counted and kept from them: it need not be read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tersely.chat.counting import ChatCounter, find_separator
from tersely.chat.messages import Chat, Slot, write_texts
from tersely.chat.policy import ChatPolicy, question_slots
from tersely.chat.result import ChatCompression
from tersely.content.base import ContentHandler
from tersely.content.load import AUTO, TEXT, structure_of
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Role, Segment, Span
from tersely.core.result import Compression, bounds_of
from tersely.core.structure import Structure, weave
from tersely.core.units import LONGEST_WORD, word_units
from tersely.counting import TokenCounter
from tersely.errors import BudgetTooSmall, PromptError
from tersely.hard.base import HardCompressor, Progress
from tersely.prompting import compress_prompt, mark, open_method

Bounds = tuple[tuple[int, int], ...]
"""Characters [start, end) of a text, ascending and apart."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a text was sent as.

    Attributes:
        text: The characters that were sent.
        kept: Which of the original's they are, besides notes.
    """

    text: str
    kept: Bounds


@dataclass(frozen=True, slots=True)
class Tally:
    """What a limit can be made of.

    Attributes:
        before: Tokens of the request with its texts as they were given.
        untouched: Tokens of all that is not to be shortened, as it is sent.
        open: Tokens of the texts that may be shortened.
    """

    before: int
    untouched: int
    open: int


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of the chat as it stands before it is shortened now.

    Attributes:
        segment: What it is a part of: the original, or what was sent if that cannot be traced.
        kept: What is left of that.
        text: The characters.
        tokens: Their number of tokens.
    """

    segment: Segment
    kept: Bounds
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortener:
    """All that shortening a chat takes, but the chat.

    Attributes:
        method: A name, or a compressor.
        counter: Whose tokens the limit is in.
        policy: What may be touched.
        content: What tool results are, as `structure_of` takes it; those that are of another kind
            are treated as with "auto".
        progress: Called with (model tokens read, expected) as the work goes on.
    """

    method: str | HardCompressor
    counter: TokenCounter
    policy: ChatPolicy = field(default_factory=ChatPolicy)
    content: str | ContentHandler = AUTO
    progress: Progress | None = None

    def shorten(
        self,
        chat: Chat,
        limit_of: Callable[[Tally], int],
        *,
        sent: Mapping[int, Sent],
        frozen_messages: int = 0,
    ) -> ChatCompression:
        """Shorten a chat.

        Args:
            chat: The chat.
            limit_of: Says what the most tokens of the request are.
            sent: What texts, by index, were sent as before; they are sent so again.
            frozen_messages: How many of the first messages may not be shortened.

        Raises:
            BudgetTooSmall: What may not be touched exceeds the limit.
            PromptError: The method needs a question, and there is none.
        """
        started = time.perf_counter()
        count = self.counter.count
        fixed = chat.tokens + sum(map(count, chat.counted))
        texts = [self._as_sent(slot, sent.get(at)) for at, slot in enumerate(chat.slots)]
        sizes = [text.tokens for text in texts]
        opened = self.policy.open_slots(chat, sizes, frozen_messages=frozen_messages)
        free = sum(sizes[at] for at in opened)
        before = fixed + sum(
            text.tokens if text.text == slot.text else count(slot.text)
            for text, slot in zip(texts, chat.slots, strict=True)
        )
        tally = Tally(before, fixed + sum(sizes) - free, free)
        limit = limit_of(tally)
        rates = self.policy.own_rates(chat, opened, sizes, limit - tally.untouched)
        prompt, places = self._prompt(chat, texts, opened, rates)
        compressor = open_method([prompt], self.method)
        result = None
        if tally.untouched + free > limit or any(rate < 1 for rate in rates.values()):
            if not opened:
                raise BudgetTooSmall(limit_tokens=limit, protected_tokens=tally.untouched)
            result = self._run(compressor, prompt, limit, beside=tally.untouched)
            texts = self._merged(texts, result, places)
        return ChatCompression(
            prompt=Prompt.joined(text.segment for text in texts),
            kept=tuple(Span(at, *ends) for at, text in enumerate(texts) for ends in text.kept),
            tokens_before=tally.before,
            tokens_after=fixed + sum(text.tokens for text in texts),
            limit_tokens=limit,
            tokenizer=self.counter.name,
            exact=self.counter.exact and chat.exact,
            method=compressor.name,
            model=result.model if result else getattr(compressor, "model_name", ""),
            model_tokens=result.model_tokens if result else 0,
            seconds=time.perf_counter() - started,
            reason=_reason(chat, texts, tally, limit, result),
            messages=write_texts(
                chat,
                {slot.place: t.text for slot, t in zip(chat.slots, texts, strict=True)},
            ),
            format=chat.format,
            places=tuple(slot.place for slot in chat.slots),
            fixed_tokens=fixed,
            frozen_messages=frozen_messages,
        )

    def shorten_to_rate(
        self,
        chat: Chat,
        limit_of: Callable[[Tally], int],
        *,
        cap: int | None = None,
        sent: Mapping[int, Sent],
        frozen_messages: int = 0,
    ) -> ChatCompression:
        """Shorten a chat to a limit that gives way to what keeps its texts valid.

        Args:
            chat: The chat.
            limit_of: As for `shorten`, as are `sent` and `frozen_messages`.
            cap: The most tokens that it gives way to; None is any number.
            sent: What texts were sent as before.
            frozen_messages: How many of the first messages may not be shortened.

        Raises:
            BudgetTooSmall: What may not be touched exceeds `cap`.
            PromptError: The method needs a question, and there is none.
        """
        try:
            return self.shorten(chat, limit_of, sent=sent, frozen_messages=frozen_messages)
        except BudgetTooSmall as error:
            needed = error.protected_tokens
            if cap is not None and needed > cap:
                raise
        return self.shorten(chat, lambda _: needed, sent=sent, frozen_messages=frozen_messages)

    def _as_sent(self, slot: Slot, sent: Sent | None) -> _Text:
        """Return a text as it was sent, traced to the original if that gives the same again."""
        role: Role = "instruction" if slot.role == "system" else "context"
        tokens = self.counter.count(slot.text if sent is None else sent.text)
        if sent is None or sent.text == slot.text:
            return _Text(Segment(slot.text, role), ((0, len(slot.text)),), slot.text, tokens)
        if sent.kept and sent.kept[-1][1] <= len(slot.text):
            if weave(slot.text, sent.kept, None) == sent.text:
                return _Text(Segment(slot.text, role), sent.kept, sent.text, tokens)
            structure = self._structure(slot)
            if weave(slot.text, sent.kept, structure) == sent.text:
                segment = Segment(slot.text, role, structure=structure)
                return _Text(segment, sent.kept, sent.text, tokens)
        return _Text(Segment(sent.text, role), ((0, len(sent.text)),), sent.text, tokens)

    def _structure(self, slot: Slot) -> Structure | None:
        if self.content in (AUTO, TEXT) or slot.role != "tool":
            return structure_of(slot.text, TEXT if self.content == TEXT else AUTO)
        try:
            return structure_of(slot.text, self.content)
        except PromptError:  # an error message where there should be JSON
            return structure_of(slot.text, AUTO)

    def _prompt(
        self,
        chat: Chat,
        texts: Sequence[_Text],
        opened: Sequence[int],
        rates: Mapping[int, float],
    ) -> tuple[Prompt, list[int]]:
        """Return what a method shortens, and which text of the chat each of its segments is."""
        full = mark(
            Prompt.joined(Segment(text.text) for text in texts),
            protect=self.policy.protect,
            prefer=self.policy.prefer,
        )
        places = sorted({*opened, *question_slots(chat)})
        segment_of = {at: index for index, at in enumerate(places)}
        segments = []
        for at in places:
            text = texts[at].text
            if at in opened:
                structure = self._structure(chat.slots[at])
                segments.append(Segment(text, "context", rates.get(at), structure))
            else:
                segments.append(Segment(text, "question", 1.0))

        def moved(spans: Sequence[Span]) -> tuple[Span, ...]:
            return tuple(
                replace(span, segment=segment_of[span.segment])
                for span in spans
                if span.segment in opened
            )

        anchors = tuple(Span(segment_of[at], *_anchor(segments[segment_of[at]])) for at in opened)
        notes = [each.note for s in segments if s.structure for each in s.structure.series]
        between = find_separator([*(segment.text for segment in segments), *notes])
        prompt = Prompt(
            tuple(segments),
            (between,) * max(0, len(segments) - 1),
            moved(full.protected) + anchors,
            moved(full.preferred),
        )
        return prompt, places

    def _run(
        self, compressor: HardCompressor, prompt: Prompt, limit: int, *, beside: int
    ) -> Compression:
        """Shorten the prompt of a chat.

        Args:
            compressor: The method.
            prompt: The chat's texts.
            limit: The most tokens of the request.
            beside: Tokens of the request that the method may not touch, questions included.
        """
        separator = prompt.separators[0] if prompt.separators else find_separator([prompt.text])
        counter = ChatCounter(self.counter, separator)
        asked = sum(counter.count(s.text) for s in prompt.segments if s.role == "question")
        room = limit - beside + asked
        budget = Budget(tokens=max(1, room))
        try:
            result = compress_prompt(
                compressor,
                prompt,
                budget,
                counter=counter,
                content=self.content,
                flatten=False,
                progress=self.progress,
            )
        except BudgetTooSmall as error:
            raise BudgetTooSmall(
                limit_tokens=limit,
                protected_tokens=error.protected_tokens + beside - asked,
                contents=error.contents or (_kinds(prompt) if limit > beside else ()),
            ) from error
        if result.tokens_after > room:
            needed = result.tokens_after + beside - asked
            raise BudgetTooSmall(limit_tokens=limit, protected_tokens=needed)
        return result

    def _merged(
        self, texts: Sequence[_Text], result: Compression, places: Sequence[int]
    ) -> list[_Text]:
        """Return the texts of the chat, those shortened in their places where it saved tokens."""
        out = list(texts)
        ends = bounds_of(result.prompt, result.kept)
        for index, (segment, text) in enumerate(
            zip(result.prompt.segments, result.texts, strict=True)
        ):
            tokens = self.counter.count(text)
            if tokens < out[places[index]].tokens:
                segment = replace(segment, rate=None)
                out[places[index]] = _Text(segment, tuple(ends[index]), text, tokens)
        return out


def _kinds(prompt: Prompt) -> list[str]:
    """Return the kinds of content that a prompt has."""
    return sorted({s.structure.content for s in prompt.segments if s.structure is not None})


def _anchor(segment: Segment) -> tuple[int, int]:
    """Return the characters that keep a text from becoming empty, which no provider takes."""
    text, structure = segment.text, segment.structure
    pieces = [] if structure is None else structure.pieces
    full = [piece for piece in pieces if text[piece.start : piece.end].strip()]
    for kind in ("fixed", "words"):
        first = next((piece for piece in full if piece.kind == kind), None)
        if first is not None:
            return _first_word(text, first.start, first.end)
    whole = min(
        (piece for piece in full if piece.kind == "whole"),
        key=lambda piece: piece.end - piece.start,
        default=None,
    )
    return _first_word(text, *((whole.start, whole.end) if whole else (0, len(text))))


def _first_word(text: str, start: int, end: int) -> tuple[int, int]:
    start += end - start - len(text[start:end].lstrip())
    run = text[start : min(end, start + LONGEST_WORD)].split(maxsplit=1)
    first = word_units(run[0])[0] if run else None
    return (start + first.core, start + first.end) if first else (start, end)


def _reason(
    chat: Chat, texts: Sequence[_Text], tally: Tally, limit: int, result: Compression | None
) -> str:
    """Return why all texts are as they were given; "" if one is not."""
    if any(text.text != slot.text for text, slot in zip(texts, chat.slots, strict=True)):
        return ""
    if result is not None:
        return "Leaving something out would not have made any of its texts shorter."
    if not tally.open:
        return "None of its texts may be shortened."
    return f"It has {tally.before} tokens, and may have {limit}."
