"""`compress_prompt_llmlingua2`: no question, and the method `llmlingua2` where there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tersely._registry import compressor_class
from tersely.backends.load import DEFAULT_MODEL
from tersely.compat.llmlingua.arguments import (
    check_flag,
    check_ids,
    check_rate,
    check_tokens,
    check_whole,
)
from tersely.compat.llmlingua.models import model_named, open_model
from tersely.compat.llmlingua.ranking import best_first
from tersely.compat.llmlingua.results import as_dict
from tersely.compat.llmlingua.warned import warn
from tersely.core.budget import Budget
from tersely.core.patterns import pattern_spans
from tersely.core.prompt import Prompt, Span
from tersely.core.units import word_units
from tersely.counting.base import TokenCounter
from tersely.errors import ModelNotFound, SettingError, UnknownName
from tersely.hard.base import RankingCompressor, whole_spans
from tersely.hard.llmlingua import LLMLingua
from tersely.hard.llmlingua2 import LLMLingua2
from tersely.loading import load

METHOD = "llmlingua2"
_DIGIT = r"\d"
_MOST_FORCE_TOKENS = 100
_CHUNK_ENDS = (".", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options2:
    """What `compress_prompt_llmlingua2` was asked for; docs/migration.md explains each argument.

    Raises:
        BudgetError: `rate` or a number of tokens is no budget.
        SettingError: Another argument is out of range.
    """

    rate: float = 0.5
    target_token: float = -1
    use_context_level_filter: bool = False
    use_token_level_filter: bool = True
    target_context: int = -1
    context_level_rate: float = 1.0
    context_level_target_token: float = -1
    force_context_ids: Sequence[int] | None = None
    return_word_label: bool = False
    word_sep: str = "\t\t|\t\t"
    label_sep: str = " "
    token_to_word: str = "mean"  # noqa: S105
    force_tokens: Sequence[str] = ()
    force_reserve_digit: bool = False
    drop_consecutive: bool = False
    chunk_end_tokens: Sequence[str] = _CHUNK_ENDS

    def __post_init__(self) -> None:
        check_rate(self.rate)
        check_rate(self.context_level_rate)
        check_tokens("target_token", self.target_token)
        check_tokens("context_level_target_token", self.context_level_target_token)
        check_whole("target_context", self.target_context, least=-1)
        if self.target_context == 0:
            raise SettingError("target_context is at least 1, or -1 for no limit; got 0.")
        for name in (
            "use_context_level_filter",
            "use_token_level_filter",
            "return_word_label",
            "force_reserve_digit",
            "drop_consecutive",
        ):
            check_flag(name, getattr(self, name))
        for name in ("word_sep", "label_sep"):
            if not isinstance(getattr(self, name), str):
                raise SettingError(f"{name} is a str, not {getattr(self, name)!r}.")
        if self.token_to_word not in ("mean", "first"):
            raise SettingError(f"token_to_word is 'mean' or 'first', not {self.token_to_word!r}.")
        for name in ("force_tokens", "chunk_end_tokens"):
            _check_texts(name, getattr(self, name))
        if len(self.forced) > _MOST_FORCE_TOKENS:
            raise SettingError(
                f"force_tokens are at most {_MOST_FORCE_TOKENS}; got {len(self.forced)}."
            )

    @property
    def forced(self) -> list[str]:
        """The force tokens, each once, the longest first."""
        return sorted(dict.fromkeys(self.force_tokens), key=len, reverse=True)

    @property
    def most_tokens(self) -> int | None:
        """The tokens that were asked for; None where a rate decides."""
        return int(self.target_token) if self.target_token >= 0 else None

    def warn_pointless(self, method: RankingCompressor) -> None:
        """Warn of what has no effect: windows are the method's own."""
        if self.token_to_word != "mean" and not isinstance(method, LLMLingua2):  # noqa: S105
            warn(f"token_to_word has no effect: {method.name} values words whole.")
        if tuple(self.chunk_end_tokens) != _CHUNK_ENDS:
            warn("chunk_end_tokens has no effect: windows overlap, wherever they end.")

        pointless = [
            name
            for name, is_given in (
                ("target_context", self.target_context > 0),
                ("context_level_rate", self.context_level_rate < 1),
                ("context_level_target_token", self.context_level_target_token >= 0),
            )
            if is_given and not self.use_context_level_filter
        ]
        if pointless:
            warn(f"{', '.join(pointless)}: no effect without use_context_level_filter=True.")

    def coarse_tokens(self, total: int) -> float:
        """Return how many tokens the contexts that stay may have together, about."""
        if self.context_level_target_token >= 0:
            return self.context_level_target_token
        if self.context_level_rate < 1:
            return self.context_level_rate * total
        if self.most_tokens is not None:
            return 2.0 * self.most_tokens
        return (self.rate + 1) / 2 * total


