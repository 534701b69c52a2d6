"""The front door: compress a prompt in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from tersely.core.budget import Budget
from tersely.core.parse import parse_prompt
from tersely.core.patterns import protect_patterns
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.counting import TokenCounter, load_counter
from tersely.errors import PromptError, SettingError
from tersely.hard.base import HardCompressor, Progress
from tersely.loading import DEFAULT_METHOD, load

QUESTION_METHOD = "hybrid"
DEFAULT_TOKENIZER = "o200k_base"


def compress(  # noqa: PLR0913 - the front door: every argument is a thing users ask for
    context: str | Sequence[str] | Prompt,
    *,
    question: str = "",
    instruction: str = "",
    tokens: int | None = None,
    rate: float | None = None,
    method: str | HardCompressor = "auto",
    tokenizer: str | TokenCounter = DEFAULT_TOKENIZER,
    protect: Sequence[str | Span] = (),
    progress: Progress | None = None,
) -> Compression:
    """Shorten a prompt to a budget, and say what was kept.

    >>> result = tersely.compress("One two three. Four five six.", tokens=4, method="truncate")
    >>> result.text, result.tokens_after
    ('One two three.', 4)

    Args:
        context: What may be shortened. A str that is a few-shot prompt (blocks that begin with
            the same label, such as "Question:") is taken apart into demonstrations; a list is
            one context each.
        question: What the context is for; kept verbatim.
        instruction: What to do with it; kept verbatim.
        tokens: The most tokens of the final text. Give this or `rate`.
        rate: The same as a share of the original tokens, in (0, 1].
        method: "auto", a name (`tersely methods`), or what `load` returned.
        tokenizer: Whose tokens the budget counts: a tokenizer, a model, or a `tokenizer.json`.
        protect: What must survive byte for byte: regular expressions, classes ("numbers",
            "negations", "identifiers", "urls", "code"), or spans.
        progress: Called with (model tokens read, expected) as the work goes on.

    Raises:
        BudgetError: Neither or both of `tokens` and `rate` are given, or are out of range.
        BudgetTooSmall: What is protected does not fit.
        PromptError: The context is empty, or not text.
        UnknownName: No method, tokenizer or model is called that.
        ModelNotFound: The method needs a model that is not on this machine.
    """
    budget = Budget(tokens=tokens, rate=rate)
    prompt = build_prompt(context, question=question, instruction=instruction)
    prompt = protect_patterns(prompt, protect)
    counter = load_counter(tokenizer) if isinstance(tokenizer, str) else tokenizer
    compressor = load(choose_method(prompt, method)) if isinstance(method, str) else method
    if not isinstance(compressor, HardCompressor):
        raise SettingError(f"method is a name or what tersely.load returned, not {method!r}.")
    return compressor.compress(prompt, budget, counter=counter, progress=progress)


def compress_many(
    contexts: Iterable[str | Sequence[str] | Prompt],
    *,
    method: str | HardCompressor = "auto",
    progress: Progress | None = None,
    **settings: Any,
) -> list[Compression]:
    """Compress several prompts, each to its own budget: what `compress` would make of each.

    Args:
        contexts: One prompt each, as `compress` takes them.
        method: As for `compress`.
        progress: Called with (prompts done, prompts).
        **settings: The other arguments of `compress`, the same for all prompts.
    """
    if isinstance(contexts, str | Prompt):
        raise PromptError("compress_many takes a list of prompts; for one, use compress.")
    prompts = list(contexts)
    results = []
    for done, context in enumerate(prompts, start=1):
        results.append(compress(context, method=method, **settings))
        if progress:
            progress(done, len(prompts))
    return results


async def acompress(context: str | Sequence[str] | Prompt, **settings: Any) -> Compression:
    """Do as `compress` does, in a thread, so that an event loop goes on meanwhile."""
    return await asyncio.to_thread(compress, context, **settings)


def choose_method(prompt: Prompt, method: str) -> str:
    """Return the method that "auto" stands for; any other name is returned as it is.

    The rule: hybrid where there is a question and no demonstrations, llmlingua otherwise. It drops
    demonstrations first where there are any.
    """
    if method != "auto":
        return method
    shows = any(segment.role == "demonstration" for segment in prompt.segments)
    return DEFAULT_METHOD if shows or not prompt.question else QUESTION_METHOD


def build_prompt(
    context: str | Sequence[str] | Prompt, *, question: str = "", instruction: str = ""
) -> Prompt:
    """Return the prompt that `compress` works on.

    Raises:
        PromptError: It is empty, or not text.
    """
    for argument, text in (("question", question), ("instruction", instruction)):
        if not isinstance(text, str):
            raise PromptError(f"{argument} is a str, not {type(text).__name__}.")
    if isinstance(context, Prompt):
        prompt = _around(context, question, instruction)
    elif isinstance(context, str):
        prompt = _around(parse_prompt(context), question, instruction)
    elif isinstance(context, Sequence) and not isinstance(context, bytes):
        prompt = Prompt.of(context, question=question, instruction=instruction)
    else:
        raise PromptError(
            f"The context is a str, a list of str or a Prompt, not {type(context).__name__}."
        )
    if not prompt.text.strip():
        raise PromptError("The prompt is empty: there is nothing to compress.")
    return prompt


def _around(prompt: Prompt, question: str, instruction: str) -> Prompt:
    """Put an instruction before a prompt and a question after it, where they are given."""
    if not question and not instruction:
        return prompt
    before = (Segment(instruction, "instruction"),) if instruction else ()
    after = (Segment(question, "question"),) if question else ()
    moved = tuple(Span(s.segment + len(before), s.start, s.end) for s in prompt.protected)
    blank = Prompt.joined([Segment("")] * 2).separators
    separators = blank * len(before) + prompt.separators + blank * len(after)
    return Prompt((*before, *prompt.segments, *after), separators, moved)
