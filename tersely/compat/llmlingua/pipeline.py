"""From contexts and options to what is left: rank, drop contexts, drop sentences, drop words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints
from tersely.compat.llmlingua.arguments import Options
from tersely.compat.llmlingua.contexts import Context, Sentence, cut_sentences
from tersely.compat.llmlingua.ranking import Rankers, best_first, values_of, written_order
from tersely.compat.llmlingua.stage import Level, Stage
from tersely.compat.llmlingua.warned import warn
from tersely.core.budget import Budget
from tersely.core.layout import Bools
from tersely.core.prompt import JOINER, Prompt
from tersely.core.result import Compression
from tersely.counting.base import TokenCounter
from tersely.errors import PromptError, SettingError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of a call's prompt.

    Attributes:
        text: The prompt, written out.
        contexts: What is left of each context, in the caller's order; "" for nothing.
        origin_tokens: Tokens of instruction, contexts and question before.
        tokens: Tokens of the text.
        ranked: The contexts, best first; empty where they were not ranked.
    """

    text: str
    contexts: tuple[str, ...]
    origin_tokens: int
    tokens: int
    ranked: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of `compress_prompt`, its arguments read.

    Attributes:
        contexts: The contexts, in the caller's order.
        instruction: Kept verbatim; "" is left out.
        question: Kept verbatim, if it is to be written at all.
        options: What else was asked for.
        backend: The small causal model.
        counter: Whose tokens count.
        rankers: Makes scorers.
    """

    contexts: tuple[Context, ...]
    instruction: str
    question: str
    options: Options
    backend: CausalBackend
    counter: TokenCounter
    rankers: Rankers
    texts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", tuple(context.text for context in self.contexts))
        self.options.forced(len(self.contexts))
        if self.options.rank_method == "longllmlingua" and not self.question.strip():
            raise PromptError(
                "rank_method='longllmlingua' keeps what a question asks for, and there is none."
                " Give question=..., or rank_method='llmlingua'."
            )

    def run(self) -> Outcome:
        """Compress.

        Raises:
            BudgetTooSmall: What must stay alone exceeds `target_token`.
            SettingError: Nothing may be dropped, and something would have to be.
            PromptError: A question is needed, and there is none.
        """
        origin = self.counter.count(self._joined([*self.texts, self.question]).strip())
        most = self.options.most_tokens
        limit = Budget(rate=self.options.rate).limit(origin) if most is None else most
        whole = self._count(self._prompt(range(len(self.texts))))
        room = max(0, limit - self._count(self._prompt([])))
        fits = limit >= whole if most is not None else self.options.rate == 1
        fits = fits or (most is None and not any(self.texts))
        self._check_level(limit, whole, fits=fits)
        ranked = self._ranked(room, drops=not fits)
        stage, order = self._stage(room, ranked, drops=not fits)
        prompt = self._prompt(order).protecting(stage.protected_spans())
        tagged = any(context.is_tagged for context in self.contexts)
        if fits and (not tagged or self._level() is None):
            left, text = self._in(order), prompt.text
        else:
            done = self._fitted(stage, prompt, limit, own=tagged and most is None)
            left, text = done.texts[stage.first : stage.first + len(order)], done.text
        by_index = dict(zip(order, left, strict=True))
        contexts = tuple(by_index[index] for index in range(len(order)))
        return Outcome(text, contexts, origin, self.counter.count(text), tuple(ranked))

    def _fitted(self, stage: Stage, prompt: Prompt, limit: int, *, own: bool) -> Compression:
        """Keep what fits.

        Args:
            stage: Values the words.
            prompt: As it is to be written.
            limit: The most tokens.
            own: Whether there is no limit, but rates of the pieces.
        """
        fixed = self._fixed_tokens(stage, prompt)
        work = limit
        if own:
            limit, work = max(self._count(prompt), fixed), self._own_estimate(fixed)
        elif self.options.most_tokens is None and fixed > limit:
            warn(
                f"A rate of {self.options.rate} allows {limit} tokens, and what is kept verbatim"
                f" takes {fixed}: that is all that is kept."
            )
            limit = work = fixed
        valued = stage.ranked(prompt, work, counter=self.counter)
        return stage.finish(valued, limit, counter=self.counter)

    def fitting(self, room: int) -> tuple[int, Callable[[int], list[str]]]:
        """Value the words once, for limits that are tried later, as `compress_json` does.

        Args:
            room: About how many tokens will be left.

        Returns:
            The tokens that must stay, and what gives the contexts' texts, in the caller's order,
            for a limit of at least that many.
        """
        stage, order = self._stage(room, self._ranked(room, drops=True), drops=True)
        prompt = self._prompt(order).protecting(stage.protected_spans())
        fixed = self._fixed_tokens(stage, prompt)
        valued = stage.ranked(prompt, max(room, fixed), counter=self.counter)

        def fitted(limit: int) -> list[str]:
            texts = stage.finish(valued, limit, counter=self.counter).texts
            left = dict(zip(order, texts[stage.first :], strict=False))
            return [left[index] for index in range(len(order))]

        return fixed, fitted

    def _count(self, prompt: Prompt) -> int:
        return self.counter.count(prompt.text)

    def _joined(self, texts: Sequence[str]) -> str:
        return JOINER.join([self.instruction, *texts])

    def _in(self, order: Sequence[int]) -> list[str]:
        return [self.texts[index] for index in order]

    def _prompt(self, order: Sequence[int]) -> Prompt:
        """Return the prompt as it is written: instruction, contexts, question."""
        question = self.question if self.options.concate_question else ""
        return Prompt.of(self._in(order), instruction=self.instruction, question=question)

    def _fixed_tokens(self, stage: Stage, prompt: Prompt) -> int:
        """Return the tokens of what must stay."""
        layout = stage.lay_out(prompt)
        roles = [prompt.segments[unit.segment].role for unit in layout.units]
        kept = layout.protected | np.array([role != "context" for role in roles], dtype=np.bool_)
        return self.counter.count(layout.text(kept))

    def _own_estimate(self, fixed: int) -> int:
        """Return about how many tokens the rates of the pieces leave."""
        return fixed + sum(
            math.ceil((piece.rate or 0) * self.counter.count(piece.text))
            for context in self.contexts
            for piece in context.pieces
            if piece.rate != 1
        )

    def _check_level(self, limit: int, whole: int, *, fits: bool) -> None:
        """Refuse to drop where nothing may be, and say where rates of pieces have no effect."""
        level = self._level()
        if level is None and limit < whole and not fits:
            raise SettingError(
                f"The prompt has {whole} tokens and is to have {limit}, but nothing may be dropped:"
                " use_token_level_filter and use_sentence_level_filter are False, and contexts are"
                " dropped only where there are several and use_context_level_filter is True."
            )
        rates = {piece.rate for context in self.contexts for piece in context.pieces}
        if level != "word" and rates - {None, 1, self.options.rate}:
            warn("Rates in tags are for words; with use_token_level_filter=False they do nothing.")

    def _level(self) -> Level | None:
        """Return the finest thing that may be dropped."""
        if self.options.use_token_level_filter:
            return "word"
        if self.options.use_sentence_level_filter:
            return "sentence"
        return "context" if self.options.use_context_level_filter and len(self.texts) > 1 else None

    def _costs(self) -> Ints:
        """Return the tokens of each context, (C,)."""
        return np.array([self.counter.count(text) for text in self.texts], dtype=np.int64)

    def _ranked(self, room: int, *, drops: bool) -> list[int]:
        """Return the contexts, best first; nothing where their ranks play no part."""
        if len(self.texts) < 2:
            return []
        o = self.options
        coarse = o.coarse_tokens(room)
        filtered = drops and o.use_context_level_filter
        filtered = filtered and (self._level() == "context" or self._costs().sum() > coarse)
        if not (filtered or o.reorder_context != "original" or o.dynamic_context_compression_ratio):
            return []
        scorer = self.rankers.scorer(o.rank_method, o.condition)
        return [int(place) for place in best_first(values_of(scorer, self.question, self.texts))]

    def _stage(self, room: int, ranked: Sequence[int], *, drops: bool) -> tuple[Stage, list[int]]:
        """Decide what is dropped coarsely, and return the stage that does the rest."""
        o = self.options
        stays = self._kept_contexts(ranked, room) if drops else set(range(len(self.texts)))
        known = self.contexts
        if drops and any(context.markers for context in known):
            stays, known = self._with_markers(stays, ranked, room)
        best = [index for index in ranked or range(len(self.texts)) if index in stays]
        order = written_order(best, o.reorder_context)
        order += [index for index in range(len(self.texts)) if index not in stays]
        ranks = {index: nth for nth, index in enumerate(best)}
        contexts = tuple(known[index] for index in order)
        gone = np.array([index not in stays for index in order], dtype=np.bool_)
        sentences, worth, preferred, lost = self._sentences(contexts, gone, room, drops=drops)
        question = self.question if o.is_conditioned else ""
        prefix = JOINER.join([question, self.instruction]) if o.add_instruction else question
        stage = Stage(
            backend=self.backend,
            counter=self.counter,
            contexts=contexts,
            first=1 if self.instruction else 0,
            ranks=np.array([ranks.get(index, len(best)) for index in order], dtype=np.int64),
            gone=gone,
            forced=np.array([index in o.forced(len(order)) for index in order], dtype=np.bool_),
            sentences=tuple(sentences),
            worth=worth,
            lost=lost,
            preferred=preferred,
            level=self._level() or "word",
            prefix=prefix if question.strip() else "",
            contrast=o.condition_compare and bool(question.strip()),
            delta=o.dynamic_context_compression_ratio,
            segment_tokens=o.iterative_size,
        )
        return stage, order

    def _kept_contexts(self, ranked: Sequence[int], room: int) -> set[int]:
        """Return which contexts stay: the forced ones, then the best until they are enough."""
        o = self.options
        everything = set(range(len(self.texts)))
        if not ranked or not o.use_context_level_filter or self._level() == "context":
            return everything
        kept = set(o.forced(len(self.texts)))
        if o.strict_preserve_uncompressed:
            kept |= {i for i, context in enumerate(self.contexts) if context.has_uncompressed}
        costs, coarse = self._costs(), o.coarse_tokens(room)
        used = int(sum(costs[index] for index in kept))
        for index in ranked:
            if kept and used >= coarse and len(kept) >= (o.force_context_number or 0):
                break
            if index not in kept:
                kept.add(index)
                used += int(costs[index])
        return kept

    def _with_markers(
        self, stays: set[int], ranked: Sequence[int], room: int
    ) -> tuple[set[int], tuple[Context, ...]]:
        """Return which contexts stay, so that their markers leave half the room to their words.

        The worst go, if they may; if the markers are too much then too, they are text as any.
        """

        def fits() -> bool:
            marked = [mark for index in sorted(stays) for mark in self.contexts[index].markers]
            return 2 * self.counter.count(JOINER.join(marked)) <= room

        o, stays = self.options, set(stays)
        if o.use_context_level_filter and self._level() != "context":
            least = max(1, o.force_context_number or 0)
            kept = o.forced(len(self.texts))
            for index in reversed(ranked):
                if fits() or len(stays) <= least:
                    break
                stays -= {index} - kept
        if fits() or self._level() == "context":
            return stays, self.contexts
        return stays, tuple(context.without_markers() for context in self.contexts)

    def _sentences(
        self, contexts: Sequence[Context], gone: Bools, room: int, *, drops: bool
    ) -> tuple[list[Sentence], Floats, Bools, Bools]:
        """Return the sentences with what they are worth, which come first, and which are lost."""
        o = self.options
        none = np.zeros(0, dtype=np.bool_)
        if not drops or not (o.use_sentence_level_filter or o.keeps_sentences):
            return [], np.zeros(0), none, none
        sentences = [s for s in cut_sentences(contexts) if not gone[s.context]]
        texts = [contexts[s.context].text[s.start : s.end] for s in sentences]
        worth = np.zeros(len(sentences))
        if sentences and (o.use_sentence_level_filter or o.keep_sentence_number):
            worth = values_of(self.rankers.scorer(o.rank_method, o.condition), self.question, texts)
        preferred = self._preferred(sentences, worth)
        lost = np.zeros(len(sentences), dtype=np.bool_)
        if o.use_sentence_level_filter and self._level() == "word":
            costs = np.array([self.counter.count(text) for text in texts], dtype=np.int64)
            order = np.lexsort((-worth, ~preferred))
            before = np.cumsum(costs[order]) - costs[order]
            lost[order] = (before >= o.token_budget_ratio * room) & ~preferred[order]
        return sentences, worth, preferred, lost

    def _preferred(self, sentences: Sequence[Sentence], worth: Floats) -> Bools:
        """Return which sentences are to be kept before all others, (S,)."""
        o = self.options
        out = np.zeros(len(sentences), dtype=np.bool_)
        if not o.keeps_sentences:
            return out
        owners = np.array([sentence.context for sentence in sentences], dtype=np.int64)
        for context in np.unique(owners):
            mine = np.flatnonzero(owners == context)
            out[mine[: o.keep_first_sentence]] = True
            out[mine[max(0, len(mine) - o.keep_last_sentence) :]] = True
            out[mine[best_first(worth[mine])[: o.keep_sentence_number]]] = True
        return out