@dataclass(frozen=True, slots=True)
class Engine:
    """What drops words without a question.

    Attributes:
        method: It.
        device: Where its model runs.
    """

    method: RankingCompressor
    device: str


def open_engine(
    model_name: Any, device_map: str, config: Mapping[str, Any], fallback: str | None
) -> Engine:
    """Return the method llmlingua2, or what stands in for it.

    Raises:
        SettingError: This version has no such method, and nothing may stand in.
        ModelNotFound: Its model is not here, and nothing may stand in.
    """
    model_name = model_named(model_name)
    try:
        compressor_class(METHOD)
    except UnknownName as error:
        if fallback is None:
            raise SettingError(
                f"use_llmlingua2=True: the method {METHOD!r} is not in this version. Without it,"
                " leave use_llmlingua2 out (the method llmlingua drops words without a question,"
                f' too), or let that stand in: PromptCompressor(..., fallback="{DEFAULT_MODEL}").'
            ) from error
        return _stand_in("is not in this version", fallback, device_map, config)
    try:
        method = load(METHOD, model=model_name)
    except (ModelNotFound, UnknownName) as error:
        if fallback is None:
            raise ModelNotFound(
                f"The model {model_name!r} is not on this machine, and nothing is fetched here."
                f' Fetch it, or: PromptCompressor(..., fallback="{DEFAULT_MODEL}").'
            ) from error
        return _stand_in(f"has no model {model_name!r} here", fallback, device_map, config)
    assert isinstance(method, RankingCompressor)
    return Engine(method, "cpu")


def _stand_in(why: str, fallback: str, device_map: str, config: Mapping[str, Any]) -> Engine:
    warn(f"The method {METHOD!r} {why}; 'llmlingua' with {fallback!r} stands in for it.")
    model = open_model(fallback, device_map, config, None)
    return Engine(LLMLingua(backend=model.backend), model.device)


def compress2(
    texts: Sequence[str], options: Options2, method: RankingCompressor, counter: TokenCounter
) -> dict[str, Any]:
    """Return what `compress_prompt_llmlingua2` returns.

    Args:
        texts: The contexts.
        options: What was asked for.
        method: What ranks the words.
        counter: Whose tokens count.

    Raises:
        BudgetTooSmall: What must stay exceeds `target_token`.
        SettingError: Nothing may be dropped, and something would have to be.
    """
    if isinstance(method, LLMLingua2):
        method = replace(method, word="first" if options.token_to_word == "first" else "mean")  # noqa: S105
    forced = check_ids(options.force_context_ids, len(texts))
    origin = counter.count(Prompt.of(texts).text)
    most = options.most_tokens
    limit = Budget(rate=options.rate).limit(origin) if most is None else most
    spans: list[tuple[Span, ...]] = [
        (Span(i, 0, len(text)),) if text else () for i, text in enumerate(texts)
    ]
    if limit < origin:
        spans = _Shortening(texts, options, method, counter, limit).spans(forced)
    left = [
        "".join(text[s.start : s.end] for s in of) for text, of in zip(texts, spans, strict=True)
    ]
    if options.drop_consecutive:
        left = [_without_repeats(text, options.forced) for text in left]
    kept = [text for text in left if text]
    whole = "\n\n".join(kept)
    out = as_dict(whole, origin, counter.count(whole))
    out["compressed_prompt_list"] = kept
    if options.return_word_label:
        out["fn_labeled_original_prompt"] = options.word_sep.join(
            f"{text[unit.core : unit.end]}{options.label_sep}{int(_is_in(unit.core, of))}"
            for text, of in zip(texts, spans, strict=True)
            for unit in word_units(text)
            if unit.core < unit.end
        )
    return out


