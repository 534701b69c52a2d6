"""The front door: compress a prompt, or a workload of them, in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tersely.chat.compress import compress_chat
from tersely.content.load import AUTO
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.core.result import Compression
from tersely.counting import TokenCounter, load_counter
from tersely.errors import SettingError
from tersely.hard.allowance import Allowance, RateMode
from tersely.hard.base import HardCompressor, Progress
from tersely.hard.calibration import Calibration, measured
from tersely.hard.cuts import Bounds, Cuts, cuts_of
from tersely.hard.variable_rate import compress_together, ranking_method
from tersely.payoff.skip import chat_unless_it_pays, terms_of, unless_it_pays
from tersely.payoff.terms import Terms
from tersely.prompting import (
    Content,
    Context,
    build_prompts,
    compress_prompt,
    open_method,
    read_markup,
    with_questions,
)

DEFAULT_TOKENIZER = "o200k_base"
MARKS = ("content", "protect", "prefer")


def compress(  # noqa: PLR0913 - the front door: every argument is a thing users ask for
    context: Context,
    *,
    question: str = "",
    instruction: str = "",
    tokens: int | None = None,
    rate: float | None = None,
    rate_mode: RateMode = "prompt",
    quality_floor: float | None = None,
    calibration: str | Path | Calibration | None = None,
    min_rate: float | None = None,
    max_rate: float | None = None,
    method: str | HardCompressor = "auto",
    tokenizer: str | TokenCounter = DEFAULT_TOKENIZER,
    content: Content = AUTO,
    markup: bool = False,
    protect: Sequence[str | Span] = (),
    prefer: Sequence[str | Span] = (),
    only_if_it_pays: bool | Terms = False,
    progress: Progress | None = None,
) -> Compression:
    """Shorten a prompt to a budget, and say what was kept.

    >>> result = tersely.compress("One two three. Four five six.", tokens=4, method="truncate")
    >>> result.text, result.tokens_after
    ('One two three.', 4)

    Args:
        context: What may be shortened: a text (a few-shot prompt, whose blocks begin with one
            label, is taken apart into demonstrations), a list of texts, or a list of chat
            messages (of which `compress_chat` says more; the result has `messages`).
        question: What the context is for; kept verbatim.
        instruction: What to do with it; kept verbatim.
        tokens: The most tokens of the final text. Give this or `rate`, or `quality_floor`.
        rate: The same as a share of the original tokens, in (0, 1].
        rate_mode: Whose: of this "prompt", or the mean of a "corpus", which is calibrated for.
        quality_floor: Keep no more than has the answer in it with this probability, in (0, 1).
        calibration: What `calibrate` returned, or its path.
        min_rate: The least to keep where the rate varies.
        max_rate: The most to keep there.
        method: "auto", a name (`tersely methods`), or what `load` returned.
        tokenizer: Whose tokens the budget counts: a tokenizer, a model, or a `tokenizer.json`.
        content: What the contexts are: "auto" finds out, "text" is prose, and "json", "code",
            "log", "table", "diff", "markdown" or "html" stay valid whatever goes; or one each. If
            that does not fit, it is an error, with "auto" prose (`Compression.contents`).
        markup: Whether tags in the context say how much of what they enclose is kept.
        protect: What must survive byte for byte: regular expressions, classes ("numbers",
            "negations", "identifiers", "urls", "code", ...), or spans.
        prefer: The same, for what is worth more than all else but yields to the budget.
        only_if_it_pays: Whether to return the prompt as it is, above the limit, where shortening
            it will not pay (`reason` says why; the limit is then the prompt's own length): by the
            list price of the model that `tokenizer` names, or by `tersely.payoff.Terms`.
        progress: Called with (model tokens read, expected) as the work goes on.

    Raises:
        BudgetError: Not one of `tokens` and `rate` is given; or what is protected does not fit.
        PromptError: The context is empty, or not text.
        SettingError: The arguments do not go together.
        LookupError: No method, tokenizer or model is called that, or the model is not here.
    """
    bounds: dict[str, Any] = {"min_rate": min_rate, "max_rate": max_rate}
    varying: dict[str, Any] = {
        "rate_mode": rate_mode,
        "quality_floor": quality_floor,
        "calibration": calibration,
    }
    allowance = Allowance(tokens=tokens, rate=rate, **bounds, **varying)
    marks: dict[str, Any] = {"content": content, "protect": protect, "prefer": prefer}
    terms = terms_of(only_if_it_pays)
    if _is_chat(context):
        _refuse_for_chats(allowance, question=question, instruction=instruction, markup=markup)
        asked: dict[str, Any] = {"method": method, "tokenizer": tokenizer, "progress": progress}
        return _compress_chat(context, allowance.budget, terms, **marks, **asked)
    if markup:
        context = read_markup(context)
    (prompt,) = build_prompts([(context, question)], instruction=instruction, **marks)
    counter = open_counter(tokenizer)
    if terms is not None:
        target = tokenizer if isinstance(tokenizer, str) else ""
        beside: dict[str, Any] = {"counter": counter, "target": target, "terms": terms}
        if unchanged := unless_it_pays(prompt, allowance, method=method, **beside):
            return unchanged
    engine = allowance.applied_to(open_method([prompt], method), counter)
    return compress_prompt(
        engine, prompt, allowance.budget, counter=counter, content=content, progress=progress
    )


def compress_many(
    contexts: Iterable[Context],
    *,
    questions: Sequence[str] | None = None,
    question: str = "",
    rate_mode: RateMode = "prompt",
    calibration: str | Path | Calibration | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> list[Compression]:
    """Compress several prompts: each as `compress` would, or all to one mean rate.

    With `rate_mode="corpus"` and no calibration, `rate` times the tokens of all prompts is the
    most that all results have together: promised, and shared out where it buys most. Each prompt
    is read once.

    Args:
        contexts: One prompt each, as `compress` takes them.
        questions: What each is for.
        question: The same for all of them; give this or `questions`.
        rate_mode: As for `compress`.
        calibration: As for `compress`.
        progress: Called with (prompts done, prompts).
        **settings: The other arguments of `compress`, the same for all prompts.

    Raises:
        PromptError: This is one prompt, not several; or there are not as many questions.
        SettingError: The prompts are to share a rate, and "auto" is not one method for all.
        Error: What `compress` raises.
    """
    pairs = with_questions(contexts, questions, question)
    if rate_mode == "corpus" and calibration is None:
        if terms_of(settings.pop("only_if_it_pays", False)) is not None:
            raise SettingError(
                "only_if_it_pays decides for each prompt, and these share a rate: give a"
                ' calibration, or leave rate_mode="corpus" out.'
            )
        marks = {name: settings.pop(name) for name in MARKS if name in settings}
        return _compress_corpus(pairs, progress=progress, marks=marks, **settings)
    if isinstance(calibration, str | Path):
        calibration = Calibration.load(calibration)
    given = settings | {"rate_mode": rate_mode, "calibration": calibration}
    results = []
    for done, (context, asked) in enumerate(pairs, start=1):
        results.append(compress(context, question=asked, **given))
        if progress:
            progress(done, len(pairs))
    return results


async def acompress(context: Context, **settings: Any) -> Compression:
    """Do as `compress` does, in a thread, so that an event loop goes on meanwhile."""
    return await asyncio.to_thread(compress, context, **settings)


def calibrate(  # noqa: PLR0913 - as for compress
    contexts: Iterable[Context],
    *,
    questions: Sequence[str] | None = None,
    question: str = "",
    instruction: str = "",
    method: str | HardCompressor = "auto",
    tokenizer: str | TokenCounter = DEFAULT_TOKENIZER,
    content: Content = AUTO,
    protect: Sequence[str | Span] = (),
    prefer: Sequence[str | Span] = (),
    min_rate: float = 0.0,
    max_rate: float = 1.0,
    progress: Progress | None = None,
) -> Calibration:
    """Measure which threshold keeps which share of a workload's tokens, on a sample of it.

    The sample stands for the workload: prompts like these later have, on average, the rate that
    is asked for. Answers are not needed. Each prompt is read once.

    Args:
        contexts: One prompt each, as `compress` takes them; a hundred is a good number.
        questions: What each is for.
        question: The same for all of them; give this or `questions`.
        instruction: As for `compress`, as are `method`, `tokenizer` and `protect`.
        method: One whose rankings say shares: "hybrid".
        tokenizer: Whose tokens are counted.
        content: As for `compress`, as are `protect` and `prefer`.
        protect: What must survive.
        prefer: What rather should.
        min_rate: The least of any prompt to keep.
        max_rate: The most of any prompt.
        progress: Called with (prompts done, prompts).

    Raises:
        SettingError: The method's rate cannot vary, or there is nothing to measure.
        Error: What `compress` raises.
    """
    pairs = with_questions(contexts, questions, question)
    marks: dict[str, Any] = {"content": content, "protect": protect, "prefer": prefer}
    prompts = build_prompts(pairs, instruction=instruction, **marks)
    bounds = Bounds(min_rate, max_rate)
    found: list[Cuts] = []
    if prompts:
        compressor = open_method(prompts, method)
        found = _cuts(prompts, compressor, open_counter(tokenizer), bounds, progress)
    return measured(found, bounds=bounds)


def open_counter(tokenizer: str | TokenCounter) -> TokenCounter:
    """Return the counter a name stands for; a counter is returned as it is."""
    return load_counter(tokenizer) if isinstance(tokenizer, str) else tokenizer


def _is_chat(context: Any) -> bool:
    """Return whether the context is a list of messages rather than of texts."""
    several = isinstance(context, Sequence) and not isinstance(context, str | bytes)
    return several and any(isinstance(one, Mapping) for one in context)


def _compress_chat(
    messages: Any,
    budget: Budget,
    terms: Terms | None,
    *,
    method: str | HardCompressor,
    tokenizer: str | TokenCounter,
    **asked: Any,
) -> Compression:
    """Compress a chat, if it pays where that is asked."""
    if terms is not None:
        unchanged = chat_unless_it_pays(
            lambda: compress_chat(messages, rate=1.0, method="truncate", tokenizer=tokenizer),
            budget,
            method=method,
            target=tokenizer if isinstance(tokenizer, str) else "",
            terms=terms,
        )
        if unchanged is not None:
            return unchanged
    limits: dict[str, Any] = {"tokens": budget.tokens, "rate": budget.rate}
    return compress_chat(messages, method=method, tokenizer=tokenizer, **limits, **asked)


def _refuse_for_chats(allowance: Allowance, **given: Any) -> None:
    """Refuse what a chat has no use for.

    Raises:
        SettingError: Something of that is given.
    """
    if allowance.varies:
        given["rate_mode, quality_floor and calibration"] = True
    for name, value in given.items():
        if value:
            raise SettingError(
                f"{name} is not for chats: their newest user turn is the question, and their"
                " system text the instruction. For a chat's own settings use compress_chat."
            )


def _compress_corpus(
    pairs: Sequence[tuple[Context, str]],
    *,
    progress: Progress | None,
    instruction: str = "",
    method: str | HardCompressor = "auto",
    tokenizer: str | TokenCounter = DEFAULT_TOKENIZER,
    marks: dict[str, Any],
    **limits: Any,
) -> list[Compression]:
    """Compress prompts so that all together have the mean rate."""
    allowance = Allowance(rate_mode="corpus", **limits)
    prompts = build_prompts(pairs, instruction=instruction, **marks)
    if not prompts:
        return []
    compressor, counter = open_method(prompts, method), open_counter(tokenizer)
    cuts = _cuts(prompts, compressor, counter, allowance.bounds, progress)
    total = sum(one.ranked.total_tokens for one in cuts)
    return compress_together(cuts, Budget(rate=allowance.rate).limit(total))


def _cuts(
    prompts: Sequence[Prompt],
    compressor: HardCompressor,
    counter: TokenCounter,
    bounds: Bounds,
    progress: Progress | None,
) -> list[Cuts]:
    """Rank prompts, each once."""
    method = ranking_method(compressor)
    found = []
    for done, prompt in enumerate(prompts, start=1):
        found.append(cuts_of(method, prompt, counter=counter, bounds=bounds))
        if progress:
            progress(done, len(prompts))
    return found