@dataclass(frozen=True, slots=True)
class _Shortening:
    """One call that has something to drop; the attributes are `compress2`'s, and its limit."""

    texts: Sequence[str]
    options: Options2
    method: RankingCompressor
    counter: TokenCounter
    limit: int

    def spans(self, forced: frozenset[int]) -> list[tuple[Span, ...]]:
        """Return what is left of each context."""
        stays = list(range(len(self.texts)))
        several = len(stays) > 1 and self.options.use_context_level_filter
        by_words = self.options.use_token_level_filter
        if not several and not by_words:
            raise SettingError(
                "Nothing may be dropped: use_token_level_filter is False, and contexts are dropped"
                " only where there are several and use_context_level_filter is True."
            )
        if several:
            stays = self._kept(self._best_first(), forced)
        kept = self._by_words(stays) if by_words else None
        out = []
        for index, text in enumerate(self.texts):
            whole = (Span(0, 0, len(text)),) if index in stays and text else ()
            out.append(whole if kept is None else kept.get(index, ()))
        return out

    def _best_first(self) -> list[int]:
        """Return the contexts, those whose words are worth most on average first."""
        ranked = self.method.ranked(Prompt.of(self.texts), self.limit, counter=self.counter)
        values = ranked.ranking.values
        means = np.full(len(self.texts), -np.inf)
        for index, places in enumerate(ranked.layout.by_segment()):
            finite = values[places][np.isfinite(values[places])]
            means[index] = finite.mean() if len(finite) else -np.inf
        return [int(index) for index in best_first(means)]

    def _kept(self, ranked: Sequence[int], forced: frozenset[int]) -> list[int]:
        """Return which contexts stay, ascending: the forced ones, then the best."""
        o = self.options
        if not o.use_token_level_filter:
            return self._fitting([*sorted(forced), *(i for i in ranked if i not in forced)])
        costs = [self.counter.count(text) for text in self.texts]
        most = o.target_context if o.target_context > 0 else len(costs)
        coarse = o.coarse_tokens(sum(costs))
        kept = set(forced)
        used = sum(costs[index] for index in kept)
        for index in ranked:
            if len(kept) >= most or (kept and used >= coarse):
                break
            if index not in kept:
                kept.add(index)
                used += costs[index]
        return sorted(kept)

    def _fitting(self, best: Sequence[int]) -> list[int]:
        """Return the contexts that fit whole, ascending; earlier ones before later ones."""
        most = self.options.target_context if self.options.target_context > 0 else len(best)
        kept: list[int] = []
        for index in best:
            trial = sorted([*kept, index])
            text = Prompt.of([self.texts[i] for i in trial]).text
            if len(kept) < most and self.counter.count(text) <= self.limit:
                kept = trial
        return kept

    def _by_words(self, stays: Sequence[int]) -> dict[int, tuple[Span, ...]]:
        """Return what is left of the contexts that stay, by context."""
        prompt = Prompt.of([self.texts[index] for index in stays])
        prompt = prompt.protecting(_forced_spans(prompt, self.options))
        spans, limit = whole_spans(prompt), self.limit
        if self.counter.count(prompt.text) > limit:
            layout = self.method.lay_out(prompt)
            fixed = self.counter.count(layout.text(layout.protected))
            if fixed > limit and self.options.most_tokens is None:
                warn(
                    f"A rate of {self.options.rate} allows {limit} tokens, and what is kept"
                    f" verbatim takes {fixed}: that is all that is kept."
                )
                limit = fixed
            ranked = self.method.ranked(prompt, limit, counter=self.counter)
            spans = self.method.finish(ranked, limit, counter=self.counter).kept
        return {
            index: tuple(span for span in spans if span.segment == nth)
            for nth, index in enumerate(stays)
        }


def _forced_spans(prompt: Prompt, options: Options2) -> list[Span]:
    """Return where force tokens are, and digits if these must stay."""
    patterns = [re.escape(token) for token in options.forced if token]
    if options.force_reserve_digit:
        patterns.append(_DIGIT)
    return list(pattern_spans(prompt, patterns))


def _without_repeats(text: str, tokens: Sequence[str]) -> str:
    """Write a force token once where it stands several times in a row."""
    for token in tokens:
        if token:
            one = re.escape(token)
            text = re.sub(rf"({one})(?:[^\S\n]*{one})+", r"\1", text)
    return text


def _is_in(character: int, spans: Sequence[Span]) -> bool:
    return any(span.start <= character < span.end for span in spans)


def _check_texts(name: str, texts: object) -> None:
    """Refuse what is not a list of texts."""
    is_list = isinstance(texts, Sequence) and not isinstance(texts, str | bytes)
    if not is_list or not all(isinstance(text, str) for text in texts):  # type: ignore[attr-defined]
        raise SettingError(f"{name} is a list of str, not {texts!r}.")
